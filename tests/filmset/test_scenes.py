"""Kinds of scene: ranges, motion, any size and time, and what is seen is heard at the same instant."""

import time
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.signal import butter, sosfiltfilt

from filmset.backgrounds import Backgrounds
from filmset.directors import DIRECTORS, sample_look
from filmset.painting import HIGH, LOW
from filmset.scenes import KINDS, SCENES, Scene, sample_scene
from filmset.scenes.crowd import beats_a_second
from filmset.scenes.fire import cracks
from filmset.scenes.forest import songs
from filmset.scenes.kitchen import clinks, drips, simmer
from filmset.scenes.machine import turns_a_second
from filmset.scenes.office import keystrokes, ticks
from filmset.scenes.rain import splashes
from filmset.scenes.sea import swell
from filmset.scenes.traffic import car_passes
from filmset.scenes.train import joints
from filmset.scenes.wind import carried, gusts

pytestmark = pytest.mark.slow

RATE = 48000
ESC50 = """
dog rooster pig cow frog cat hen insects sheep crow rain sea_waves crackling_fire crickets chirping_birds
water_drops wind pouring_water toilet_flush thunderstorm crying_baby sneezing clapping breathing coughing
footsteps laughing brushing_teeth snoring drinking_sipping door_wood_knock mouse_click keyboard_typing
door_wood_creaks can_opening washing_machine vacuum_cleaner clock_alarm clock_tick glass_breaking helicopter
chainsaw siren car_horn engine train church_bells airplane fireworks hand_saw
"""


def scene(kind: str, seed: int = 0, **changes) -> Scene:
    drawn = sample_scene(kind, np.random.default_rng(seed))
    return Scene(**{**drawn.__dict__, **changes})


def plain(rgb: np.ndarray) -> np.ndarray:
    return rgb


def filmed(one: Scene, times_s, height: int = 96, width: int = 160, grade=plain) -> np.ndarray:
    """The frames of a scene at some times, uint8 (T, H, W, 3)."""
    still, paint_motion = SCENES[one.kind].paint(one, height, width, grade)
    frames = np.repeat(still[None], len(times_s), axis=0)
    for frame, seconds in zip(frames, times_s, strict=True):
        paint_motion(frame, float(seconds))
    return frames


def loudness(sound: np.ndarray, step: int, low: float, high: float) -> np.ndarray:
    """RMS of a band (Hz) in blocks of `step` samples."""
    band = sosfiltfilt(butter(4, [low, high], "bandpass", fs=RATE, output="sos"), sound.astype(np.float64))
    return np.sqrt(np.square(band[: len(band) // step * step]).reshape(-1, step).mean(axis=1))


# Every kind


def test_all_kinds_have_a_place_of_their_name():
    assert len(KINDS) >= 11 and [kind.name for kind in SCENES.values()] == list(KINDS)
    for kind in SCENES.values():
        assert 0 <= kind.reverb_s[0] <= kind.reverb_s[1] < 10
        assert set(kind.esc50) <= set(ESC50.split())


@pytest.mark.parametrize("kind", KINDS)
def test_sounds_are_whole_vary_and_repeat(kind):
    one, other = scene(kind), scene(kind, seed=1)
    first = SCENES[kind].sound(one, RATE, RATE)
    assert first.shape == (RATE,) and np.isfinite(first).all() and first.std() > 0
    np.testing.assert_array_equal(first, SCENES[kind].sound(one, RATE, RATE))
    assert abs(np.corrcoef(first, SCENES[kind].sound(other, RATE, RATE))[0, 1]) < 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_move_and_stay_within_range(kind):
    """Over a scene's start and long after: the values that leave room for grain, and motion."""
    times = np.concatenate([np.arange(12) / 23.976, np.arange(12) / 50 + 19.9, np.arange(12) / 10 + 311])
    frames = filmed(scene(kind, 6), times)
    assert frames.min() >= LOW and frames.max() <= HIGH
    moved = (frames[1:] != frames[:-1]).any(axis=(1, 2, 3)).reshape(-1)
    assert moved.mean() > 0.4
    assert (frames[-1] != frames[0]).mean() > 0.001


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_come_in_any_size(kind):
    look = sample_look(np.random.default_rng(0), DIRECTORS[0])
    for seed, (height, width) in enumerate(((48, 48), (48, 144), (96, 48), (98, 174))):
        one = scene(kind, seed, activity=0.97, pace=0.9)
        frames = filmed(one, (0.0, 2.71, 17.3), height, width, look.grade)
        assert frames.shape == (3, height, width, 3) and frames.dtype == np.uint8
        assert frames.min() >= LOW and frames.max() <= HIGH
        assert frames.std() > 5


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_depends_on_its_time_alone(kind):
    one = scene(kind, 3)
    forwards = filmed(one, (0.5, 4.04, 33.33), 48, 80)
    backwards = filmed(one, (33.33, 4.04, 0.5, 4.04), 48, 80)
    np.testing.assert_array_equal(forwards, backwards[[2, 1, 0]])
    np.testing.assert_array_equal(backwards[1], backwards[3])


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_jumps_like_a_cut(kind):
    """Frames at 25 a second change by less than 9 levels, and by far less than from scene to scene."""
    shots = []
    for seed in range(3):
        one = scene(kind, seed, activity=1.0, pace=1.0)
        shots.append(filmed(one, np.arange(50) / 25 + 3 * seed, 48, 80).astype(int))
    within = max(np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2, 3)).max() for frames in shots)
    assert within < 9
    other = "snow" if kind != "snow" else "fire"
    after = filmed(scene(other, 5), [0.0], 48, 80)[0].astype(int)
    assert min(np.abs(frames[-1] - after).mean() for frames in shots) > 2 * within


@pytest.mark.parametrize("kind", KINDS)
def test_drawing_is_fast(kind):
    """Processor time, with room for a slow or busy machine: 5 times what a frame and a shot may take."""
    one = scene(kind, 1, activity=1.0)
    start = time.process_time()
    still, paint_motion = SCENES[kind].paint(one, 180, 320, plain)
    painted = time.process_time()
    for number in range(20):
        paint_motion(still.copy(), number / 25)
    assert painted - start < 5 * 0.08
    assert (time.process_time() - painted) / 20 < 5 * 0.0012


# Classes are told apart by how they look and sound, not by the level of one band


def nearest(examples: np.ndarray) -> float:
    """Share right of the nearest class mean of half of the examples (class, example, feature)."""
    half = examples.shape[1] // 2
    means = examples[:, :half].mean(axis=1)
    spread = (examples[:, :half] - means[:, None]).std(axis=(0, 1)) + 1e-9
    distance = (np.abs(examples[:, half:, None] - means[None, None]) / spread).mean(axis=-1)
    return float((distance.argmin(axis=-1) == np.arange(len(examples))[:, None]).mean())


def sound_features(sound: np.ndarray) -> np.ndarray:
    """Of 12 bands in dB relative to all: mean, spread over time and change from block to block (3, 12)."""
    blocks = np.lib.stride_tricks.sliding_window_view(sound, 1024)[::512] * np.hanning(1024)
    power = np.abs(np.fft.rfft(blocks, axis=1)) ** 2
    edges = np.geomspace(1, 512, 13).astype(int)
    bands = [power[:, a : max(a + 1, b)].sum(1) for a, b in pairwise(edges)]
    level = np.log(np.stack(bands, axis=1) + 1e-12)
    return np.stack(
        [level.mean(0) - level.mean(), 2 * level.std(0), 2 * np.abs(np.diff(level, axis=0)).mean(0)]
    )


def test_classes_are_told_apart_by_sound_but_not_by_one_level():
    rng = np.random.default_rng(1)
    features = np.stack(
        [
            [
                sound_features(
                    Backgrounds().sound(sample_scene(kind, rng), "synthesis", RATE, RATE // 2, -36.0)
                )
                for _ in range(6)
            ]
            for kind in KINDS
        ]
    )
    assert nearest(features.reshape(len(KINDS), 6, -1)) > 0.4
    assert max(nearest(features[:, :, 0, [band]]) for band in range(12)) < 0.35


def test_classes_are_told_apart_by_picture():
    """The nearest mean of coarse pictures, whoever directs."""
    rng = np.random.default_rng(1)

    def coarse(kind: str) -> np.ndarray:
        look = sample_look(rng, DIRECTORS[int(rng.integers(len(DIRECTORS)))])
        one = sample_scene(kind, rng)
        frame = filmed(one, [1.0], 48, 80, look.grade)[0][:, :: -1 if one.mirrored else 1]
        return frame.reshape(8, 6, 8, 10, 3).mean((1, 3)).ravel()

    assert nearest(np.stack([[coarse(kind) for _ in range(6)] for kind in KINDS])) > 0.55


# Seen and heard at the same instant


def onset(kind: str, seeds, instants, low: float = 300, high: float = 6000, **changes) -> float:
    """How much louder it is just after the instants than just before, over several scenes: a median."""
    ratios = []
    for seed in seeds:
        one = scene(kind, seed, **changes)
        heard = loudness(SCENES[kind].sound(one, 12 * RATE, RATE), RATE // 200, low, high)
        for instant in instants(one):
            block = int(instant * 200)
            if 12 < block < len(heard) - 10:
                ratios.append(heard[block : block + 8].max() / heard[block - 8 : block - 1].mean())
    assert len(ratios) > 12
    return float(np.median(ratios))


def changes_at(one: Scene, instants, height: int = 96, width: int = 160) -> np.ndarray:
    """How many pixels change by more than 2 levels within 20 microseconds around each instant (N,)."""
    frames = filmed(one, [t + d for t in instants for d in (-1e-5, 1e-5)], height, width)
    return (np.abs(np.diff(frames.astype(int), axis=0)[::2]).max(axis=3) > 2).sum(axis=(1, 2))


INSTANTS = {
    "rain": lambda one: [t for t, _ in splashes(one).between(0, 12)],
    "forest": lambda one: [t for t, details in songs(one).between(0, 12) if details[3] < 0.5],
    "fire": lambda one: [t for t, _ in cracks(one).between(0, 12)],
    "kitchen": lambda one: [t for t, _ in drips(one).between(0, 12)],
    "office": lambda one: [t for t, _ in keystrokes(one, 0, 12)],
    "machine": lambda one: np.arange(1, 12 * 4 * turns_a_second(one)) / (4 * turns_a_second(one)),
}


@pytest.mark.parametrize("kind", INSTANTS)
def test_the_picture_changes_and_the_sound_sets_in_at_the_same_instants(kind):
    quiet = {"activity": 0.5} if kind == "office" else {"activity": 0.05}
    seen, elsewhere = [], []
    for seed in range(4):
        one = scene(kind, seed, **quiet)
        instants = np.asarray(INSTANTS[kind](one))
        seen += list(changes_at(one, instants))
        elsewhere += list(changes_at(one, instants + 0.0321))
    assert np.mean(np.array(seen) > 0) > 0.9
    assert np.mean(np.array(elsewhere) > 0) < 0.2
    assert onset(kind, range(6), INSTANTS[kind], **quiet) > 1.3


def test_cars_are_heard_when_they_are_seen():
    near, far = [], []
    for seed in range(6):
        street = scene("traffic", seed, activity=0.15, pace=0.8)
        heard = loudness(SCENES["traffic"].sound(street, 14 * RATE, RATE), RATE // 10, 400, 1400)
        middle = np.array([one.time_s for one in car_passes(street, -5, 19)])
        distance = np.abs(np.arange(len(heard))[:, None] / 10 + 0.05 - middle[None]).min(axis=1)
        near += list(heard[distance < 0.2] / np.median(heard))
        far += list(heard[distance > 1.2] / np.median(heard))
    assert np.mean(near) > 1.4 * np.mean(far)


def test_cars_are_drawn_when_they_pass():
    street = scene("traffic", 3, activity=0.15, pace=0.8)
    times = np.arange(0, 40, 0.2)
    frames = filmed(street, times).astype(int)
    passes = [one.time_s for one in car_passes(street, 0, 40)]
    seen = np.abs(filmed(street, passes).astype(int) - np.median(frames, axis=0))[:, 60:, 78:82]
    assert len(passes) > 8 and (seen.max(axis=(1, 2, 3)) > 25).all()


def test_the_cars_of_a_span_are_those_of_its_parts():
    street = scene("traffic", 8, activity=0.9)
    assert car_passes(street, 0, 40) == car_passes(street, 0, 13.7) + car_passes(street, 13.7, 40)


def test_surf_is_seen_and_heard_with_the_same_swell():
    beach = scene("sea", 2, pace=0.9, activity=0.2)
    times = np.arange(0, 14, 0.1) + 0.05
    run = swell(beach, times)
    heard = loudness(SCENES["sea"].sound(beach, 14 * RATE, RATE), RATE // 10, 2000, 8000)
    assert np.corrcoef(run, heard)[0, 1] > 0.6
    frames = filmed(beach, times).astype(float)
    # The share of the bottom rows that is blue-green water grows as the sea runs up.
    wet = (frames[:, 75:, :, 2] - frames[:, 75:, :, 0]).mean(axis=(1, 2))
    assert np.corrcoef(wet, run)[0, 1] > 0.8


def test_steam_is_seen_and_hissing_heard_with_the_same_boil():
    seen, heard = [], []
    for seed in range(5):
        stove = scene("kitchen", seed, activity=0.0, pace=0.8)
        times = np.arange(0, 12, 0.2) + 0.1
        boil = simmer(stove, times)
        hiss = loudness(SCENES["kitchen"].sound(stove, 12 * RATE, RATE), RATE // 5, 1000, 6000)
        heard.append(np.corrcoef(boil, hiss)[0, 1])
        light = filmed(stove, times).astype(float)[:, :60].mean(axis=(1, 2, 3))
        seen.append(np.corrcoef(boil, light)[0, 1])
    assert np.median(heard) > 0.6 and np.median(seen) > 0.8


def test_lids_fall_back_when_they_clink():
    """A lid's edges leave big changes of light while it is up, none once it has hit the pot."""
    up, down = [], []
    for seed in range(4):
        stove = scene("kitchen", seed, activity=0.3)
        hits = [t for t, _ in clinks(stove).between(0.5, 12)]
        frames = filmed(stove, [t + d for t in hits for d in (-0.08, 0.0, 0.01)]).astype(int)
        before, hit, after = frames[::3], frames[1::3], frames[2::3]
        up += list((np.abs(before - hit) > 45).sum(axis=(1, 2, 3)))
        down += list((np.abs(after - hit) > 45).sum(axis=(1, 2, 3)))
    assert np.median(up) > 10 and np.median(down) < 3
    assert (
        onset("kitchen", range(6), lambda one: [t for t, _ in clinks(one).between(0, 12)], 1500, 9000) > 1.3
    )


def test_clocks_tick_when_their_hand_moves():
    for seed in range(3):
        room = scene("office", seed, activity=0.0)
        rate, first = ticks(room)
        struck = np.array([t for t, _ in keystrokes(room, 0, 30)])
        instants = np.arange(first + 1 / rate, 30, 1 / rate)
        alone = [t for t in instants if not len(struck) or np.abs(struck - t).min() > 0.01]
        assert len(alone) > 10 and (changes_at(room, alone) > 0).all()
    every = lambda one: np.arange(ticks(one)[1], 12, 1 / ticks(one)[0])  # noqa: E731
    assert onset("office", range(8), every, 1800, 9000, activity=0.0) > 1.3


def test_a_mast_passes_a_window_at_every_joint_that_is_heard():
    for seed in range(3):
        carriage = scene("train", seed, pace=0.6)
        times = joints(carriage, 0, 20)
        between = (times[1:] + times[:-1]) / 2
        at = np.median(filmed(carriage, times).astype(int), axis=0)[18:50]
        away = np.median(filmed(carriage, between).astype(int), axis=0)[18:50]
        mast = np.abs(at - away).mean(axis=(0, 2))
        assert len(times) > 15
        assert mast.max() > 4 * np.median(mast) and mast.max() > 8
    assert onset("train", range(6), lambda one: joints(one, 0, 12), 100, 3000) > 1.5


def test_crowds_clap_on_the_beat():
    """The loudness of those that clap has the rhythm that their heads bob to."""
    prominence = []
    for seed in range(12):
        hall = scene("crowd", seed)
        heard = loudness(SCENES["crowd"].sound(hall, 14 * RATE, RATE), RATE // 100, 4000, 16000)
        seconds = np.arange(len(heard)) / 100
        window = (heard - heard.mean()) * np.hanning(len(heard))
        beat = beats_a_second(hall)
        turns = np.exp(-2j * np.pi * beat * np.array([1.0, 0.76, 0.87, 1.17, 1.29])[:, None] * seconds)
        power = np.abs(turns @ window) ** 2
        prominence.append(power[0] / power[1:].mean())
    assert np.mean(np.array(prominence) > 5) > 0.4


def test_machines_strike_four_times_a_turn():
    """The sound's loudness has a rhythm at four beats a turn, far above that of other tempos nearby."""
    prominence = []
    for seed in range(5):
        shop = scene("machine", seed)
        heard = loudness(SCENES["machine"].sound(shop, 14 * RATE, RATE), RATE // 100, 400, 5000)
        seconds = np.arange(len(heard)) / 100
        window = (heard - heard.mean()) * np.hanning(len(heard))
        beat = 4 * turns_a_second(shop)
        rates = beat * np.array([1.0, 0.72, 0.81, 0.87, 1.13, 1.21, 1.31])
        power = np.abs(np.exp(-2j * np.pi * rates[:, None] * seconds) @ window) ** 2
        prominence.append(power[0] / power[1:].mean())
    assert np.median(prominence) > 5


def test_snow_is_carried_as_far_as_the_wind_blows():
    storm = scene("snow", 4)
    for end in (0.0, 1.7, 90.0):
        far, _ = quad(lambda t: float(gusts(storm, np.array(t))), 0, end, limit=400)
        assert carried(storm, end) == pytest.approx(far, abs=1e-6)
