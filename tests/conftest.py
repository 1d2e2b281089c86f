"""Small films for all rooms: shots of different looks, one tone a language; a summary of what was skipped."""

from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from lssd.media import SoundTrack, write_film

REAL = Path(__file__).resolve().parents[2] / "shared" / "real"
# What keeps the encoders of the recipe `demo` small enough for a test.
TINY_CONVOLUTIONS = ("video.dials.widths=[4,8]", "audio.dials.width=8")
# Encoders in their place in which no item sees another, as batch norms let it: parts of a batch give exactly
# what the whole does. And they draw random numbers, for masks and (with drop_path) for stochastic depth.
_TOWER = (
    "depth: 2, width: 16, heads: 1, stage_starts: [1], kv_stride: 4, drop_path: 0.0, "
    "patch_padding: [0, 0, 0], pool_kernel: [1, 3, 3]"
)
TINY_MVIT = (
    f"video={{name: mvit, dials: {{{_TOWER}, patch_kernel: [2, 8, 8], patch_stride: [2, 8, 8]}}}}",
    "audio={name: mvit, preprocessing: {mask_fraction: 0.25}, "
    f"dials: {{{_TOWER}, patch_kernel: [1, 16, 16], patch_stride: [1, 16, 16]}}}}",
)
# What keeps a run of the recipe `demo` small enough for a test.
_SMALL = (
    "views.batch_size=6",
    "views.frames=2",
    "views.size=16",
    "views.short_side=[16,20]",
    "head={size: 16}",
    "optimiser={lr: 1e-3, average: null}",
    "schedule={steps: 9, checkpoint_every: 4, log_every: 1}",
    "machine.threads=1",
    "machine.workers=0",
    "machine.cache_gb=0.1",
)
TONES_HZ = {"en": 440.0, "de": 660.0, "fr": 880.0, "ja": 1100.0, "pt": 1320.0, None: 330.0}

FilmMaker = Callable[..., Path]


def shot_frames(seconds: float, seed: int, fps: float, height: int = 48, width: int = 64) -> np.ndarray:
    """Frames (T, H, W, 3) uint8: random blocks, above them a white dot on its way through black."""
    generator = np.random.default_rng(seed)
    blocks = generator.integers(0, 256, (height // 8, width // 8, 3))
    still = np.kron(blocks, np.ones((8, 8, 1))).astype(np.uint8)
    frames = np.repeat(still[None], round(seconds * fps), axis=0)
    for index, frame in enumerate(frames):
        frame[:8] = 0
        frame[:8, index % width : index % width + 4] = 255
    return frames


def tone(seconds: float, frequency: float, seed: int = 0) -> np.ndarray:
    """A tone with a little noise at 48 kHz: (1, S) float32."""
    time_s = np.arange(round(seconds * 48_000)) / 48_000
    noise = np.random.default_rng(seed).standard_normal(len(time_s)) * 0.01
    return (0.2 * np.sin(2 * np.pi * frequency * time_s) + noise).astype(np.float32)[None]


@pytest.fixture(scope="session")
def make_film() -> FilmMaker:
    def make(
        path: Path,
        seconds: Sequence[float] = (4.0, 2.0, 5.0),
        languages: Sequence[str | None] = ("en", "de"),
        seed: int = 0,
        fps: Fraction = Fraction(25),
        roles: Sequence[str] | None = None,
    ) -> Path:
        frames = np.concatenate(
            [shot_frames(length, 100 * seed + shot, float(fps)) for shot, length in enumerate(seconds)]
        )
        length_s = len(frames) / float(fps)
        roles = ["original", *["dub"] * len(languages)][: len(languages)] if roles is None else roles
        tracks = [
            SoundTrack(
                # Two tracks without a language must differ too; two of one language are the same.
                tone(length_s, TONES_HZ[language] + 50 * number * (language is None), seed),
                48_000,
                language,
                role=role,
                default=role == "original",
            )
            for number, (language, role) in enumerate(zip(languages, roles, strict=True))
        ]
        path.parent.mkdir(parents=True, exist_ok=True)
        # At a low quality a keyframe's fresh look would pass for a cut in pictures as still as these.
        write_film(path, iter(frames), fps, tracks, crf=8)
        return path

    return make


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory, make_film: FilmMaker) -> Path:
    """A corpus of six titles: five with a German and a French dub, one of them held out, one English only."""
    from lssd.corpus import IngestSettings
    from lssd.corpus.ingest import ingest

    root = tmp_path_factory.mktemp("corpus")
    for number in range(5):
        make_film(root / f"films/t{number}.mkv", (3.2, 4.0, 3.6), ("en", "de", "fr"), seed=number)
    make_film(root / "films/t5.mkv", (3.2, 4.0), ("en",), seed=5)
    (root / "titles.csv").write_text("path,split\nfilms/t4.mkv,test\n", encoding="utf-8")
    ingest(
        [root / "films"],
        root / "corpus",
        IngestSettings(titles=str(root / "titles.csv"), workers=1),
        quiet=True,
    )
    return root / "corpus"


@pytest.fixture(scope="session")
def small() -> tuple[str, ...]:
    """Settings of the recipe `demo`: 9 steps of tiny encoders, about a second."""
    return (*TINY_CONVOLUTIONS, *_SMALL)


@pytest.fixture(scope="session")
def small_mvit() -> tuple[str, ...]:
    """The same with `TINY_MVIT`."""
    return (*TINY_MVIT, *_SMALL)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was skipped, a line a reason: a green suite must not hide what it did not try."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped)
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"skipped {count}: {reason}")
