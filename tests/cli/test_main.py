"""The program: help for all verbs, one line for every fault, nothing raw from a name, nothing slow."""

import json
import logging
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from lssd.cli import VERBS, build_parser
from lssd.cli.parser import stated_default

# What draws, learns or cuts: no part of reading arguments, or of looking at a film.
HEAVY = {"torch", "scipy.signal", "scipy.stats", "cv2", "matplotlib", "pyarrow", "filmset"}
HOSTILE = "a\x1b[31m\x07\u009b2J\u202eb\nquarantine: nothing"


def modules_after(*words: object) -> tuple[int, set[str]]:
    """The exit code of `lssd` in a fresh process, and all modules that it imported."""
    code = (
        "import sys, json\n"
        "from lssd.cli import main\n"
        "try: code = main(sys.argv[1:])\n"
        "except SystemExit as stop: code = stop.code\n"
        "print(json.dumps([code, sorted(sys.modules)]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, check=True
    )
    exit_code, modules = json.loads(done.stdout.splitlines()[-1])
    return exit_code, set(modules)


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_explains_itself(lssd, verb: str) -> None:
    code, out, _ = lssd(verb, "--help")
    assert code == 0
    assert out.startswith(f"usage: lssd {verb}")
    assert verb in lssd("--help")[1]


def test_the_version_is_told(lssd) -> None:
    assert lssd("--version")[1].startswith("lssd ")


def test_wrong_usage_is_one_line(refuse) -> None:
    refuse("ingets", naming=("ingets",))
    refuse("ingest", naming=("--out", "--help"))
    refuse("pretrain", "demo", naming=("--corpus",))
    refuse("ingest", "a.mkv", "--out", "c", "--workers", HOSTILE, naming=(r"\x1b[31m", r"\u202e"))


WRONG = (
    "ingets",
    "evaluate m",
    "filmset --titles x",
    "ingest no.mkv --out c",
    "dub no.mkv --to es --out d",
    "pretrain demo",
    "pretrain demo --corpus no --out r",
    "embed m no.wav --out o.npz",
    "evaluate m --tasks t --data no --out o",
    "report no.json --out p",
    "view no",
    "verify no",
)


@pytest.mark.parametrize("words", (*WRONG, "--help"))
def test_a_wrong_argument_waits_for_no_room(words: str) -> None:
    code, modules = modules_after(*words.split())
    assert code == (0 if words == "--help" else 2)
    assert not modules & {*HEAVY, "numpy", "av", "rich"}


def test_looking_at_a_film_waits_for_nothing_that_learns_or_draws(tmp_path: Path, make_film) -> None:
    film = make_film(tmp_path / "film.mkv", (1.0,))
    for more in ((), ("--json",)):
        code, modules = modules_after("inspect", film, *more)
        assert code == 0
        assert not modules & HEAVY


@pytest.mark.parametrize("verb", VERBS)
def test_help_waits_for_no_room(verb: str) -> None:
    assert not modules_after(verb, "--help")[1] & HEAVY


def test_what_is_not_given_is_left_to_whoever_states_the_default() -> None:
    """The command line repeats no default of a dataclass or a function."""
    bare = {
        "ingest": ["f", "--out", "c"],
        "dub": ["f", "--out", "d"],
        "embed": ["m", "f", "--out", "e"],
        "evaluate": ["m", "--tasks", "t", "--out", "o"],
        "report": ["r", "--out", "p"],
        "view": ["s"],
    }
    own = {"run", "quiet", "threads", "out", "paths", "path", "model", "tasks", "results", "data"}
    # Switches and lists of the command line alone, which no function has.
    own |= {"clips", "dry_run", "to", "stems", "lines", "set"}
    for verb, words in bare.items():
        assert set(vars(build_parser().parse_args([verb, *words]))) <= own, verb


def test_help_tells_the_defaults_that_are_stated_elsewhere(lssd) -> None:
    from filmset.settings import Settings
    from lssd.corpus import ClipSettings

    out = " ".join(lssd("ingest", "--help")[1].split())
    assert f"durations kept; default {ClipSettings().shortest_s:g} {ClipSettings().longest_s:g}" in out
    assert f"of clips; default {ClipSettings().short_side}" in out
    out = " ".join(lssd("filmset", "--help")[1].split())
    assert f"length of a title; default {Settings(0).seconds:g}" in out
    assert f"default {' '.join(Settings(0).languages)}" in out
    assert stated_default("lssd/evaluation/evaluate.py:evaluate.protocol") == "hear-fixed"
    assert stated_default("lssd/dubbing/dub.py:dub.workers") == 1


def test_an_error_shows_no_raw_control_characters(refuse, tmp_path: Path) -> None:
    refuse("inspect", tmp_path / HOSTILE, naming=(r"a\x1b[31m\x07\x9b2J\u202eb",))


def test_warnings_are_lines_on_stderr_and_quiet_silences_them(lssd, tmp_path: Path, make_film) -> None:
    film = make_film(tmp_path / "film.mkv", (4.0,))
    table = tmp_path / "titles.csv"
    table.write_text(f"path\nfilm.mkv\n{HOSTILE.splitlines()[0]}.mkv\n", encoding="utf-8")
    words = ("ingest", film, "--titles", table, "--workers", 1, "--out")
    _, _, err = lssd(*words, tmp_path / "loud")
    (line,) = err.splitlines()
    assert line.startswith(f"warning: {table} names 1 films that do not exist, first ")
    assert r"a\x1b[31m\x07\x9b2J\u202eb" in line
    assert lssd(*words, tmp_path / "quiet", "--quiet")[2] == ""
    assert not logging.getLogger("lssd").handlers


def test_a_reader_that_leaves_early_sees_no_traceback() -> None:
    command = [sys.executable, "-m", "lssd", "pretrain", "demo", "--print-recipe"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 141


def test_models_and_places_that_are_not_there(refuse, tmp_path: Path) -> None:
    refuse("inspect", tmp_path, naming=("no corpus",))
    refuse("inspect", tmp_path / "no.mkv", naming=("no.mkv",))
    sound = tmp_path / "x.wav"
    sound.write_bytes(b"")
    refuse("embed", tmp_path / "m", sound, "--out", tmp_path / "o.npz", naming=("no model",))
    for words in (("ingest", "x" * 999, "--out", "c"), ("dub", "no.mkv", "--to", "es", "--out", "d")):
        refuse(*words, naming=("no such file or folder", words[1]))
    refuse("report", tmp_path / "r.json", "--out", tmp_path / "page", naming=("r.json",))
    refuse("doctor", "attic", naming=("no room 'attic'",))
    refuse("filmset", "--titles", 0, "--out", tmp_path / "f", naming=("between 1 and",))
    (tmp_path / "file").write_text("")
    refuse("demo", "--out", tmp_path / "file/demo", naming=("cannot write",))


def processor_s(*words: str) -> float:
    """What `lssd` costs in seconds of processor, which a busy machine hardly changes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "lssd", *words], capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def test_a_wrong_argument_and_a_look_at_a_film_cost_little(tmp_path: Path, make_film) -> None:
    film = make_film(tmp_path / "film.mkv", (1.0,))
    assert min(processor_s("ingets") for _ in range(3)) < 0.5
    assert min(processor_s("inspect", str(film)) for _ in range(3)) < 1.0
