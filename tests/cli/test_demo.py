"""`lssd demo`: bounds are reported, and fail a call that asks for that alone."""

from pathlib import Path

import pytest

from lssd.demo import DemoOutcome, DemoSettings


@pytest.mark.parametrize(
    ("seconds", "words", "code"), [(601, (), 0), (601, ("--check",), 1), (9, ("--check",), 0)]
)
def test_only_a_check_fails_on_a_missed_bound(lssd, monkeypatch, seconds, words, code) -> None:
    outcome = DemoOutcome(Path("page"), seconds, 10**9, 0.1, ("a verdict",), DemoSettings())
    monkeypatch.setattr("lssd.demo.demo", lambda out, settings, quiet: outcome)
    found, out, _ = lssd("demo", *words)
    assert found == code
    assert ("BEYOND ITS BOUND" in out) == (seconds > 600)
    assert "a verdict" in out and "the page: page" in out


def test_a_seed_is_all_that_changes(lssd, refuse, monkeypatch) -> None:
    asked: list[DemoSettings] = []
    outcome = DemoOutcome(Path("page"), 9, 10**9, 0.1, (), DemoSettings())
    monkeypatch.setattr("lssd.demo.demo", lambda out, settings, quiet: asked.append(settings) or outcome)
    assert lssd("demo", "--seed", "7")[0] == lssd("demo")[0] == 0
    assert asked == [DemoSettings(seed=7), DemoSettings()]
    refuse("demo", "--seed", "seven", naming=("--seed",))
