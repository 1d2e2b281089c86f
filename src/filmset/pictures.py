"""The picture of a title, frame by frame: scenery, people, events, camera, lens, light and grain."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction

import cv2
import numpy as np
from scipy.special import ndtr

from filmset.directors import Look
from filmset.events import paint_event
from filmset.figures import Figure, paint_figure
from filmset.painting import HIGH
from filmset.people import paint_person, sample_motion
from filmset.scenes import SCENES
from filmset.truth import Shot, Title
from lssd.engine import free_memory

Openings = Callable[[int], Mapping[str, np.ndarray]]

_GRAIN_TILE, _GRAIN_ORDER = 31, 32  # purposes of a title's generators
_TILES, _TILE_ROOM = 2, 64  # grain is cut from tiles that are a little larger than the picture
_FLASH = (0.88, 0.55)  # how far the first frame of a flash goes to white, and those after it
_BLUR = 0.004  # of the softest lens: standard deviation in picture heights


def paint_title(title: Title, openings: Openings) -> Iterator[np.ndarray]:
    """Every frame of a title in order, each a new uint8 (H, W, 3) of the stored size.

    openings(number of a shot): for each of its people how far the mouth is open, 0..1 a frame (T,) from
    `seen_from` to `seen_to`. It is called once for each shot. Only shots that a frame shows are held.
    """
    figures = _FigureCache(title)
    lens = _Lens(title.look, (title.width, title.height))
    grain = _Grain(title)
    seen: dict[int, _ShotPainter] = {}
    waiting = 0
    for owner, shot in enumerate(title.shots):
        for frame in range(shot.start_frame, shot.end_frame):
            while waiting < len(title.shots) and title.shots[waiting].seen_from <= frame:
                seen[waiting] = _ShotPainter(title.shots[waiting], title, figures, openings(waiting))
                waiting += 1
            gone = [number for number in seen if title.shots[number].seen_to <= frame]
            for number in gone:
                del seen[number]
            if gone:
                free_memory()
            picture = _mixed(title.shots, seen, frame)
            picture = lens.apply(picture, _brightness(title.shots, owner, frame))
            yield grain.over(picture, owner, frame)


def _mixed(shots: Sequence[Shot], seen: Mapping[int, "_ShotPainter"], frame: int) -> np.ndarray:
    """The shots that a frame shows, each dissolved over those before it."""
    numbers = sorted(seen)
    picture = seen[numbers[0]].paint(frame)
    for number in numbers[1:]:
        change = shots[number].transition
        through = (frame - change.first_frame + 0.5) / max(1, change.last_frame - change.first_frame)
        weight = min(1.0, max(0.0, through))  # half at the shot's boundary
        picture = cv2.addWeighted(picture, 1 - weight, seen[number].paint(frame), weight, 0.0)
    return picture


def _brightness(shots: Sequence[Shot], owner: int, frame: int) -> float:
    """The brightness of a frame, 0..1: below 1 where its shot fades in or out."""
    light = 1.0
    into = shots[owner].transition
    if into.kind == "fade" and frame < into.last_frame:
        begin = shots[owner].start_frame
        light = (frame - begin) / (into.last_frame - begin)
    if owner + 1 < len(shots):
        out = shots[owner + 1].transition
        if out.kind == "fade" and frame >= out.first_frame:
            last = shots[owner].end_frame - 1
            light = min(light, (last - frame) / (last + 1 - out.first_frame))
    return light


class _FigureCache:
    """A title's people as sprites, painted once at each size."""

    def __init__(self, title: Title) -> None:
        self._title = title
        self._painted: dict[tuple[str, int], Figure] = {}

    def find(self, name: str, height: int) -> Figure:
        if (name, height) not in self._painted:
            person = self._title.speaker(name)
            self._painted[name, height] = paint_figure(
                person.look_seed, person.sex, height, self._title.look.grade
            )
        return self._painted[name, height]


class _ShotPainter:
    """A shot prepared to be painted frame by frame."""

    def __init__(
        self, shot: Shot, title: Title, figures: _FigureCache, openings: Mapping[str, np.ndarray]
    ) -> None:
        grade = title.look.grade
        width, height = shot.camera.canvas
        self._shot, self._rate = shot, title.rate
        self._still, self._paint_motion = SCENES[shot.scene.kind].paint(shot.scene, height, width, grade)
        behind_first = sorted(shot.people, key=lambda standing: standing.mouth[0])
        self._people = [
            (
                figures.find(standing.name, standing.height),
                standing,
                sample_motion(
                    title.speaker(standing.name),
                    standing.height,
                    openings[standing.name],
                    float(title.rate),
                    shot.scene.seed,
                ),
            )
            for standing in behind_first
        ]
        self._events = [paint_event(event, grade, title.rate) for event in shot.events]

    def paint(self, frame: int) -> np.ndarray:
        """The stored picture of a frame of the film, before lens, fades and grain."""
        shot, number = self._shot, frame - self._shot.seen_from
        canvas = self._still.copy()
        self._paint_motion(canvas, float(Fraction(number) / self._rate))
        if shot.scene.mirrored:
            canvas = cv2.flip(canvas, 1)
        for figure, standing, motion in self._people:
            paint_person(canvas, figure, standing, motion, number)
        for paint in self._events:
            paint(canvas, frame)
        if not shot.camera.identity:
            canvas = cv2.warpAffine(
                canvas,
                shot.camera.matrix(number),
                shot.camera.stored,
                flags=cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
        if frame in shot.flashes:
            white = _FLASH[int(frame - 1 in shot.flashes)]
            canvas = cv2.convertScaleAbs(canvas, alpha=1 - white, beta=white * HIGH)
        return canvas


class _Lens:
    """A title's lens, soft and darker in the corners, and its fades."""

    def __init__(self, look: Look, stored: tuple[int, int]) -> None:
        width, height = stored
        self._sigma = _BLUR * look.soft * height
        reach = max(1, round(2.5 * self._sigma))
        self._kernel = 2 * reach + 1, 2 * reach + 1
        self._vignette = None
        if look.vignette > 0:
            y = (np.arange(height)[:, None] + 0.5) / height * 2 - 1
            x = (np.arange(width)[None, :] + 0.5) / width * 2 - 1
            light = 255 * (1 - look.vignette * np.clip((x * x + y * y) / 2, 0, 1) ** 1.5)
            self._vignette = np.repeat(np.rint(light).astype(np.uint8)[..., None], 3, axis=2)

    def apply(self, picture: np.ndarray, light: float) -> np.ndarray:
        """A picture seen through the lens, its brightness multiplied by `light` (0..1)."""
        if self._sigma > 0.2:  # less changes no level
            picture = cv2.GaussianBlur(picture, self._kernel, self._sigma)
        if self._vignette is not None:
            return cv2.multiply(picture, self._vignette, scale=light / 255)
        return picture if light == 1 else cv2.convertScaleAbs(picture, alpha=light)


def _spread_before_rounding(deviation: float) -> float:
    """The standard deviation of a normal variable that has the given one after rounding to integers."""
    spreads, levels = np.linspace(0.02, 1.5, 150), np.arange(1, 16)
    edges = ndtr((levels[None] + 0.5) / spreads[:, None]), ndtr((levels[None] - 0.5) / spreads[:, None])
    rounded = np.sqrt((2 * levels**2 * (edges[0] - edges[1])).sum(axis=1))
    if deviation >= rounded[-1]:
        return float((deviation**2 - 1 / 12) ** 0.5)
    return float(np.interp(deviation, rounded, spreads)) if deviation > 0 else 0.0


class _Grain:
    """Noise of a title's strength, another in every frame and every shot."""

    def __init__(self, title: Title) -> None:
        self._key = [title.seed, title.index]
        self._size = title.height, title.width
        rng = np.random.default_rng([_GRAIN_TILE, *self._key])
        shape = _TILES, title.height + _TILE_ROOM, title.width + _TILE_ROOM, 1
        spread = _spread_before_rounding(title.look.grain)
        noise = (spread * rng.standard_normal(shape, dtype=np.float32)).round().clip(-127, 127)
        self._lighter, self._darker = (
            np.repeat(np.maximum(part, 0).astype(np.uint8), 3, axis=3) for part in (noise, -noise)
        )

    def over(self, picture: np.ndarray, shot: int, frame: int) -> np.ndarray:
        """A picture with the grain of a frame of a shot, clipped to 0..255."""
        rng = np.random.default_rng([_GRAIN_ORDER, *self._key, shot, frame])
        tile, top, left = rng.integers(0, (_TILES, _TILE_ROOM + 1, _TILE_ROOM + 1))
        height, width = self._size
        window = np.s_[tile, top : top + height, left : left + width]
        return cv2.subtract(cv2.add(picture, self._lighter[window]), self._darker[window])
