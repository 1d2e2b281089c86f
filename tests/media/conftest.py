"""Films whose every frame carries its number and whose every second carries a click."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from tests.conftest import REAL

from lssd.media import SoundTrack, write_film

SECONDS = 12
NTSC = Fraction(24000, 1001)
_REAL = REAL


class Marks:
    """Painted frame numbers and clicks, and how to read them back."""

    seconds = SECONDS
    width, height = 96, 64

    @staticmethod
    def paint(number: int) -> np.ndarray:
        """A picture of 12 blocks, the bits of a number in black and white."""
        bits = (number >> np.arange(12)) & 1
        blocks = np.where(bits.reshape(2, 6), 235, 20).astype(np.uint8)
        return np.repeat(np.kron(blocks, np.ones((32, 16), np.uint8))[..., None], 3, axis=2)

    @staticmethod
    def number(image: np.ndarray) -> int:
        """The number in a picture of any size."""
        height, width = image.shape[:2]
        rows = ((np.arange(2) + 0.5) * height / 2).astype(int)
        columns = ((np.arange(6) + 0.5) * width / 6).astype(int)
        bits = image[np.ix_(rows, columns)].mean(axis=-1).ravel() > 128
        return int((bits << np.arange(12)).sum())

    @classmethod
    def numbers(cls, images: np.ndarray) -> list[int]:
        return [cls.number(image) for image in images]

    @staticmethod
    def clicks(rate: int, seconds: int = SECONDS, channels: int = 1) -> np.ndarray:
        """Short tone bursts centred on each full second from the first on."""
        sound = np.zeros((channels, rate * seconds), np.float32)
        half = round(0.002 * rate)
        time_s = np.arange(-half, half + 1) / rate
        burst = 0.8 * np.cos(2 * np.pi * 1500 * time_s) * np.cos(np.pi * time_s / 0.004) ** 2
        for second in range(1, seconds):
            sound[:, second * rate - half : second * rate + half + 1] += burst.astype(np.float32)
        return sound

    @staticmethod
    def click_errors_ms(sound_S: np.ndarray, rate: int, start_s: float, delay_s: float) -> list[float]:
        """By how many milliseconds each click inside a window misses its second (plus the track's delay)."""
        errors = []
        for second in range(1, SECONDS):
            place = second + delay_s - start_s
            if not 0.05 < place < len(sound_S) / rate - 0.05:
                continue
            first = round((place - 0.04) * rate)
            energy = sound_S[first : first + round(0.08 * rate)].astype(np.float64) ** 2
            assert energy.max() > 0.1, f"no click at {second} s"
            energy[energy < 0.05 * energy.max()] = 0
            centre = (energy * np.arange(len(energy))).sum() / energy.sum()
            errors.append(1000 * ((first + centre) / rate - place))
        return errors


@pytest.fixture(scope="session")
def marks() -> type[Marks]:
    return Marks


@dataclass(frozen=True)
class MarkedFilm:
    path: Path
    fps: Fraction
    frames: int
    tracks: tuple[SoundTrack, ...]


@pytest.fixture(scope="session")
def marked_film(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., MarkedFilm]:
    """A film of 12 s with AAC, Opus and FLAC tracks, each once at 0 and once at 0.2 s; written once."""
    folder = tmp_path_factory.mktemp("films")
    written: dict[tuple[Fraction, str, str], MarkedFilm] = {}

    def film(fps: Fraction = NTSC, codec: str = "libx264", suffix: str = ".mkv") -> MarkedFilm:
        key = (fps, codec, suffix)
        if key not in written:
            path = folder / f"{fps.numerator}-{fps.denominator}-{codec}{suffix}"
            frames = int(SECONDS * fps)
            tracks = tuple(
                SoundTrack(Marks.clicks(48000), 48000, "de", codec=sound, start_s=start_s)
                for sound in ("aac", "opus", "flac")
                for start_s in (0.0, 0.2)
            )
            write_film(path, map(Marks.paint, range(frames)), fps, tracks, codec=codec, gop=40)
            written[key] = MarkedFilm(path, fps, frames, tracks)
        return written[key]

    return film


@pytest.fixture(scope="session")
def remux() -> Callable[..., Path]:
    """Copies streams to another container without coding, with PyAV alone."""

    def copy(source: Path, target: Path, kind: str, more_sound: Path | None = None, **options: str) -> Path:
        sources = [source] if more_sound is None else [source, more_sound]
        with av.open(str(target), "w", format=kind, options=options) as out:
            inputs = [av.open(str(path)) for path in sources]
            maps = []
            for number, container in enumerate(inputs):
                streams = [s for s in container.streams if number == 0 or s.type == "audio"]
                maps.append({s.index: out.add_stream_from_template(s) for s in streams})
            for container, streams_out in zip(inputs, maps, strict=True):
                for packet in container.demux():
                    if packet.size and packet.stream.index in streams_out:
                        packet.stream = streams_out[packet.stream.index]
                        out.mux(packet)
                container.close()
        return target

    return copy


@pytest.fixture
def raw_film() -> Callable[..., Path]:
    """A film of painted numbers written with PyAV alone, for what `write_film` does not do."""

    def write(
        path: Path,
        times: list[int],
        time_base: Fraction,
        options: dict[str, str] | None = None,
        codec: str = "libx264",
        muxing: dict[str, str] | None = None,
        prepare: Callable[[av.VideoStream], None] = lambda stream: None,
    ) -> Path:
        with av.open(str(path), "w", options=muxing or {}) as container:
            stream = container.add_stream(codec, rate=25, options=options or {})
            stream.width, stream.height, stream.pix_fmt = Marks.width, Marks.height, "yuv420p"
            stream.codec_context.time_base = time_base
            prepare(stream)
            for number, pts in enumerate(times):
                frame = av.VideoFrame.from_ndarray(Marks.paint(number), format="rgb24")
                frame.pts, frame.time_base = pts, time_base
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return write


@pytest.fixture(scope="session")
def real() -> Path:
    """Real films, where this machine has them."""
    if not _REAL.is_dir():
        pytest.skip("no real films here")
    return _REAL


@pytest.fixture
def silent_terminal(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Fails when anything, FFmpeg included, writes to the terminal."""
    yield
    out, err = capfd.readouterr()
    assert out == "" and err == ""
