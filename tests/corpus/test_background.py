"""Background tracks: found, kept beside the speech, and never taken for a language."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tests.conftest import shot_frames, tone

from filmset import FilmSet, Settings
from filmset.render import render
from lssd.corpus import FINGERPRINT, Catalog, IngestSettings, Member, describe_corpus, rows_of
from lssd.corpus.ingest import ingest
from lssd.errors import InputError
from lssd.media import SoundTrack, read_sound, write_film
from lssd.views import ClipIndex, Selection

ONE = IngestSettings(workers=1)
RATE = 48000


def film(path: Path, *tracks: SoundTrack) -> Path:
    """A shot of 4 s with these tracks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_film(path, iter(shot_frames(4.0, 0, 25)), Fraction(25), tracks, crf=8)
    return path


def track(hertz: float, language: str | None = None, role: str = "unknown", **more: object) -> SoundTrack:
    return SoundTrack(tone(4.0, hertz), RATE, language, role=role, **more)  # type: ignore[arg-type]


def roles(catalog: Catalog) -> set[tuple[float | None, str, bool]]:
    return {(row["language"], row["role"], row["kept"]) for row in catalog.tracks.to_pylist()}


def stored(catalog: Catalog) -> list[str | None]:
    """Languages of the sounds that are stored."""
    return sorted((row["language"] for row in catalog.members.to_pylist() if row["kind"] == "sound"), key=str)


WANTED = {(None, "background", True), ("en", "original", True), ("de", "dub", True)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suffix", "background"),
    [
        ("mkv", {"role": "background"}),  # a flag of Matroska's
        ("mp4", {"role": "background"}),  # a title, for MP4 has no such flag
        ("mkv", {"title": "M&E stereo"}),
        ("mp4", {"title": "Music and Effects"}),
    ],
)
def test_a_tag_or_a_title_says_what_it_is(tmp_path: Path, suffix: str, background: dict) -> None:
    """Though it comes first, is flagged default and claims a language."""
    tracks = [track(200, "en", default=True, **background), track(440, "en"), track(660, "de")]
    catalog = ingest(film(tmp_path / f"film.{suffix}", *tracks), tmp_path / "c", ONE, quiet=True)
    assert isinstance(catalog, Catalog)
    assert roles(catalog) == WANTED
    assert catalog.titles["original_language"].to_pylist() == ["en"]
    assert stored(catalog) == [None, "de", "en"]
    meta = next(row for row in rows_of(Member, catalog.members) if row.kind == "meta")
    told = json.loads(catalog.read(meta))["tracks"]
    assert {(one["language"], one["role"]) for one in told} == {pair[:2] for pair in WANTED}
    found = describe_corpus(tmp_path / "c")
    assert set(found.languages) == {"en", "de"} and found.background == 1
    assert found.clips_by_language_count == {2: 1}


@pytest.mark.parametrize(
    "name",
    [
        "film_background",
        pytest.param("film.Background", marks=pytest.mark.slow),
        pytest.param("film - m&e", marks=pytest.mark.slow),
        pytest.param("film_music_and_effects", marks=pytest.mark.slow),
    ],
)
def test_a_file_name_says_what_it_is(tmp_path: Path, name: str) -> None:
    film(tmp_path / "in/film.mkv", track(440, "en"), track(660, "de"))
    before = ingest(tmp_path / "in", tmp_path / "c", ONE, quiet=True)
    more = film(tmp_path / f"in/{name}.mkv", track(200, "en"))
    after = ingest(tmp_path / "in", tmp_path / "c", ONE, quiet=True)
    assert isinstance(before, Catalog) and isinstance(after, Catalog)
    assert roles(after) == WANTED and after.titles.num_rows == 1
    assert stored(after) == [None, *stored(before)]
    assert roles(ingest([tmp_path / "in/film.mkv", more], tmp_path / "d", ONE, quiet=True)) == WANTED  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Against the Background", "backgrounds", "film_me", "film_background_en"])
def test_other_names_do_not(tmp_path: Path, name: str) -> None:
    one = film(tmp_path / f"{name}.mkv", track(440, "en"))
    catalog = ingest(one, tmp_path / "c", IngestSettings(single_language=True, workers=1), quiet=True)
    assert roles(catalog) == {("en", "original", True)}  # type: ignore[arg-type]


def test_a_role_that_the_container_states_outranks_the_name(tmp_path: Path) -> None:
    one = film(tmp_path / "film_background.mkv", track(440, "en", "original"), track(660, "de"))
    alone = film(tmp_path / "more_background.mkv", track(440, "fr", "dub"))
    catalog = ingest([one, alone], tmp_path / "c", ONE, quiet=True)
    assert {row["role"] for row in catalog.tracks.to_pylist()} == {"original", "dub"}  # type: ignore[union-attr]


def test_one_background_is_enough_and_silence_is_none(tmp_path: Path) -> None:
    """A second one is left out, and so is one that is the original's very sound, whichever comes first."""
    one = film(
        tmp_path / "film.mkv",
        track(440, None, "background"),
        track(440, "en", "original"),
        track(660, "de"),
        track(200, None, "background"),
        track(220, None, "background"),
    )
    catalog = ingest(one, tmp_path / "c", ONE, quiet=True)
    assert isinstance(catalog, Catalog)
    reasons = {row["index"]: row["reason"] for row in catalog.tracks.to_pylist()}
    assert reasons == {
        0: "the same sound as track 1 of film.mkv",
        1: None,
        2: None,
        3: None,
        4: "a second background track",
    }
    assert [len(clips) for clips in ClipIndex.read(catalog, Selection()).titles] == [1]


def test_a_background_alone_is_no_film(tmp_path: Path) -> None:
    one = film(tmp_path / "film.mkv", track(200, None, "background"))
    with pytest.raises(InputError, match=r"no speech track that is kept \(nobody speaks"):
        ingest(one, tmp_path / "c", ONE, quiet=True)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> FilmSet:
    settings = Settings(
        seed=5,
        seconds=12.0,
        sizes=("96x64",),
        dubs_per_title=1,
        undubbed=0.4,
        gradual=0.0,
        flashes=0.0,
        silent=0.0,
        background_track=True,
        stems=True,
    )
    return render(tmp_path_factory.mktemp("films"), 3, settings)


def test_from_the_film_set_to_the_corpus(films: FilmSet, tmp_path: Path) -> None:
    """The stored background is background and events of the stems, to the bit where nobody speaks."""
    settings = IngestSettings(titles=str(films.titles_csv), labels=str(films.labels_csv), workers=1)
    catalog = ingest(films.folder, tmp_path / "c", settings, quiet=True)
    assert isinstance(catalog, Catalog)
    names = {row["title_id"]: row["name"] for row in catalog.titles.to_pylist()}
    truth = {title.name: title for title in films.titles}
    dubbed = {name: sum(one.role == "dub" for one in title.tracks) for name, title in truth.items()}
    assert sorted(dubbed.values()) == [0, 1, 1]
    role_of = {row["track_id"]: row["role"] for row in catalog.tracks.to_pylist()}
    spoken_in = 0
    for shot in (row for row in catalog.shots.to_pylist() if row["kept"]):
        title = truth[names[shot["title_id"]]]
        sounds = {
            role_of[row.track_id]: read_sound(catalog.read(row))
            for row in rows_of(Member, catalog.members)
            if row.clip_id == shot["shot_id"] and row.kind == "sound"
        }
        assert set(sounds) == {"original", "background", *(["dub"] if dubbed[title.name] else [])}
        span = slice(round(shot["start_s"] * RATE), round(shot["end_s"] * RATE))
        stems = {
            path.stem: read_sound(path)[:, span]
            for path in (films.folder / f"{title.name}.stems").glob("*.flac")
        }
        assert "voices.background" not in stems
        bed = stems["background"] + stems["events"]
        assert np.abs(sounds["background"] - bed).max() < 2 / 32768
        voices = stems[f"voices.{title.original_language}"]
        assert np.abs(sounds["original"] - sounds["background"] - voices).max() < 3 / 32768
        quiet = np.abs(voices[0]) == 0
        np.testing.assert_array_equal(sounds["original"][:, quiet], sounds["background"][:, quiet])
        spoken_in += np.abs(voices).max() > 0.01 and 0.05 < quiet.mean() < 0.98
    assert spoken_in >= 3


def test_labels_of_the_film_set_are_those_of_its_truth(films: FilmSet, tmp_path: Path) -> None:
    settings = IngestSettings(labels=str(films.labels_csv), workers=1)
    catalog = ingest(films.folder, tmp_path / "c", settings, quiet=True)
    assert isinstance(catalog, Catalog)
    names = {row["title_id"]: row["name"] for row in catalog.titles.to_pylist()}
    truth = {title.name: title for title in films.titles}
    checked = 0
    for row in (row for row in catalog.shots.to_pylist() if row["kept"]):
        title = truth[names[row["title_id"]]]
        middle = (row["start_frame"] + row["end_frame"]) // 2
        shot = next(one for one in title.shots if one.start_frame <= middle < one.end_frame)
        found = [one for one in catalog.labels.to_pylist() if one["clip_id"] == row["shot_id"]]
        labels = {one["name"]: one["value"] for one in found}
        assert labels.pop(FINGERPRINT) and labels.pop("director") == title.director
        styles = {line.style for line in shot.lines}
        assert labels == {
            "scene": shot.scene.kind,
            "speakers": str(len({line.speaker for line in shot.lines})),
            **({"style": next(iter(styles))} if len(styles) == 1 else {}),
            **({"event": shot.events[0].kind} if shot.events else {}),
        }
        checked += 1
    assert checked >= 3
