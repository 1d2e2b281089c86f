"""Backends that fail, and machines that do."""

import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from lssd.dubbing import backends, dub
from lssd.dubbing.declaration import BackendError, Declaration
from lssd.dubbing.speaking.speaker import Speaker
from lssd.media import probe


class Moody(Speaker):
    """Speaks a tone, and of some lines dies, hangs, refuses, or stumbles."""

    declaration = Declaration(
        "speaking", "moody", "for tests", "MIT", "none", 16000, None, "cpu", 1, by_line=True
    )

    @dataclass(frozen=True)
    class Options:
        crash: str = ""
        hang: str = ""
        refuse: str = ""
        stumble: str = ""

    def speak(self, text, language, voice, seconds, line=""):
        if line == self.options.crash:
            os.kill(os.getpid(), signal.SIGSEGV)
        if line == self.options.hang:
            time.sleep(60)
        if line == self.options.refuse:
            raise BackendError(f"'{text}' cannot be said")
        if line == self.options.stumble:
            raise ZeroDivisionError("division by zero")
        return np.sin(np.arange(int(seconds * 16000)) / 20).astype(np.float32), 16000


@dataclass(frozen=True)
class _Point:
    backend: type

    def load(self):
        return self.backend


@pytest.fixture
def moody(rendered, quick, tmp_path, monkeypatch):
    """Settings in which the lines are spoken by `Moody`, as a package of its own would add it."""
    monkeypatch.setattr(backends, "entry_points", lambda group: [_Point(Moody)])
    settings = quick()
    preset = yaml.safe_load(Path(settings.preset).read_text()) | {"speaking": ["moody"]}
    path = tmp_path / "moody.yaml"
    path.write_text(yaml.safe_dump(preset))
    return replace(settings, preset=str(path), timeout_s=5.0)


def test_a_backend_that_dies_hangs_or_stumbles_costs_its_line(rendered, moody, tmp_path):
    wrong = {"crash": "0001", "refuse": "0002", "stumble": "0003", "hang": "0004"}
    settings = replace(moody, options={**moody.options, "moody": wrong})
    (report,) = dub([rendered.path], ["fr"], tmp_path / "out", settings)
    (french,) = report.languages
    flags = {line: [flag for one, flag in french.flags if one == line] for line in wrong.values()}
    assert "moody died (exit status -11)" in flags["0001"]
    assert any("cannot be said" in flag for flag in flags["0002"])
    assert "ZeroDivisionError: division by zero" in flags["0003"]
    assert "moody did not answer within 5 s and was ended" in flags["0004"]
    assert french.ok and french.spoken == french.lines - 4 > 0
    assert [track.language for track in probe(report.film).tracks] == ["es", "en", "fr"]
    (mended,) = dub([rendered.path], ["fr"], tmp_path / "out", moody)
    assert mended.languages[0].spoken == mended.languages[0].lines


def test_when_no_line_can_be_spoken_there_is_no_track(rendered, moody, tmp_path):
    preset = _with(moody.preset, tmp_path, speaking=["lines"])
    options = {**moody.options, "lines": {"folder": str(tmp_path)}}
    settings = replace(moody, preset=preset, options=options, license_policy="permissive")
    (report,) = dub([rendered.path], ["fr"], tmp_path / "out", settings)
    assert (
        report.languages[0].reason.startswith("no line could be spoken: line 0001: neither")
        and not report.film
    )
    assert not list((tmp_path / "out").rglob("*.mkv"))


def _with(preset, tmp_path, **steps) -> str:
    path = tmp_path / "other.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(Path(preset).read_text()) | steps))
    return str(path)


def test_a_line_of_a_fifth_of_a_second_and_overlapping_ones(rendered, moody, tmp_path):
    own = tmp_path / f"{rendered.path.stem}.es.srt"
    own.write_text(
        "1\n00:00:01,000 --> 00:00:01,200\nSí.\n\n"
        "2\n00:00:02,000 --> 00:00:04,000\nANA: Uno.\n\n"
        "3\n00:00:03,000 --> 00:00:05,000\nLUIS: Dos.\n\n"
        "4\n00:00:04,500 --> 00:00:06,000\nLUIS: Tres.\n"
    )
    (report,) = dub([rendered.path], ["fr"], tmp_path / "out", replace(moody, subtitles=(str(own),)))
    assert report.languages[0].spoken == 4 and report.ok


def test_subtitles_of_another_film_are_noticed(rendered, moody, tmp_path):
    own = tmp_path / f"{rendered.path.stem}.es.srt"
    own.write_text("1\n00:10:00,000 --> 00:10:02,000\nHola.\n")
    (report,) = dub([rendered.path], ["fr"], tmp_path / "out", replace(moody, subtitles=(str(own),)))
    assert "begins after the end at" in report.reason and not report.film


def test_a_full_disk_is_one_line_and_the_same_command_goes_on(rendered, quick, tmp_path):
    settings = quick()
    out = tmp_path / "out"
    command = [sys.executable, "-m", "lssd", "dub", rendered.path, "--to", "fr", "--out", out, "--quiet"]
    command += ["--preset", settings.preset, "--stems", rendered.stems]

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    failed = subprocess.run(list(map(str, command)), preexec_fn=little_room, capture_output=True, text=True)
    assert failed.returncode == 2 and "Traceback" not in failed.stderr + failed.stdout
    assert "File too large" in failed.stderr + failed.stdout
    assert not list(out.rglob("*.mkv"))
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0 and "French: 5 of 5 lines" in done.stdout, done.stderr
    assert next(out.rglob("tracks.png")).stat().st_size > 10_000


def test_what_the_command_prints_when_nothing_can_be_done(rendered, tmp_path):
    command = [
        sys.executable,
        "-m",
        "lssd",
        "dub",
        tmp_path / "gone.mkv",
        "--to",
        "fr",
        "--out",
        tmp_path / "out",
    ]
    failed = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert failed.returncode == 2 and failed.stderr.startswith("lssd: no such file or folder")
    assert len(failed.stderr.splitlines()) == 1
    shown = subprocess.run(
        [sys.executable, "-m", "lssd", "doctor", "dubbing"], capture_output=True, text=True
    )
    assert shown.returncode == 0 and "espeak" in shown.stdout and "pocketsphinx" in shown.stdout
