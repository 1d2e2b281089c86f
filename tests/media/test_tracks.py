"""Every verb takes the same track for the original."""

import itertools
import logging
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from lssd.corpus import Catalog, IngestSettings
from lssd.corpus.ingest import ingest
from lssd.corpus.titles import Track, decide_tracks
from lssd.dubbing.film import open_film
from lssd.dubbing.settings import DubSettings
from lssd.embedding.windows import pick_track
from lssd.media import FilmInfo, SoundTrack, TrackInfo, original_track, probe, spoken_language, write_film
from lssd.media.tracks import ROLES, SPEECH, default_decides


def film_info(tracks: Sequence[tuple[str | None, str, bool]]) -> FilmInfo:
    """A film with tracks of (language, role, default)."""
    infos = (
        TrackInfo(index, language, role, "", default, 2, "stereo", 48000, "aac", 0.0, 1.0)
        for index, (language, role, default) in enumerate(tracks)
    )
    return FilmInfo("film.mkv", "matroska", 1.0, None, tuple(infos))


def ingested(info: FilmInfo) -> list[int]:
    """The tracks that ingest keeps as the original: one, or none where nobody speaks."""
    tracks = [
        Track(f"{track.index:016x}", info.path, track.index, 2, track.language, track.role, track.default)
        for track in info.tracks
    ]
    return [track.index for track in decide_tracks(tracks) if track.kept and track.role == "original"]


def test_all_verbs_choose_the_same_track_whatever_the_flags() -> None:
    flags = list(itertools.product(("en", "ja"), ROLES, (False, True)))
    films = 0
    for count in (2, 3):
        # The third track is in Japanese: with two languages in the first two, nothing else can happen.
        for tracks in itertools.product(flags, flags, *[flags[len(flags) // 2 :]] * (count - 2)):
            info = film_info(tracks)
            chosen = original_track(info.tracks)
            assert ingested(info) == ([] if chosen is None else [chosen.index]), tracks
            if chosen is not None:
                assert pick_track(info, None) == chosen.index, tracks
                assert chosen.role in SPEECH
            films += 1
    assert films == 28**2 + 28**2 * 14


@pytest.mark.parametrize(
    ("tracks", "chosen"),
    [
        # (language, role, default)
        ([("en", "unknown", False), ("en", "original", True), ("ja", "dub", False)], 1),
        ([("en", "unknown", False), ("en", "unknown", True)], 1),
        ([("ja", "unknown", False), ("en", "unknown", False)], 0),
        ([("en", "commentary", True), ("en", "unknown", False)], 1),
        ([("en", "background", True), ("en", "description", False), ("de", "dub", False)], 2),
        ([("en", "revoiced", True), ("en", "unknown", False)], 1),
        ([("en", "revoiced", True)], 0),
        ([("en", "commentary", True)], None),
        ([], None),
    ],
)
def test_the_original(tracks: list[tuple[str, str, bool]], chosen: int | None) -> None:
    found = original_track(film_info(tracks).tracks)
    assert (None if found is None else found.index) == chosen


def test_what_the_user_says_comes_first() -> None:
    tracks = film_info([("en", "original", True), ("ja", "dub", False), ("ja", "commentary", False)]).tracks
    assert original_track(tracks, language="ja") is tracks[1]
    assert original_track(tracks, language="ko") is tracks[0]
    assert original_track(tracks, wanted=2, language="ja") is tracks[2]
    with pytest.raises(IndexError):
        original_track(tracks, wanted=3)


def test_a_choice_by_a_default_flag_alone_is_known() -> None:
    hint = film_info([("ja", "unknown", False), ("en", "unknown", True)]).tracks
    assert default_decides(hint)
    assert not default_decides(hint, "ja")
    assert not default_decides(film_info([("ja", "original", False), ("en", "dub", True)]).tracks)
    assert not default_decides(film_info([("en", "unknown", True), ("ja", "unknown", False)]).tracks)
    assert not default_decides(film_info([]).tracks)


def test_the_flagged_original_is_kept_and_its_repeat_dropped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (75, 48, 64, 3), dtype=np.uint8)
    time_s = np.arange(3 * 48000) / 48000

    def sound(hertz: float, language: str, role: str, default: bool = False) -> SoundTrack:
        samples = (0.3 * np.sin(2 * np.pi * hertz * time_s))[None].astype(np.float32)
        return SoundTrack(samples, 48000, language, role=role, default=default)

    path = tmp_path / "film.mkv"
    tracks = [
        sound(300, "en", "unknown"),
        sound(500, "en", "original", default=True),
        sound(700, "ja", "dub"),
    ]
    write_film(path, iter(frames), Fraction(25), tracks)
    catalog = ingest(path, tmp_path / "corpus", IngestSettings(workers=1), quiet=True)
    assert isinstance(catalog, Catalog)
    rows = {row["index"]: row for row in catalog.tracks.to_pylist()}
    assert [rows[index]["kept"] for index in range(3)] == [False, True, True]
    assert [rows[index]["role"] for index in (1, 2)] == ["original", "dub"]
    assert rows[0]["reason"] == "a second track in English"
    assert open_film(path, DubSettings()).track.index == 1
    assert pick_track(probe(path), None) == 1
    # Ingested again into the same corpus, it stays as it is; nothing had to be guessed.
    again = ingest(path, tmp_path / "corpus", IngestSettings(workers=1), quiet=True)
    assert isinstance(again, Catalog)
    assert again.tracks.to_pylist() == catalog.tracks.to_pylist()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_name_speaks_for_an_only_track() -> None:
    assert spoken_language(None, "x_de.mp4", 1) == "de"
    assert spoken_language("fr", "x_de.mp4", 1) == "fr"
    assert spoken_language(None, "x_de.mp4", 2) is None
