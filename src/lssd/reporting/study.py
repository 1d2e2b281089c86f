"""What the page of a study is made of: plain descriptions, no drawing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lssd.evaluation import Result


@dataclass(frozen=True)
class Arm:
    """One pretraining run of a study. `run_folder` holds its `metrics.jsonl`."""

    name: str
    description: str = ""
    run_folder: Path | None = None
    results: Sequence[Result] = ()


@dataclass(frozen=True)
class Stage:
    """One step of what was run: how long it took, and what it made."""

    name: str
    seconds: float
    detail: str = ""


@dataclass(frozen=True)
class Study:
    """Arms of one experiment, compared with the first of them.

    `random_init`: the results of an untrained model, one a task. `corpus`: a corpus folder, of which
    one clip is shown. `facts`, all optional: `memory_peak_bytes`, `seconds` (in all),
    `data_wait_share` (0..1), `versions` and `seeds` (mappings), `commands` (texts); any other key is
    shown as it is.
    """

    title: str
    arms: Sequence[Arm]
    random_init: Sequence[Result] = ()
    corpus: Path | None = None
    stages: Sequence[Stage] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    summary: str = ""
