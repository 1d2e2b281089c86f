"""Backends that fail, and machines that do."""

import json
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
import soundfile
import yaml

from lssd.dubbing import backends
from lssd.dubbing.declaration import BackendError, Declaration
from lssd.dubbing.dub import dub
from lssd.dubbing.speaking.speaker import Speaker
from lssd.media import SoundTrack, add_tracks, probe, write_film

pytestmark = pytest.mark.slow


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
    assert "moody died (signal SIGSEGV, a crash in native code)" in flags["0001"]
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
    assert "ends at 602.00 s, after the film at 14.00 s" in report.reason and not report.film


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


def test_a_backend_that_fails_is_tried_again_and_the_next_one_is_not_taken_for_it(rendered, moody, tmp_path):
    """Nothing is recorded at first, and another backend speaks; a line recorded later takes its place."""
    both = _with(moody.preset, tmp_path, speaking=["lines", "moody"])
    recorded = tmp_path / "recorded"
    recorded.mkdir()
    options = {**moody.options, "lines": {"folder": str(recorded)}}
    settings = replace(moody, preset=both, options=options)
    (first,) = dub([rendered.path], ["fr"], tmp_path / "out", settings)
    assert first.made["speak"] == first.languages[0].lines
    sound = np.sin(np.arange(48000) / 9).astype(np.float32)
    soundfile.write(recorded / "0002.fr.wav", sound, 48000, "FLOAT")
    (again,) = dub([rendered.path], ["fr"], tmp_path / "out", settings)
    assert again.made["speak"] == 1
    record = json.loads((Path(again.folder) / "provenance.json").read_text())
    assert {one["backend"] for one in record["dubs"]["fr"]["backends"]} >= {"lines", "moody"}


def test_a_backend_that_was_set_up_and_cannot_load_is_not_replaced(rendered, moody, tmp_path):
    preset = _with(moody.preset, tmp_path, speaking=["lines", "moody"])
    settings = replace(
        moody, preset=preset, options={**moody.options, "lines": {"folder": "/no/such/folder"}}
    )
    (report,) = dub([rendered.path], ["fr"], tmp_path / "out", settings)
    assert "no folder of spoken lines at '/no/such/folder'" in report.languages[0].reason and not report.film


def test_two_films_of_one_name_take_two_folders(rendered, quick, tmp_path):
    other = tmp_path / "other" / rendered.path.name
    tone = np.sin(np.arange(96000) / 20)[None].astype(np.float32) * 0.1
    other.parent.mkdir()
    write_film(other, np.zeros((50, 48, 64, 3), np.uint8), 25, [SoundTrack(tone, 48000, "es")])
    settings = replace(
        quick(), preset=_with(quick().preset, tmp_path, separation=["none"]), options={}, only="separate"
    )
    reports = dub([rendered.path, other], [], tmp_path / "out", settings, workers=2)
    assert len({report.folder for report in reports}) == 2 and all(report.ok for report in reports)


def test_what_hands_wrote_outlives_another_way_of_finding_lines(rendered, moody, tmp_path):
    (first,) = dub([rendered.path], ["fr"], tmp_path / "out", moody)
    path = Path(first.folder) / "utterances.json"
    script = json.loads(path.read_text())
    script["utterances"][0]["said"]["fr"]["text"] = "De ma main."
    path.write_text(json.dumps(script))
    own = tmp_path / f"{rendered.path.stem}.es.srt"
    own.write_text("1\n00:00:02,000 --> 00:00:04,000\nUno.\n")
    (again,) = dub([rendered.path], ["fr"], tmp_path / "out", replace(moody, subtitles=(str(own),)))
    assert "was edited and stands" in again.flags[0]
    assert json.loads(path.read_text())["utterances"][0]["said"]["fr"]["text"] == "De ma main."


def test_a_new_track_of_the_film_is_not_forgotten(rendered, moody, tmp_path):
    film = tmp_path / "film" / rendered.path.name
    film.parent.mkdir()
    film.write_bytes(rendered.path.read_bytes())
    dub([film], ["fr"], tmp_path / "out", moody)
    more = SoundTrack(np.zeros((1, 48000), np.float32), 48000, "en", role="commentary")
    add_tracks(rendered.path, film, [more])
    (report,) = dub([film], ["fr"], tmp_path / "out", moody)
    assert not report.made and [track.role for track in probe(report.film).tracks][2:] == [
        "commentary",
        "dub",
    ]


def test_a_folder_that_holds_its_own_output_is_dubbed_again(rendered, moody, tmp_path):
    films = tmp_path / "films"
    films.mkdir()
    (films / "a.mkv").write_bytes(rendered.path.read_bytes())
    settings = replace(
        moody, options={"moody": {}}, preset=_with(moody.preset, tmp_path, separation=["none"])
    )
    for _ in range(2):
        (report,) = dub([films], ["fr"], films / "dubs", replace(settings, only="separate"))
        assert report.film.endswith("dubs/a/a.background.mkv")
