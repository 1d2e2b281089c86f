"""Content hashes. Ids derive from them, so the functions here must never change their output."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

_BLOCK = 1 << 20
_ROWS = 1 << 10  # of a list, turned into JSON at once


def digest(blocks: Iterable[bytes], length: int = 64) -> str:
    """SHA-256 over the concatenated blocks, as the first `length` hexadecimal digits."""
    state = hashlib.sha256()
    for block in blocks:
        state.update(block)
    return state.hexdigest()[:length]


def hash_file(path: str | Path) -> str:
    """SHA-256 of a file's bytes, read in blocks, so memory does not grow with the file."""
    with Path(path).open("rb") as file:
        return digest(iter(lambda: file.read(_BLOCK), b""))


def hash_json(value: Any, length: int = 64) -> str:
    """SHA-256 of a JSON value in canonical form: sorted keys, no spaces, ASCII only."""
    return digest([_canonical(value)], length)


def hash_json_rows(rows: Iterable[Any], length: int = 64) -> str:
    """`hash_json` of the list of these values, which need not be in memory together."""
    return digest(_list_blocks(iter(rows)), length)


def _list_blocks(rows: Iterator[Any]) -> Iterator[bytes]:
    before = b"["
    while block := list(islice(rows, _ROWS)):
        yield before + _canonical(block)[1:-1]
        before = b","
    yield b"[]" if before == b"[" else b"]"


def _canonical(value: Any) -> bytes:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.encode("ascii")
