"""A cache of the results of steps, keyed by their inputs: none is made twice, and a kill loses none."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lssd.store import atomic_folder, hash_json, lock, write_bytes

_WAIT_S = 24 * 3600.0  # for another process that makes the same step
_KEY = 32  # hexadecimal digits


@dataclass(frozen=True)
class Made:
    """A step's result: the folder that holds it, and its key, which later steps put into theirs."""

    folder: Path
    key: str


@dataclass
class Workspace:
    """A folder of steps' results. Several processes may share it: each result is made by one of them.

    `made` and `kept` count the steps that ran and that were reused since this object was made; `seconds` is
    how long the former took.
    """

    folder: Path
    made: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def __post_init__(self) -> None:
        if not (self.folder / ".nomedia").exists():
            write_bytes(self.folder / ".nomedia", b"")  # so that ingest skips it

    def step(self, name: str, of: Mapping[str, Any], make: Callable[[Path], None]) -> Made:
        """The result of a step on these inputs, made by `make(folder)` unless it exists.

        `of` is all that the result depends on, as JSON values: keys of earlier steps, versions, settings,
        hashes of weights. What `make` raises passes through, and nothing is kept.
        """
        key = hash_json({"step": name, **of}, _KEY)
        folder = self.folder_of(name, key)
        if not folder.is_dir():
            with lock(self.folder / "locks" / key[:3], timeout_s=_WAIT_S):
                if not folder.is_dir():
                    started = time.perf_counter()
                    with atomic_folder(folder) as partial:
                        make(partial)
                    self.made[name] += 1
                    self.seconds[name] += time.perf_counter() - started
                    return Made(folder, key)
        self.kept[name] += 1
        return Made(folder, key)

    def folder_of(self, name: str, key: str) -> Path:
        """Where the result of a step is, or would be."""
        return self.folder / name / key[:2] / key
