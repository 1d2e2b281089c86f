"""Where the runs of one recipe with several seeds lie: `OUT/seed-0`, `OUT/seed-1`, ..."""

import re
from pathlib import Path

_NAME = re.compile(r"seed-(0|[1-9]\d{0,18})")


def seed_folder(out: str | Path, seed: int) -> Path:
    """The run of one seed."""
    return Path(out) / f"seed-{seed}"


def seed_folders(out: str | Path) -> dict[int, Path]:
    """The runs that have begun below a folder, by seed in rising order; empty for any other folder."""
    found = (
        (_NAME.fullmatch(path.parent.name), path.parent) for path in Path(out).glob("seed-*/recipe.yaml")
    )
    return {int(match[1]): folder for match, folder in sorted(found, key=lambda one: _seed(one[0])) if match}


def _seed(match: re.Match[str] | None) -> int:
    return -1 if match is None else int(match[1])
