"""The frame grid and the placing of sound blocks, against exact arithmetic."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lssd.media.display import scaled_size
from lssd.media.placement import Block, find_rhythm, place
from lssd.media.timeline import Grid, nominal_rate

STANDARD = [Fraction(24000, 1001), *map(Fraction, (24, 25)), Fraction(30000, 1001), *map(Fraction, (30, 50))]
RATES = [*STANDARD, Fraction(60000, 1001), Fraction(60)]


@pytest.mark.parametrize("fps", RATES)
def test_imprecise_rates_snap_to_the_standard_one(fps):
    assert nominal_rate(fps) == fps
    assert nominal_rate(Fraction(round(float(fps) * 1000), 1000)) == fps
    # Matroska stores a frame's duration in nanoseconds.
    assert nominal_rate(1 / Fraction(round(10**9 / fps), 10**9)) == fps


def test_unusable_rates_are_passed_over():
    assert nominal_rate(None, Fraction(0), Fraction(90000), Fraction(30)) == 30
    assert nominal_rate(None) == 25
    assert nominal_rate(Fraction(1837, 100)) == Fraction(1837, 100)


@given(
    fps=st.sampled_from(RATES),
    ordinal=st.integers(0, 500_000),
    first_ms=st.integers(-5000, 5000),
)
def test_millisecond_timestamps_give_exact_ordinals(fps, ordinal, first_ms):
    grid = Grid(Fraction(first_ms, 1000), fps)
    pts = round(first_ms + ordinal * 1000 / fps)
    assert grid.ordinal(pts, Fraction(1, 1000)) == ordinal
    assert grid.shown(ordinal / float(fps)) == ordinal
    assert grid.shown((ordinal + 0.999) / float(fps)) == ordinal


@given(fps=st.sampled_from(RATES), start=st.integers(0, 100_000), step=st.integers(0, 74))
def test_the_25_fps_grid_on_any_source(fps, start, step):
    grid = Grid(Fraction(0), fps)
    assert grid.shown(start / 25 + step / 25) == (start + step) * fps // 25


@given(
    rate=st.sampled_from([44100, 48000, 22050]),
    size=st.sampled_from([960, 1024, 1152, 4096]),
    start=st.integers(0, 30_000),
    skip=st.integers(0, 50),
)
def test_blocks_with_millisecond_timestamps_are_placed_to_the_sample(rate, size, start, skip):
    """A whole stream and its tail from any block on agree, within half a millisecond of the truth."""
    tick = rate / 1000
    truth = [start + size * n for n in range(70)]
    stamped = [Block(round(at / tick) * tick, np.full((1, size), n)) for n, at in enumerate(truth)]
    rhythm = find_rhythm(stamped[:6], rate, tick)
    assert rhythm is not None and rhythm.size == size
    whole = [position for position, _ in place(iter(stamped), rate, tick, rhythm)]
    assert np.all(np.diff(whole) == size)
    assert abs(whole[0] - start) <= tick / 2 + 1
    tail = [position for position, _ in place(iter(stamped[skip:]), rate, tick, rhythm)]
    assert tail == whole[skip:]


def test_a_break_in_the_timestamps_starts_a_new_run():
    starts = [0, 1000, 2000, 3000, 4000, 5000, 9000, 10_000, 11_000]
    blocks = [Block(float(start), np.zeros((1, 1000))) for start in starts]
    assert [position for position, _ in place(iter(blocks), 48000, 1.0)] == starts
    untimed = [blocks[0], *(Block(None, block.samples_CS) for block in blocks[1:])]
    assert [position for position, _ in place(iter(untimed), 48000, 1.0)] == [1000 * n for n in range(9)]


@given(
    st.integers(16, 4000),
    st.integers(16, 4000),
    st.sampled_from([1, Fraction(4, 3), Fraction(8, 9)]),
    st.integers(16, 500),
)
def test_scaled_sizes(width, height, aspect, short_side):
    scaled = scaled_size(width, height, Fraction(aspect), short_side)
    assert min(scaled) == short_side
    assert max(scaled) % 2 == 0 or max(scaled) == short_side
    ratio = max(width * aspect, height) / min(width * aspect, height)
    assert abs(max(scaled) - short_side * ratio) <= 1.0001
    assert scaled_size(width, height, Fraction(aspect), None) == (width, height)


def test_sizes_are_those_of_the_design():
    cases = itertools.product([(1920, 1080), (1280, 720)], [320])
    assert all(scaled_size(*size, Fraction(1), side) == (568, 320) for size, side in cases)
