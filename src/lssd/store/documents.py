"""Reading back what `write_json` wrote."""

import json
from pathlib import Path
from typing import Any

from lssd.errors import InputError


def read_json(path: str | Path) -> Any:
    """A JSON file's value. InputError when it is missing or damaged."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"no such file: {path}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged: {error}") from error
