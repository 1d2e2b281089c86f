"""Near-duplicate groups against a loop over all pairs."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lssd.errors import CorpusError
from lssd.views import group_duplicates


def literal(fingerprints: Sequence[str | None], distance: int) -> list[int]:
    """Each pair compared, and the lower number spread until nothing changes."""
    values = [None if text is None else int(text, 16) for text in fingerprints]
    telling = [v is not None and min(v.bit_count(), 192 - v.bit_count()) > 2 * distance for v in values]
    numbers = list(range(len(values)))
    changed = True
    while changed:
        changed = False
        for i, one in enumerate(values):
            for j, other in enumerate(values):
                if not (telling[i] and telling[j]) or (one ^ other).bit_count() > distance:
                    continue
                if numbers[i] != numbers[j]:
                    numbers[i] = numbers[j] = min(numbers[i], numbers[j])
                    changed = True
    return numbers


def near(value: int, bits: int, generator: np.random.Generator) -> int:
    for bit in generator.choice(192, bits, replace=False):
        value ^= 1 << int(bit)
    return value


@settings(deadline=None)
@given(
    distance=st.sampled_from([0, 1, 3, 4, 10, 20, 40]),
    seed=st.integers(0, 2**32),
    share=st.sampled_from([0.5, 0.25, 0.1]),
    count=st.integers(0, 40),
)
def test_groups_are_those_of_the_loop(distance: int, seed: int, share: float, count: int) -> None:
    generator = np.random.default_rng(seed)
    scenes = [int.from_bytes(np.packbits(generator.random(192) < share).tobytes()) for _ in range(6)]
    values: list[int] = []
    for _ in range(count):
        # Copies of scenes and of copies, which differ in about as many bits as may differ.
        source = scenes[generator.integers(6)]
        if values and generator.random() < 0.5:
            source = values[generator.integers(len(values))]
        values.append(near(source, int(generator.integers(max(0, distance - 3), distance + 3)), generator))
    texts = [None if generator.random() < 0.1 else f"{value:048x}" for value in values]
    groups = group_duplicates(texts, distance)
    assert groups.dtype == np.int64
    assert groups.tolist() == literal(texts, distance)


@settings(deadline=None)
@given(st.integers(0, 2**32))
def test_every_way_to_differ_in_ten_bits_is_found(seed: int) -> None:
    generator = np.random.default_rng(seed)
    value = int.from_bytes(generator.bytes(24))
    close, far = near(value, 10, generator), near(value, 11, generator)
    groups = group_duplicates([f"{v:048x}" for v in (value, close)])
    assert groups.tolist() == [0, 0]
    assert group_duplicates([f"{v:048x}" for v in (value, far)]).tolist() == [0, 1]


def difference_hash(picture_HW: np.ndarray) -> str:
    """64 bits: whether each of 8 x 8 places is darker than its right neighbour, of 8 x 9 averages."""
    height, width = picture_HW.shape
    small = picture_HW.reshape(8, height // 8, 9, width // 9).mean(axis=(1, 3))
    return np.packbits(small[:, :-1] < small[:, 1:]).tobytes().hex()


def test_flat_pictures_are_alone() -> None:
    generator = np.random.default_rng(0)
    flat = np.full((64, 72), 16.0)
    slope = flat + np.linspace(0, 40, 72)
    spot = flat.copy()
    spot[20:30, 30:40] = 200
    scene = generator.random((64, 72)) * 255
    pictures = [flat, flat, slope, slope, spot, spot, scene, scene + generator.normal(0, 2, scene.shape)]
    groups = group_duplicates([difference_hash(picture) * 3 for picture in pictures])
    assert groups.tolist() == [0, 1, 2, 3, 4, 5, 6, 6]
    # One detailed picture of three is enough to tell clips by.
    fades = ["0" * 32 + difference_hash(scene), "0" * 32 + difference_hash(scene)]
    assert group_duplicates(fades).tolist() == [0, 0]


def test_a_chain_is_one_group_and_none_is_alone() -> None:
    generator = np.random.default_rng(1)
    chain = [int.from_bytes(generator.bytes(24))]
    for _ in range(30):
        chain.append(near(chain[-1], 10, generator))
    texts = [f"{value:048x}" for value in chain]
    assert set(group_duplicates([None, *texts, None, *texts[::-1]]).tolist()) == {0, 1, 32}
    assert group_duplicates([]).shape == (0,)
    assert group_duplicates([None, None]).tolist() == [0, 1]


def test_wrong_fingerprints_are_named() -> None:
    with pytest.raises(CorpusError, match="'12ab' of a clip"):
        group_duplicates(["0" * 48, "12ab"])
    with pytest.raises(CorpusError, match="no hexadecimal"):
        group_duplicates(["z" * 48])
    with pytest.raises(ValueError, match="distance"):
        group_duplicates([], 48)
