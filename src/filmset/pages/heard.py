"""What is heard in a track when, and the words in which pages tell of it and of what is wrong."""

from collections.abc import Callable
from typing import Any

from filmset.heard import NARRATOR, Heard, all_lines, heard
from filmset.truth import Fault
from lssd.languages import display_name

__all__ = ["NARRATOR", "Heard", "all_lines", "clock", "decibels", "fault_words", "heard"]


def clock(time_s: float) -> str:
    """A place in a film.

    >>> clock(7.25), clock(75), clock(3661.5)
    ('0:07.2', '1:15.0', '1:01:01.5')
    """
    tenths = int(time_s * 10 + 1e-6)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    ahead = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{ahead}:{rest // 10:02d}.{rest % 10}"


def decibels(level: float, sign: str = "-") -> str:
    """A level in dB; sign "+": with its sign in any case.

    >>> decibels(-3.04), decibels(2, "+")
    ('−3.0 dB', '+2.0 dB')
    """
    return f"{level:{sign}.1f} dB".replace("-", "−")


def fault_words(fault: Fault) -> str:
    """A fault in words."""
    words = _WORDS.get(fault.kind)
    return fault.kind if words is None else f"{fault.kind}: {words(fault.values)}"


def _later(seconds: float) -> str:
    return f"{abs(seconds):.3f} s {'late' if seconds >= 0 else 'early'}"


def _slope(values: dict[str, Any]) -> str:
    percent = 100 * abs(values["slope"] - 1)
    pace = "slower" if values["slope"] > 1 else "faster"
    return f"plays {percent:.3g}% {pace}, at its start {_later(values['offset_s'])}"


def _edit(values: dict[str, Any]) -> str:
    what = "put in" if values["seconds"] > 0 else "missing"
    return f"{abs(values['seconds']):.3f} s {what} at {clock(values['at_s'])}"


def _silent(values: dict[str, Any]) -> str:
    level = values["noise_db"]
    return "nothing is heard" if level is None else f"noise of {decibels(level)} alone"


_WORDS: dict[str, Callable[[dict[str, Any]], str]] = {
    "offset": lambda values: f"plays {_later(values['offset_s'])}",
    "slope": _slope,
    "edit": _edit,
    "mislabel": lambda values: (
        f"{display_name(values['true'])}, but tagged as {display_name(values['claimed'])}"
    ),
    "duplicate": lambda values: f"the same sound as the track {values['of']}",
    "commentary": lambda values: "somebody comments over the original",
    "description": lambda values: "somebody describes the picture over the original",
    "silent": _silent,
    "truncated": lambda values: f"ends at {clock(values['seconds'])}",
    "level": lambda values: (
        f"background {abs(values['db']):.1f} dB {'louder' if values['db'] > 0 else 'quieter'}"
    ),
    "filtered": lambda values: f"background from {values['low_hz']:.0f} to {values['high_hz']:.0f} Hz only",
    "clipped": lambda values: f"clipped at {values['level']:.3f} of full scale",
}
