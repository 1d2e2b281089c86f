"""Windows of pictures from one pass over a file, where seeking would begin at its start every time."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from lssd.errors import MediaError
from lssd.media import iterate_frames, probe

_GUARD = 1e-4  # of a frame; as `lssd.media.timeline.Grid.shown`
_HOLD_S = 0.5  # the last frame stands in for times up to this long after the end, as in `read_frames`


def sequence_of_windows(
    path: Path, times: Sequence[Sequence[float]], short_side: int
) -> Iterator[np.ndarray]:
    """For each window's times in seconds, the frames being shown then: uint8 (T, H, W, 3).

    What `lssd.media.read_frames` gives for each window, but the file is decoded once. Windows begin later
    and later, and may overlap. MediaError as from `read_frames`.
    """
    info = probe(path)
    assert info.video is not None, "looked at before"
    fps = float(info.video.fps)
    places = [[int(time_s * fps + _GUARD) for time_s in window] for window in times]
    shown = _images_at(path, sorted({place for window in places for place in window}), fps, short_side)
    held: dict[int, np.ndarray] = {}
    for window in places:
        held = {place: image for place, image in held.items() if place >= min(window)}
        while max(window) not in held:
            place, image = next(shown)
            held[place] = image
        yield np.stack([held[place] for place in window])


def _images_at(
    path: Path, wanted: list[int], fps: float, short_side: int
) -> Iterator[tuple[int, np.ndarray]]:
    """(place, image) for rising places of the film's own grid."""
    places = iter(wanted)
    place = next(places, None)
    image, ordinal = None, -1
    for frame in iterate_frames(path, short_side):
        while place is not None and place <= frame.ordinal:
            yield place, frame.image if image is None or place == frame.ordinal else image
            place = next(places, None)
        if place is None:
            return
        image, ordinal = frame.image, frame.ordinal
    while place is not None and image is not None and place < ordinal + 1 + _HOLD_S * fps:
        yield place, image
        place = next(places, None)
    if place is not None:
        raise MediaError(f"{path}: no picture at {place / fps:.3f} s; it ends at {(ordinal + 1) / fps:.3f} s")
