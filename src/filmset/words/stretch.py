"""Speech made longer or shorter without a change of pitch, by overlapping pieces of itself (WSOLA)."""

import numpy as np

_PIECE_S, _SEARCH_S = 0.030, 0.010  # some periods of a voice; how far a piece may be moved to fit the last
_COARSE = 4  # pieces are compared at a quarter of the rate


def stretched(samples: np.ndarray, sample_rate: int, factor: float) -> np.ndarray:
    """Samples float32 (S,) made `factor` times as long (0.5..2): round(S * factor) samples.

    Each piece is the one that continues the last best, within 10 ms of where it belongs: periods join.
    """
    half = round(_PIECE_S * sample_rate / 2)
    search = round(_SEARCH_S * sample_rate)
    length = round(len(samples) * factor)
    if length == len(samples) or len(samples) < 4 * half:
        return np.pad(samples, (0, max(0, length - len(samples))))[:length].astype(np.float32)
    window = np.hanning(2 * half + 1)[:-1].astype(np.float32)
    margin = search + 2 * half
    padded = np.pad(samples.astype(np.float32), (margin, margin + search + 2 * half))
    coarse = padded[: len(padded) // _COARSE * _COARSE].reshape(-1, _COARSE).mean(axis=1)
    out = np.zeros(length + 4 * half, dtype=np.float32)
    last = None  # where the last piece was taken from
    for number in range(length // half + 2):
        start = number * half  # of the piece in the output, whose centre is half a piece later
        source = margin + min(round((start - half) / factor), len(samples) - 1)
        if last is not None:
            source += _offset(coarse, source, last + half, 2 * half, search)
        out[start : start + 2 * half] += window * padded[source : source + 2 * half]
        last = source
    return out[half : half + length]


def _offset(coarse: np.ndarray, source: int, natural: int, size: int, search: int) -> int:
    """How far from `source` the piece lies that is most like the one at `natural`, which would follow."""
    first, count = (source - search) // _COARSE, size // _COARSE
    wanted = coarse[natural // _COARSE : natural // _COARSE + count]
    region = coarse[first : first + 2 * search // _COARSE + len(wanted)]
    likeness = np.correlate(region, wanted, mode="valid")
    energy = np.cumsum(np.concatenate([[0.0], np.square(region, dtype=np.float64)]))
    norm = np.sqrt(np.maximum(energy[len(wanted) :] - energy[: -len(wanted)], 0) + 1e-6)
    return (first + int(np.argmax(likeness / norm))) * _COARSE + natural % _COARSE - source
