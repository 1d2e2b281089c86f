"""The command line: help for all, one line for every fault, nothing half-written."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lssd.cli import main

VERBS = (
    "demo",
    "filmset",
    "view",
    "inspect",
    "ingest",
    "verify",
    "pretrain",
    "embed",
    "evaluate",
    "report",
    "doctor",
)


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    capsys.readouterr()
    try:
        code = main([str(argument) for argument in arguments])
    except SystemExit as stop:
        code = int(stop.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def assert_refused(result: tuple[int, str, str], *words: str) -> None:
    code, out, err = result
    assert code == 2
    assert out == ""
    assert len(err.strip().splitlines()) == 1, err
    for word in words:
        assert word in err


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_explains_itself(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    code, out, _ = run(capsys, verb, "--help")
    assert code == 0
    assert out.startswith(f"usage: lssd {verb}")
    assert verb in run(capsys, "--help")[1]


def test_help_does_not_wait_for_torch() -> None:
    code = "import sys; import lssd.cli as c; c.build_parser(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_wrong_usage_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert_refused(run(capsys, "ingets"), "ingets")
    assert_refused(run(capsys, "ingest"), "--out", "--help")
    assert_refused(run(capsys, "pretrain", "demo"), "--corpus")


def test_ingest_refuses_in_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path, make_film) -> None:
    out = tmp_path / "c"
    good = make_film(tmp_path / "good.mkv", (4.0,), ("en", "de"))
    (tmp_path / "text.mkv").write_text("no film")
    (tmp_path / "file").write_text("")
    single = make_film(tmp_path / "single.mkv", (4.0,), ("en",))
    silent = make_film(tmp_path / "silent.mkv", (4.0,), ())
    untagged = make_film(tmp_path / "untagged.mkv", (4.0,), ("en", None), roles=["unknown", "unknown"])
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(good.read_bytes()[:400])
    for film, words in (
        (tmp_path / "missing.mkv", ["no such file", "missing.mkv"]),
        (tmp_path / "text.mkv", ["text.mkv"]),
        (cut, ["cut.mkv"]),
        (silent, ["silent.mkv", "no sound track"]),
        (single, ["single.mkv", "one language only", "--single-language"]),
        (untagged, ["track 1 of", "untagged.mkv", "no language tag", "--titles"]),
    ):
        assert_refused(run(capsys, "ingest", film, "--out", out, "--quiet"), *words)
        assert not out.exists()
    assert_refused(run(capsys, "ingest", good, "--out", tmp_path / "file/c", "--quiet"), "cannot write")


def test_a_film_to_a_corpus_to_a_model(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, corpus: Path, make_film
) -> None:
    film = make_film(tmp_path / "film.mkv", (4.0, 3.5), ("en", "de"))
    code, out, _ = run(capsys, "inspect", film, "--json")
    described = json.loads(out)
    assert code == 0
    assert [track["language"] for track in described["tracks"]] == ["en", "de"]
    assert {"path", "duration_s", "video", "tracks"} <= set(described)
    fields = {"index", "language", "role", "channels", "sample_rate", "start_s", "duration_s"}
    assert fields <= set(described["tracks"][0])
    assert "English" in run(capsys, "inspect", film)[1]

    broken = tmp_path / "broken.mkv"
    broken.write_text("no film")
    code, out, err = run(capsys, "ingest", film, broken, "--out", tmp_path / "c", "--quiet", "--workers", 1)
    assert code == 0
    assert "1 titles, 2 clips, 1 files in quarantine" in out
    assert "broken.mkv" in err
    assert run(capsys, "verify", tmp_path / "c", "--quiet")[0] == 0
    shard = next((tmp_path / "c/shards").glob("*.tar"))
    data = bytearray(shard.read_bytes())
    data[600] ^= 255
    shard.write_bytes(data)
    code, out, _ = run(capsys, "verify", tmp_path / "c", "--quiet")
    assert code == 1
    assert "1 at fault" in out

    code, out, _ = run(capsys, "inspect", corpus)
    assert code == 0
    assert "6 titles (1 test, 5 train), 17 clips" in out
    assert "German (de)" in out


def test_pretrain_prints_and_forecasts(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, corpus: Path
) -> None:
    code, out, _ = run(capsys, "pretrain", "demo", "--print-recipe", "--set", "seed=5")
    assert code == 0
    assert "seed: 5" in out
    code, out, _ = run(capsys, "pretrain", "demo", "--corpus", corpus, "--out", tmp_path / "r", "--dry-run")
    assert code == 0
    assert "14 of 5 titles, 12 with dubs" in out
    assert not (tmp_path / "r").exists()
    wrong = run(capsys, "pretrain", "demo", "--print-recipe", "--set", "schedule.stepz=5")
    assert_refused(wrong, "schedule.stepz", "did you mean 'schedule.steps'")
    assert_refused(run(capsys, "pretrain", "nope", "--print-recipe"), "no recipe 'nope'", "demo")
    both = ("--dry-run", "--push-to", "me/films")
    assert_refused(run(capsys, "pretrain", "demo", "--corpus", corpus, *both), "--push-to needs a run")
    missing = run(capsys, "pretrain", "demo", "--corpus", tmp_path / "no", "--out", tmp_path / "r")
    assert_refused(missing, "not a corpus")


def test_a_reader_that_leaves_early_sees_no_traceback() -> None:
    command = [sys.executable, "-m", "lssd", "pretrain", "demo", "--print-recipe"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 141


def test_a_push_that_cannot_be_is_refused_before_training(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, corpus: Path
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    out = ("--corpus", corpus, "--out", tmp_path / "r", "--push-to", "me/films")
    assert_refused(run(capsys, "pretrain", "demo", *out), "pip install 'lssd[hub]'")
    assert not (tmp_path / "r").exists()


def test_models_and_places_that_are_not_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert_refused(run(capsys, "inspect", tmp_path), "no corpus")
    assert_refused(run(capsys, "inspect", tmp_path / "no.mkv"), "no.mkv")
    assert_refused(run(capsys, "embed", tmp_path / "m", "x.wav", "--out", tmp_path / "o.npz"), "no model")
    assert_refused(run(capsys, "report", tmp_path / "r.json", "--out", tmp_path / "page"), "r.json")
    assert_refused(run(capsys, "doctor", "attic"), "no room 'attic'")
    assert_refused(run(capsys, "filmset", "--titles", 0, "--out", tmp_path / "f"), "between 1 and")
    (tmp_path / "file").write_text("")
    assert_refused(run(capsys, "demo", "--out", tmp_path / "file/demo"), "cannot write")


def test_doctor(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "doctor")
    assert code == 0
    for part in ("torch", "encoder libx264", "a spoken line"):
        assert part in out
    assert "torch" not in run(capsys, "doctor", "corpus")[1]
