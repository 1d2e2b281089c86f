"""Subtitle files against what the formats ask for."""

import re

import pytest

from lssd.filmset.dialogue import write_lines
from lssd.filmset.subtitles import srt, vtt, write_subtitles
from lssd.filmset.truth import Spoken


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


def test_files_hold_every_line_of_every_track(tmp_path, make_title, settings, voicing):
    title = write_lines(make_title((5.0, 4.0), people=2), settings, voicing)
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
