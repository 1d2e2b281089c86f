"""The demo at its smallest: the real rooms from films to page, and a second run that does nothing."""

import html
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TINY_CONVOLUTIONS

from lssd.demo import REFERENCE, DemoSettings, Ledger, _evaluate, demo
from lssd.engine import Outcome
from lssd.errors import InputError, LssdError
from lssd.evaluation import Evaluation, Result, Unjudged

SMALL = DemoSettings(
    titles=4,
    seconds=16.0,
    held_out=0.5,
    seeds=2,
    items_per_class=5,
    settings=(
        *TINY_CONVOLUTIONS,
        "schedule={steps: 3, warmup_steps: 1}",
        "views.batch_size=4",
        "views.size=32",
        "views.short_side=[32,40]",
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
        "demo, seed 1",
        "demo-mono, seed 2",
        f"Against {REFERENCE}",
        "recall@1",
    ):
        assert words.lower() in page.lower(), words
    results = [Result.read(path) for path in (tmp_path / "d/results").glob("*.json")]
    seeds = {(arm, seed) for arm in ("demo", "demo-mono") for seed in (1, 2)}
    names = {f"{arm}-seed-{seed}" for arm, seed in seeds}
    assert {result.model.name for result in results} == {*names, "random-init", REFERENCE}
    assert {(one.model.arm, one.model.training_seed) for one in results if one.model.arm} == seeds
    # On two tasks: a network a seed and arm, each with a twin whose stems have its statistics; the reference.
    assert len(results) == 2 * (4 + 4 + 1)
    hashes = {result.model.name: result.model.weights_sha256 for result in results if result.model.arm}
    assert len(set(hashes.values())) == 4
    shown = html.unescape(page)
    told = "\n".join(first.verdicts)
    for title in {result.task_title for result in results}:
        for other in ("demo-mono", "their untrained twins", REFERENCE):
            assert f"{title}, demo (seeds 1, 2) against {other}: " in told
        assert f"{title}, demo-mono (seeds 1, 2) against {REFERENCE}: " in told
    verdicts = [line for line in first.verdicts if " against " in line]
    assert len(verdicts) >= 10
    for line in verdicts:
        assert line.split(": ", 1)[-1] in shown, "the terminal says what the page says"
    assert any(line.startswith("held-out recall@1, demo less demo-mono: ") for line in first.verdicts)
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

    model = tmp_path / "d/runs/demo/seed-2/model/model.safetensors"
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


def _run_here(
    function: Callable[[Any], Any], items: Sequence[Any], workers: int
) -> Iterator[Outcome[Any, Any]]:
    return (Outcome(item, function(item)) for item in items)


def test_tasks_that_cannot_be_judged_are_told_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unjudged = (Unjudged("a", "knock", "no sound"), Unjudged("b", "count", "no memory"))
    monkeypatch.setattr("lssd.demo.evaluate", lambda *arguments, **settings: Evaluation((), unjudged))
    monkeypatch.setattr("lssd.demo.run_stage", _run_here)
    settings = DemoSettings()
    with (
        Ledger(tmp_path / "demo.json", settings) as ledger,
        pytest.raises(LssdError, match="a on knock: no sound; b on count: no memory"),
    ):
        _evaluate(tmp_path, ledger, quiet=True)
