"""From a curve of speech probability or level to segments: hysteresis, gaps, lengths, refined edges.

Curves have one value a frame: of `FRAME_S` for levels (dB of full scale), of the caller's for speech.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import uniform_filter1d

from lssd.dubbing.lines import Segment

FRAME = 160  # samples at 16 kHz
FRAME_S = 0.01
_BESIDE_S = 0.8  # of the sound before an edge tells what is there without speech
_SPEECH_S = 0.5  # of the segment behind an edge tells how loud its speech is
_RISE, _LEAST_DB = 0.4, 5.0  # of the way from one to the other, an edge lies; at least so far up
_QUIETEST_DB = -65.0  # below that is silence, whatever lies beside
_HOLE_S = 0.1  # shorter pauses of a curve are no pauses; curves fall late, so that longer ones are real
_FREE = 0.2  # of a long segment at each end: it is not split there


@dataclass(frozen=True)
class SegmentSettings:
    """What segments look like, in seconds.

    gap_s: shorter pauses are bridged. longest_s: longer ones are split at their quietest point.
    shortest_s: shorter ones are no speech. reach_s: how far an edge may be moved to where the sound rises.
    """

    gap_s: float = 0.25
    longest_s: float = 15.0
    shortest_s: float = 0.2
    reach_s: float = 0.3


def level_db(frames_NF: np.ndarray) -> np.ndarray:
    """Levels (N,) of frames of samples, in dB of full scale."""
    return 10 * np.log10(np.mean(np.square(frames_NF, dtype=np.float64), axis=1) + 1e-12)


def above(curve_T: np.ndarray, on: float, off: float, frame_s: float) -> list[Segment]:
    """Where a curve has risen to `on` and not yet fallen below `off`."""
    found: list[Segment] = []
    start: int | None = None
    for index, value in enumerate(curve_T.tolist()):
        if start is None and value >= on:
            start = index
        elif start is not None and value < off:
            found.append(Segment(start * frame_s, index * frame_s))
            start = None
    if start is not None:
        found.append(Segment(start * frame_s, len(curve_T) * frame_s))
    return found


def shaped(segments: list[Segment], level_T: np.ndarray, shape: SegmentSettings) -> list[Segment]:
    """Segments with their pauses bridged, edges refined, the short ones left out and the long ones split."""
    edged = _refined(_bridged(segments, _HOLE_S), level_T, shape.reach_s)
    kept = [one for one in _bridged(edged, shape.gap_s) if one.end_s - one.start_s >= shape.shortest_s]
    return [piece for one in kept for piece in _split(one, level_T, shape.longest_s)]


def _bridged(segments: list[Segment], gap_s: float) -> list[Segment]:
    joined: list[Segment] = []
    for one in segments:
        if joined and one.start_s - joined[-1].end_s < gap_s:
            joined[-1] = replace(joined[-1], end_s=max(one.end_s, joined[-1].end_s))
        else:
            joined.append(one)
    return joined


def _split(segment: Segment, level_T: np.ndarray, longest_s: float) -> list[Segment]:
    """The pieces of a segment: cut at the quietest 0.1 s of its middle until none is too long."""
    length_s = segment.end_s - segment.start_s
    if length_s <= longest_s:
        return [segment]
    first = round((segment.start_s + _FREE * length_s) / FRAME_S)
    last = round((segment.end_s - _FREE * length_s) / FRAME_S)
    smooth = uniform_filter1d(level_T[first:last], 10, mode="nearest")
    cut_s = (first + int(np.argmin(smooth))) * FRAME_S
    halves = Segment(segment.start_s, cut_s), Segment(cut_s, segment.end_s)
    return [piece for half in halves for piece in _split(half, level_T, longest_s)]


def _refined(segments: list[Segment], level_T: np.ndarray, reach_s: float) -> list[Segment]:
    """Edges moved to where the level rises out of what lies beside, at most to the middle of a pause."""
    smooth_T = uniform_filter1d(level_T, 3, mode="nearest")
    total = len(smooth_T)
    edged: list[Segment] = []
    for index, one in enumerate(segments):
        first, last = round(one.start_s / FRAME_S), min(total, round(one.end_s / FRAME_S))
        before = round(segments[index - 1].end_s / FRAME_S) if index else 0
        after = round(segments[index + 1].start_s / FRAME_S) if index + 1 < len(segments) else total
        start = first - _outwards(smooth_T[before:last][::-1], last - first, first - before, reach_s)
        end = last + _outwards(smooth_T[first:after], last - first, after - last, reach_s)
        edged.append(Segment(start * FRAME_S, end * FRAME_S))
    return edged


def _outwards(level_T: np.ndarray, inside: int, outside: int, reach_s: float) -> int:
    """Frames by which an edge moves out (in, where negative): levels run from the inside outwards.

    `inside` frames of the segment come first, then `outside` frames up to the next segment.
    """
    beside = level_T[inside : inside + round(_BESIDE_S / FRAME_S)]
    speech = level_T[max(0, inside - round(_SPEECH_S / FRAME_S)) : inside]
    if not len(beside) or not len(speech):
        return 0
    floor_db = max(float(np.percentile(beside, 20)), _QUIETEST_DB)
    top_db = float(np.percentile(speech, 80))
    limit_db = floor_db + max(_LEAST_DB, _RISE * (top_db - floor_db))
    reach = round(reach_s / FRAME_S)
    loud = level_T > limit_db
    # Inwards to the last loud frame; from there outwards as long as it stays loud.
    inner = loud[max(0, inside - reach) : inside]
    if not inner.any():
        return 0
    moved = -int(np.argmax(inner[::-1]))
    if moved == 0:
        outer = loud[inside : inside + min(reach, outside // 2)]
        moved = len(outer) if outer.all() else int(np.argmin(outer))
    return moved
