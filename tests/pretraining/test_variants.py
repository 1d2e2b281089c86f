"""All recipes of the paper and its controlled study, trained for a few steps at reduced width.

The films are made so that a batch shows which arm it is of: each language is a tone, the background another
one, and all grow louder in the course of a shot, so that a window's loudness tells where it begins.
"""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from lssd.corpus import Catalog, ClipSettings, IngestSettings
from lssd.corpus.ingest import ingest
from lssd.errors import CheckpointError, InputError
from lssd.media import SoundTrack, write_film
from lssd.models import load_model
from lssd.pretraining import Forecast, Run, load_recipe, recipe_names
from lssd.pretraining.checkpoint import read_weights
from lssd.pretraining.metrics import read_metrics
from lssd.pretraining.pretrain import pretrain
from lssd.pretraining.recipe import Recipe
from lssd.store import hash_file, read_json
from lssd.views import Batch, CacheSettings, ClipIndex, Loader

pytestmark = pytest.mark.slow

STEPS, LOOKS, SHOTS, SHOT_S = 20, 5, 3, 4.0
NAMES = [name for name in recipe_names() if "/" in name]
TONES_HZ = {"background": 220, "en": 330, "es": 440, "fr": 550, "ja": 660, "de": 770}
# Original language first, then dubs; the first four have a background track as well.
TITLES = (
    *[("en", "es", "fr", "ja")] * 4,
    *[("es", "en", "fr")] * 2,
    *[("fr", "en", "de")] * 2,
    *[("ja", "en")] * 2,
    *[("en",)] * 4,
    *[("de",)] * 2,
)
HELD_OUT = ("en", "es", "fr", "ja")

_TOWER = "{depth: 2, width: 8, stage_starts: [1], drop_path: 0.0, "
COMMON = (
    f"schedule={{steps: {STEPS}, warmup_steps: 2, checkpoint_every: {STEPS}, log_every: 1}}",
    "views.frames=2",
    "views.size=32",
    "views.short_side=[32,40]",
    "audio.preprocessing={hop: 2004, mels: 32}",
    "head.size=16",
    "monitor={every: 0, clips: 3, neighbours: 1}",
    "machine={workers: 0, threads: 1, cache_gb: 0.5, device: cpu}",
)
# A group of 16 clips holds 2 of a title, as one of 64 holds 8; one of 4 holds 2, as one of 26 holds 13.
PAPER = (
    *COMMON,
    "groups=1",
    "views.batch_size=16",
    f"video.dials={_TOWER}patch_kernel: [1, 8, 8], patch_stride: [1, 8, 8], patch_padding: [0, 0, 0]}}",
    f"audio.dials={_TOWER}patch_kernel: [1, 16, 16], patch_stride: [1, 16, 16]}}",
)
CONTROLLED = (
    *COMMON,
    "groups=2",
    "views.batch_size=4",
    "audio.dials={width: 4, depths: [1, 1, 1, 1]}",
)
X3D = ("video.dials={stem_width: 4, widths: [4, 8, 8, 8], depths: [1, 1, 1, 1], head_width: 128}",)


def _settings(name: str) -> tuple[str, ...]:
    if name.startswith(("paper/", "released/")):
        return PAPER
    return CONTROLLED if "AUD" in name else (*CONTROLLED, *X3D)


def _write_title(path: Path, languages: Sequence[str], background: bool, seed: int) -> None:
    generator = np.random.default_rng(seed)
    looks = generator.integers(0, 256, (SHOTS, 6, 8, 3)).astype(np.uint8)
    shots = np.kron(looks, np.ones((1, 8, 8, 1), np.uint8))
    frames = np.repeat(shots, round(SHOT_S * 25), axis=0)
    time_s = np.arange(round(SHOTS * SHOT_S * 48_000)) / 48_000
    # A quarter of it at a shot's start, all of it at the end.
    loudness = 0.1 + 0.3 * (time_s % SHOT_S) / SHOT_S

    def track(kind: str, role: str) -> SoundTrack:
        sound = (loudness * np.sin(2 * np.pi * TONES_HZ[kind] * time_s)).astype(np.float32)[None]
        language = None if role == "background" else kind
        return SoundTrack(sound, 48_000, language, role=role, default=role == "original")

    tracks = [track(languages[0], "original"), *(track(code, "dub") for code in languages[1:])]
    if background:
        tracks.append(track("background", "background"))
    write_film(path, iter(frames), Fraction(25), tracks, crf=8)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("variants")
    (root / "films").mkdir()
    for number, languages in enumerate((*TITLES, HELD_OUT)):
        _write_title(root / f"films/t{number:02}.mkv", languages, languages == HELD_OUT, number)
    with (root / "titles.csv").open("w", newline="") as file:
        rows = [(f"films/t{len(TITLES):02}.mkv", "test")]
        csv.writer(file).writerows([("path", "split"), *rows])
    clips = ClipSettings(short_side=48)
    settings = IngestSettings(clips=clips, titles=str(root / "titles.csv"), workers=1)
    ingest([root / "films"], root / "corpus", settings, quiet=True)
    return root


@dataclass(frozen=True)
class Trained:
    """Where the runs lie, and what `pretrain` returned for each."""

    root: Path
    runs: dict[str, Run]

    def folder(self, name: str) -> Path:
        return self.root / "runs" / name


@pytest.fixture(scope="module")
def trained(films: Path) -> Trained:
    """Every recipe with its chain, in one folder: those that are parents are met again, finished."""
    runs = {}
    for name in NAMES:
        run = pretrain(
            name,
            films / "corpus",
            films / "runs",
            settings=_settings(name),
            chain=True,
            cache_folder=films / "cache",
            quiet=True,
        )
        assert isinstance(run, Run)
        runs[name] = run
    return Trained(films, runs)


@pytest.fixture(scope="module")
def english(films: Path) -> list[Batch]:
    """The first batches of controlled/EN."""
    return _batches(films, load_recipe("controlled/EN", _settings("controlled/EN")))


def _batches(films: Path, recipe: Recipe, steps: int = LOOKS) -> list[Batch]:
    """The first batches of a run, all groups of each."""
    index = ClipIndex.read(Catalog.open(films / "corpus"), recipe.data)
    loader = Loader(
        index,
        recipe.views,
        seed=recipe.seed,
        first_step=0,
        last_step=steps,
        groups=range(recipe.groups),
        total_groups=recipe.groups,
        cache=CacheSettings(str(films / "cache"), 10**9),
    )
    return list(loader)


def _heard(batch: Batch, rate: int) -> list[tuple[str, ...]]:
    """What each sound of each instance is, by its loudest frequency."""
    spectrum = np.fft.rfft(batch.waveform_BKCS.mean(dim=2).numpy()[..., :rate])
    loudest_BK = np.abs(spectrum).argmax(axis=-1)  # a second of sound: bins of 1 Hz
    names = {hertz: name for name, hertz in TONES_HZ.items()}
    return [tuple(names[int(hertz)] for hertz in row) for row in loudest_BK]


def _starts(batch: Batch) -> np.ndarray:
    """The loudness of each sound's first tenth of a second, (B, K)."""
    samples = batch.waveform_BKCS.shape[-1] // 30
    return batch.waveform_BKCS[..., :samples].square().mean(dim=(2, 3)).sqrt().numpy()


@pytest.mark.parametrize("name", NAMES)
def test_a_run_ends_with_a_model_and_the_terms_of_its_arm(trained: Trained, name: str) -> None:
    run, recipe = trained.runs[name], load_recipe(trained.folder(name) / "recipe.yaml")
    assert (run.folder, run.steps, run.skipped, run.replaced) == (trained.folder(name), STEPS, 0, 0)
    assert recipe == load_recipe(name, _settings(name))
    lines = [line for line in read_metrics(run.folder) if "loss" in line]
    assert [line["step"] for line in lines] == list(range(1, STEPS + 1))
    pictures, windows = recipe.views.pictures, recipe.views.windows
    terms = {"cross": pictures, "video": windows == 2, "audio": recipe.views.secondary != "none"}
    weights = {"cross": 1.0, "video": recipe.objective.lambda_v, "audio": recipe.objective.lambda_a}
    if not pictures:
        terms, weights = {"audio": True}, {"audio": 1.0}
    for line in lines:
        assert {term for term in ("cross", "video", "audio") if term in line} == {
            term for term, there in terms.items() if there
        }
        total = sum(weights[term] * line[term] for term, there in terms.items() if there)
        assert line["loss"] == pytest.approx(total, rel=1e-4)
    model = load_model(run.model)
    assert (model.video is not None) == pictures
    assert model.sample_rate == (44_100 if name.endswith("SEP") else 48_000)


# Languages that primary sounds may have, and what the secondary sound is.
PAPER_ARMS = {
    "A.1": ({"en", "es", "fr"}, "same"),
    "A.2": ({"en", "es", "fr"}, "other"),
    "A.3": ({"en", "es", "fr"}, "same"),
    "A.4": ({"en", "es", "fr"}, "other"),
    "B.1": ({"en"}, "same"),
    "B.2": ({"es", "fr", "ja", "de"}, "same"),
    "B.3": ({"en", "es", "fr", "ja", "de"}, "same"),
    "B.4": ({"en", "es", "fr", "ja"}, "other"),
    "B.5": ({"en", "es", "fr", "ja"}, "other"),
    "C.1": ({"en", "es", "fr", "ja", "de"}, "same"),
    "C.2": ({"en", "es", "fr", "ja"}, "other"),
}


@pytest.mark.parametrize("name", PAPER_ARMS)
def test_batches_of_the_papers_variants(films: Path, name: str) -> None:
    languages, secondary = PAPER_ARMS[name]
    recipe = load_recipe(f"paper/{name}", PAPER)
    primaries, pairs, shifted = set(), set(), 0
    for batch in _batches(films, recipe):
        assert batch.frames_BWTCHW is not None
        assert batch.frames_BWTCHW.shape == (16, 2, 2, 3, 32, 32)
        assert batch.waveform_BKCS.shape == (16, 2, 1, 144_000)
        # An eighth of the batch from each title, no clip twice.
        assert sorted(Counter(batch.title_ids).values()) == [2] * 8
        assert len(set(batch.clip_ids)) == 16
        heard = _heard(batch, recipe.views.sample_rate)
        assert [tuple(row) for row in batch.languages] == heard
        primaries |= {primary for primary, _ in heard}
        pairs |= set(heard)
        starts_BK = _starts(batch)
        shifted += int((np.abs(starts_BK[:, 0] / starts_BK[:, 1] - 1) > 0.03).sum())
    assert primaries == languages
    if secondary == "same":
        assert all(one == other for one, other in pairs)
    else:
        assert all(one != other for one, other in pairs)
        # Uniform over all dubs of a title, German ones included.
        assert {other for one, other in pairs if one == "en"} == {"es", "fr", "ja"}
        assert ("fr", "de") in pairs
    # Two windows drawn apart: 26 starts, so nearly all differ.
    assert shifted > 0.8 * LOOKS * 16


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("controlled/")])
def test_batches_of_the_controlled_study(films: Path, english: list[Batch], name: str) -> None:
    arm = name.removeprefix("controlled/")
    recipe = load_recipe(name, _settings(name))
    batches = _batches(films, recipe)
    sounds, rate = (1, 44_100) if arm == "SEP" else (2, 48_000)
    seconds = {"EN": ["en"], "ES": ["es"], "FR": ["fr"], "JA": ["ja"], "AUD": ["en"], "SEP": []}
    for step, (batch, reference) in enumerate(zip(batches, english, strict=True)):
        if "AUD" in arm:
            assert batch.frames_BWTCHW is None
        else:
            assert batch.frames_BWTCHW is not None
            assert torch.equal(batch.frames_BWTCHW, reference.frames_BWTCHW)
            assert batch.frames_BWTCHW.shape == (8, 1, 2, 3, 32, 32)
        assert batch.waveform_BKCS.shape == (8, sounds, 2, 3 * rate)
        assert torch.equal(batch.waveform_BKCS[:, :, 0], batch.waveform_BKCS[:, :, 1])  # mono, doubled
        # Half of each group from one title, and the same clips in all arms.
        for group in (batch.title_ids[:4], batch.title_ids[4:]):
            assert sorted(Counter(group).values()) == [2, 2]
        assert (batch.clip_ids, batch.title_ids) == (reference.clip_ids, reference.title_ids)
        heard = _heard(batch, rate)
        turn = seconds.get(arm, [["es", "fr", "ja"][step % 3]])
        assert set(heard) == {("background" if arm == "SEP" else "en", *turn)}
        # One window for all sounds.
        starts_BK = _starts(batch)
        assert np.allclose(starts_BK, starts_BK[:, :1], rtol=0.01)
        if turn == ["en"]:
            assert torch.equal(batch.waveform_BKCS[:, 0], batch.waveform_BKCS[:, 1])
        if arm != "SEP":
            assert torch.equal(batch.waveform_BKCS[:, 0], reference.waveform_BKCS[:, 0])


def test_whoever_is_to_run_as_long_does(trained: Trained) -> None:
    for name in NAMES:
        others = load_recipe(name).same_steps_as
        assert {trained.runs[other].steps for other in others} <= {trained.runs[name].steps}


@pytest.mark.parametrize(
    ("child", "parent"), [("A.3", "A.1"), ("A.4", "A.2"), ("B.4", "B.3"), ("B.5", "B.3"), ("C.2", "C.1")]
)
def test_children_know_what_they_started_from(trained: Trained, child: str, parent: str) -> None:
    weights = trained.folder(f"paper/{parent}") / f"checkpoints/{STEPS:08d}/model.safetensors"
    started = read_json(trained.folder(f"paper/{child}") / "environment.json")["start"]
    assert started["recipe"] == f"paper/{parent}"
    assert (started["sha256"], started["step"]) == (hash_file(weights), STEPS)
    assert Path(started["place"]) == weights
    assert read_json(trained.folder(f"paper/{parent}") / "environment.json")["start"] is None


def _weights(run: Path, step: int) -> dict[str, torch.Tensor]:
    return read_weights(run / f"checkpoints/{step:08d}")


def test_a_child_starts_from_its_parents_weights_heads_included(trained: Trained, tmp_path: Path) -> None:
    """With a learning rate of almost nothing, one step leaves them as they were."""
    still = ("schedule={steps: 1, checkpoint_every: 1}", "optimiser={lr: 1e-12, weight_decay: 0}")
    parent, corpus = trained.folder("paper/B.3"), trained.root / "corpus"
    pretrain("paper/B.5", corpus, tmp_path / "r", settings=(*PAPER, *still), init=parent, quiet=True)
    before, after = _weights(parent, STEPS), _weights(tmp_path / "r", 1)
    learned = [name for name in before if "stem" not in name]
    assert {name.split(".")[0] for name in learned} >= {"video", "audio", "video_head", "audio_head"}
    assert all(torch.allclose(before[name], after[name], atol=1e-9) for name in learned)
    fresh = ("parent=null", "name=fresh")
    pretrain("paper/B.5", corpus, tmp_path / "f", settings=(*PAPER, *still, *fresh), quiet=True)
    other = _weights(tmp_path / "f", 1)
    assert not torch.allclose(before["audio_head.layers.0.weight"], other["audio_head.layers.0.weight"])


def test_a_chain_that_stands_is_not_trained_again(trained: Trained) -> None:
    files = [
        trained.folder(name) / file
        for name in ("paper/B.3", "paper/B.5")
        for file in ("metrics.jsonl", f"checkpoints/{STEPS:08d}/model.safetensors")
    ]
    before = [(file.stat().st_mtime_ns, file.read_bytes()) for file in files]
    corpus, out = trained.root / "corpus", trained.root / "runs"
    again = pretrain("paper/B.5", corpus, out, settings=PAPER, chain=True, quiet=True)
    assert again == trained.runs["paper/B.5"]
    assert [(file.stat().st_mtime_ns, file.read_bytes()) for file in files] == before


def test_a_parent_must_be_given_and_be_the_right_one(trained: Trained, tmp_path: Path) -> None:
    corpus, out = trained.root / "corpus", tmp_path / "r"
    with pytest.raises(InputError, match=r"starts from a run of paper/B\.3"):
        pretrain("paper/B.5", corpus, out, settings=PAPER, quiet=True)
    with pytest.raises(CheckpointError, match=r"is of recipe paper/A\.1, but recipe paper/B\.5"):
        wrong = trained.folder("paper/A.1")
        pretrain("paper/B.5", corpus, out, settings=PAPER, init=wrong, quiet=True)
    with pytest.raises(
        CheckpointError, match=r"'video_head\.layers\.2\.weight' is \(16, 16\) there and \(9, 16\)"
    ):
        wider = (*PAPER, "head.size=9")
        pretrain("paper/B.5", corpus, out, settings=wider, init=trained.folder("paper/B.3"), quiet=True)
    assert not out.exists()


def test_a_forecast_is_of_the_run_that_was_made(trained: Trained) -> None:
    name = "paper/B.3"
    found = pretrain(name, trained.root / "corpus", settings=PAPER, dry_run=True)
    assert isinstance(found, Forecast)
    assert (found.clips, found.titles, found.batch) == (SHOTS * len(TITLES), len(TITLES), 16)
    assert (found.steps, found.epoch_steps) == (STEPS, SHOTS * len(TITLES) // 16)
    saved = _weights(trained.folder(name), STEPS)
    assert (
        found.parameters <= sum(tensor.numel() for tensor in saved.values()) < 1.01 * found.parameters + 100
    )
    assert found.seconds is not None
    computed = trained.runs[name].seconds * (1 - trained.runs[name].wait_share)
    assert computed / 30 < found.seconds < 30 * computed, "the machine may be busy with one and not the other"


def test_parity_of_epochs_is_that_of_the_corpus(films: Path) -> None:
    """The controlled study states epochs: arms of equal clips run equally long, and others do not."""
    settings = ("groups=4", "views.batch_size=26", "schedule.steps=null")
    for name in ("ES", "SEP", "AUD+EFJ"):
        found = pretrain(
            f"controlled/{name}",
            films / "corpus",
            settings=(*_settings(f"controlled/{name}"), *settings, "schedule.epochs=10"),
            dry_run=True,
        )
        assert isinstance(found, Forecast)
        assert dict(found.rows())["same steps as controlled/EN"] == f"yes, {found.steps}"
    settings = (*_settings("controlled/EN"), "data.require_languages=[es, fr, de]")
    found = pretrain("controlled/EN", films / "corpus", settings=settings, dry_run=True)
    assert isinstance(found, Forecast)
    assert "require_languages" in found.obstacle
