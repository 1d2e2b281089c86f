"""What the page of a study is made of: plain descriptions, no drawing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lssd.evaluation import Result


@dataclass(frozen=True)
class Arm:
    """One pretraining run of a study. `run_folder` holds its `metrics.jsonl`; runs with one `group` differ in
    their seeds alone, and have one colour."""

    name: str
    description: str = ""
    run_folder: Path | None = None
    results: Sequence[Result] = ()
    group: str = ""


def groups_of(arms: Sequence[Arm]) -> list[str]:
    """What each arm's colour stands for: its group, or itself."""
    return [arm.group or arm.name for arm in arms]


def series_of(arms: Sequence[Arm]) -> list[int]:
    """The number of each arm's colour."""
    groups = groups_of(arms)
    order = list(dict.fromkeys(groups))
    return [order.index(group) for group in groups]


@dataclass(frozen=True)
class Stage:
    """One step of what was run: how long it took, and what it made."""

    name: str
    seconds: float
    detail: str = ""


@dataclass(frozen=True)
class Cost:
    """What a study took: seconds in all, the peak of memory, the share of training (0..1) spent waiting for
    data, and the machine in words. What was not measured is None or empty, and not shown."""

    seconds: float | None = None
    memory_peak_bytes: int | None = None
    wait_share: float | None = None
    machine: str = ""


@dataclass(frozen=True)
class Study:
    """Arms of one experiment, compared with the first of them.

    `random_init`: the results of an untrained model, one a task. `corpus`: a corpus folder, of which
    one clip is shown. `commands`: lines for a shell that make the study again. `seeds`: by what
    they are for; `versions`: by package.
    """

    title: str
    arms: Sequence[Arm]
    random_init: Sequence[Result] = ()
    corpus: Path | None = None
    stages: Sequence[Stage] = ()
    cost: Cost = field(default_factory=Cost)
    commands: Sequence[str] = ()
    seeds: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""
