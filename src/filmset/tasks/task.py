"""What a probe task is: classes, a plan of its items fold by fold, and how an item is made."""

import zlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np

from filmset.backgrounds import Backgrounds, open_backgrounds
from filmset.words import SpeechSource, SynthesisedSpeech

FOLDS = 5
_PURPOSE = 61  # of a fold's generators

Value = TypeVar("Value")


@dataclass(frozen=True)
class Fold:
    """One of a task's folds. No two share a title, a voice, a sentence or a scene's seed."""

    task: str
    number: int
    seed: int
    items_a_class: int

    @property
    def name(self) -> str:
        """As splits are named: "fold00" .. "fold04"."""
        return f"fold{self.number:02d}"

    def rng(self, purpose: int = 0) -> np.random.Generator:
        """A generator of this fold alone, whichever other tasks are written."""
        return np.random.default_rng(
            [self.seed, _PURPOSE, zlib.crc32(self.task.encode()), self.number, purpose]
        )

    def owns(self, key: str) -> bool:
        """Whether what the key names (a sentence, say) belongs to this fold; each belongs to one."""
        return zlib.crc32(key.encode()) % FOLDS == self.number


@dataclass(frozen=True)
class Item:
    """One sound or film: its labels, the group that it is resampled with, and what makes it."""

    labels: tuple[str, ...]
    group: str
    content: Any


@dataclass(frozen=True)
class Clip:
    """An item's sound float32 (S,) at 48 kHz, its frames uint8 (H, W, 3) at `fps`, or both."""

    sound: np.ndarray | None = None
    frames: Iterable[np.ndarray] | None = None
    fps: Fraction = Fraction(25)


class Sources:
    """What items are made from: backgrounds, and a process that speaks, opened once for many items."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self.backgrounds: Backgrounds = open_backgrounds(None)

    @cached_property
    def speech(self) -> SpeechSource:
        """Who speaks; a process of its own, started when it is first needed."""
        return self._open.enter_context(SynthesisedSpeech())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)


@dataclass(frozen=True)
class Task:
    """A probe task.

    groups: what the groups are ("title", "voice", "scene"); modality: "audio", "picture" or
    "audiovisual"; seconds: length of every item; plan(fold, sources): its items, classes balanced;
    make(content, sources): an item's sound or film. many: whether an item has any number of labels.
    """

    name: str
    title: str
    labels: tuple[str, ...]
    groups: str
    modality: str
    seconds: float
    plan: Callable[[Fold, Sources], list[Item]]
    make: Callable[[Any, Sources], Clip]
    many: bool = False


def sample_evenly(rng: np.random.Generator, values: Sequence[Value], count: int) -> list[Value]:
    """`count` of the values, each as often as the others (or once more), in rounds of random order."""
    sampled: list[Value] = []
    while len(sampled) < count:
        sampled += [values[int(index)] for index in rng.permutation(len(values))]
    return sampled[:count]
