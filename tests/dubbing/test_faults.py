"""Backends that fail, and machines that do."""

import errno
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
import psutil
import pytest
import soundfile
import yaml

from lssd.dubbing import backends
from lssd.dubbing.declaration import BackendError, Declaration
from lssd.dubbing.dub import dub
from lssd.dubbing.speaking.speaker import Speaker
from lssd.engine import TimeLimit
from lssd.errors import InputError, StorageError
from lssd.media import SoundTrack, add_tracks, probe, write_film

pytestmark = pytest.mark.slow


class Moody(Speaker):
    """Speaks a tone, and of some lines dies, hangs, refuses, or stumbles."""

    declaration = Declaration(
        "speaking", "moody", "for tests", "MIT", "none", 16000, None, "cpu", 1, by_line=True
    )

    @dataclass(frozen=True)
    class Settings:
        crash: str = ""
        hang: str = ""
        refuse: str = ""
        stumble: str = ""
        fill: str = ""

    def speak(self, text, language, voice, seconds, line=""):
        if line == self.settings.crash:
            os.kill(os.getpid(), signal.SIGSEGV)
        if line == self.settings.hang:
            time.sleep(60)
        if line == self.settings.refuse:
            raise BackendError(f"'{text}' cannot be said")
        if line == self.settings.fill:
            raise OSError(errno.ENOSPC, "No space left on device", "/disk/line.npy")
        if line == self.settings.stumble:
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
    settings = replace(moody, backends={**moody.backends, "moody": wrong})
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


def test_a_disk_that_fills_up_in_a_backend_ends_the_call(rendered, moody, tmp_path):
    settings = replace(moody, backends={**moody.backends, "moody": {"fill": "0002"}})
    with pytest.raises(StorageError, match=r"cannot write /disk/line\.npy: No space left on device; free"):
        dub([rendered.path], ["fr"], tmp_path / "out", settings)


SLEEPER = """
import os
import time
from pathlib import Path

from lssd.dubbing.declaration import Backend, Declaration
from lssd.dubbing.lines import Segment


class Sleeper(Backend):
    declaration = Declaration("segmentation", "sleeper", "for tests", "MIT", "none", None, None, "cpu", 1)

    def segment(self, speech):
        asleep = Path(__file__).with_name("asleep")
        if not asleep.exists():
            asleep.write_text(str(os.getpid()))
            while True:
                time.sleep(60)
        return [Segment(1.0, 3.0)]
"""


@pytest.fixture
def sleeper(tmp_path, monkeypatch) -> Path:
    """An installed package whose backend sleeps for ever at its first call. Where it says that it sleeps."""
    package = tmp_path / "package"
    about = package / "sleeper-1.0.dist-info"
    about.mkdir(parents=True)
    (package / "sleeper.py").write_text(SLEEPER)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: sleeper\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[lssd.dubbing]\nsleeper = sleeper:Sleeper\n")
    monkeypatch.syspath_prepend(package)
    return package / "asleep"


def test_a_film_on_which_a_backend_sleeps_for_ever_ends_and_the_next_one_is_dubbed(
    rendered, quick, sleeper, tmp_path
):
    films = [tmp_path / "films" / name for name in ("a.mkv", "b.mkv")]
    films[0].parent.mkdir()
    for film in films:
        film.write_bytes(rendered.path.read_bytes())
    settings = replace(
        quick(),
        time_limit=TimeLimit(12.0, 0.5),  # 38 s for 14 s of film and one language
        preset=_with(quick().preset, tmp_path, segmentation=["sleeper"], separation=["none"]),
        backends={},
    )
    slept, dubbed = dub(films, ["fr"], tmp_path / "out", settings)
    assert "did not answer within 38" in slept.reason and not slept.film
    assert dubbed.languages[0].spoken == 1 and dubbed.ok
    time.sleep(2)  # a process looks twice a second whether its parent is gone
    assert not psutil.pid_exists(int(sleeper.read_text()))
    (again,) = dub(films[:1], ["fr"], tmp_path / "out", settings)
    assert again.ok


def test_when_no_line_can_be_spoken_there_is_no_track(rendered, moody, tmp_path):
    preset = _with(moody.preset, tmp_path, speaking=["lines"])
    backends = {**moody.backends, "lines": {"folder": str(tmp_path)}}
    settings = replace(moody, preset=preset, backends=backends, license_policy="permissive")
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


def test_a_cue_that_outlasts_the_film_ends_with_it(rendered, moody, tmp_path):
    own = tmp_path / f"{rendered.path.stem}.es.srt"
    own.write_text("1\n00:00:02,000 --> 00:00:04,000\nHola.\n\n2\n00:00:12,500 --> 00:00:16,000\nAdiós.\n")
    (report,) = dub([rendered.path], ["fr"], tmp_path / "out", replace(moody, subtitles=(str(own),)))
    assert report.ok and report.languages[0].spoken == 2
    assert f"{own.name}: 1 cues end after the film and are cut at its end" in report.flags


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
    backends = {**moody.backends, "lines": {"folder": str(recorded)}}
    settings = replace(moody, preset=both, backends=backends)
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
        moody, preset=preset, backends={**moody.backends, "lines": {"folder": "/no/such/folder"}}
    )
    with pytest.raises(InputError, match="no folder of spoken lines at '/no/such/folder'"):
        dub([rendered.path], ["fr"], tmp_path / "out", settings)


def test_two_films_of_one_name_take_two_folders(rendered, quick, tmp_path):
    other = tmp_path / "other" / rendered.path.name
    tone = np.sin(np.arange(96000) / 20)[None].astype(np.float32) * 0.1
    other.parent.mkdir()
    write_film(other, np.zeros((50, 48, 64, 3), np.uint8), 25, [SoundTrack(tone, 48000, "es")])
    settings = replace(
        quick(), preset=_with(quick().preset, tmp_path, separation=["none"]), backends={}, only="separate"
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
        moody, backends={"moody": {}}, preset=_with(moody.preset, tmp_path, separation=["none"])
    )
    for _ in range(2):
        (report,) = dub([films], ["fr"], films / "dubs", replace(settings, only="separate"))
        assert report.film.endswith("dubs/a/a.background.mkv")
