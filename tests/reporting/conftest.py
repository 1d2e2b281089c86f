"""Planted results, a run folder's metrics, a film set made by hand, and a parser that checks a page as a
browser would read it."""

import csv
import dataclasses
import json
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from filmset.camera import Camera
from filmset.directors import Look
from filmset.render import FilmSet
from filmset.scenes.scene import Scene
from filmset.settings import Settings
from filmset.truth import Event, Fault, Line, PersonInShot, Shot, Speaker, Spoken, Title, Track, Transition
from lssd.evaluation import ModelReference, Predictions, Result
from lssd.evaluation.statistics.intervals import score_interval
from lssd.media import SoundTrack, write_film
from lssd.speech import Voice, Word

_VOID = {"meta", "link", "img", "br", "input", "line", "circle", "path", "polyline"}


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
def parse_markup():
    """Read markup as a browser would: parse_markup(text) -> Page."""
    return Page


@pytest.fixture
def planted(tmp_path):
    """Write a result with the given share of its items right, the same items first for every model."""

    def write(
        model: str, task: str, share: float, items: int = 400, seeds: tuple[int, ...] = (0,), **changes
    ) -> Result:
        right_N = np.arange(items) < round(share * items)
        classes = 8
        scores_NC = np.zeros((items, classes), dtype=np.float32)
        scores_NC[np.arange(items), np.where(right_N, 0, 1)] = 1
        predictions = Predictions(
            items=tuple(f"{index}.wav" for index in range(items)),
            groups=tuple(f"film{index % 40}" for index in range(items)),
            splits=("test",) * items,
            labels=tuple(f"kind {number}" for number in range(classes)),
            targets_NC=np.arange(classes) == np.zeros((items, 1)),
            scores_SNC=np.repeat(scores_NC[None], len(seeds), axis=0),
            seeds=seeds,
        )
        stem = f"{len(list(tmp_path.glob('results/*.json')))}"
        digest = predictions.write(tmp_path / "results" / f"{stem}.parquet")
        result = Result(
            model=ModelReference(model, "", model, "one architecture", "random-init"),
            modality="audio",
            task=task,
            task_title=f"The {task} task",
            protocol="logistic",
            embedding="planted",
            method="a planted probe",
            prediction_type="multiclass",
            primary_metric="top1_acc",
            scores={"top1_acc": score_interval(predictions, "top1_acc")},
            n=items,
            missing=0,
            classes=classes,
            chance=0.125,
            majority=0.143,
            groups="title",
            covers="test items (by title); one training seed",
            seconds={"embed": 1.0},
            predictions=f"{stem}.parquet",
            predictions_sha256=digest,
            seeds=seeds,
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


FPS, RATE = 25, 48_000  # of the planted film set
HOSTILE = "Wet </script><b>wet</b> stone"
TONES_HZ = {"en": 500.0, "ja": 1500.0, "fr": 3000.0}
FAULT_S = 0.4
SHOT = 50  # frames
SETTINGS = Settings(
    seed=7, languages=("en", "ja", "fr"), seconds=6.0, scenes=("sea", "forest"), faults=("offset",)
)


def _spoken(written: str, start_s: float, words: tuple[str, ...]) -> Spoken:
    step = 0.8 / len(words)
    timed = tuple(
        Word(word, start_s + step * place, start_s + step * (place + 1)) for place, word in enumerate(words)
    )
    return Spoken(written, written, start_s, start_s + 0.8, -3.0, timed)


def _line(number: int, speaker: str, start_s: float) -> Line:
    return Line(
        f"meaning-{number}",
        speaker,
        "calm",
        ("water",),
        {
            "en": _spoken(HOSTILE if number == 0 else "Look, the sea.", start_s,
                          ("Wet", "stone") if number == 0 else ("Look", "the", "sea")),
            "ja": _spoken("海が見える。", start_s, ("うみがみえる",)),
            "fr": _spoken("Regarde la mer.", start_s, ("Regarde", "la", "mer")),
        },
    )  # fmt: skip


def make_title(index: int, width: int = 96, height: int = 54, split: str = "train") -> Title:
    """Three shots of 2 s: a cut, then a dissolve; the second pans, has an event and a flash."""
    still = ((0, 0.5, 0.5, 1.0),)
    panned = ((0, 0.4, 0.5, 1.25), (SHOT + 10, 0.6, 0.5, 1.25))
    mouth = (height // 2, width // 2, height // 2 + 4, width // 2 + 8)
    people = (PersonInShot("a", width // 3, height // 2, mouth),)
    event = Event("knock", (2.5, 3.1), (4, 6, 14, 20), -6.0, 5)
    scenes = [
        Scene(kind, 0.5, 0.5, 0.0, 0.5, False, seed) for seed, kind in enumerate(("sea", "forest", "sea"))
    ]
    changes = [Transition("cut", 0, 0), Transition("cut", SHOT, SHOT),
               Transition("dissolve", 2 * SHOT - 5, 2 * SHOT + 5)]  # fmt: skip
    lines = [(_line(0, "a", 0.5),), (_line(1, "b", 2.6),), ()]
    shots = tuple(
        Shot(
            start_frame=SHOT * number,
            end_frame=SHOT * (number + 1),
            seen_from=SHOT * number - (5 if number == 2 else 0),
            seen_to=SHOT * (number + 1) + (5 if number == 1 else 0),
            transition=changes[number],
            flashes=(60, 61) if number == 1 else (),
            recap_of=0 if number == 2 else None,
            camera=Camera("pan" if number == 1 else "still", panned if number == 1 else still,
                          (width, height), (width, height)),
            scene=scenes[number],
            background_source="synthesis",
            background_db=-30.0,
            speech_over_background_db=7.5,
            reverb_s=0.1,
            people=people,
            events=(event,) if number == 1 else (),
            lines=lines[number],
        )
        for number in range(3)
    )  # fmt: skip
    voices = {key: Voice(key, f"{key}-f1-low", "f1", "f", 40, 40, 160) for key in ("en", "ja", "fr")}
    fault = Fault("offset", {"offset_s": FAULT_S})
    return Title(
        name=f"title-{index:04d}",
        index=index,
        seed=7,
        split=split,
        genre="drama",
        director="castel",
        original_language="en",
        tracks=(Track("en", "en", "original", "en", None), Track("ja", "ja", "dub", "ja", None),
                Track("fr", "fr", "dub", "fr", fault)),
        fps="25",
        frames=3 * SHOT,
        width=width,
        height=height,
        pixel_aspect="1",
        sample_rate=RATE,
        channels=1,
        look=Look((1.0, 0.9, 0.8), 1.0, 1.0, 1.0),
        sound_tilt_db=-1.0,
        cast=(Speaker("a", "f", 1, voices), Speaker("b", "m", 2, voices)),
        shots=shots,
    )  # fmt: skip


def _draw(title: Title):
    """Each shot in a grey of its own, white where a mouth is."""
    for frame in range(title.frames):
        number = frame // SHOT
        image = np.full((title.height, title.width, 3), 40 + 50 * number, np.uint8)
        top, left, bottom, right = title.shots[number].seen(title.shots[number].people[0].mouth, frame)
        image[max(0, top) : bottom, max(0, left) : right] = 255
        yield image


def _sound(title: Title, key: str) -> np.ndarray:
    """The same noise in every track, its own tone where it speaks; (1, S), moved by its fault."""
    samples = round(title.frames / FPS * RATE)
    background_S = np.random.default_rng(title.index).normal(0, 0.03, samples)
    voice_S = np.zeros(samples)
    for shot in title.shots:
        for line in shot.lines:
            begin, end = (
                round(time_s * RATE) for time_s in (line.spoken[key].start_s, line.spoken[key].end_s)
            )
            voice_S[begin:end] = 0.2 * np.sin(2 * np.pi * TONES_HZ[key] * np.arange(end - begin) / RATE)
    whole_S = background_S + voice_S
    later = round(FAULT_S * RATE) if key == "fr" else 0
    whole_S = np.concatenate([np.zeros(later), whole_S[: samples - later]])
    return whole_S[None].astype(np.float32)


def write_filmset(folder: Path, titles: int = 3, width: int = 96, height: int = 54) -> Path:
    """The folder that `render` would have left."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [["path", "original_language", "genre", "split"]]
    for index in range(titles):
        title = make_title(index, width, height, "test" if index == titles - 1 else "train")
        tracks = [
            SoundTrack(_sound(title, track.key), RATE, track.tagged, role=track.role)
            for track in title.tracks
        ]
        write_film(folder / f"{title.name}.mkv", _draw(title), Fraction(FPS), tracks, preset="ultrafast")
        (folder / f"{title.name}.json").write_text(json.dumps(title.to_json()), encoding="utf-8")
        rows.append([f"{title.name}.mkv", "en", "drama", title.split])
    with (folder / "titles.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    (folder / "filmset.json").write_text(
        json.dumps({"format": 2, **dataclasses.asdict(SETTINGS)}), encoding="utf-8"
    )
    return folder


@pytest.fixture
def planted_title():
    """A title's truth: planted_title(index=0, width=96, height=54)."""
    return make_title


@pytest.fixture
def make_filmset():
    """Write a film set: make_filmset(folder, titles=3) -> folder."""
    return write_filmset


@pytest.fixture(scope="session")
def planted_filmset(tmp_path_factory):
    """Three titles of 6 s."""
    return FilmSet.open(write_filmset(tmp_path_factory.mktemp("films") / "set"))
