"""The demo at its smallest: the real rooms from films to page, and a second run that does nothing."""

import html
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from lssd.demo import DemoSettings, Ledger, _evaluate, demo
from lssd.errors import InputError, LssdError
from lssd.evaluation import Evaluation, Result, Unjudged

SMALL = DemoSettings(
    titles=4,
    seconds=16.0,
    held_out=0.5,
    items_per_class=5,
    settings=(
        "schedule.steps=3",
        "views.batch_size=4",
        "views.frames=2",
        "views.size=32",
        "views.short_side=[32,40]",
        "video.dials.patch_kernel=[1,16,16]",
        "video.dials.patch_stride=[1,16,16]",
        "machine.workers=0",
    ),
)


@pytest.mark.slow
def test_from_films_to_page_and_again(tmp_path: Path) -> None:
    first = demo(tmp_path / "d", SMALL, quiet=True)
    page = first.page.read_text(encoding="utf-8")
    for words in (
        "demo-mono",
        "What dubs change",
        "no difference detectable",
        "ONE training run",
        "recall@1",
    ):
        assert words.lower() in page.lower(), words
    results = [Result.read(path) for path in (tmp_path / "d/results").glob("*.json")]
    assert {result.model.name for result in results} == {"demo", "demo-mono", "random-init"}
    assert len(results) == 6
    hashes = {result.model.name: result.model.weights_sha256 for result in results}
    assert len(set(hashes.values())) == 3
    shown = html.unescape(page)
    for line in first.verdicts[2:]:
        assert line.split(": ", 1)[-1] in shown, "the terminal says what the page says"
    commands = re.findall(r"lssd pretrain .*", shown)
    assert len(commands) == 2
    for command in commands:
        words = shlex.split(command)
        assert Path(words[words.index("--corpus") + 1]).is_dir()
    assert first.seconds > 0
    assert first.memory_bytes > 1e8
    assert any("bound" in line for line in first.summary())
    assert not replace(first, seconds=601.0).within_bounds
    assert not replace(first, memory_bytes=7 * 10**9).within_bounds
    assert not replace(first, wait_share=0.2, seconds=1.0).within_bounds

    model = tmp_path / "d/runs/demo/model/model.safetensors"
    film = tmp_path / "d/films/title-0000.mkv"
    before = [path.stat().st_mtime_ns for path in (film, *(tmp_path / "d/corpus/shards").iterdir())]
    weights = model.read_bytes()
    again = demo(tmp_path / "d", SMALL, quiet=True)
    after = [path.stat().st_mtime_ns for path in (film, *(tmp_path / "d/corpus/shards").iterdir())]
    assert before == after
    assert model.read_bytes() == weights
    assert again.verdicts == first.verdicts
    assert again.seconds > first.seconds  # the time of all sessions

    with pytest.raises(InputError, match="other settings"):
        demo(tmp_path / "d", replace(SMALL, seed=9), quiet=True)


def test_tasks_that_cannot_be_judged_are_told_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unjudged = (Unjudged("a", "knock", "no sound"), Unjudged("b", "count", "no memory"))
    monkeypatch.setattr("lssd.demo.evaluate", lambda *arguments, **settings: Evaluation((), unjudged))
    settings = DemoSettings()
    with (
        Ledger(tmp_path / "demo.json", settings) as ledger,
        pytest.raises(LssdError, match="a on knock: no sound; b on count: no memory"),
    ):
        _evaluate(tmp_path, settings, ledger, quiet=True)
