"""An item's film: one shot of a title, with the sound that belongs to it or with another."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

import numpy as np

from filmset.backgrounds import SYNTHESIS
from filmset.camera import MOVES, Camera, sample_camera
from filmset.directors import Look
from filmset.mixing import opening
from filmset.people import arrange_people
from filmset.pictures import paint_title
from filmset.scenes import Scene
from filmset.settings import SAMPLE_RATE
from filmset.tasks.sounds import Sound, Talk, make_sound, takes
from filmset.tasks.task import Clip, Sources
from filmset.truth import Event, PersonInShot, Shot, Speaker, Title, Transition

SIZE = (160, 96)
_SHARE_MOVING = 0.4  # of shots with a moving camera


@dataclass(frozen=True)
class Film:
    """What is seen in one item, and heard if there is a `sound`.

    talks: who moves their mouth to what. from_s, seconds: the span of the shot that is shown;
    sound_from_s: where in the shot the sound begins, which is in time when it equals `from_s`.
    """

    seconds: float
    fps: Fraction
    scene: Scene
    director: str
    look: Look
    cast: tuple[Speaker, ...]
    people: tuple[PersonInShot, ...]
    camera: Camera
    events: tuple[Event, ...] = ()
    talks: tuple[tuple[str, Talk], ...] = ()
    sound: Sound | None = None
    from_s: float = 0.0
    sound_from_s: float = 0.0


def sample_people(
    rng: np.random.Generator, count: int, mirrored: bool
) -> tuple[tuple[Speaker, ...], tuple[PersonInShot, ...]]:
    """`count` people and where they stand."""
    cast = tuple(
        Speaker(chr(ord("a") + number), str(rng.choice(["f", "m"])), int(rng.integers(2**31)), {})
        for number in range(count)
    )
    return cast, arrange_people([person.name for person in cast], cast, SIZE, mirrored)


def sample_move(
    rng: np.random.Generator, seconds: float, fps: Fraction, share: float = _SHARE_MOVING
) -> Camera:
    """A camera, moving with the probability `share`."""
    move = str(rng.choice(MOVES[1:]))
    moving = rng.uniform() < share
    return sample_camera(rng, move if moving else MOVES[0], round(seconds * fps), SIZE, SIZE)


def sample_close_up(rng: np.random.Generator, zoom: tuple[float, float]) -> Camera:
    """A still camera that sees some part of the scene, 1 / zoom as wide and as high."""
    near = float(rng.uniform(*zoom))
    x, y = rng.uniform(0.5 / near, 1 - 0.5 / near, 2).round(5).tolist()
    return Camera(MOVES[0], ((0, x, y, round(near, 5)),), SIZE, SIZE)


def make_film(film: Film, sources: Sources) -> Clip:
    """The frames of one item, with its sound if it has one."""
    title = _title(film)
    (shot,) = title.shots
    mouths = {person.name: np.zeros(title.frames, dtype=np.float32) for person in film.people}
    for name, talk in film.talks:
        for first, take in takes(talk, float(title.frames / title.rate), sources):
            np.maximum(mouths[name], opening(title, shot, first, take), out=mouths[name])
    frames = islice(paint_title(title, lambda _: mouths), round(film.from_s * film.fps), None)
    if film.sound is None:
        return Clip(frames=frames, fps=film.fps)
    heard = make_sound(film.sound, sources).sound
    assert heard is not None
    start = round(film.sound_from_s * SAMPLE_RATE)
    return Clip(heard[start : start + round(film.seconds * SAMPLE_RATE)], frames, film.fps)


def _title(film: Film) -> Title:
    """A title of that one shot, as long as the item needs."""
    frames = round(film.from_s * film.fps) + round(film.seconds * film.fps)
    shot = Shot(
        start_frame=0,
        end_frame=frames,
        seen_from=0,
        seen_to=frames,
        transition=Transition("cut", 0, 0),
        flashes=(),
        recap_of=None,
        camera=film.camera,
        scene=film.scene,
        background_source=SYNTHESIS,
        background_db=0.0,
        speech_over_background_db=0.0,
        reverb_s=0.0,
        people=film.people,
        events=film.events,
        lines=(),
    )
    return Title(
        name="item",
        index=0,
        seed=film.scene.seed,
        split="test",
        genre="drama",
        director=film.director,
        original_language="en",
        tracks=(),
        fps=str(film.fps),
        frames=frames,
        width=SIZE[0],
        height=SIZE[1],
        pixel_aspect="1",
        sample_rate=SAMPLE_RATE,
        channels=1,
        look=film.look,
        sound_tilt_db=0.0,
        cast=film.cast,
        shots=(shot,),
    )
