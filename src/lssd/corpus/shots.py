"""Shot boundaries, and which shots become clips."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from scenedetect import AdaptiveDetector, FrameTimecode

from lssd.media import Frame


@dataclass(frozen=True)
class Shot:
    """The frames [start_frame, end_frame) between two camera changes, on the nominal frame grid."""

    start_frame: int
    end_frame: int
    fps: Fraction
    reason: str | None = None  # why the shot is not kept

    @property
    def start_s(self) -> float:
        return float(self.start_frame / self.fps)

    @property
    def end_s(self) -> float:
        return float(self.end_frame / self.fps)

    @property
    def duration_s(self) -> float:
        return float((self.end_frame - self.start_frame) / self.fps)


def find_shots(frames: Iterable[Frame], fps: Fraction) -> list[Shot]:
    """Cut a film at its camera changes by PySceneDetect's AdaptiveDetector at its defaults.

    `frames` are all frames of the film in order, at a small size. The shots cover the film from its
    first to its last frame without gaps. Memory does not grow with the film's length.
    """
    detector = AdaptiveDetector()
    cuts: list[int] = []
    first = last = -1
    for frame in frames:
        if first < 0:
            first = frame.ordinal
        last = frame.ordinal
        # The detector reads OpenCV's channel order.
        found = detector.process_frame(FrameTimecode(frame.ordinal, fps), frame.image[:, :, ::-1])
        cuts += [cut.frame_num for cut in found]
    if first < 0:
        return []
    bounds = [first, *cuts, last + 1]
    return [Shot(start, end, fps) for start, end in pairwise(bounds)]


def select_shots(shots: list[Shot], shortest_s: float, longest_s: float) -> list[Shot]:
    """Give every shot outside [shortest_s, longest_s] the reason why it is not kept (paper, section 3)."""
    return [
        Shot(shot.start_frame, shot.end_frame, shot.fps, _reason(shot, shortest_s, longest_s))
        for shot in shots
    ]


def _reason(shot: Shot, shortest_s: float, longest_s: float) -> str | None:
    # Half a frame of tolerance: a shot of 3 s at 23.976 fps is 72 frames, 3.003 s.
    tolerance = 0.5 / float(shot.fps)
    if shot.duration_s < shortest_s - tolerance:
        return f"shorter than {shortest_s:g} s"
    if shot.duration_s > longest_s + tolerance:
        return f"longer than {longest_s:g} s"
    return None
