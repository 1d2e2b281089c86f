"""Planted results, a run folder's metrics, and a parser that checks a page as a browser would read it."""

import dataclasses
import json
from html.parser import HTMLParser

import numpy as np
import pytest

from lssd.evaluation import ModelReference, Result, Score
from lssd.evaluation.results import write_predictions

_VOID = {"meta", "img", "br", "line", "circle", "path", "polyline"}


class Page(HTMLParser):
    """Elements with their attributes, the visible text, and errors of nesting."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.words: list[str] = []
        self.faults: list[str] = []
        self._open: list[str] = []
        self.feed(markup)
        self.close()
        self.faults += [f"<{tag}> is not closed" for tag in self._open]

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> closes another element")

    def handle_data(self, data):
        if "style" not in self._open[-1:]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def parse():
    """Read a page's file, checking that it is well formed and needs nothing from outside."""

    def read(path) -> Page:
        markup = path.read_text(encoding="utf-8")
        page = Page(markup)
        assert not page.faults
        for _, attributes in page.elements:
            for name in ("src", "href", "action", "poster", "srcset", "xlink:href"):
                assert attributes.get(name, "data:").startswith("data:"), f"{name} points outside the page"
        assert not page.all("script") and not page.all("link") and "@import" not in markup
        assert "url(" not in markup and "http:" not in markup and "https:" not in markup
        return page

    return read


@pytest.fixture
def planted(tmp_path):
    """Write a result with the given share of its items right, the same items first for every model."""

    def write(model: str, task: str, share: float, items: int = 400, **changes) -> Result:
        right = np.arange(items) < round(share * items)
        labels = ["yes"] * items
        rows = [
            {
                "item": f"{index}.wav",
                "group": f"film{index % 40}",
                "split": "test",
                "label": labels[index],
                "predicted": "yes" if right[index] else "no",
                "correct": bool(right[index]),
            }
            for index in range(items)
        ]
        stem = f"{len(list(tmp_path.glob('results/*.json')))}"
        digest = write_predictions(tmp_path / "results" / f"{stem}.parquet", rows)
        result = Result(
            model=ModelReference(model, "", model),
            modality="audio",
            task=task,
            task_title=f"The {task} task",
            protocol="linear-probe 1",
            primary_metric="accuracy",
            scores={
                "accuracy": Score(share, share - 0.031, share + 0.032, 0.95, "cluster bootstrap over groups")
            },
            n=items,
            missing=0,
            classes=8,
            chance=0.125,
            majority=0.143,
            groups="title",
            covers="test items (by title); one training seed",
            seconds={"embed": 1.0},
            predictions=f"{stem}.parquet",
            predictions_sha256=digest,
        )
        return dataclasses.replace(result, **changes).write(tmp_path / "results" / f"{stem}.json")

    return write


@pytest.fixture
def run_folder(tmp_path):
    """A run folder with 50 steps and two evaluations."""

    def write(name: str, recall: float, chance: float | None = 1 / 64):
        folder = tmp_path / name
        folder.mkdir()
        lines = [
            {"step": step, "cross": 4.0 - step / 25, "video": 3.0 - step / 50, "audio": 2.0, "lr": 1e-3}
            for step in range(1, 51)
        ]
        for step, share in ((25, recall / 2), (50, recall)):
            scores = {"recall@1": share} | ({} if chance is None else {"chance@1": chance})
            lines.append({"step": step, "eval": scores})
        text = "\n".join(json.dumps(line) for line in lines)
        (folder / "metrics.jsonl").write_text(text + '\n{"step": 51, "cro')  # as a killed run leaves it
        return folder

    return write
