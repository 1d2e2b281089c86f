"""What the command line prints of results."""

import pytest
from rich.console import Console

from lssd.evaluation import Score, Unjudged
from lssd.evaluation.evaluate import Evaluation
from lssd.evaluation.metrics import METRICS
from lssd.reporting import terminal


@pytest.mark.parametrize("metric", METRICS)
def test_metrics_are_called_by_their_words(planted, capsys, monkeypatch, metric):
    monkeypatch.setattr(terminal, "_console", Console(width=250, highlight=False, soft_wrap=True))
    scores = {metric: Score(0.5, 0.4, 0.6, 0.95, "planted")}
    result = planted("mine", "scene", 0.5, primary_metric=metric, scores=scores)
    terminal.show_evaluation(Evaluation((result,), ()))
    said = capsys.readouterr()
    assert f" {METRICS[metric].title} " in said.out and metric not in said.out
    assert said.err == ""


def test_what_could_not_be_judged_is_told_beside_the_results(planted, capsys):
    unjudged = (
        Unjudged("mine", "count", "no item could be read"),
        Unjudged("\x1b[2Jx", "scene", "no memory"),
    )
    terminal.show_evaluation(Evaluation((planted("mine", "scene", 0.5),), unjudged))
    said = capsys.readouterr()
    assert "The scene" in said.out
    assert "not judged: mine on count: no item could be read\n" in said.err
    assert "1 result stands, 2 could not be made" in said.err and "\x1b" not in said.err
