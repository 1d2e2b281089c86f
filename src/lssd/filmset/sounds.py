"""Background sounds of the scenes, by synthesis: shaped noise, struck and sung events, hums.

Every recipe returns float32 (S,) of any level; `background` mixes in what all places share (a bed of
noise, a title's colour) and sets the level. Classes overlap on purpose: a probe must listen to how a
sound moves, not to one band's level.
"""

from collections.abc import Callable

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from lssd.filmset.scenes import Scene, beats_a_second, car_passes, gusts, swell, turns_a_second

_MAIN, _EVENTS, _BED = 1, 2, 3  # purposes of a scene's generator
_BABBLE_RATE = 16000
_CONTROL_HZ = 50  # envelopes are computed this often and interpolated


def background(
    scene: Scene, samples: int, sample_rate: int, level_db: float, tilt_db: float = 0.0
) -> np.ndarray:
    """The sound of a scene without anybody speaking.

    samples: length S; level_db: RMS in dB relative to full scale; tilt_db: the title's colour, dB an
    octave around 1 kHz. Returns float32 (S,).
    """
    sound = _RECIPES[scene.kind](scene, samples, sample_rate)
    sound /= _rms(sound)
    rng = scene.rng(_BED)
    slope = rng.uniform(-7.5, -1.0)
    bed = _shaped_noise(rng, samples, sample_rate, lambda hz: _tilt(hz, slope) * (hz > 30))
    sound += 10 ** (rng.uniform(*_BED_DB) / 20) * bed
    if tilt_db:
        sound = _filtered(sound, sample_rate, lambda hz: _tilt(hz, tilt_db))
    sound *= 10 ** (level_db / 20) / _rms(sound)
    return _faded(sound.astype(np.float32), sample_rate)


_BED_DB = (-14.0, 1.0)  # the shared bed relative to the scene's own sound


def _rms(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64)))) + 1e-12


def _faded(sound: np.ndarray, sample_rate: int, seconds: float = 0.005) -> np.ndarray:
    """With the first and last 5 ms ramped, so that a cut does not click."""
    count = min(int(seconds * sample_rate), len(sound) // 2)
    if count:
        ramp = np.linspace(0, 1, count, dtype=np.float32)
        sound[:count] *= ramp
        sound[-count:] *= ramp[::-1]
    return sound


def _tilt(hz: np.ndarray, db_an_octave: float) -> np.ndarray:
    return (np.maximum(hz, 30.0) / 1000.0) ** (db_an_octave / 6.0206)


def _band(hz: np.ndarray, low: float, high: float, order: float = 2.0) -> np.ndarray:
    """A smooth band pass: gain about 1 between `low` and `high` Hz, falling 6 dB * order an octave."""
    hz = np.maximum(hz, 1.0)
    return 1.0 / np.sqrt((1 + (low / hz) ** (2 * order)) * (1 + (hz / high) ** (2 * order)))


def _shaped_noise(
    rng: np.random.Generator, samples: int, sample_rate: int, gain: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Gaussian noise with the amplitude spectrum `gain(hz)`, unit RMS, drawn in the spectrum."""
    size = next_fast_len(samples, real=True)
    hz = np.fft.rfftfreq(size, 1 / sample_rate).astype(np.float32)
    spectrum = rng.standard_normal((len(hz), 2), dtype=np.float32).view(np.complex64)[:, 0]
    noise = irfft(spectrum * gain(hz).astype(np.float32), n=size)[:samples]
    return noise / _rms(noise)


def _filtered(sound: np.ndarray, sample_rate: int, gain: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    size = next_fast_len(len(sound), real=True)
    hz = np.fft.rfftfreq(size, 1 / sample_rate).astype(np.float32)
    return irfft(rfft(sound.astype(np.float32), n=size) * gain(hz).astype(np.float32), n=size)[: len(sound)]


def _envelope(samples: int, sample_rate: int, curve: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """`curve(seconds)` at every sample, interpolated from control points."""
    step = sample_rate // _CONTROL_HZ
    knots = np.arange(0, samples + step, step)
    return np.interp(np.arange(samples), knots, curve(knots / sample_rate)).astype(np.float32)


def _scatter(
    sound: np.ndarray,
    rng: np.random.Generator,
    sample_rate: int,
    a_second: float,
    make: Callable[[], np.ndarray],
) -> None:
    """Add `a_second` events a second at random times, each made anew."""
    for start in rng.integers(0, len(sound), rng.poisson(a_second * len(sound) / sample_rate)):
        _add(sound, int(start), make())


def _add(sound: np.ndarray, start: int, event: np.ndarray) -> None:
    first, last = max(0, start), min(len(sound), start + len(event))
    if last > first:
        sound[first:last] += event[first - start : last - start]


def _ring(sample_rate: int, frequencies: np.ndarray, decay_s: float) -> np.ndarray:
    """A struck body: damped sines, peak about 1."""
    t = np.arange(int(5 * decay_s * sample_rate), dtype=np.float32) / sample_rate
    tones = np.sin(2 * np.pi * np.asarray(frequencies, dtype=np.float32)[:, None] * t).mean(0)
    return tones * np.exp(-t / decay_s)


def _rain(scene: Scene, samples: int, rate: int) -> np.ndarray:
    rng, events = scene.rng(_MAIN), scene.rng(_EVENTS)
    low, high = rng.uniform(250, 1600), rng.uniform(3500, 13000)
    sound = _shaped_noise(rng, samples, rate, lambda hz: _band(hz, low, high, 1.2))
    sound *= _envelope(samples, rate, lambda t: 0.85 + 0.3 * gusts(scene, t))
    size = rng.uniform(1.0, 4.0)

    def drop() -> np.ndarray:
        return (
            size
            * events.exponential()
            * _ring(rate, events.uniform(800, 3600, 1), events.uniform(0.002, 0.008))
        )

    _scatter(sound, events, rate, 2 + 22 * scene.activity, drop)
    return sound


def _sea(scene: Scene, samples: int, rate: int) -> np.ndarray:
    rng = scene.rng(_MAIN)
    slope, high = rng.uniform(-7, -2.5), rng.uniform(1500, 7000)
    roar = _shaped_noise(rng, samples, rate, lambda hz: _tilt(hz, slope) * _band(hz, 70, high, 1.0))
    wash = _shaped_noise(rng, samples, rate, lambda hz: _band(hz, 1200, 9000, 1.0))
    run = _envelope(samples, rate, lambda t: swell(scene, t))
    depth = rng.uniform(0.5, 0.9)
    return roar * (1 - depth + depth * run) + rng.uniform(0.2, 0.9) * wash * run**2


def _traffic(scene: Scene, samples: int, rate: int) -> np.ndarray:
    rng, events = scene.rng(_MAIN), scene.rng(_EVENTS)
    low, high = rng.uniform(40, 90), rng.uniform(250, 900)
    sound = rng.uniform(0.4, 1.0) * _shaped_noise(rng, samples, rate, lambda hz: _band(hz, low, high, 1.0))
    bright = rng.uniform(1500, 5000)
    tyres = _shaped_noise(rng, samples, rate, lambda hz: _band(hz, 250, bright, 1.0))
    passes = car_passes(scene, samples / rate)

    def nearness(t: np.ndarray) -> np.ndarray:
        level = np.zeros_like(t)
        for car in passes:
            spread = 0.28 * car.seconds_across
            level += (1.0 if car.lane else 0.6) * np.exp(-0.5 * ((t - car.time_s) / spread) ** 2)
        return level

    sound += 1.6 * tyres * _envelope(samples, rate, nearness)
    for car in passes:
        if events.uniform() < 0.12:
            horn = _ring(rate, events.uniform(320, 480) * np.array([1.0, 1.26, 2.0]), 0.12)
            _add(sound, int((car.time_s - 0.2) * rate), 2.5 * np.clip(3 * horn, -0.6, 0.6))
    return sound


def _forest(scene: Scene, samples: int, rate: int) -> np.ndarray:
    rng, events = scene.rng(_MAIN), scene.rng(_EVENTS)
    low, high = rng.uniform(500, 2500), rng.uniform(5000, 12000)
    sound = _shaped_noise(rng, samples, rate, lambda hz: _band(hz, low, high, 1.2))
    sound *= _envelope(samples, rate, lambda t: 0.35 + 1.3 * gusts(scene, t) ** 2)
    pitch, loud = events.uniform(2000, 4800), events.uniform(0.6, 3.0)

    def chirp() -> np.ndarray:
        length = int(rate * events.uniform(0.04, 0.16))
        t = np.linspace(0, 1, length, dtype=np.float32)
        sweep = pitch * events.uniform(0.85, 1.2) * (1 + events.uniform(-0.3, 0.3) * t)
        tone = np.sin(2 * np.pi * np.cumsum(sweep) / rate) * np.sin(np.pi * t) ** 2
        return loud * events.uniform(0.3, 1.0) * np.tile(tone, int(events.integers(1, 4)))

    _scatter(sound, events, rate, 0.3 + 2.2 * scene.activity, chirp)
    return sound


def _snow(scene: Scene, samples: int, rate: int) -> np.ndarray:
    """Wind: three resonances that gusts move between."""
    rng = scene.rng(_MAIN)
    centre, width = rng.uniform(180, 600), rng.uniform(1.1, 1.9)
    gust = _envelope(samples, rate, lambda t: gusts(scene, t))
    sound = np.zeros(samples, dtype=np.float32)
    for step, place in enumerate((0.25, 0.5, 0.75)):
        middle = centre * 1.7**step
        noise = _shaped_noise(
            rng,
            samples,
            rate,
            lambda hz, m=middle: _band(hz, m / width, m * width, 2.5),  # type: ignore[misc]
        )
        sound += noise * np.exp(-0.5 * ((gust - place) / 0.22) ** 2)
    return sound * (0.4 + scene.activity * gust)


def _fire(scene: Scene, samples: int, rate: int) -> np.ndarray:
    rng, events = scene.rng(_MAIN), scene.rng(_EVENTS)
    high = rng.uniform(150, 700)
    sound = _shaped_noise(rng, samples, rate, lambda hz: _band(hz, 50, high, 1.0))
    sound += rng.uniform(0.1, 0.6) * _shaped_noise(rng, samples, rate, lambda hz: _band(hz, 1500, 9000, 1.0))
    strength = rng.uniform(0.8, 3.0)

    def crackle() -> np.ndarray:
        length = int(rate * events.uniform(0.001, 0.012))
        decay = np.exp(-5 * np.linspace(0, 1, length, dtype=np.float32))
        return (
            strength * min(events.pareto(2.5), 4.0) * events.standard_normal(length, dtype=np.float32) * decay
        )

    _scatter(sound, events, rate, 4 + 34 * scene.activity, crackle)
    return sound


def _crowd(scene: Scene, samples: int, rate: int) -> np.ndarray:
    """Voices that say nothing: buzzing sources through vowel resonances, at the pace of syllables."""
    rng, events = scene.rng(_MAIN), scene.rng(_EVENTS)
    count = -(-samples * _BABBLE_RATE // rate)
    t = np.arange(count, dtype=np.float32) / _BABBLE_RATE
    groups = np.zeros((2, count), dtype=np.float32)
    for voice in range(4 + int(6 * scene.activity)):
        pitch = rng.uniform(90, 240) * (1 + 0.08 * np.sin(2 * np.pi * rng.uniform(0.2, 0.9) * t))
        phase = np.cumsum(pitch) / _BABBLE_RATE + rng.uniform()
        syllables = np.sin(np.pi * rng.uniform(2.5, 5.5) * t + rng.uniform(0, 6)) ** 2
        phrases = np.sin(np.pi * rng.uniform(0.1, 0.5) * t + rng.uniform(0, 6)) ** 2
        groups[voice % 2] += (phase % 1.0 - 0.5) * syllables * phrases
    vowels = [[(600, 1.0), (1100, 0.5), (2500, 0.2)], [(350, 1.0), (1900, 0.4), (2800, 0.2)]]
    sound = np.zeros(count, dtype=np.float32)
    for group, vowel in zip(groups, vowels, strict=True):
        sound += _filtered(
            group,
            _BABBLE_RATE,
            lambda hz, v=vowel: sum(a * np.exp(-0.5 * ((hz - f) / 180) ** 2) for f, a in v),  # type: ignore[misc]
        )
    sound = np.interp(np.arange(samples) * (_BABBLE_RATE / rate), np.arange(count), sound).astype(np.float32)
    sound /= _rms(sound)
    sound += rng.uniform(0.2, 0.8) * _shaped_noise(rng, samples, rate, lambda hz: _band(hz, 200, 3500, 1.0))
    if events.uniform() < 0.5:
        _claps(sound, events, rate, beats_a_second(scene))
    return sound


def _claps(sound: np.ndarray, events: np.random.Generator, rate: int, a_second: float) -> None:
    length = int(0.03 * rate)
    decay = np.exp(-6 * np.linspace(0, 1, length, dtype=np.float32))
    for beat in np.arange(events.uniform(), len(sound) / rate, 1 / a_second):
        for hand in events.normal(beat, 0.02, 6):
            clap = events.standard_normal(length, dtype=np.float32) * decay
            _add(sound, int(hand * rate), 0.8 * events.uniform() * clap)


def _machine(scene: Scene, samples: int, rate: int) -> np.ndarray:
    rng, events = scene.rng(_MAIN), scene.rng(_EVENTS)
    base = rng.uniform(38, 125)
    t = np.arange(samples, dtype=np.float32) / rate
    sound = np.zeros(samples, dtype=np.float32)
    fall = rng.uniform(0.55, 0.85)
    wobble = 1 + 0.1 * np.sin(2 * np.pi * turns_a_second(scene) * t)
    for harmonic in range(1, 9):
        sound += fall**harmonic * np.sin(2 * np.pi * base * harmonic * t + rng.uniform(0, 6)) * wobble
    sound *= rng.uniform(0.3, 1.0) / _rms(sound)
    bright = rng.uniform(800, 6000)
    sound += rng.uniform(0.4, 1.0) * _shaped_noise(rng, samples, rate, lambda hz: _band(hz, 150, bright, 1.0))
    body = events.uniform(500, 1800) * np.array([1.0, 1.51, 2.37])
    knock, loud = _ring(rate, body, events.uniform(0.006, 0.03)), events.uniform(0.5, 3.0)
    for strike in np.arange(0, samples / rate, 1 / (4 * turns_a_second(scene))):
        _add(sound, int(strike * rate), loud * events.uniform(0.6, 1.0) * knock)
    return sound


_RECIPES: dict[str, Callable[[Scene, int, int], np.ndarray]] = {
    "rain": _rain,
    "sea": _sea,
    "traffic": _traffic,
    "forest": _forest,
    "snow": _snow,
    "fire": _fire,
    "crowd": _crowd,
    "machine": _machine,
}
