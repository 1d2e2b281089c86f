"""Mixes new lines over the background. Outside speech, samples equal the original's to the bit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lssd.dubbing.lines import Segment
from lssd.dubbing.sound import Sound, SoundWriter

_BLOCK_S = 10.0
_PEAK = 0.999  # a new line is turned down rather than clipped,
_LEAST_GAIN = 0.5  # but not to less than this


@dataclass(frozen=True)
class RemixingSettings:
    """margin_s: how far before and after a segment the old speech is removed; fade_s: length of the fade from
    original to background, within the margin; tail_s: over which a line that is cut fades out."""

    margin_s: float = 0.06
    fade_s: float = 0.02
    tail_s: float = 0.03

    def __post_init__(self) -> None:
        if not 0 <= self.fade_s <= self.margin_s or self.tail_s < 0:
            raise ValueError(f"a fade lies within the margin, and nothing is negative: {self}")


@dataclass(frozen=True)
class Spoken:
    """A new line in the track's channels and rate: `kept` of its samples are heard, from `start` on."""

    sound: Sound
    start: int
    kept: int
    gain: float = 1.0

    @property
    def stop(self) -> int:
        return self.start + self.kept


def regions(
    segments: Sequence[Segment], length: int, sample_rate: int, settings: RemixingSettings
) -> list[tuple[int, int]]:
    """The sample ranges in which the old speech is removed: sorted and disjoint."""
    found: list[tuple[int, int]] = []
    for segment in sorted(segments, key=lambda segment: segment.start_s):
        start = max(0, round((segment.start_s - settings.margin_s) * sample_rate))
        stop = min(length, round((segment.end_s + settings.margin_s) * sample_rate))
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], stop))
        elif stop > start:
            found.append((start, stop))
    return found


def touched(taken_out: Sequence[tuple[int, int]], spoken: Sequence[Spoken]) -> list[tuple[int, int]]:
    """The sample ranges outside which the result equals the original: sorted and disjoint."""
    ranges = sorted([*taken_out, *((line.start, line.stop) for line in spoken if line.kept > 0)])
    found: list[tuple[int, int]] = []
    for start, stop in ranges:
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], stop))
        else:
            found.append((start, stop))
    return found


class Bed:
    """The original with the speech removed in some ranges, read a piece at a time."""

    def __init__(
        self,
        original: Sound,
        background: Sound,
        taken_out: Sequence[tuple[int, int]],
        settings: RemixingSettings,
    ) -> None:
        if (original.length, original.channels) != (background.length, background.channels):
            raise ValueError("the background must be of the original's length and channels")
        self.original, self._background, self._ranges = original, background, taken_out
        self._fade = round(settings.fade_s * original.sample_rate)

    def read(self, start: int, stop: int) -> np.ndarray:
        """Samples (C, stop - start)."""
        piece_CN = self.original.read(start, stop)
        for first, last in self._ranges:
            low, high = max(first, start), min(last, stop)
            if low >= high:
                continue
            share_N = self._share(np.arange(low, high), first, last)
            original_CN = piece_CN[:, low - start : high - start]
            change_CN = self._background.read(low, high) - original_CN
            piece_CN[:, low - start : high - start] += (share_N * change_CN).astype(np.float32)
        return piece_CN

    def _share(self, index_N: np.ndarray, first: int, last: int) -> np.ndarray:
        """The background's share, rising and falling within a range, but not at the track's own ends."""
        share_N = np.ones(index_N.size)
        if self._fade and first > 0:
            share_N = np.minimum(share_N, (index_N - first + 0.5) / self._fade)
        if self._fade and last < self.original.length:
            share_N = np.minimum(share_N, (last - index_N - 0.5) / self._fade)
        return np.sin(0.5 * np.pi * share_N) ** 2


def levelled(bed: Bed, spoken: Sequence[Spoken]) -> list[Spoken]:
    """The same lines, turned down where together with the background they would exceed full scale.

    By 6 dB at most, so that they stay intelligible; what still exceeds it is clipped.
    """
    found: list[Spoken] = []
    for line in spoken:
        under_CN = bed.read(line.start, line.stop)
        for other in found:
            _add(under_CN, line.start, other, 0)
        over_CN = line.sound.read(0, line.kept)
        room_CN = np.maximum(_PEAK - np.sign(over_CN) * under_CN, 0.0)
        ratio_CN = np.where(np.abs(over_CN) > room_CN, room_CN / np.maximum(np.abs(over_CN), 1e-9), 1.0)
        gain = max(float(ratio_CN.min(initial=1.0)), _LEAST_GAIN)
        found.append(replace(line, gain=gain))
    return found


def remix(bed: Bed, spoken: Sequence[Spoken], path: Path, settings: RemixingSettings) -> Sound:
    """Write the track: the lines mixed over the bed."""
    original = bed.original
    tail = round(settings.tail_s * original.sample_rate)
    size = round(_BLOCK_S * original.sample_rate)
    with SoundWriter(path, original.channels, original.sample_rate) as writer:
        for start in range(0, original.length, size):
            stop = min(start + size, original.length)
            piece_CN = bed.read(start, stop)
            lines = [line for line in spoken if line.start < stop and line.stop > start]
            for line in lines:
                _add(piece_CN, start, line, tail)
            for line in lines:
                low, high = max(line.start, start) - start, min(line.stop, stop) - start
                np.clip(piece_CN[:, low:high], -1.0, 1.0, out=piece_CN[:, low:high])
            writer.write(piece_CN)
    return writer.sound


def _add(piece_CN: np.ndarray, start: int, line: Spoken, tail: int) -> None:
    """Add the part of a line that lies in a piece beginning at `start`; a line that is cut fades out."""
    low, high = max(line.start, start), min(line.stop, start + piece_CN.shape[1])
    if low >= high:
        return
    samples_CN = line.gain * line.sound.read(low - line.start, high - line.start)
    if tail and line.kept < line.sound.length:
        left_N = line.kept - np.arange(low - line.start, high - line.start)
        samples_CN *= np.clip(left_N / tail, 0, 1)
    piece_CN[:, low - start : high - start] += samples_CN.astype(np.float32)
