"""Where decoded sound blocks lie on a track's time line, to the sample.

A stream's blocks follow each other without a gap, but containers round their timestamps (Matroska to
milliseconds, up to half a millisecond either way). So timestamps only say where a run of blocks
begins and where it breaks. Within a run samples are counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

_SETTLE = 4  # blocks whose timestamps are compared to place a run
_WHOLE = 100  # a second; where a start is uncertain within a tick, whole hundredths are likely
_BREAK_S = 0.005  # a timestamp this far from the counted position starts a new run


@dataclass(frozen=True)
class Block:
    """Decoded samples float32 (C, S), and the sample position their timestamp gives (None: none)."""

    position: float | None
    samples_CS: np.ndarray

    @property
    def length(self) -> int:
        return self.samples_CS.shape[1]


@dataclass(frozen=True)
class Rhythm:
    """Blocks of constant size: every block ends at `origin` + a multiple of `size` samples."""

    origin: int
    size: int


def run_start(run: list[Block], rate: int, tick: float, rhythm: Rhythm | None = None) -> int:
    """The sample position at which a run begins, best in accord with all its blocks' timestamps.

    Each timestamp is right within half a tick (the container's resolution in samples) around it. The
    first one, which trimming of encoder delay may have rounded twice, is held to what the others
    allow; where they leave room for a whole hundredth of a second (mostly zero), that is where sound
    was put. Then the run is moved onto the stream's rhythm if that lies within a tick.
    """
    ahead = np.cumsum([0, *(block.length for block in run[:-1])])
    starts = [
        block.position - offset
        for block, offset in zip(run, ahead, strict=True)
        if block.position is not None
    ]
    if not starts:
        return 0
    start = starts[0]
    if len(starts) > 1:
        low, high = max(starts[1:]) - tick / 2, min(starts[1:]) + tick / 2
        whole = round((low + high) / 2 / rate * _WHOLE) * rate / _WHOLE
        if low > high:
            start = float(np.median(starts))
        else:
            start = whole if tick > 1 and low <= whole <= high else float(np.clip(start, low, high))
    placed = round(start)
    if rhythm is None or not rhythm.size:
        return placed
    end = placed + run[0].length
    nearest = rhythm.origin + round((end - rhythm.origin) / rhythm.size) * rhythm.size
    return placed + nearest - end if abs(nearest - end) <= tick + 1 else placed


def find_rhythm(run: list[Block], rate: int, tick: float) -> Rhythm | None:
    """The rhythm of a stream from its first blocks, or None where block sizes vary."""
    sizes = {block.length for block in run[1:]}
    if len(run) < 3 or len(sizes) != 1 or run[0].length > max(sizes):
        return None
    return Rhythm(run_start(run, rate, tick) + run[0].length, sizes.pop())


def place(
    blocks: Iterator[Block], rate: int, tick: float, rhythm: Rhythm | None = None
) -> Iterator[tuple[int, np.ndarray]]:
    """(position, samples float32 (C, S)) of each block, contiguous within a run.

    rate    samples a second
    tick    the container's time resolution, in samples
    """
    limit = max(_BREAK_S * rate, 2 * tick)
    run: list[Block] = []
    cursor: int | None = None  # the next position, once the run is placed

    def settle() -> Iterator[tuple[int, np.ndarray]]:
        position = run_start(run, rate, tick, rhythm)
        for block in run:
            yield position, block.samples_CS
            position += block.length

    for block in blocks:
        expected = cursor
        if expected is None and run and run[0].position is not None:
            expected = round(run[0].position) + sum(other.length for other in run)
        if expected is not None and block.position is not None and abs(block.position - expected) > limit:
            yield from settle() if run else ()
            run, cursor = [], None
        if cursor is not None:
            yield cursor, block.samples_CS
            cursor += block.length
            continue
        run.append(block)
        if len(run) == _SETTLE:
            cursor = run_start(run, rate, tick, rhythm) + sum(other.length for other in run)
            yield from settle()
            run = []
    if run:
        yield from settle()
