"""From one source to a track's channels: mono, stereo, or 5.1 in the order FL FR FC LFE BL BR.

Voices and events stand somewhere between left and right. A background is everywhere: each channel but
LFE has its whole spectrum at the same level, turned by a phase of its own and, in 5.1, a little later.
The sum of the channels' powers is that of the mono sound, whatever the layout.
"""

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from filmset.synthesis import band

# Half the angle whose cosine, 0.4, is the correlation between front left and right, for any sound.
_TURN = 0.5 * np.arccos(0.4)
_STEREO = ((_TURN, 0.0), (-_TURN, 0.0))  # phase, and delay in s, of each channel
_SURROUND = ((_TURN, 0.0), (-_TURN, 0.0), (0.0, 0.007), None, (2 * _TURN, 0.016), (-2 * _TURN, 0.016))
_LFE_HZ = 120.0
# The mean of a background's channels is quieter than that of a voice's, which are in phase. So much less
# voice keeps speech over background, measured in the mean of the channels, as it is in mono.
_VOICE_DB = {1: 0.0, 2: -1.0, 6: -2.5}
_WIDEST = np.deg2rad(20.0)  # of a pan; 45 degrees would be one side alone
_CENTRE = 0.75  # share of a voice's power in FC
_FADE_S = 0.005


def pan(position: float, channels: int) -> np.ndarray:
    """Gains float32 (C,) of a voice or event at a position from -1 (left) to 1 (right), of constant power."""
    angle = np.pi / 4 + _WIDEST * float(np.clip(position, -1.0, 1.0))
    sides = np.cos(angle), np.sin(angle)
    if channels == 1:
        gains = np.ones(1)
    elif channels == 2:
        gains = np.array(sides)
    else:
        left, right = np.sqrt(1 - _CENTRE) * np.array(sides)
        gains = np.array([left, right, np.sqrt(_CENTRE), 0.0, 0.0, 0.0])
    return (gains * 10 ** (_VOICE_DB[channels] / 20)).astype(np.float32)


def position(box: tuple[int, int, int, int], width: int) -> float:
    """Where a box (top, left, bottom, right) of a canvas lies: -1 at its left edge, 1 at its right."""
    return float(np.clip((box[1] + box[3]) / width - 1.0, -1.0, 1.0))


def spread_gain(channels: int) -> float:
    """How loud a background is in each channel that has all of it, against the mono sound."""
    return float(1 / np.sqrt({1: 1, 2: len(_STEREO), 6: len(_SURROUND) - 1}[channels]))


def spread(sound: np.ndarray, channels: int, sample_rate: int) -> np.ndarray:
    """A background float32 (S,) in all channels (C, S), its ends ramped over 5 ms."""
    if channels == 1:
        return sound[None]
    size = next_fast_len(len(sound) + round(0.02 * sample_rate), real=True)
    spectrum = rfft(sound, n=size)
    hz = np.fft.rfftfreq(size, 1 / sample_rate).astype(np.float32)
    ways = _STEREO if channels == 2 else _SURROUND
    level = np.float32(spread_gain(channels))
    low = band(hz, 3.0, _LFE_HZ, 4.0).astype(np.float32)
    spread_CS = np.empty((channels, len(sound)), dtype=np.float32)
    for row, way in zip(spread_CS, ways, strict=True):
        turned = spectrum * (low if way is None else np.exp(1j * way[0]).astype(np.complex64))
        delay = 0 if way is None else round(way[1] * sample_rate)
        row[:delay] = 0.0
        row[delay:] = level * irfft(turned, n=size)[: len(sound) - delay]
    ramp_ends(spread_CS, sample_rate)
    return spread_CS


def ramp_ends(sound_CS: np.ndarray, sample_rate: int, both: bool = True) -> None:
    """Fade the end, or both ends, of (C, S) over 5 ms, in place."""
    count = min(round(_FADE_S * sample_rate), sound_CS.shape[-1] // 2)
    ramp = np.linspace(0, 1, count, dtype=np.float32)
    sound_CS[..., sound_CS.shape[-1] - count :] *= ramp[::-1]
    if both:
        sound_CS[..., :count] *= ramp
