"""Subtitle files against what the formats ask for."""

import re
from dataclasses import replace

import pytest

from filmset.dialogue import write_lines
from filmset.heard import heard
from filmset.subtitles import srt, vtt, write_subtitles
from filmset.truth import Fault, Spoken
from lssd.speech import Word


def line(written: str, start_s: float, end_s: float) -> Spoken:
    return Spoken("text", written, start_s, end_s, 0.0, ())


CUES = [("anna", line("Where to?", 1.0, 2.5)), ("b<c", line("Tea & <cake>,\n\nnow.", 3661.9996, 3662.25))]


def test_subrip():
    assert srt(CUES) == (
        "1\n00:00:01,000 --> 00:00:02,500\nWhere to?\n\n"
        "2\n01:01:02,000 --> 01:01:02,250\nTea & <cake>, now.\n\n"
    )


def test_web_vtt():
    assert vtt(CUES) == (
        "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\n<v anna>Where to?\n\n"
        "01:01:02.000 --> 01:01:02.250\n<v b&lt;c>Tea &amp; &lt;cake&gt;, now.\n\n"
    )


def test_files_hold_every_line_of_every_track(tmp_path, make_title, settings, speech):
    title = write_lines(make_title((5.0, 4.0), people=2), settings, speech)
    write_subtitles(tmp_path, title)
    names = [f"title-0000.{key}.{suffix}" for key in ("de", "en", "ja") for suffix in ("srt", "vtt")]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    for key in ("en", "de", "ja"):
        text = (tmp_path / f"title-0000.{key}.srt").read_text(encoding="utf-8")
        found = re.findall(r"(\d+)\n(\d\d):(\d\d):(\d\d),(\d{3}) --> .*\n(.*)\n\n", text)
        lines = [one for shot in title.shots for one in shot.lines]
        assert len(found) == len(lines) >= 2
        assert [int(cue[0]) for cue in found] == list(range(1, len(lines) + 1))
        times = [int(h) * 3600 + int(m) * 60 + int(s) + int(ms) / 1000 for _, h, m, s, ms, _ in found]
        assert times == sorted(times)
        for start_s, (*_, written) in zip(times, found, strict=True):
            assert any(
                one.spoken[key].written == written
                and one.spoken[key].start_s == pytest.approx(start_s, abs=6e-4)
                for one in lines
            )


def cues(path) -> list[tuple[float, float, str]]:
    """(start, end, text) of an SRT file."""
    text = path.read_text(encoding="utf-8")
    found = re.findall(r"\n([\d:,]{12}) --> ([\d:,]{12})\n(.*)\n\n", "\n" + text)
    assert len(found) == text.count("-->")

    def seconds(clock: str) -> float:
        hours, minutes, rest = clock.replace(",", ".").split(":")
        return 3600 * int(hours) + 60 * int(minutes) + float(rest)

    return [(seconds(start), seconds(end), said) for start, end, said in found]


@pytest.fixture
def faulty_cues(tmp_path, make_title, settings, speech):
    """faulty_cues(kind, values): the faulty track's cues, those it would have, those of the original."""

    def make(kind, values):
        title = write_lines(make_title((5.0, 4.0, 3.0), fault=Fault(kind, values)), settings, speech)
        plain = replace(title, tracks=tuple(replace(track, fault=None) for track in title.tracks))
        found = []
        for one, key in ((title, "de"), (plain, "de"), (plain, "en")):
            write_subtitles(tmp_path, one)
            found.append(cues(tmp_path / f"title-0000.{key}.srt"))
        return title, *found

    return make


@pytest.mark.parametrize("kind", ["silent", "duplicate", "level", "mislabel", "clipped"])
def test_subtitles_of_tracks_that_say_something_else_or_nothing(faulty_cues, kind):
    values = {"silent": {"noise_db": None}, "duplicate": {"of": "en"}, "level": {"db": 3.0},
              "mislabel": {"true": "de", "claimed": "fr"}, "clipped": {"crest": 1.2}}  # fmt: skip
    _, found, dub, original = faulty_cues(kind, values[kind])
    assert found == {"silent": [], "duplicate": original}.get(kind, dub)
    assert dub != original and len(dub) >= 3


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("offset", {"offset_s": 0.4}),
        ("offset", {"offset_s": -0.5}),
        ("slope", {"slope": 1.001, "offset_s": -0.1}),
        ("edit", {"at_s": 5.0, "seconds": 1.25}),
    ],
)
def test_subtitles_move_with_the_sound(faulty_cues, kind, values):
    title, found, dub, _ = faulty_cues(kind, values)
    length_s = float(title.frames / title.rate)
    expected = []
    for start, end, said in dub:
        if kind == "edit":
            later = values["seconds"] * (start >= values["at_s"])
            times = start + later, end + later
        else:
            times = tuple(values.get("slope", 1.0) * time + values["offset_s"] for time in (start, end))
        if times[0] < length_s:
            expected.append((max(0.0, times[0]), min(times[1], length_s), said))
    assert len(found) == len(expected) >= 3
    for one, wanted in zip(found, expected, strict=True):
        assert one[2] == wanted[2] and one[:2] == pytest.approx(wanted[:2], abs=2e-3)


def test_subtitles_end_with_a_truncated_track(faulty_cues):
    _, _, dub, _ = faulty_cues("truncated", {"seconds": 12.0})
    cut_s = (dub[2][0] + dub[2][1]) / 2
    _, found, dub, _ = faulty_cues("truncated", {"seconds": cut_s})
    assert found[:2] == dub[:2] and len(found) == 3
    assert found[2] == (dub[2][0], pytest.approx(cut_s, abs=2e-3), dub[2][2])


@pytest.mark.parametrize("kind", ["commentary", "description"])
def test_subtitles_of_a_narrator_over_the_original(faulty_cues, kind):
    title, found, _, original = faulty_cues(kind, {"mix_db": -3.0})
    narrated = [
        (pytest.approx(line["start_s"], abs=1e-3), pytest.approx(line["end_s"], abs=1e-3), line["written"])
        for line in title.tracks[1].fault.values["lines"]
    ]
    assert narrated and len(found) == len(narrated) + len(original)
    assert [one for one in found if one not in original] == narrated
    assert [one for one in found if one in original] == original


def test_moved_words_stay_clear_and_are_cut_with_their_track(make_title, settings, speech):
    title = make_title((4.0,), fault=Fault("offset", {"offset_s": -0.5}))
    words = (Word("gone", 0.1, 0.4, True), Word("cut", 0.4, 0.8, True), Word("run", 0.8, 1.0, False))
    title = write_lines(title, settings, speech)
    shot = title.shots[0]
    spoken = {**shot.lines[0].spoken, "de": Spoken("gone cut run", "Gone.", 0.1, 1.0, 0.0, words)}
    title = replace(title, shots=(replace(shot, lines=(replace(shot.lines[0], spoken=spoken),)),))
    (one,) = heard(title, 1)
    assert (one.spoken.start_s, one.spoken.end_s) == (0.0, 0.5)
    assert [(word.text, word.clear) for word in one.spoken.words] == [("cut", True), ("run", False)]
    assert one.spoken.words[0].start_s == 0.0 and one.spoken.words[1].start_s == pytest.approx(0.3)
