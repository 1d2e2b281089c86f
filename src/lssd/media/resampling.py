"""Sample rates: libswresample, held to exact positions.

Both rates' samples fall together every 1/gcd seconds. Converting from such an instant on makes output
sample k lie exactly k / rate later, whatever the window, so that windows of one track agree.
"""

import math
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np

_EDGE = 64  # samples of either rate beyond a window, so that its edges do not ring


def aligned_start(first: int, rate_in: int, rate_out: int) -> tuple[int, int]:
    """(input, output) sample indices of an instant common to both rates, well before output `first`."""
    common = math.gcd(rate_in, rate_out)
    step_in, step_out = rate_in // common, rate_out // common
    edge = _EDGE * max(1, -(-rate_out // rate_in))
    instant = (first - edge) // step_out
    return instant * step_in, instant * step_out


def input_end(last: int, rate_in: int, rate_out: int) -> int:
    """The input index up to which samples are needed for outputs before `last`."""
    return -(-last * rate_in // rate_out) + _EDGE * max(1, -(-rate_in // rate_out))


def _frame(samples_S: np.ndarray, rate: int, position: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples_S[None], np.float32), "fltp", "mono")
    frame.sample_rate = rate
    frame.time_base = Fraction(1, rate)
    frame.pts = position
    return frame


def resampled(blocks_CS: Iterator[np.ndarray], rate_in: int, rate_out: int) -> Iterator[np.ndarray]:
    """Contiguous blocks float32 (C, S) at another rate; the first samples of both coincide in time."""
    if rate_in == rate_out:
        yield from blocks_CS
        return
    resamplers: list[av.AudioResampler] = []
    position = 0
    for block_CS in _gathered(blocks_CS, rate_in):
        resamplers = resamplers or [
            av.AudioResampler(format="fltp", layout="mono", rate=rate_out) for _ in block_CS
        ]
        frames = [
            resampler.resample(_frame(samples_S, rate_in, position))
            for resampler, samples_S in zip(resamplers, block_CS, strict=True)
        ]
        position += block_CS.shape[1]
        yield from _stack(frames)
    yield from _stack([resampler.resample(None) for resampler in resamplers])


def _gathered(blocks_CS: Iterator[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """The same samples in blocks of at least `size`, but for the last: calls to FFmpeg are dear."""
    held: list[np.ndarray] = []
    for block_CS in blocks_CS:
        held.append(block_CS)
        if sum(block.shape[1] for block in held) >= size:
            yield np.concatenate(held, axis=1)
            held = []
    if held:
        yield np.concatenate(held, axis=1)


def _stack(frames: list[list[av.AudioFrame]]) -> Iterator[np.ndarray]:
    """Channels that were converted apart, together again; they move in step."""
    for together in zip(*frames, strict=True):
        yield np.concatenate([frame.to_ndarray() for frame in together])


def resample(samples_CS: np.ndarray, rate_in: int, rate_out: int) -> np.ndarray:
    """Whole sounds float32 (C, S) at another rate, round(S * rate_out / rate_in) samples, same start."""
    length = round(Fraction(samples_CS.shape[1] * rate_out, rate_in))
    tail = np.zeros((samples_CS.shape[0], input_end(0, rate_in, rate_out)), np.float32)
    padded = iter((samples_CS, tail))
    blocks = list(resampled(padded, rate_in, rate_out))
    return np.concatenate(blocks, axis=1)[:, :length]
