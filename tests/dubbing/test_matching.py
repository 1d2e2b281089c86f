"""Loudness and colour beside the EBU's test signals, FFmpeg's meter and real speech."""

from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np
import pytest
from scipy.signal import butter, lfilter, sosfilt, welch
from tests.conftest import REAL

from lssd.dubbing.matching import MatchingSettings, equaliser, k_weighted, loudness, match, true_peak
from lssd.errors import ItemError
from lssd.media import read_sound

pytest.importorskip("pyloudnorm")
RATE = 48_000


def sine(*parts: tuple[float, float], hz: float = 1000.0, rate: int = RATE) -> np.ndarray:
    """A mono tone (S,) in parts of (level in dBFS of its peak, seconds)."""
    levels = np.concatenate([np.full(round(s * rate), 10 ** (level / 20)) for level, s in parts])
    return levels * np.sin(2 * np.pi * hz * np.arange(len(levels)) / rate)


def stereo(*parts: tuple[float, float], **more: float) -> np.ndarray:
    return np.stack([sine(*parts, **more)] * 2)


def by_ffmpeg(samples_CS: np.ndarray, rate: int, layout: str) -> tuple[float, float]:
    """(LUFS, dBTP) by FFmpeg's ebur128, which holds no code of pyloudnorm."""
    graph = av.filter.Graph()
    source = graph.add_abuffer(format="fltp", sample_rate=rate, layout=layout, time_base=Fraction(1, rate))
    meter = graph.add("ebur128", "peak=true:metadata=1")
    sink = graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    last: dict[str, str] = {}
    for start in range(0, samples_CS.shape[1], rate // 10):
        piece = np.ascontiguousarray(samples_CS[:, start : start + rate // 10], np.float32)
        frame = av.AudioFrame.from_ndarray(piece, "fltp", layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        graph.push(frame)
        while True:
            try:
                last.update(sink.pull().metadata)
            except (av.error.BlockingIOError, av.error.EOFError):
                break
    peaks = [float(value) for key, value in last.items() if key.startswith("lavfi.r128.true_peaks_ch")]
    return float(last["lavfi.r128.I"]), 20 * np.log10(max(peaks)) if peaks else np.nan


# EBU Tech 3341 (2023), table 1, cases 1 to 6: what is integrated; all within 0.1 LU.
EBU = {
    "1": (stereo((-23, 20)), -23.0),
    "2": (stereo((-33, 20)), -33.0),
    "3": (stereo((-36, 10), (-23, 60), (-36, 10)), -23.0),
    "4": (stereo((-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)), -23.0),
    "5": (stereo((-26, 20), (-20, 20.1), (-26, 20)), -23.0),
    "6": (
        np.stack([sine((level, 20)) for level in (-28, -28, -24, -200, -30, -30)]),
        -23.0,
    ),
}


@pytest.mark.parametrize("case", EBU)
def test_ebu_tech_3341(case: str) -> None:
    samples_CS, expected = EBU[case]
    assert abs(loudness(samples_CS, RATE) - expected) < 0.1


@pytest.mark.parametrize("rate", (22_050, 44_100, 48_000))
@pytest.mark.parametrize("kind", ("mono", "stereo", "5.1"))
def test_another_meter_agrees(rate: int, kind: str) -> None:
    generator = np.random.default_rng(0)
    channels = {"mono": 1, "stereo": 2, "5.1": 6}[kind]
    pink = lfilter([0.05], [1, -0.95], generator.standard_normal((channels, 4 * rate)))
    swell = 0.3 + 0.3 * np.sin(2 * np.pi * 0.4 * np.arange(4 * rate) / rate)
    samples_CS = (0.5 * pink * swell).astype(np.float32)
    lufs, _ = by_ffmpeg(samples_CS, rate, kind)
    assert abs(loudness(samples_CS, rate) - lufs) < 0.15


def test_true_peaks_beside_another_meter() -> None:
    """EBU Tech 3341, cases 15 to 18: tones whose peaks lie between samples; within +0.2 and -0.4 dB."""
    for part, phase in ((4, 0.0), (4, 45.0), (6, 60.0), (8, 67.5)):
        angle = 2 * np.pi * np.arange(RATE) / part + np.deg2rad(phase)
        tone = np.stack([0.5 * np.sin(angle) * np.hanning(RATE) ** 0.25] * 2)
        _, peak = by_ffmpeg(tone.astype(np.float32), RATE, "stereo")
        assert abs(true_peak(tone, RATE) - peak) < 0.15
        assert -6.02 - 0.4 < true_peak(tone, RATE) < -6.02 + 0.2
    assert true_peak(np.zeros((1, 100)), RATE) == -np.inf


def test_the_weighting_is_the_recommendations_table() -> None:
    """ITU-R BS.1770-4, tables 1 and 2, at 48 kHz."""
    impulse = np.zeros((1, 2000))
    impulse[0, 0] = 1
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285], [1, -1.69065929318241, 0.73248077421585]
    high_pass = [1.0, -2.0, 1.0], [1, -1.99004745483398, 0.99007225036621]
    expected = lfilter(*high_pass, lfilter(*shelf, impulse))
    assert np.allclose(k_weighted(impulse, RATE), expected, atol=1e-9)


@pytest.mark.parametrize("rate", (16_000, 22_050, 48_000, 96_000))
@pytest.mark.parametrize("seconds", (0.05, 0.2, 0.39, 0.41, 1.0))
def test_short_sounds_are_measured_too(seconds: float, rate: int) -> None:
    assert abs(loudness(stereo((-23, seconds), rate=rate), rate) + 23) < 0.15


def test_silence_and_shapes() -> None:
    assert loudness(np.zeros((1, RATE)), RATE) == -np.inf
    assert loudness(np.zeros((2, 100)), RATE) == -np.inf
    for shape in ((4, RATE), (RATE,), (1, 0)):
        with pytest.raises(ItemError, match="loudness"):
            loudness(np.zeros(shape), RATE)


def response_db(fir: np.ndarray, hz: float) -> float:
    angle = 2 * np.pi * hz / RATE * np.arange(len(fir))
    return 20 * float(np.log10(abs(np.sum(fir * np.exp(-1j * angle)))))


def test_a_known_difference_is_undone() -> None:
    white = np.random.default_rng(0).standard_normal(4 * RATE) * 0.1
    tilted = sosfilt(butter(1, 1500, fs=RATE, output="sos"), white)
    fir = equaliser(tilted, white, RATE, 30.0)
    level = response_db(fir, 1000) - 10 * np.log10(1 + (1000 / 1500) ** 2)
    for hz in (150, 400, 2500, 5000, 9000):
        assert abs(response_db(fir, hz) - level - 10 * np.log10(1 + (hz / 1500) ** 2)) < 1.2, hz


def test_the_filter_is_limited_symmetric_and_leaves_what_has_no_energy() -> None:
    white = np.random.default_rng(0).standard_normal(2 * RATE) * 0.1
    low = sosfilt(butter(10, 3000, fs=RATE, output="sos"), white)
    fir = equaliser(white, sosfilt(butter(2, 1000, fs=RATE, output="sos"), white), RATE, 12.0)
    assert len(fir) % 2 == 1 and np.allclose(fir, fir[::-1], atol=1e-12)
    assert all(-12.2 < response_db(fir, hz) < 12.2 for hz in range(100, 20_000, 200))
    assert abs(response_db(equaliser(low, white, RATE), 12_000)) < 0.5  # there is nothing to raise
    assert abs(response_db(equaliser(white, low, RATE), 12_000)) < 0.5
    for nothing in (np.zeros(RATE), np.zeros(10)):
        fir = equaliser(nothing, white, RATE)
        assert abs(response_db(fir, 1000)) < 0.1


def thirds_db(samples_S: np.ndarray) -> np.ndarray:
    """Long-term level in thirds of an octave, 125 Hz to 8 kHz, around its mean, by scipy's Welch."""
    hz, power = welch(samples_S, RATE, nperseg=4096)
    centres = 125 * 2 ** (np.arange(19) / 3)
    bands = [power[(hz > c / 2 ** (1 / 6)) & (hz < c * 2 ** (1 / 6))].sum() for c in centres]
    level = 10 * np.log10(np.array(bands) + 1e-15)
    return level - level.mean()


@pytest.fixture(scope="module")
def prompt() -> Callable[[str, int], np.ndarray]:
    if not (REAL / "prompts5").is_dir():
        pytest.skip("the spoken prompts are not here")

    def read(language: str, number: int) -> np.ndarray:
        files = sorted((REAL / "prompts5" / language).glob("*.opus"), key=lambda path: -path.stat().st_size)
        return read_sound(files[number], channels=1)[0]

    return read


@pytest.mark.parametrize(("new", "original"), (("es", "en"), ("fr", "it"), ("ru", "es")))
def test_real_speech_comes_nearer_in_spectrum_and_loudness(
    prompt: Callable[[str, int], np.ndarray], new: str, original: str
) -> None:
    line, model = prompt(new, 0), 0.3 * prompt(original, 0)
    result = match(line, RATE, model)
    before, after = (float(np.sqrt(np.mean((thirds_db(x) - thirds_db(model)) ** 2))) for x in (line, result))
    assert after < 0.5 * before
    assert abs(loudness(result[None], RATE) - loudness(model[None], RATE)) < 0.3
    assert result.shape == line.shape and result.dtype == np.float32
    assert np.array_equal(result, match(line, RATE, model))


def test_peaks_stay_below_the_ceiling_and_loudness_is_met() -> None:
    generator = np.random.default_rng(3)
    quiet = 0.02 * generator.standard_normal(2 * RATE)
    quiet[::9600] += 0.5  # clicks far above the rest
    model = 0.25 * generator.standard_normal(2 * RATE)
    result = match(quiet, RATE, model)
    assert true_peak(result[None], RATE) <= -1.0
    assert abs(loudness(result[None], RATE) - loudness(model[None], RATE)) < 0.5
    lower = match(quiet, RATE, model, settings=MatchingSettings(peak_dbtp=-12.0))
    assert true_peak(lower[None], RATE) <= -12.0


def test_timing_is_untouched() -> None:
    line = np.zeros(RATE)
    line[20_000:20_400] = 0.3 * np.random.default_rng(0).standard_normal(400)
    result = match(line, RATE, 0.1 * np.random.default_rng(1).standard_normal(RATE))
    lags = np.correlate(result[19_000:22_000], line[20_000:20_400], "valid")
    assert int(np.argmax(np.abs(lags))) == 1000


def test_short_and_silent_lines() -> None:
    tone = sine((-10, 0.1))
    result = match(tone, RATE, sine((-30, 0.15)))
    assert abs(loudness(result[None], RATE) - loudness(sine((-30, 0.15))[None], RATE)) < 0.2
    assert not match(tone, RATE, np.zeros(RATE)).any()
    assert not match(np.zeros(RATE), RATE, tone).any()
