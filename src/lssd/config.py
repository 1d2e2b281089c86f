"""Configuration as data: frozen dataclasses built from YAML, with overrides by dotted key.

A class is its own schema: field names, type hints and defaults. A wrong key or a value of the wrong
type ends in an `InputError` that names the key and, where one is near, the key that was meant.
"""

import dataclasses
import difflib
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml

from lssd.errors import InputError

T = TypeVar("T")


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Read a YAML mapping from a file. InputError when it is missing or is no mapping."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no such file: {path}")
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        detail = str(error).replace("\n", " ")
        raise InputError(f"{path} is not valid YAML: {detail}") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} must hold a mapping of keys to values")
    return value


def override(mapping: Mapping[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """A copy of a nested mapping with `KEY=VALUE` settings applied; KEY is dotted, VALUE is YAML."""
    result = _deep_copy(mapping)
    for setting in settings:
        key, separator, text = setting.partition("=")
        if not separator or not key:
            raise InputError(f"'{setting}' is not of the form KEY=VALUE, as in schedule.steps=100")
        *parents, last = key.strip().split(".")
        place = result
        for parent in parents:
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                raise InputError(f"'{key}' goes through '{parent}', which holds a value, not a group of keys")
        try:
            place[last] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise InputError(f"the value of '{key}' is not valid YAML: {text}") from error
    return result


def build(cls: type[T], mapping: Mapping[str, Any], source: str, prefix: str = "") -> T:
    """Build a frozen dataclass (nested ones included) from a mapping.

    `source` is what messages call the origin, as in "recipe demo". Raises InputError for an unknown
    or missing key and for a value of the wrong type.
    """
    hints = typing.get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in mapping:
        if key not in fields:
            near = difflib.get_close_matches(str(key), fields, n=1)
            hint = f"did you mean '{prefix}{near[0]}'?" if near else f"known keys: {', '.join(fields)}"
            raise InputError(f"{source}: unknown key '{prefix}{key}'; {hint}")
    values = {}
    for name, field in fields.items():
        if name in mapping:
            values[name] = _convert(hints[name], mapping[name], source, prefix + name)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise InputError(f"{source}: the key '{prefix}{name}' is missing")
    try:
        return cls(**values)
    except ValueError as error:
        place = f"in '{prefix.rstrip('.')}'" if prefix else "in the settings"
        raise InputError(f"{source}: {place}: {error}") from error


def to_mapping(value: Any) -> Any:
    """The plain mapping (lists, dicts, scalars) of a dataclass, as YAML and JSON hold it."""
    if dataclasses.is_dataclass(value):
        return {field.name: to_mapping(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: to_mapping(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_mapping(item) for item in value]
    return value


def to_yaml(value: Any) -> str:
    """A dataclass as YAML text in the order of its fields."""
    return yaml.safe_dump(to_mapping(value), sort_keys=False, allow_unicode=True)


def _deep_copy(mapping: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _deep_copy(value) if isinstance(value, Mapping) else value for key, value in mapping.items()}


def _convert(hint: Any, value: Any, source: str, key: str) -> Any:
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise InputError(f"{source}: '{key}' is a group of keys, not the value {value!r}")
        return build(typing.cast(type, hint), value, source, key + ".")
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        inner = next(argument for argument in arguments if argument is not type(None))
        return _convert(inner, value, source, key)
    if origin is typing.Literal:
        if value not in arguments:
            allowed = ", ".join(str(argument) for argument in arguments)
            raise InputError(f"{source}: '{key}' must be one of {allowed}, not {value!r}")
        return value
    if origin is tuple and isinstance(value, list | tuple):
        inner = arguments[:1] * len(value) if arguments[-1] is Ellipsis else arguments
        if len(inner) != len(value):
            raise InputError(f"{source}: '{key}' needs {len(inner)} values, not {len(value)}")
        return tuple(
            _convert(item_hint, item, source, f"{key}[{index}]")
            for index, (item_hint, item) in enumerate(zip(inner, value, strict=True))
        )
    if origin is dict and isinstance(value, Mapping):
        return {name: _convert(arguments[1], item, source, f"{key}.{name}") for name, item in value.items()}
    return _convert_scalar(hint, value, source, key)


def _convert_scalar(hint: Any, value: Any, source: str, key: str) -> Any:
    if hint is Any:
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is float and isinstance(value, str):
        # YAML 1.1 reads 3e-4 as text, since it wants a dot.
        try:
            return float(value)
        except ValueError:
            value = str(value)
    if isinstance(hint, type) and isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    wanted = getattr(hint, "__name__", "list" if typing.get_origin(hint) is tuple else str(hint))
    raise InputError(f"{source}: '{key}' must be of type {wanted}, not {value!r}")
