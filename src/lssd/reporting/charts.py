"""Charts as inline SVG, drawn in the page's own colours: light or dark, phone or desk.

Positions across are percentages, so a chart is as wide as its place and its text keeps its size.
Series are coloured by the classes `s0`, `s1`, ... of the style sheet, and told apart by shape too.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lssd.reporting.markup import percent, text

_ROW = 26  # height of a row of a dot chart, pixels
_LEFT, _RIGHT = 2.0, 98.0  # where 0% and 100% of a dot chart lie, percent of its width
_CURVE_HEIGHT, _CURVE_FOOT = 180, 24
_POINTS = 100  # of a curve; the means of neighbours in between hide a step's noise


@dataclass(frozen=True)
class Dot:
    """A value in 0..1 with its interval, and which series it belongs to (-1: the random-init row)."""

    label: str
    value: float
    low: float
    high: float
    series: int


@dataclass(frozen=True)
class Mark:
    """A reference value drawn across one chart, such as chance: in 0..1, or in the units of the curves."""

    label: str
    value: float


@dataclass(frozen=True)
class Curve:
    """A line: its values over training steps."""

    label: str
    steps: Sequence[float]
    values: Sequence[float]
    series: int


def dot_chart(title: str, dots: Sequence[Dot], marks: Sequence[Mark]) -> str:
    """One task: a row a model, its value as a dot on its interval, on a scale of 0 to 100%."""
    height = _ROW * len(dots) + 26
    spoken = "; ".join(
        f"{dot.label} {percent(dot.value)} ({percent(dot.low)} to {percent(dot.high)})" for dot in dots
    )
    spoken += "".join(f"; {mark.label} {percent(mark.value)}" for mark in marks)
    spoken = text(f"{title}: {spoken}")
    parts = [f'<svg class="dots" role="img" aria-label="{spoken}" width="100%" height="{height}">']
    foot = height - 20
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = _across(tick)
        anchor = "start" if tick == 0 else "end" if tick == 1 else "middle"
        parts.append(f'<line class="grid" x1="{x}" x2="{x}" y1="0" y2="{foot}"/>')
        parts.append(
            f'<text class="tick" x="{x}" y="{height - 5}" text-anchor="{anchor}">{percent(tick, 0)}</text>'
        )
    for mark in marks:
        x = _across(mark.value)
        parts.append(f'<line class="mark" x1="{x}" x2="{x}" y1="0" y2="{foot}"/>')
    for row, dot in enumerate(dots):
        parts.append(_dot(dot, row * _ROW + _ROW // 2))
    parts.append("</svg>")
    return "".join(parts)


def curve_chart(title: str, curves: Sequence[Curve], unit: str = "", marks: Sequence[Mark] = ()) -> str:
    """Lines over training steps on one pair of axes; curves without a point are left out.

    `marks` are drawn across, where there is a curve.
    """
    curves = [curve for curve in curves if len(curve.steps)]
    steps = [step for curve in curves for step in curve.steps]
    curves = [_thin(curve) for curve in curves]
    finite = [value for curve in curves for value in curve.values if math.isfinite(value)]
    if not finite:
        return ""
    finite += [mark.value for mark in marks]
    ticks = nice_ticks(min(finite), max(finite))
    low, high = ticks[0], ticks[-1]
    first, last = min(steps), max(steps)
    ends = "; ".join(f"{curve.label} {curve.values[0]:.3g} to {curve.values[-1]:.3g}" for curve in curves)
    ends += "".join(f"; {mark.label} {mark.value:.3g}" for mark in marks)
    height = _CURVE_HEIGHT + _CURVE_FOOT
    spoken = text(f"{title} over steps {first:g} to {last:g}: {ends}")
    parts = [f'<svg class="curves" role="img" aria-label="{spoken}" width="100%" height="{height}">']

    def down_to(value: float) -> float:
        return 8 + (_CURVE_HEIGHT - 16) * (1 - (value - low) / (high - low))

    for tick in ticks:
        y = down_to(tick)
        parts.append(f'<line class="grid" x1="12%" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<text class="tick" x="10.5%" y="{y + 4:.1f}" text-anchor="end">{tick:g}{text(unit)}</text>'
        )
    for mark in marks:
        y = down_to(mark.value)
        parts.append(f'<line class="mark" x1="12%" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>')
    parts.append(f'<text class="tick" x="12%" y="{height - 6}" text-anchor="start">step {first:g}</text>')
    parts.append(f'<text class="tick" x="100%" y="{height - 6}" text-anchor="end">{last:g}</text>')
    # A stretched inner picture: its lines keep their width (non-scaling-stroke), its points need no pixels.
    parts.append(
        f'<svg x="12%" y="8" width="88%" height="{_CURVE_HEIGHT - 16}" viewBox="0 0 1000 1000" '
        'preserveAspectRatio="none" overflow="visible">'
    )
    for curve in curves:
        across = [1000 * (step - first) / max(last - first, 1e-9) for step in curve.steps]
        down = [1000 * (high - value) / (high - low) for value in curve.values]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True) if math.isfinite(y))
        parts.append(
            f'<polyline class="curve s{curve.series}" points="{points}" vector-effect="non-scaling-stroke"/>'
        )
    parts.append("</svg></svg>")
    return "".join(parts)


def legend(labels: Sequence[tuple[str, str]]) -> str:
    """A key: (kind, words) pairs; a kind is `s0`, `s1`, ..., `random` or `mark`."""
    items = "".join(
        f'<li><span class="key {kind}" aria-hidden="true"></span>{text(words)}</li>' for kind, words in labels
    )
    return f'<ul class="legend">{items}</ul>'


def nice_ticks(low: float, high: float) -> list[float]:
    """Three to seven round numbers that span [low, high].

    >>> nice_ticks(0.13, 4.2)
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    """
    spread = max(high - low, 1e-6 * max(abs(high), 1.0))
    power = 10.0 ** math.floor(math.log10(spread / 4))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if spread / (factor * power) <= 5)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [float(f"{index * step:.10g}") for index in range(first, max(last, first + 1) + 1)]


def _across(value: float) -> str:
    return f"{_LEFT + (_RIGHT - _LEFT) * min(max(value, 0.0), 1.0):.2f}%"


def _dot(dot: Dot, y: int) -> str:
    kind = f"s{dot.series}" if dot.series >= 0 else "random"
    x, low, high = _across(dot.value), _across(dot.low), _across(dot.high)
    hint = (
        f"<title>{text(dot.label)}: {percent(dot.value)} ({percent(dot.low)} to {percent(dot.high)})</title>"
    )
    shape = f'<circle cx="{x}" cy="{y}" r="6"/>'
    if dot.series > 0 and dot.series % 2 == 1:  # a diamond: colour is not the only difference
        shape = f'<svg x="{x}" y="{y}" overflow="visible"><path d="M0-7.5 7.5 0 0 7.5-7.5 0z"/></svg>'
    return f'<g class="{kind}">{hint}<line x1="{low}" x2="{high}" y1="{y}" y2="{y}"/>{shape}</g>'


def _thin(curve: Curve) -> Curve:
    """At most `_POINTS` points: means of neighbours."""
    if len(curve.steps) <= _POINTS:
        return curve
    bins = np.array_split(np.arange(len(curve.steps)), _POINTS)
    steps, values = np.asarray(curve.steps, dtype=float), np.asarray(curve.values, dtype=float)
    return Curve(
        curve.label,
        [steps[part].mean() for part in bins],
        [values[part].mean() for part in bins],
        curve.series,
    )
