"""River, cave, night, church, café, dance, farm, storm, laboratory: what is seen to happen is heard."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from filmset import animals as zoo
from filmset.painting import HIGH, LOW, Plane
from filmset.scenes import cafe, cave, church, dance, farm, laboratory, night, river, storm
from filmset.scenes.scene import (
    RandomTimes,
    Scene,
    SceneKind,
    SubPlane,
    lighten,
    random_times,
    sample_scene,
    texture,
)

pytestmark = pytest.mark.slow

RATE = 48000
MODULES = {
    module.KIND.name: module for module in (river, cave, night, church, cafe, dance, farm, storm, laboratory)
}


def scene(kind: str, seed: int = 0, **changes) -> Scene:
    drawn = sample_scene(kind, np.random.default_rng([seed, 5]))
    return Scene(**{**drawn.__dict__, **changes})


def film(kind: SceneKind, shot: Scene, times: np.ndarray, height: int = 90, width: int = 160) -> np.ndarray:
    """Frames (T, H, W, 3) at these times, ungraded."""
    still, paint_motion = kind.paint(shot, height, width, lambda rgb: rgb)
    frames = np.empty((len(times), *still.shape), dtype=np.uint8)
    for frame, time in zip(frames, times, strict=True):
        frame[:] = still
        paint_motion(frame, float(time))
    return frames


def loudness(sound: np.ndarray, times: np.ndarray, low: float, high: float, span_s: float) -> np.ndarray:
    """RMS of a band of the sound in the `span_s` seconds after each time."""
    band = sosfiltfilt(butter(4, [low, high], "bandpass", fs=RATE, output="sos"), sound.astype(np.float64))
    spans = [band[round(time * RATE) :][: round(span_s * RATE)] for time in times]
    return np.array([np.sqrt(np.mean(span**2)) for span in spans])


@pytest.mark.parametrize("kind", MODULES)
def test_the_same_seed_repeats_and_another_differs(kind):
    scene_kind, times = MODULES[kind].KIND, np.arange(0, 2, 0.5)
    first, again, other = (scene(kind, seed) for seed in (1, 1, 2))
    pictures = [film(scene_kind, one, times) for one in (first, again, other)]
    np.testing.assert_array_equal(pictures[0], pictures[1])
    assert np.abs(pictures[0].astype(int) - pictures[2]).mean() > 6
    sounds = [scene_kind.sound(one, 3 * RATE, RATE) for one in (first, again, other)]
    assert sounds[0].dtype == np.float32 and sounds[0].shape == (3 * RATE,)
    np.testing.assert_array_equal(sounds[0], sounds[1])
    assert abs(np.corrcoef(sounds[0], sounds[2])[0, 1]) < 0.5
    levels = [np.abs(np.fft.rfft(sound))[100:30000] for sound in (sounds[0], sounds[2])]
    ratio_db = 20 * np.log10(np.square(levels).reshape(2, 20, -1).mean(axis=2) + 1e-9)
    assert np.abs(np.diff(ratio_db - ratio_db.mean(axis=1, keepdims=True), axis=0)).max() > 2


@pytest.mark.parametrize("kind", MODULES)
def test_pictures_move_gently_within_their_range(kind):
    for seed in range(3):
        frames = film(MODULES[kind].KIND, scene(kind, seed), np.arange(0, 4, 0.04))
        assert frames.min() >= LOW and frames.max() <= HIGH
        change = np.abs(np.diff(frames.astype(np.int16), axis=0)).mean(axis=(1, 2, 3))
        assert change.max() < 8.5 and change.mean() < 6.5
        assert (change > 0).mean() > 0.4


@pytest.mark.parametrize("kind", MODULES)
@pytest.mark.parametrize(("height", "width"), [(48, 48), (96, 48), (48, 144)])
def test_any_shape_at_any_time(kind, height, width):
    frames = film(MODULES[kind].KIND, scene(kind, 4), np.array([0.0, 0.3, 5.1, 4000.7]), height, width)
    assert frames.min() >= LOW and frames.max() <= HIGH
    assert (frames[0] != frames[1]).any()


@pytest.mark.parametrize("kind", MODULES)
@pytest.mark.parametrize("samples", [1, 700, 48000])
def test_sounds_of_any_length(kind, samples):
    for activity in (0.0, 1.0):
        sound = MODULES[kind].KIND.sound(scene(kind, 2, activity=activity), samples, RATE)
        assert sound.shape == (samples,) and np.isfinite(sound).all()


HITS_S = (2.0, 6.0)
# Of each clock: how long before and after its moment it is seen, how long after it is heard.
CLOCKS = {
    "river": (river, "leaps", river.LEAP_S, 1.2, 0.0),
    "cave": (cave, "drips", 0.42, 1.1, 0.0),
    "night": (night, "hoots", 0.0, 1.1, 0.0),
    "cup": (cafe, "clinks", cafe.LIFT_S, 0.0, 0.0),
    "steam": (cafe, "hisses", 0.0, cafe.HISS_S, 0.0),
    "storm": (storm, "strikes", 0.0, 0.6, None),
    "bubble": (laboratory, "bursts", laboratory.RISE_S, 0.0, 0.0),
}


def planted(every_s: float) -> RandomTimes:
    """RandomTimes at HITS_S when it is 4 s; practically none when it is huge."""
    return RandomTimes(every_s, np.full((1, 5), 0.5))


@pytest.mark.parametrize("name", CLOCKS)
def test_planted_moments_are_seen_and_heard_when_planted(name, monkeypatch):
    module, clock, before_s, after_s, delay_s = CLOCKS[name]
    shot, times = scene(module.KIND.name, 3, activity=0.5), np.arange(0, 8, 0.08) + 0.02
    pictures, sounds = [], []
    for every_s in (4.0, 1e9):
        monkeypatch.setattr(module, clock, lambda _scene, every_s=every_s: planted(every_s))
        pictures.append(film(module.KIND, shot, times).astype(int))
        sounds.append(module.KIND.sound(shot, 8 * RATE, RATE))
    seen = (pictures[0] != pictures[1]).any(axis=(1, 2, 3))
    since = times[:, None] - np.array(HITS_S)
    expected = ((since >= -before_s) & (since <= after_s)).any(axis=1)
    assert not (seen & ~expected).any()
    assert seen.sum() > 0.6 * expected.sum()
    if delay_s is None:
        delay_s = storm.delay_s(shot)
    heard = np.abs(sounds[0] - sounds[1])
    for hit in HITS_S:
        start = round((hit + delay_s) * RATE)
        after = heard[start : start + RATE // 10].max()
        quiet = heard[start - RATE // 5 : start - RATE // 1000].max()
        assert after > 0.1 and quiet < 0.35 * after


def test_lightning_brightens_the_sky_over_frames_without_looking_like_a_cut(monkeypatch):
    monkeypatch.setattr(storm, "strikes", lambda _scene: RandomTimes(4.0, np.full((1, 5), 0.95)))
    frames = film(storm.KIND, scene("storm", 1), np.arange(3.2, 4.4, 0.04), 180, 320).astype(int)
    change = np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2, 3))
    assert change.max() < 8
    light = frames[:, :60].mean(axis=(1, 2, 3))
    assert light.max() - light[0] > 8
    assert np.argmax(light) >= 2  # not at once: the strike begins at 3.44 s


def test_thunder_comes_after_its_scenes_own_delay():
    waits = [storm.delay_s(scene("storm", seed)) for seed in range(12)]
    assert min(waits) >= 0.3 and max(waits) <= 2.4 and np.std(waits) > 0.2


def test_bells_hang_still_at_the_end_of_their_swing_when_they_strike(monkeypatch):
    bell = church.Bell(period_s=3.0, phase=0.31, pitch=420.0)
    times = np.arange(0, 9, 1e-3)
    swing = np.abs([bell.angle(time) for time in times])
    ends = times[1:-1][(swing[1:-1] > swing[:-2]) & (swing[1:-1] >= swing[2:])]
    struck = np.array([time for _, time in bell.strikes(0.0, 9.0)])
    np.testing.assert_allclose(struck, ends, atol=2e-3)
    monkeypatch.setattr(church, "bells", lambda _scene: [bell])
    monkeypatch.setattr(church, "organ", lambda _scene: None)
    shot = scene("church", 3)
    sound = church.KIND.sound(shot, 9 * RATE, RATE)
    # The partial of the strike note that dies fastest tells the strokes apart.
    edges = loudness(sound, struck[1:-1], 800, 2400, 0.05) / loudness(
        sound, struck[1:-1] - 0.06, 800, 2400, 0.05
    )
    assert (edges > 1.25).all()
    still = [picture_change(shot, time) for time in struck[1:4]]
    middle = [picture_change(shot, time + 0.75) for time in struck[1:4]]
    assert max(still) < 0.4 * min(middle)


def picture_change(shot: Scene, time: float) -> float:
    """How much the bell's part of a church changes within 0.12 s around a time."""
    pair = film(church.KIND, shot, np.array([time - 0.06, time + 0.06])).astype(int)
    return float(np.abs(pair[1] - pair[0])[4:24, 50:110].mean())


def peak_hz(sound: np.ndarray, near: float) -> tuple[float, float]:
    """(frequency of the strongest line within a semitone of `near`, its power over the band's median)."""
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 4 * len(sound))) ** 2
    hz = np.fft.rfftfreq(4 * len(sound), 1 / RATE)
    inside = (hz > near / 1.06) & (hz < near * 1.06)
    best = np.argmax(power * inside)
    return float(hz[best]), float(power[best] / np.median(power[(hz > near / 1.4) & (hz < near * 1.4)]))


def test_the_organ_plays_the_chords_that_gleam(monkeypatch):
    organ = church.Organ(key_hz=150.0, chord_s=2.0, order=(0, 1))
    monkeypatch.setattr(church, "organ", lambda _scene: organ)
    monkeypatch.setattr(church, "bells", lambda _scene: [church.Bell(3.0, 0.2, 50.0)])
    shot = scene("church", 5)
    sound = church.KIND.sound(shot, 4 * RATE, RATE)
    for number in (0, 1):
        held = sound[int((2 * number + 0.4) * RATE) : int((2 * number + 1.8) * RATE)]
        for note in church._CHORDS[number]:
            hz, height = peak_hz(held, 150.0 * 2 ** (note / 12))
            assert hz == pytest.approx(150.0 * 2 ** (note / 12), rel=0.004) and height > 30
    times = np.arange(0.1, 4, 0.2)
    gleam = film(church.KIND, shot, times)[:, 30:60].astype(int)
    change = np.abs(np.diff(gleam, axis=0)).max(axis=3) > 60
    assert np.argmax(change.sum(axis=(1, 2))) == 9  # between 1.9 s and 2.1 s


def test_dance_music_has_the_pitches_of_its_rule():
    for seed in range(4):
        shot = scene("dance", seed)
        tune = dance.tune(shot)
        assert tune.degrees[0] == 0
        assert all(after in dance._FOLLOW[before] for before, after in pairwise(tune.degrees))
        sound = dance.KIND.sound(shot, 10 * RATE, RATE)
        first = int(tune.played / dance.BEATS) + 1
        for bar in (first, first + 1):
            start, end = (tune.seconds(dance.BEATS * number) for number in (bar, bar + 1))
            heard = sound[round(start * RATE) : round(end * RATE)]
            semitones = np.round(12 * np.log2(tune.chord_hz(bar) / tune.key_hz)).astype(int) % 12
            assert set(semitones) <= set(tune.scale)
            for pitch in tune.chord_hz(bar):
                hz, height = peak_hz(heard, float(pitch))
                assert hz == pytest.approx(pitch, rel=0.006) and height > 20
            eighth = tune.beat_s / 2
            for step in (1, 3, 5, 7):  # between the drum's beats
                note = sound[round((start + step * eighth) * RATE) :][: round(0.9 * eighth * RATE)]
                low = tune.bass_hz(bar)[step]
                assert peak_hz(note, float(low))[0] == pytest.approx(low, rel=0.02)


def test_the_dance_floor_changes_on_the_beat_that_is_heard():
    for seed in (0, 3):
        shot = scene("dance", seed)
        tune = dance.tune(shot)
        beats = np.arange(int(tune.played) + 1, int(tune.played) + 13)
        when = np.array([tune.seconds(beat) for beat in beats])
        sound = dance.KIND.sound(shot, 9 * RATE, RATE)
        low = loudness(sound, when, 30, 160, 0.08) / loudness(sound, when - 0.1, 30, 160, 0.08)
        assert np.median(low) > 1.5
        change = [
            [
                np.abs(
                    np.diff(film(dance.KIND, shot, np.array([t, t + 0.03]))[:, 65:].astype(int), axis=0)
                ).mean()
            ]
            for time in when[:4]
            for t in (time + 0.05, time + 0.8 * tune.beat_s)
        ]
        fresh, stale = np.array(change).reshape(-1, 2).T
        assert fresh.min() > 1.5 * stale.max()


@pytest.mark.parametrize("species", zoo.SPECIES)
def test_animals_move_when_they_are_heard(species, monkeypatch):
    shot, times = scene("farm", 2), np.arange(0, 8, 0.08) + 0.02
    seen, sounds = [], []
    for every_s in (4.0, 1e9):
        animal = farm.Animal(species, 0.5, 0.5, 1.0, 0, False, planted(every_s))
        monkeypatch.setattr(farm, "animals", lambda _scene, animal=animal: [animal])
        seen.append(film(farm.KIND, shot, times).astype(int))
        sounds.append(farm.KIND.sound(shot, 8 * RATE, RATE))
    differs = (seen[0] != seen[1]).any(axis=(1, 2, 3))
    since = times[:, None] - np.array(HITS_S)
    np.testing.assert_array_equal(differs, ((since >= 0) & (since < zoo.CALL_S[species])).any(axis=1))
    heard = np.flatnonzero(np.abs(sounds[0] - sounds[1]) > 0.02) / RATE
    assert heard[0] == pytest.approx(2.0, abs=0.05)
    late = heard - np.where(heard < 5, *HITS_S)
    assert late.min() >= 0 and zoo.CALL_S[species] * 0.7 < late.max() < zoo.CALL_S[species] + 0.01


def test_calls_have_their_animals_pitch():
    rng = np.random.default_rng(0)
    moo, baa = (zoo.voice(species, RATE, 1.0, rng) for species in ("cow", "sheep"))
    middle = moo[len(moo) // 3 : -len(moo) // 3]
    assert 105 * 1.1 < peak_hz(middle, 148.0)[0] < 105 * 1.65
    assert peak_hz(baa, 282.0)[1] > 10


def test_lamps_are_lit_exactly_while_their_machine_beeps(monkeypatch):
    machine, idle = (
        laboratory.Machine(pitch=1500.0, period_s=2.0, phase=0.7, count=count, beep_s=0.12)
        for count in (2, 0)
    )
    monkeypatch.setattr(laboratory, "bursts", lambda _scene: planted(1e9))
    shot, times, films = scene("laboratory", 1), np.arange(0, 6, 0.04) + 0.015, []
    for one in (idle, machine):
        monkeypatch.setattr(laboratory, "machines", lambda _scene, one=one: [one])
        films.append(film(laboratory.KIND, shot, times).astype(int))
    lit = np.abs(films[1] - films[0]).max(axis=(1, 2, 3)) > 60
    beeping = np.array([machine.beeping(time) for time in times])
    np.testing.assert_array_equal(lit, beeping)
    assert (films[1] - films[0])[beeping].sum(axis=(1, 2, 3)).min() > 1000  # lit, not darkened
    sound = laboratory.KIND.sound(shot, 6 * RATE, RATE)
    heard = loudness(sound, times[:-1] - 0.01, 1400, 1600, 0.02)
    assert heard[beeping[:-1]].mean() > 3 * heard[~beeping[:-1]].mean()
    starts = machine.starts(6.0)
    np.testing.assert_allclose(starts[:2], [0.6, 0.84])  # 2 s * (1 - 0.7), and two beeps later


def test_the_torch_flutters_as_it_flickers():
    shot = scene("cave", 6, activity=0.0, pace=1.0)
    times = np.arange(0, 10, 0.1)
    light = film(cave.KIND, shot, times)[:, :30].mean(axis=(1, 2, 3))
    assert np.corrcoef(light, cave.flicker(shot, times))[0, 1] > 0.9


def test_moments_are_the_same_whatever_span_is_asked_for():
    clock = random_times(scene("cave", 3), 7, 0.4)
    whole = clock.between(-3.0, 250.0)
    edges = np.linspace(-3.0, 250.0, 37)
    pieces = [one for a, b in pairwise(edges) for one in clock.between(a, b)]
    assert [time for time, _ in whole] == [time for time, _ in pieces]
    assert len(whole) == pytest.approx(253 / 0.4, abs=2)
    assert np.diff([time for time, _ in whole]).min() > 0.07


def test_painting_a_part_paints_the_plane():
    whole, by_part = (Plane(60, 90, lambda rgb: 0.5 * rgb) for _ in range(2))
    whole.paint(whole.disc(0.7, 0.4, 0.2), (0.9, 0.5, 0.1))
    part = SubPlane(by_part, 0.5, 0.2, 0.9, 0.6)
    part.paint(part.disc(0.7, 0.4, 0.2), (0.9, 0.5, 0.1))
    np.testing.assert_array_equal(by_part.rgb, whole.rgb)
    np.testing.assert_array_equal(by_part.alpha, whole.alpha)
    beyond = SubPlane(by_part, 3.0, 0.2, 4.0, 0.6)
    beyond.paint(beyond.disc(3.5, 0.4, 0.2), (1.0, 1.0, 1.0))
    np.testing.assert_array_equal(by_part.rgb, whole.rgb)


def test_textures_have_no_seam_and_lights_only_brighten():
    noise = texture(np.random.default_rng(1), 64, 96, 6, 9)
    step = np.abs(np.diff(noise, axis=0)).max(), np.abs(np.diff(noise, axis=1)).max()
    assert np.abs(noise[0] - noise[-1]).max() < 1.2 * step[0]
    assert np.abs(noise[:, 0] - noise[:, -1]).max() < 1.2 * step[1]
    frame = np.full((20, 30, 3), 100, dtype=np.uint8)
    light = np.random.default_rng(2).integers(10, 246, (9, 9, 3), dtype=np.uint8)
    expected = frame.copy()
    for y in range(9):
        for x in range(9):
            if y >= 4 and 0 <= x + 25 < 30:
                expected[y - 4, x + 25] = np.maximum(100, light[y, x])
    lighten(frame, light, -4, 25)
    np.testing.assert_array_equal(frame, expected)
