"""How large a config may be: bounds that are checked before anything is allocated.

They lie far above every published model and far below what brings a machine to its knees, since a config
may come from anywhere. The largest published encoders of the families here: MViTv2-H has 667 M parameters
and 80 blocks, MViTv2-L takes 40 frames of 312 x 312 (Li et al., CVPR 2022).
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from lssd.errors import InputError

Range = tuple[float, float]

SIZE = 1 << 16  # of a layer's width, a kernel, a side of the input
LAYERS = 512  # blocks of an encoder
PARAMETERS = 4 * 10**9  # of an encoder: 16 GB
ACTIVATIONS = 1 << 31  # numbers that one layer gives for one item: 8 GB
TABLES = 1 << 28  # numbers of an encoder's constant tables: 1 GB
INPUT = 1 << 28  # numbers of one item that an encoder takes: 32 times 16 frames of 420 x 420

_DEPTH = 16  # of nested groups
_VALUES = 10_000  # in all
_TEXT = 4000  # characters of a value
_KEY = 100  # characters of a key
_WHOLE = 1 << 63


def check_values(value: Any, source: str) -> None:
    """Raise InputError, naming the key, for a value that no config or recipe holds.

    That is a number that is not finite or has more than 64 bits, and text, lists and nesting without end.
    `value`: what JSON or YAML gave; `source`: what messages call its origin.
    """
    seen = 0
    waiting = [("", 0, value)]  # YAML's references may unfold to more than memory holds: no recursion
    while waiting:
        key, depth, value = waiting.pop()
        where = f"{source}: '{key}'" if key else source
        seen += 1
        if isinstance(value, Mapping | list | tuple):
            if depth >= _DEPTH:
                raise InputError(f"{where} is nested {depth} deep; at most {_DEPTH} levels are read")
            if seen + len(value) > _VALUES:
                raise InputError(f"{where} is one of more than {_VALUES} values; no more are read")
        if isinstance(value, Mapping):
            for name, item in value.items():
                if not str(name).isprintable() or len(str(name)) > _KEY:
                    raise InputError(f"{where} has the unknown key {ascii(name)[:_KEY]}")
                waiting.append((f"{key}.{name}" if key else str(name), depth + 1, item))
        elif isinstance(value, list | tuple):
            waiting += [(f"{key}[{number}]", depth + 1, item) for number, item in enumerate(value)]
        elif isinstance(value, str) and len(value) > _TEXT:
            raise InputError(f"{where} is a text of {len(value)} characters; at most {_TEXT} are read")
        elif isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"{where} is {value}, which is no finite number")
        elif isinstance(value, int) and not -_WHOLE <= value < _WHOLE:
            raise InputError(f"{where} is a number of {value.bit_length()} bits; at most 64 are read")


def require_ranges(config: Any, default: Range = (0, SIZE), **ranges: Range) -> None:
    """Raise ValueError, naming the field, for a number of a dataclass that lies outside its range.

    `default` is the range of the fields that `ranges` does not name. Tuples are checked number by number,
    and hold at most 64; NaN lies in no range.
    """
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        low, high = ranges.get(field.name, default)
        numbers = value if isinstance(value, tuple) else (value,)
        if len(numbers) > 64:
            raise ValueError(f"{field.name} holds {len(numbers)} values; it can be at most 64")
        for number in numbers:
            if isinstance(number, int | float) and not isinstance(number, bool) and not low <= number <= high:
                raise ValueError(f"{field.name} {number} is not between {low:.10g} and {high:.10g}")


def require_size(
    names: str, *, parameters: int = 0, activations: int = 0, tables: int = 0, inputs: int = 0
) -> None:
    """Raise ValueError for an encoder or a way in that is too large for any machine meant here.

    names: the fields that make it so, for the message. parameters, tables: numbers in all. activations: of
    the largest layer, for one item. inputs: numbers of one item.
    """
    for found, most, what in (
        (parameters, PARAMETERS, "parameters"),
        (activations, ACTIVATIONS, "activations in one layer"),
        (tables, TABLES, "numbers in constant tables"),
        (inputs, INPUT, "numbers in one input"),
    ):
        if found > most:
            size = f"{found:,}" if found < _WHOLE else "more than 10^18"
            raise ValueError(f"{names} ask for {size} {what}; at most {most:,} are built")
