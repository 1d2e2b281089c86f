"""Configuration: frozen dataclasses from YAML, with errors that name the key."""

from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lssd import config
from lssd.errors import InputError


@dataclass(frozen=True)
class Inner:
    rate: float = 0.5
    sizes: tuple[int, ...] = (1, 2)


@dataclass(frozen=True)
class Outer:
    name: str
    count: int = 3
    limit: int | None = None
    mode: Literal["a", "b"] = "a"
    inner: Inner = field(default_factory=Inner)


def test_build_converts_nested_values() -> None:
    built = config.build(Outer, {"name": "x", "inner": {"rate": 2, "sizes": [4, 5, 6]}}, "test")
    assert built == Outer("x", inner=Inner(2.0, (4, 5, 6)))
    assert isinstance(built.inner.rate, float)


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"name": "x", "coutn": 1}, ["unknown key 'coutn'", "did you mean 'count'"]),
        ({"name": "x", "inner": {"rat": 1}}, ["unknown key 'inner.rat'", "inner.rate"]),
        ({}, ["'name' is missing"]),
        ({"name": "x", "count": "many"}, ["'count'", "int", "'many'"]),
        ({"name": "x", "count": True}, ["'count'", "int"]),
        ({"name": "x", "mode": "c"}, ["'mode'", "one of a, b"]),
        ({"name": "x", "inner": 3}, ["'inner' is a group"]),
        ({"name": "x", "inner": {"sizes": [1, "b"]}}, ["inner.sizes[1]"]),
    ],
)
def test_errors_name_the_key(mapping: dict, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        config.build(Outer, mapping, "recipe r")
    message = str(caught.value)
    assert message.startswith("recipe r: ")
    assert "\n" not in message
    for word in words:
        assert word in message


def test_override_sets_dotted_keys_and_leaves_the_original() -> None:
    mapping = {"name": "x", "inner": {"rate": 1.0}}
    changed = config.override(mapping, ["inner.rate=3e-4", "limit=7", "inner.sizes=[1]"])
    assert config.build(Outer, changed, "t") == Outer("x", limit=7, inner=Inner(3e-4, (1,)))
    assert mapping == {"name": "x", "inner": {"rate": 1.0}}
    with pytest.raises(InputError, match="KEY=VALUE"):
        config.override(mapping, ["inner.rate"])
    with pytest.raises(InputError, match="holds a value"):
        config.override(mapping, ["name.more=1"])


@given(
    st.builds(
        Outer,
        name=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])),
        count=st.integers(-(2**40), 2**40),
        limit=st.none() | st.integers(0, 9),
        mode=st.sampled_from(["a", "b"]),
        inner=st.builds(
            Inner,
            rate=st.floats(allow_nan=False, allow_infinity=False),
            sizes=st.lists(st.integers(-5, 5)).map(tuple),
        ),
    )
)
def test_yaml_round_trip(value: Outer) -> None:
    import yaml

    assert config.build(Outer, yaml.safe_load(config.to_yaml(value)), "t") == value


def test_read_yaml_names_the_fault(tmp_path) -> None:
    with pytest.raises(InputError, match="no such file"):
        config.read_yaml(tmp_path / "no.yaml")
    (tmp_path / "list.yaml").write_text("[1, 2]")
    with pytest.raises(InputError, match="mapping"):
        config.read_yaml(tmp_path / "list.yaml")
    (tmp_path / "bad.yaml").write_text("a: [1")
    with pytest.raises(InputError, match="not valid YAML"):
        config.read_yaml(tmp_path / "bad.yaml")
