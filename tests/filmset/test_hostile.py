"""Film sets from elsewhere, of which anything may be wrong: one line, and nothing outside of the page."""

import json
import math
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.reporting.conftest import SETTINGS, make_title, write_filmset

from filmset import fault_values, reading
from filmset.pages.index import write_pages
from filmset.render import FilmSet, render
from filmset.settings import FAULTS, is_language
from lssd.cli import main
from lssd.errors import InputError

VOICE = {
    "language": "fr", "name": "fr-f1-low", "variant": "f1", "sex": "f", "pitch": 40, "pitch_range": 40,
    "rate": 160,
}  # fmt: skip
LINE = {
    "key": "k", "text": "Note", "written": "Note it.", "keywords": ["water"], "seconds": None, "start_s": 1.5,
    "end_s": 2.2, "gain_db": 0.0,
}  # fmt: skip
VALUES: dict[str, dict[str, Any]] = {
    "offset": {"offset_s": 0.4},
    "slope": {"slope": 1.001, "offset_s": 0.1},
    "edit": {"at_s": 2.0, "seconds": -0.5},
    "mislabel": {"true": "fr", "claimed": "ja"},
    "duplicate": {"of": "en"},
    "commentary": {"mix_db": -10.0, "voice": VOICE, "lines": [LINE, {**LINE, "seconds": 0.7}]},
    "description": {"mix_db": 0.0, "voice": VOICE, "lines": [LINE], "over_dialogue": 1.0},
    "silent": {"noise_db": None},
    "truncated": {"seconds": 2.0},
    "level": {"db": -4.0},
    "filtered": {"low_hz": 100.0, "high_hz": 3000.0},
    "clipped": {"crest": 1.5, "level": 0.2},
}


@pytest.fixture(scope="session")
def whole_set(tmp_path_factory) -> Path:
    """A film set of two titles with nothing wrong."""
    return write_filmset(tmp_path_factory.mktemp("whole") / "set", 2)


@pytest.fixture
def folder(whole_set, tmp_path) -> Path:
    """A copy of it that a test may damage."""
    return Path(shutil.copytree(whole_set, tmp_path / "home" / "set"))


@pytest.fixture
def refused(capsys, tmp_path) -> Callable[..., str]:
    """Ask for a set by `inspect` and `view`; both must end in the same one line, which is returned."""

    def ask(folder: Path) -> str:
        lines = []
        for words in (
            ["inspect", str(folder)],
            ["view", str(folder), "--out", str(tmp_path / "home" / "page")],
        ):
            code = main(words)
            told = capsys.readouterr().err.splitlines()
            lines += [line for line in told if line.startswith("lssd: ")]
            assert code == 2 and told[-1:] == lines[-1:], told
        assert len(lines) == 2 and lines[0] == lines[1]
        assert len(lines[0]) < 1000 and lines[0].isprintable()
        return lines[0]

    return ask


def change(folder: Path, keys: str, value: Any, name: str = "title-0000") -> None:
    """Set what dotted keys lead to in a JSON of a set."""
    path = folder / f"{name}.json"
    whole = place = json.loads(path.read_text(encoding="utf-8"))
    *way, last = (int(key) if key.isdecimal() else key for key in keys.split("."))
    for key in way:
        place = place[key]
    place[last] = value
    path.write_text(json.dumps(whole), encoding="utf-8")


def everything(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "name",
    [
        "../../x",
        "/tmp/x",
        "..",
        ".title-0000",
        "title-0001",
        "a/b",
        "title-0000\n",
        "",
        "a\x1b[2J",
        "é",
        "a" * 200,
    ],
)
def test_a_title_is_called_as_its_file_is(folder, tmp_path, refused, name):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "index.html").write_text("mine")
    change(folder, "name", name)
    before = everything(tmp_path)
    assert "title-0000.json: 'name' is" in refused(folder)
    assert everything(tmp_path) == before


def test_a_film_that_cannot_be_read_makes_nothing_outside_the_page_go(folder, tmp_path, refused):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "index.html").write_text("mine")
    change(folder, "name", "../../x")
    (folder / "title-0000.mkv").write_bytes(b"no film")
    refused(folder)
    assert (tmp_path / "x" / "index.html").read_text() == "mine"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("path,split\ntitle-0000.mkv,test\n../set/title-0001.mkv,test\n", "'path' of title 2"),
        ("path,split\n/tmp/title-0000.mkv,test\n", "'path' of title 1"),
        ("path,split\ntitle-0000.mp4,test\n", "'path' of title 1"),
        ("path,split\n.mkv,test\n", "'path' of title 1"),
        ("path,split\n..mkv,test\n", "'path' of title 1"),
        ("path,split\ntitle-0000,test\n", "'path' of title 1"),
        ("split,path\ntest\n", "'path' of title 1 is None"),
        ("path,split\ntitle-0000.mkv,test\ntitle-0000.mkv,test\n", "'path' of title 2 .* already"),
        ('path,split\n"title-0000\x1b[2J\n.mkv",test\n', "'path' of title 1"),
        ("path\n" + "a" * 200_000 + ".mkv\n", "titles.csv is damaged"),
        ("path\n" + "a" * 101 + ".mkv\n", "'path' of title 1"),
    ],
)
def test_the_table_lists_films_beside_it_once(folder, refused, table, message):
    (folder / "titles.csv").write_text(table, encoding="utf-8")
    assert re.search(message, refused(folder))


def test_tables_and_documents_have_a_size(folder, refused, monkeypatch):
    monkeypatch.setattr(reading, "_TABLE_BYTES", 20)
    assert "titles.csv has more than 20 bytes" in refused(folder)
    monkeypatch.undo()
    monkeypatch.setattr(reading, "_TITLE_BYTES", 100)
    assert "title-0000.json has" in refused(folder)
    monkeypatch.undo()
    monkeypatch.setattr(reading, "_SETTINGS_BYTES", 100)
    assert "filmset.json has" in refused(folder)


WORDS = "shots.0.lines.0.spoken.en"
FIELDS = [
    ("index", -1, "index"),
    ("seed", -5, "seed"),
    ("seed", 10**60, "seed"),
    ("split", "valid\x1b", "split"),
    ("genre", "[/red]", "genre"),
    ("director", "a\nb", "director"),
    ("original_language", "x!", "original_language"),
    ("original_language", "../../x", "original_language"),
    ("tracks.1.language", "toolongtag", "tracks[1].language"),
    ("tracks.1.language", "x" * 5000, "tracks[1].language"),
    ("tracks.1.tagged", "", "tracks[1].tagged"),
    ("tracks.1.key", "../../x", "tracks[1].key"),
    ("tracks.1.key", "/x", "tracks[1].key"),
    ("tracks.1.key", "en", "tracks"),
    ("tracks.1.role", "[/x]", "tracks[1].role"),
    ("tracks", [], "tracks"),
    ("fps", "1e999999999", "fps"),
    ("fps", "25:1", "fps"),
    ("fps", "1000", "fps"),
    ("fps", "9" * 5000, "fps"),
    ("pixel_aspect", "1e-999999999", "pixel_aspect"),
    ("frames", 10**12, "frames"),
    ("frames", 0, "frames"),
    ("frames", 151, "shots[2].end_frame"),
    ("width", 10**9, "width"),
    ("width", -96, "width"),
    ("height", 55, "height"),
    ("sample_rate", 0, "sample_rate"),
    ("sample_rate", 10**30, "sample_rate"),
    ("channels", 3, "channels"),
    ("look.gamma", math.nan, "look.gamma"),
    ("look.gamma", "nan", "look.gamma"),
    ("look.tint.0", "inf", "look.tint"),
    ("look.grain", 10**400, "look.grain"),
    ("sound_tilt_db", -math.inf, "sound_tilt_db"),
    ("cast.0.sex", "<b>", "cast[0].sex"),
    ("cast.0.look_seed", -1, "cast[0].look_seed"),
    ("cast.1.name", "a", "cast"),
    ("cast.0.voices.en.language", "x!", "cast[0].voices.en.language"),
    ("cast.0.voices.en.pitch", 1000, "en-f1-low"),
    ("cast.0.voices.en.pitch", "\x1b[2J", "cast[0].voices.en.pitch"),
    ("shots", [], "shots"),
    ("shots.1.start_frame", 49, "shots[1].start_frame"),
    ("shots.1.end_frame", 40, "shots[1].end_frame"),
    ("shots.2.end_frame", 149, "shots[2].end_frame"),
    ("shots.1.seen_from", -(10**9), "shots[1].seen_from"),
    ("shots.1.seen_to", 10**12, "shots[1].seen_to"),
    ("shots.1.transition.kind", '"><script>', "shots[1].transition.kind"),
    ("shots.1.transition.last_frame", 10**9, "shots[1].transition.last_frame"),
    ("shots.1.flashes", list(range(50, 100)) * 3, "shots[1].flashes"),
    ("shots.1.flashes", [120], "shots[1].flashes"),
    ("shots.2.recap_of", 2, "shots[2].recap_of"),
    ("shots.2.recap_of", -1, "shots[2].recap_of"),
    ("shots.0.camera.path", [], "shots[0].camera.path"),
    ("shots.0.camera.path", [[0, 0.5, 0.5, 1.0]] * 200, "shots[0].camera.path"),
    ("shots.1.camera.path", [[5, 0.5, 0.5, 1.0], [5, 0.5, 0.5, 1.0]], "shots[1].camera.path[1]"),
    ("shots.1.camera.path.0.3", 0, "shots[1].camera.path[0][3]"),
    ("shots.1.camera.path.0.1", "nan", "shots[1].camera.path[0][1]"),
    ("shots.1.camera.path.0.0", 10**20, "shots[1].camera.path[0][0]"),
    ("shots.1.camera.canvas", [10**9, 54], "shots[1].camera.canvas"),
    ("shots.1.camera.canvas", [0, 54], "shots[1].camera.canvas"),
    ("shots.1.camera.stored", [96, 10**9], "shots[1].camera.stored"),
    ("shots.1.camera.move", "<i>", "shots[1].camera.move"),
    ("shots.0.scene.kind", "moon", "shots[0].scene.kind"),
    ("shots.0.scene.hue", "inf", "shots[0].scene.hue"),
    ("shots.0.scene.seed", -1, "shots[0].scene.seed"),
    ("shots.0.background_source", "../../mine.wav", "shots[0].background_source"),
    ("shots.0.background_source", "/tmp/mine.wav", "shots[0].background_source"),
    ("shots.0.background_db", "-inf", "shots[0].background_db"),
    ("shots.0.speech_over_background_db", 1e9, "shots[0].speech_over_background_db"),
    ("shots.0.reverb_s", 1e12, "shots[0].reverb_s"),
    ("shots.0.people.0.name", "nobody", "shots[0].people[0].name"),
    ("shots.0.people.0.mouth", [5, 5, 4, 5], "shots[0].people[0].mouth"),
    ("shots.0.people.0.mouth.3", 10**20, "shots[0].people[0].mouth"),
    ("shots.0.people.0.height", -1, "shots[0].people[0].height"),
    ("shots.1.events.0.kind", "[/x]", "shots[1].events[0].kind"),
    ("shots.1.events.0.hits_s", [], "shots[1].events[0].hits_s"),
    ("shots.1.events.0.hits_s", [math.inf], "shots[1].events[0].hits_s[0]"),
    ("shots.1.events.0.hits_s", [1e300], "shots[1].events[0].hits_s[0]"),
    ("shots.1.events.0.hits_s", [700.0], "shots[1].events[0].hits_s[0]"),
    ("shots.1.events.0.gain_db", "nan", "shots[1].events[0].gain_db"),
    ("shots.0.lines.0.speaker", "nobody", "shots[0].lines[0].speaker"),
    ("shots.0.lines.0.style", "<b>", "shots[0].lines[0].style"),
    ("shots.0.lines.0.spoken", {}, "shots[0].lines[0].spoken"),
    ("shots.0.lines.0.spoken.xx", {"text": "", "written": "", "start_s": 0.0, "end_s": 0.0, "gain_db": 0.0,
                                   "words": []}, "shots[0].lines[0].spoken"),
    (f"{WORDS}.start_s", "nan", "start_s"),
    (f"{WORDS}.end_s", 1e9, "end_s"),
    (f"{WORDS}.end_s", 0.1, "end_s"),
    (f"{WORDS}.gain_db", "inf", "gain_db"),
    (f"{WORDS}.words.0.end_s", "nan", "words[0].end_s"),
    (f"{WORDS}.written", "\ud800", "shots[0].lines[0].spoken.en.written"),
    (f"{WORDS}.written", "a" * 20_000, "shots[0].lines[0].spoken.en.written"),
    (f"{WORDS}.written", 5, "written"),
    ("a\x1b[2J\nb", 1, "the whole"),
    ("unheard_of", 1, "unheard_of"),
    ("format", "2\x1b", "format"),
]  # fmt: skip


@pytest.mark.parametrize(("keys", "value", "field"), FIELDS)
def test_what_cannot_be_is_one_line_that_names_file_and_field(folder, refused, keys, value, field):
    change(folder, keys, value)
    told = refused(folder)
    assert "title-0000.json" in told and field in told


def test_a_message_shows_no_control_character_of_a_name(folder, refused):
    change(folder, "cast.0.voices.en.name", "a\x1b[2J\nb")
    change(folder, "cast.0.voices.en.pitch", 1000)
    assert "a\\x1b[2J" in refused(folder)


def _with_fault(folder: Path, kind: str, values: Any) -> None:
    change(folder, "tracks.2.fault", {"kind": kind, "values": values})


def test_the_kinds_of_faults_are_those_that_can_be_planted():
    assert set(fault_values.VALUES) == set(FAULTS) == set(VALUES)


@pytest.mark.slow
@pytest.mark.parametrize("kind", VALUES)
def test_a_fault_has_the_values_of_its_kind(folder, refused, kind, tmp_path):
    _with_fault(folder, kind, VALUES[kind])
    fault = FilmSet.open(folder).titles[0].tracks[2].fault
    assert fault is not None and fault.values == VALUES[kind]
    assert write_pages(FilmSet.open(folder), tmp_path / "page", 1).is_file()
    for key in VALUES[kind]:
        _with_fault(folder, kind, {name: value for name, value in VALUES[kind].items() if name != key})
        assert f"tracks[2].fault.values.{key}' is missing" in refused(folder)
        for value in ({"a": 1}, [[]], True, "\x1b" * 50):
            _with_fault(folder, kind, {**VALUES[kind], key: value})
            assert f"tracks[2].fault.values.{key}" in refused(folder)
    _with_fault(folder, kind, {**VALUES[kind], "more": 1})
    assert "unknown key 'tracks[2].fault.values.more'" in refused(folder)


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("offset", "offset_s", 1e9),
        ("offset", "offset_s", "nan"),
        ("slope", "slope", 0),
        ("edit", "at_s", -1),
        ("mislabel", "claimed", "x!"),
        ("duplicate", "of", "de"),
        ("silent", "noise_db", "-inf"),
        ("truncated", "seconds", "inf"),
        ("level", "db", 1e9),
        ("filtered", "high_hz", -1),
        ("clipped", "level", "nan"),
        ("commentary", "voice", {**VOICE, "language": "x!"}),
        ("commentary", "voice", {**VOICE, "pitch": "high"}),
        ("commentary", "lines", [{**LINE, "start_s": 3.0}]),
        ("commentary", "lines", [{**LINE, "end_s": "nan"}]),
        ("commentary", "lines", [{**LINE, "gain_db": 1e9}]),
        ("commentary", "lines", [{**LINE, "seconds": -1}]),
        ("commentary", "lines", [{**LINE, "words": [{"bad": 1}]}]),
        ("description", "over_dialogue", 2),
    ],
)
def test_a_value_of_a_fault_is_bounded(folder, refused, kind, key, value):
    _with_fault(folder, kind, {**VALUES[kind], key: value})
    assert f"tracks[2].fault.values.{key}" in refused(folder)


def test_a_fault_of_no_kind_is_refused(folder, refused):
    _with_fault(folder, "b\x1b[2J", {})
    assert "tracks[2].fault.kind" in refused(folder)


@pytest.mark.parametrize("name", ["title-0000", "filmset"])
@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a":' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"format": 2, "seconds": ' + b"9" * 5000 + b"}",
        b"[]",
        b"\xff\xfe",
        b"",
    ],
)
def test_a_damaged_document_is_one_line(folder, refused, name, content):
    (folder / f"{name}.json").write_bytes(content)
    assert f"{name}.json" in refused(folder)


@pytest.mark.parametrize(
    ("keys", "value", "field"),
    [
        ("fps", ["1e999999999"], "1e999999999"),
        ("fps", ["1e-999999999"], "1e-999999999"),
        ("fps", ["1/00"], "1/00"),
        ("fps", ["9" * 5000], "frame rate"),
        ("fps", [5], "fps"),
        ("pixel_aspects", ["1e999999999"], "pixel aspect"),
        ("sizes", ["9" * 5000 + "x180"], "size"),
        ("seconds", "nan", "must last"),
        ("seconds", 10**400, "seconds"),
        ("speech_db", ["nan", 5], "speech_db"),
        ("shots_s", ["nan", 5], "shots_s"),
        ("shots_s", [5, 3], "shots_s"),
        ("shots_s", [3], "shots_s"),
        ("shots_s", 3, "shots_s"),
        ("events", "inf", "events"),
        ("seed", 10**60, "seed"),
        ("seed", -1, "seed"),
        ("scenes", ["a\x1b[2J"], "scenes"),
        ("scenes", [], "scenes"),
        ("content", [], "content"),
        ("unheard_of", 1, "unheard_of"),
    ],
)
def test_impossible_settings_are_one_line_that_names_the_file(folder, refused, keys, value, field):
    change(folder, keys, value, "filmset")
    told = refused(folder)
    assert "filmset.json" in told and field in told


def test_recorded_languages_are_languages(folder, refused):
    change(folder, "voices", "recordings", "filmset")
    change(folder, "languages", ["en", "fr", "ja", "x!"], "filmset")
    assert "'x!' is no language" in refused(folder)


def test_no_language_is_one_too():
    assert all(map(is_language, ("zxx", "en", "pt-BR", "cmn-Hans", "qaa", "und")))
    assert not any(map(is_language, ("", "x!", "e", "en-", "a" * 36, "en\n", "é", "toolongtag")))


def test_a_track_without_voices_is_read(folder, tmp_path):
    change(folder, "tracks.1", {"key": "background", "language": "zxx", "role": "background", "tagged": "zxx",
                                "fault": None})  # fmt: skip
    truth = folder / "title-0000.json"
    value = json.loads(truth.read_text())
    for shot in value["shots"]:
        for line in shot["lines"]:
            del line["spoken"]["ja"]
    truth.write_text(json.dumps(value))
    page = write_pages(FilmSet.open(folder), tmp_path / "page", 1).parent / "title-0000" / "index.html"
    assert "No linguistic content (background)" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "way", ["page", "page/title-0000", "page/title-0000/index.html", "page/title-0000/picture.mp4",
            "page/index.html", "page/player.js", "page/.no-media", "page/.lock"],
)  # fmt: skip
def test_links_in_the_set_are_not_written_through(folder, tmp_path, capsys, way):
    from lssd.media import NO_MEDIA

    link = folder / way.replace(".no-media", NO_MEDIA)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine").write_text("mine")
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(outside if link.suffix == "" and "." not in link.name else outside / "mine")
    before = everything(outside)
    for words in (["view", str(folder)], ["view", str(folder), "--out", str(folder / "page")]):
        assert main(words) == 2
        told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("lssd: ")]
        assert len(told) == 1
        assert everything(outside) == before and sorted(outside.iterdir()) == [outside / "mine"]


def test_a_link_of_ones_own_to_the_page_is_followed(folder, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert main(["view", str(folder), "--out", str(tmp_path / "link"), "--quiet"]) == 0
    assert (tmp_path / "real" / "index.html").is_file()


@pytest.mark.parametrize("name", ["index.html", "filmset.css", "title-0000", "title-0000/track-1.m4a"])
def test_what_is_in_the_way_of_a_page_is_named(folder, tmp_path, capsys, name):
    path = tmp_path / "page" / name
    if name == "title-0000":
        path.parent.mkdir()
        path.write_text("")
    else:
        path.mkdir(parents=True)
    assert main(["view", str(folder), "--out", str(tmp_path / "page"), "--quiet"]) == 2
    assert f"{path} is no plain" in capsys.readouterr().err


def test_a_title_may_not_be_called_as_a_file_of_the_page(folder, tmp_path, capsys):
    for suffix in ("mkv", "json"):
        (folder / f"title-0000.{suffix}").rename(folder / f"player.js.{suffix}")
    change(folder, "name", "player.js", "player.js")
    (folder / "titles.csv").write_text("path\nplayer.js.mkv\n")
    assert main(["view", str(folder), "--quiet"]) == 2
    assert "called player.js can have no page" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"key": NaN}', b'{"key": "a", "files": {"a": 1e999}}'])
def test_a_hostile_stamp_vouches_for_nothing(folder, tmp_path, content):
    films, out = FilmSet.open(folder), tmp_path / "page"
    for name in ("title-0000", "title-0009"):
        (out / name).mkdir(parents=True)
        (out / name / "page.json").write_bytes(content)
    write_pages(films, out, 1)
    assert (out / "title-0000" / "picture.mp4").is_file() and (out / "title-0009").is_dir()


def test_a_stamp_that_nobody_writes_into_is_not_waited_for(folder, tmp_path):
    (tmp_path / "page" / "title-0009").mkdir(parents=True)
    os.mkfifo(tmp_path / "page" / "title-0009" / "page.json")
    assert write_pages(FilmSet.open(folder), tmp_path / "page", 1).is_file()


def _longer(title: dict[str, Any]) -> None:
    title["frames"] = title["shots"][2]["end_frame"] = title["shots"][2]["seen_to"] = 25 * 3600


def _wider(title: dict[str, Any]) -> None:
    title["width"] = 1920
    for shot in title["shots"]:
        shot["camera"]["canvas"][0] = shot["camera"]["stored"][0] = 1920


def _fewer_tracks(title: dict[str, Any]) -> None:
    del title["tracks"][1]
    for shot in title["shots"]:
        for line in shot["lines"]:
            del line["spoken"]["ja"]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [(_longer, "lasts 6.0 s, not 3600.0 s"), (_wider, "1920 x 54"), (_fewer_tracks, "3 tracks, not 2")],
)
def test_a_film_that_is_not_its_truths_has_no_page(folder, tmp_path, damage, reason):
    truth = folder / "title-0000.json"
    value = json.loads(truth.read_text())
    damage(value)
    truth.write_text(json.dumps(value))
    page = write_pages(FilmSet.open(folder), tmp_path / "page", 2)
    assert reason in page.read_text(encoding="utf-8")
    assert not (page.parent / "title-0000" / "picture.mp4").exists()
    assert (page.parent / "title-0001" / "index.html").exists()


def test_a_hostile_title_is_not_rendered_around(folder):
    change(folder, "tracks.1.key", "../../x")
    with pytest.raises(InputError, match=r"title-0000\.json: 'tracks\[1\]\.key'"):
        render(folder, 2, SETTINGS)


def test_what_is_read_is_what_was_written(folder):
    title = make_title(0)
    assert FilmSet.open(folder).titles[0] == title
