"""`lssd doctor`: what works here, and how a clone gets the rest."""

import importlib.util

import pytest


def test_parts_and_rooms(lssd) -> None:
    code, out, _ = lssd("doctor")
    assert code == 0
    for part in ("torch", "encoder libx264", "a spoken line"):
        assert part in out
    assert "torch" not in lssd("doctor", "corpus")[1]


def test_what_is_missing_is_installed_from_the_clone(lssd, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "wandb" else found(name))
    shown = " ".join(lssd("doctor", "pretraining")[1].split())  # tables wrap
    assert "pip install -c constraints.txt -e '.[wandb]'" in shown
