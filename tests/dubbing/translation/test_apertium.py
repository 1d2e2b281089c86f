import shutil
import stat

import pytest

from lssd.dubbing.declaration import BackendError
from lssd.dubbing.lines import Request
from lssd.dubbing.translation import Apertium
from lssd.errors import MissingExtraError

LINES = [Request("The house is red.", 1.2, "a"), Request("", 1.0, "b"), Request("I have a dog.", 1.0, "c")]

real = pytest.mark.skipif(shutil.which("apertium") is None, reason="apertium is not installed")


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A program of that name that lists pairs and puts the pair before what it reads."""

    def make(script):
        path = tmp_path / "apertium"
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    return make


PAIRS = "eng-spa eng-spa_US es-fr fra-deu eco-es-fr"
LISTING = f'if [ "$1" = -l ]; then printf "  %s\\n" {PAIRS}; exit; fi'


@real
def test_the_real_program_translates():
    backend = Apertium()
    try:
        backend.route("en", "es")
    except BackendError:
        pytest.skip("the pair eng-spa is not installed")
    made = backend.translate(LINES, "en", "es")
    assert [one.text for one in made] == ["La casa es roja.", "", "Tengo un perro."]
    assert all(one.is_translation and one.note == "" for one in made)
    assert backend.translate(LINES[2:], "en", "es") == made[2:]
    assert len(backend.weights_hash()) == 64


def test_pairs_in_a_row_are_found_and_told(program):
    program(LISTING + '\nprintf "%s:" "$2"; cat')
    backend = Apertium()
    assert backend.route("en", "fr") == [("en", "es"), ("es", "fr")]
    made = backend.translate(LINES[:1], "en", "fr")
    assert made[0].text == "es-fr:eng-spa:The house is red." and made[0].note == "through es"
    with pytest.raises(BackendError, match="no way from en to de; installed: en to es, es to fr, fr to de"):
        backend.translate(LINES, "en", "de")
    assert len(Apertium(Apertium.Settings(hops=3)).route("en", "de")) == 3


def test_failures_are_one_line(program):
    program(LISTING + "\necho something broke >&2; exit 3")
    with pytest.raises(BackendError, match="'apertium -u eng-spa' failed: something broke"):
        Apertium().translate(LINES, "en", "es")
    program(LISTING + "\nexec sleep 30")
    with pytest.raises(BackendError, match=r"longer than 0\.5 s; raise the option timeout_s"):
        Apertium(Apertium.Settings(timeout_s=0.5)).translate(LINES, "en", "es")


def test_without_the_program_its_packages_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingExtraError, match="apt-get install apertium"):
        Apertium()
