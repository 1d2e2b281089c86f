"""Styles of speaking: what each changes in pitch, pace, loudness and timbre.

A style differs by intonation and timbre, not by loudness alone, so that it survives a mix that levels all
lines. espeak-ng is steered by pitch commands before words; the rest is done to the samples.
"""

import re
import unicodedata
from dataclasses import dataclass

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from lssd.errors import InputError
from lssd.speech.whisper import whispered

_COMMAND = re.compile("\x01\\d+P")
_HINGE_HZ = 800.0  # a tilt leaves this frequency as it is
_PEAK = 0.99


@dataclass(frozen=True)
class Style:
    """One way of speaking.

    rate, pitch_range: factors on the voice's own. contour: pitch added (-99..99, of espeak-ng's scale)
    from the first word to the last, interpolated between these points; accent: to every other word;
    last: to the last word. ending: the mark at the end of a sentence that is no question.
    tilt_db: of the spectrum, dB an octave; level_db; drive: amount of saturation, 0 for none;
    breath: share of whisper, from 0 (none) to 1 (nothing else).
    """

    rate: float = 1.0
    pitch_range: float = 1.0
    contour: tuple[float, ...] = (0.0,)
    accent: float = 0.0
    last: float = 0.0
    ending: str = ""
    tilt_db: float = 0.0
    level_db: float = 0.0
    drive: float = 0.0
    breath: float = 0.0


STYLES: dict[str, Style] = {
    "calm": Style(),
    "excited": Style(
        1.12, 1.7, contour=(14.0, 18.0), accent=22.0, ending="!", tilt_db=1.5, level_db=2.0, drive=0.8
    ),
    "whispered": Style(0.92, tilt_db=1.0, level_db=-10.0, breath=1.0),
    "sad": Style(0.8, 0.3, contour=(0.0, -16.0), tilt_db=-4.0, level_db=-4.0, breath=0.12),
    "angry": Style(1.06, 0.9, contour=(8.0, -6.0), ending="!", tilt_db=4.0, level_db=3.0, drive=2.5),
    "questioning": Style(1.0, contour=(-2.0, 2.0), last=24.0, ending="?"),
}


def style_of(name: str) -> Style:
    """The style of a name. InputError when there is none."""
    if name not in STYLES:
        raise InputError(f"'{name}' is no style of speech; choose of {', '.join(STYLES)}")
    return STYLES[name]


def word_spans(text: str) -> list[tuple[int, int]]:
    """(start, end) of each word: letters, digits and marks, joined by apostrophes and hyphens."""
    spans: list[tuple[int, int]] = []
    for position, character in enumerate(text):
        if unicodedata.category(character)[0] not in "LMN":
            continue
        start, end = spans[-1] if spans else (0, -2)
        joined = position - end == 1 and text[end] in "'’-‐" and position >= 2
        if position == end or joined:
            spans[-1] = (start, position + 1)
        else:
            spans.append((position, position + 1))
    return spans


def marked(text: str, style: Style, pitch: int) -> str:
    """The text with the style's ending, and a pitch command before each word where the style asks for it."""
    if style.ending and text.rstrip().endswith((".", "。")):
        text = text.rstrip()[:-1] + style.ending
    spans = word_spans(text)
    if not spans or not (any(style.contour) or style.accent or style.last):
        return text
    places = np.linspace(0, 1, len(spans)) if len(spans) > 1 else np.ones(1)
    offsets = np.interp(places, np.linspace(0, 1, len(style.contour)), style.contour)
    # Accents are counted from the end, so that a last word has one as has a word that stands alone.
    offsets[::-1][::2] += style.accent
    offsets[-1] += style.last
    pitches = np.rint(pitch + offsets).astype(int).clip(0, 99)
    pieces, done = [], 0
    for (start, _), value in zip(spans, pitches.tolist(), strict=True):
        pieces += [text[done:start], f"\x01{value}P"]
        done = start
    return "".join([*pieces, text[done:]])


def unmarked_positions(text: str) -> list[int]:
    """For every position of a marked text, end included, the position in the text without its commands."""
    taken = np.zeros(len(text) + 1, dtype=int)
    for command in _COMMAND.finditer(text):
        taken[command.start() : command.end()] = 1
    kept = np.concatenate([[0], np.cumsum(1 - taken)])
    return kept[:-1].tolist()


def coloured(samples: np.ndarray, sample_rate: int, style: Style) -> np.ndarray:
    """Samples float32 (S,) with the style's breath, press, tilt and level; nothing moves in time."""
    level = _rms(samples)
    if level == 0.0 or not (style.breath or style.drive or style.tilt_db or style.level_db):
        return samples
    sound = samples
    if style.breath:
        breath = whispered(samples, sample_rate)
        breath *= level / max(_rms(breath), 1e-9)
        sound = breath if style.breath == 1.0 else (1 - style.breath) * samples + style.breath * breath
    if style.drive:
        sound = np.tanh(style.drive * sound / (2.0 * level)) / style.drive
    if style.tilt_db:
        sound = _tilted(sound, sample_rate, style.tilt_db)
    gain = level * 10 ** (style.level_db / 20) / max(_rms(sound), 1e-9)
    gain = min(gain, _PEAK / float(np.abs(sound).max()))
    return (gain * sound).astype(np.float32)


def _rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if samples.size else 0.0


def _tilted(samples: np.ndarray, sample_rate: int, db_an_octave: float) -> np.ndarray:
    """Tilted about _HINGE_HZ between 100 Hz and 8 kHz, and level beyond."""
    size = next_fast_len(len(samples), real=True)
    hz = np.fft.rfftfreq(size, 1 / sample_rate).clip(100.0, 8000.0)
    gain = (hz / _HINGE_HZ) ** (db_an_octave / 6.0206)
    return irfft(rfft(samples, n=size) * gain.astype(np.float32), n=size)[: len(samples)]
