"""What trained probes answered, kept until the result stands: a run of many seeds can be killed at any."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from lssd.evaluation.probes import Division, Judged
from lssd.store import atomic_path, digest


def probe_key(about: Sequence[object], divisions: Sequence[Division]) -> str:
    """A hash of all that a probe's answers follow from: what it is (`about`), and its vectors and labels."""

    def blocks() -> Iterator[bytes]:
        yield json.dumps(about).encode()
        for division in divisions:
            for array in vars(division).values():
                yield f"{array.dtype}{array.shape}".encode()
                yield np.ascontiguousarray(array).tobytes()

    return digest(blocks(), 32)


def kept_or_trained(folder: Path, key: str, train: Callable[[], Judged]) -> Judged:
    """The answers of that key, trained and kept unless they are there. InputError: it cannot be written."""
    path = folder / f"{key}.npz"
    found = _read(path)
    if found is None:
        found = train()
        about = json.dumps({"validation": found.validation, "chosen": found.chosen})
        with atomic_path(path) as partial, partial.open("wb") as file:
            scores = {f"scores{place}": scores_KC for place, scores_KC in enumerate(found.scores)}
            np.savez(file, about=np.array(about), **scores)  # type: ignore[arg-type]
    return found


def _read(path: Path) -> Judged | None:
    """None when there is no such file, or it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as found:
            about = json.loads(str(found["about"]))
            scores = tuple(found[f"scores{place}"] for place in range(len(about["chosen"])))
    except Exception:  # noqa: BLE001 - rubbish under this name ends in errors of many kinds
        return None
    return Judged(scores, tuple(about["validation"]), tuple(about["chosen"]))
