"""Picture and sound of the scenes: levels, ranges, and what is seen is heard."""

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from lssd.filmset import KINDS
from lssd.filmset.painting import Plane
from lssd.filmset.people import MOUTH_LEVELS, figure
from lssd.filmset.pictures import Look, Person, draw_shot
from lssd.filmset.scenes import Scene, car_passes, draw_scene, swell, turns_a_second
from lssd.filmset.sounds import background

LOOK = Look(tint=(1.0, 0.9, 0.8), saturation=1.1, gamma=1.0, grain=2.6)
RATE = 48000


def scene(kind: str, seed: int = 0, **changes) -> Scene:
    drawn = draw_scene(kind, np.random.default_rng(seed))
    return Scene(**{**drawn.__dict__, **changes})


@pytest.mark.parametrize("kind", KINDS)
def test_backgrounds_have_the_level_asked_for_and_repeat(kind):
    first = background(scene(kind), 2 * RATE, RATE, -30.0, tilt_db=1.5)
    assert first.dtype == np.float32 and first.shape == (2 * RATE,)
    level = 10 * np.log10(np.mean(np.square(first[500:-500], dtype=np.float64)))
    assert level == pytest.approx(-30.0, abs=0.3)
    assert np.abs(first).max() < 0.9
    np.testing.assert_array_equal(first, background(scene(kind), 2 * RATE, RATE, -30.0, tilt_db=1.5))
    other = background(scene(kind, seed=1), 2 * RATE, RATE, -30.0, tilt_db=1.5)
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.5


def loudness(sound: np.ndarray, step: int, low: float, high: float) -> np.ndarray:
    band = sosfiltfilt(butter(4, [low, high], "bandpass", fs=RATE, output="sos"), sound.astype(np.float64))
    return np.sqrt(np.square(band[: len(band) // step * step]).reshape(-1, step).mean(axis=1))


def test_cars_are_heard_when_they_are_seen():
    """Over several streets: the sound is louder in moments when a car is near the middle."""
    near, far = [], []
    for seed in range(6):
        street = scene("traffic", seed, activity=0.15, pace=0.8)
        heard = loudness(background(street, 14 * RATE, RATE, -30.0), RATE // 10, 400, 1400)
        middle = np.array([one.time_s for one in car_passes(street, 14.0)])
        distance = np.abs(np.arange(len(heard))[:, None] / 10 + 0.05 - middle[None]).min(axis=1)
        near += list(heard[distance < 0.2] / np.median(heard))
        far += list(heard[distance > 1.2] / np.median(heard))
    assert np.mean(near) > 1.4 * np.mean(far)


def test_cars_are_drawn_when_they_pass():
    street = scene("traffic", 3, activity=0.15, pace=0.8, mirrored=False)
    look = Look((1.0, 1.0, 1.0), 1.0, 1.0, grain=0.0)
    frames = np.stack(list(draw_shot(street, [], look, 300, 25, 96, 160))).astype(int)
    column = np.abs(frames[:, 60:, 78:82] - np.median(frames, axis=0)[60:, 78:82]).max(axis=(1, 2, 3))
    for one in car_passes(street, 12.0):
        if 0.2 < one.time_s < 11.8:
            assert column[round(one.time_s * 25)] > 25


def test_surf_is_seen_and_heard_with_the_same_swell():
    beach = scene("sea", 2, pace=0.9, activity=0.2)
    times = np.arange(0, 14, 0.1) + 0.05
    run = swell(beach, times)
    heard = loudness(background(beach, 14 * RATE, RATE, -30.0), RATE // 10, 2000, 8000)
    assert np.corrcoef(run, heard)[0, 1] > 0.4
    frames = np.stack(list(draw_shot(beach, [], LOOK, 350, 25, 96, 160))).astype(float)
    # The share of the bottom rows that is blue-green water grows as the sea runs up.
    wet = (frames[:, 75:, :, 2] - frames[:, 75:, :, 0]).mean(axis=(1, 2))
    assert np.corrcoef(wet, swell(beach, np.arange(350) / 25))[0, 1] > 0.8


def test_machines_strike_four_times_a_turn():
    """The sound's loudness has a rhythm at four beats a turn, far above that of other tempos nearby."""
    prominence = []
    for seed in range(5):
        shop = scene("machine", seed)
        heard = loudness(background(shop, 14 * RATE, RATE, -30.0), RATE // 100, 400, 5000)
        seconds = np.arange(len(heard)) / 100
        window = (heard - heard.mean()) * np.hanning(len(heard))
        beat = 4 * turns_a_second(shop)
        rates = beat * np.array([1.0, 0.72, 0.81, 0.87, 1.13, 1.21, 1.31])
        power = np.abs(np.exp(-2j * np.pi * rates[:, None] * seconds) @ window) ** 2
        prominence.append(power[0] / power[1:].mean())
    assert np.median(prominence) > 5


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("height", [48, 96])
def test_pictures_move_and_never_wrap(kind, height):
    person = figure(5, "f", height, LOOK.grade)
    opening = np.linspace(0, 1, 40)
    width = 16 * round(height * 5 / 3 / 16)
    frames = np.stack(
        list(draw_shot(scene(kind, 6), [Person(person, 4, opening)], LOOK, 40, 25, height, width))
    )
    assert frames.shape == (40, height, width, 3) and frames.dtype == np.uint8
    # Grain is added in wrapping arithmetic: a value at either end would mean that it wrapped.
    assert frames.min() >= 1 and frames.max() <= 254
    quiet = Look(LOOK.tint, LOOK.saturation, LOOK.gamma, grain=0.0)
    still = np.stack(list(draw_shot(scene(kind, 6), [], quiet, 40, 25, height, width)))
    assert (still != still[0]).any(axis=(1, 2, 3))[1:].mean() > 0.4


def coarse_picture(kind: str, rng: np.random.Generator) -> np.ndarray:
    """The first frame of a shot in 8 x 8 blocks."""
    frame = next(draw_shot(draw_scene(kind, rng), [], LOOK, 1, 25, 48, 80))
    return frame.reshape(8, 6, 8, 10, 3).mean((1, 3))


def test_scene_classes_look_more_alike_within_than_across():
    """The nearest class mean of three pictures names the class of three others, mostly."""
    rng = np.random.default_rng(1)
    looks = {kind: [coarse_picture(kind, rng) for _ in range(6)] for kind in KINDS}
    means = np.stack([np.mean(pictures[:3], axis=0) for pictures in looks.values()])
    right = [
        np.abs(means - picture).mean((1, 2, 3)).argmin() == index
        for index, pictures in enumerate(looks.values())
        for picture in pictures[3:]
    ]
    assert np.mean(right) > 0.6


def test_mouths_open_step_by_step():
    person = figure(9, "m", 96, LOOK.grade)
    top, left, bottom, right = person.mouth
    light = [float(frames[0].colour[top:bottom, left:right].astype(float).mean()) for frames in person.frames]
    assert len(light) == MOUTH_LEVELS
    assert (np.diff(light) < 0).all()


def test_painted_areas_match_geometry():
    plane = Plane(200, 300, lambda rgb: rgb)
    pixel = plane.pixel**2
    assert plane.disc(0.7, 0.5, 0.3, 0.2).sum() * pixel == pytest.approx(np.pi * 0.3 * 0.2, rel=0.01)
    assert plane.box(0.2, 0.1, 0.9, 0.6).sum() * pixel == pytest.approx(0.7 * 0.5, rel=0.01)
    assert plane.below(0.25).sum() * pixel == pytest.approx(0.75 * 1.5, rel=0.01)


def test_sprites_blend_like_the_formula_and_are_cut_at_borders():
    rng = np.random.default_rng(0)
    plane = Plane(20, 30, lambda rgb: rgb)
    plane.paint(plane.disc(0.7, 0.5, 0.4), (0.9, 0.2, 0.4))
    sprite = plane.sprite()
    colour = 10 + 235 * np.array([0.9, 0.2, 0.4])
    for top, left in ((5, 7), (-8, -11), (30, 45), (-40, 0)):
        frame = rng.integers(10, 246, (40, 60, 3), dtype=np.uint8)
        expected = frame.astype(float)
        for y in range(20):
            for x in range(30):
                if 0 <= top + y < 40 and 0 <= left + x < 60:
                    a = plane.alpha[y, x, 0]
                    expected[top + y, left + x] = (1 - a) * expected[top + y, left + x] + a * colour
        sprite.stamp(frame, top, left)
        assert np.abs(frame - expected).max() < 2.5
