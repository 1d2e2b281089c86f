"""A rendered film of which everything is known, and the quick way to dub it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml

from filmset import Settings
from filmset.render import render
from filmset.truth import Title
from lssd.dubbing import DubSettings
from lssd.media import read_sound

# Stems of one's own, lines found by level, other words, espeak-ng: no network is loaded.
QUICK = {
    "separation": ["stems"],
    "segmentation": ["energy"],
    "transcription": ["silent"],
    "diarisation": ["one"],
    "translation": ["phrasebook"],
    "speaking": ["lines", "espeak"],
    "stretching": ["signalsmith"],
    "conversion": ["none"],
}


@dataclass(frozen=True)
class Rendered:
    """A film, its truth, its own subtitles, and its stems as `--stems` takes them."""

    path: Path
    title: Title
    subtitles: dict[str, Path]
    stems: Path

    @property
    def lines(self) -> list[tuple[float, float]]:
        """(start, end) in seconds of what the original says, in order."""
        key = self.title.tracks[0].key
        spoken = (line.spoken[key] for shot in self.title.shots for line in shot.lines)
        return sorted((one.start_s, one.end_s) for one in spoken)


@pytest.fixture(scope="session")
def rendered(tmp_path_factory) -> Rendered:
    """14 seconds in Spanish with an English dub, stereo, six lines of two people."""
    folder = tmp_path_factory.mktemp("film")
    settings = Settings(
        seed=3,
        seconds=14.0,
        stems=True,
        subtitles=True,
        languages=("en", "es"),
        dubs_per_title=1,
        channels=2,
        sizes=("64x48",),
        camera=0.0,
    )
    made = render(folder / "set", 1, settings)
    film, title = made.films[0], made.titles[0]
    stems = folder / "stems"
    stems.mkdir()
    source = film.with_name(f"{film.stem}.stems") / f"voices.{title.tracks[0].key}.flac"
    (stems / f"{film.stem}.speech.flac").write_bytes(source.read_bytes())
    subtitles = {track.language: film.with_name(f"{film.stem}.{track.key}.srt") for track in title.tracks}
    return Rendered(film, title, subtitles, stems)


@pytest.fixture
def quick(rendered, tmp_path):
    """Settings that dub in a second or two, in this process; dials may be given."""
    preset = tmp_path / "quick.yaml"
    preset.write_text(yaml.safe_dump(QUICK))

    def make(*dials: str, **given) -> DubSettings:
        given = {"preset": str(preset), "time_limit": None, **given}
        return DubSettings.build([f"stems.folder={rendered.stems}", *dials], **given)

    return make


@pytest.fixture
def outside() -> Iterator:
    """A function: whether a track is the film's first one, to the bit, outside the ranges of the record."""

    def same(film: Path, track: int, folder: Path, language: str) -> tuple[bool, float]:
        record = json.loads((folder / "provenance.json").read_text())
        original, dub = (read_sound(film, number) for number in (0, track))
        untouched = np.ones(original.shape[1], bool)
        for start, stop in record["dubs"][language]["changed"]:
            untouched[start:stop] = False
        return bool((original[:, untouched] == dub[:, untouched]).all()), float(untouched.mean())

    return same
