"""Animals of a farm: how they look, calm and calling, and what their calls sound like."""

from collections.abc import Callable

import numpy as np

from filmset.painting import Grade, Plane, Sprite
from filmset.synthesis import add, band, filtered, shaped_noise

SPECIES = ("cow", "sheep", "pig", "hen", "dog")
COATS = 3  # of each species
CALL_S = {"cow": 1.5, "sheep": 0.8, "pig": 0.75, "hen": 0.95, "dog": 0.6}
SIZES = {
    "cow": 0.22,
    "sheep": 0.15,
    "pig": 0.13,
    "hen": 0.09,
    "dog": 0.12,
}  # in picture heights, at middle distance
_COATS = {
    "cow": ((0.92, 0.9, 0.86), (0.45, 0.28, 0.16), (0.2, 0.18, 0.17)),
    "sheep": ((0.93, 0.91, 0.85), (0.75, 0.7, 0.62), (0.3, 0.28, 0.27)),
    "pig": ((0.95, 0.68, 0.66), (0.85, 0.55, 0.52), (0.5, 0.4, 0.38)),
    "hen": ((0.95, 0.94, 0.9), (0.62, 0.33, 0.15), (0.25, 0.2, 0.2)),
    "dog": ((0.55, 0.36, 0.2), (0.2, 0.19, 0.2), (0.86, 0.75, 0.55)),
}


def portrait(
    species: str, coat: int, calling: bool, faces_left: bool, height: int, tall: float, grade: Grade
) -> Sprite:
    """An animal in one of COATS, `tall` picture heights high in a picture of `height` rows."""
    rows = max(6, round(tall * height))
    plane = Plane(rows, round(1.7 * rows), grade, scale=1.0)
    _PAINTERS[species](plane, np.array(_COATS[species][coat]), float(calling))
    sprite = plane.sprite()
    return Sprite(sprite.colour[:, ::-1], sprite.transparency[:, ::-1]) if faces_left else sprite


def voice(species: str, rate: int, pitch: float, rng: np.random.Generator) -> np.ndarray:
    """Its call, float32 of CALL_S[species] seconds, peak about 1; `pitch` multiplies its kind's pitch."""
    return np.asarray(_VOICES[species](rate, pitch, rng), dtype=np.float32)


def _legs(plane: Plane, places: tuple[float, ...], top: float, thick: float, colour: np.ndarray) -> None:
    for x in places:
        plane.paint(plane.box(x - thick, top, x + thick, 0.99), colour)


def _mouth(plane: Plane, x: float, y: float, size: float, call: float) -> None:
    if call:
        plane.paint(plane.disc(x, y, size, 0.9 * size), (0.45, 0.06, 0.08))


def _cow(plane: Plane, coat: np.ndarray, call: float) -> None:
    _legs(plane, (0.36, 0.48, 0.94, 1.05), 0.6, 0.045, coat * 0.75)
    plane.paint(plane.disc(0.7, 0.47, 0.46, 0.25), coat)
    plane.paint(plane.box(0.27, 0.27, 1.08, 0.45), coat)
    patch = (0.1, 0.09, 0.09) if coat.mean() > 0.5 else (0.9, 0.88, 0.84)
    for x, y, rx, ry in ((0.5, 0.38, 0.13, 0.1), (0.83, 0.5, 0.12, 0.13), (0.98, 0.33, 0.08, 0.06)):
        plane.paint(plane.disc(x, y, rx, ry), patch)
    plane.paint(plane.disc(0.62, 0.7, 0.09, 0.06), (0.92, 0.7, 0.66))
    plane.paint(plane.box(0.24, 0.32, 0.27, 0.68), coat * 0.7)
    y = 0.36 - 0.16 * call
    plane.paint(plane.soft(np.hypot(plane.x - 1.15, plane.y - y - 0.08) - 0.15), coat)
    plane.paint(plane.disc(1.3, y, 0.14, 0.13), coat * 0.92)
    plane.paint(plane.disc(1.41, y + 0.06, 0.1, 0.085), (0.9, 0.68, 0.63))
    _mouth(plane, 1.43, y + 0.11, 0.055, call)
    plane.paint(plane.disc(1.32, y - 0.05, 0.025), (0.05, 0.04, 0.04))
    for x in (1.2, 1.34):
        plane.paint(plane.disc(x, y - 0.16, 0.025, 0.06), (0.85, 0.8, 0.68))
    plane.paint(plane.disc(1.13, y - 0.06, 0.09, 0.04), coat * 0.7)


def _sheep(plane: Plane, coat: np.ndarray, call: float) -> None:
    _legs(plane, (0.48, 0.62, 0.92, 1.05), 0.65, 0.04, np.array([0.2, 0.18, 0.17]))
    for x, y in ((0.5, 0.5), (0.68, 0.4), (0.88, 0.4), (1.02, 0.5), (0.6, 0.6), (0.8, 0.62), (0.97, 0.62)):
        plane.paint(plane.disc(x, y, 0.21, 0.2), coat * (1.0 - 0.25 * (y > 0.55)))
    y, face = (
        0.38 - 0.14 * call,
        np.array([0.2, 0.18, 0.17]) if coat.mean() > 0.5 else np.array([0.12, 0.1, 0.1]),
    )
    plane.paint(plane.disc(1.22, y, 0.13, 0.16), face)
    plane.paint(plane.disc(1.3, y + 0.07, 0.09, 0.08), face)
    plane.paint(plane.disc(1.19, y - 0.13, 0.13, 0.08), coat)
    plane.paint(plane.disc(1.09, y - 0.02, 0.09, 0.035), face * 1.4)
    plane.paint(plane.disc(1.25, y - 0.03, 0.025), (0.95, 0.9, 0.6))
    _mouth(plane, 1.34, y + 0.09, 0.05, call)


def _pig(plane: Plane, coat: np.ndarray, call: float) -> None:
    _legs(plane, (0.45, 0.6, 0.95, 1.08), 0.7, 0.06, coat * 0.8)
    plane.paint(plane.disc(0.76, 0.53, 0.46, 0.32), coat)
    curl = np.abs(plane.disc(0.28, 0.42, 0.09) - plane.disc(0.28, 0.42, 0.05))
    plane.paint(curl, coat * 0.8)
    y = 0.5 - 0.12 * call
    plane.paint(plane.disc(1.2, y, 0.22, 0.21), coat * 1.02)
    plane.paint(plane.disc(1.4, y + 0.05, 0.09, 0.1), coat * 0.78)
    for side in (-1, 1):
        plane.paint(plane.disc(1.41, y + 0.05 + 0.04 * side, 0.02), (0.25, 0.1, 0.1))
    plane.paint(plane.disc(1.08, y - 0.18, 0.08, 0.11), coat * 0.75)
    plane.paint(plane.disc(1.24, y - 0.08, 0.028), (0.05, 0.04, 0.04))
    _mouth(plane, 1.32, y + 0.17, 0.06, call)


def _hen(plane: Plane, coat: np.ndarray, call: float) -> None:
    _legs(plane, (0.74, 0.86), 0.75, 0.025, np.array([0.9, 0.6, 0.15]))
    plane.paint(plane.disc(0.8, 0.58, 0.33, 0.25), coat)
    tail = plane.soft(
        np.maximum(np.abs(plane.x - 0.47) - 0.14, np.abs(plane.y - 0.45 + 0.4 * (0.47 - plane.x)) - 0.14)
    )
    plane.paint(tail, coat * 0.7)
    plane.paint(plane.disc(0.74, 0.58, 0.2, 0.13), coat * 0.82)
    y = 0.3 - 0.1 * call
    plane.paint(plane.soft(np.maximum(np.abs(plane.x - 1.04) - 0.1, np.abs(plane.y - 0.42) - 0.16)), coat)
    plane.paint(plane.disc(1.07, y, 0.13, 0.14), coat)
    plane.paint(plane.disc(1.06, y - 0.14, 0.1, 0.06), (0.88, 0.12, 0.1))
    plane.paint(plane.disc(1.14, y + 0.15, 0.045, 0.07), (0.88, 0.12, 0.1))
    gap = 0.05 * call
    for side in (-1, 1):
        beak = np.maximum(np.abs(plane.y - y - 0.02 - side * gap) - 0.35 * (1.34 - plane.x), 1.17 - plane.x)
        plane.paint(plane.soft(beak), (0.95, 0.65, 0.12))
    plane.paint(plane.disc(1.1, y - 0.02, 0.03), (0.05, 0.04, 0.04))


def _dog(plane: Plane, coat: np.ndarray, call: float) -> None:
    _legs(plane, (0.48, 0.58, 0.96, 1.06), 0.6, 0.05, coat * 0.85)
    plane.paint(plane.disc(0.78, 0.55, 0.38, 0.17), coat)
    tail = np.maximum(
        np.abs(plane.y - 0.42 + (0.9 + 0.5 * call) * (0.42 - plane.x)) - 0.045, np.abs(plane.x - 0.34) - 0.13
    )
    plane.paint(plane.soft(tail), coat * 0.9)
    y = 0.32 - 0.12 * call
    plane.paint(plane.soft(np.hypot(plane.x - 1.1, plane.y - y - 0.12) - 0.14), coat)
    plane.paint(plane.disc(1.2, y, 0.16, 0.15), coat)
    plane.paint(plane.disc(1.36, y + 0.05 - 0.03 * call, 0.13, 0.065), coat * 0.9)
    plane.paint(plane.disc(1.47, y + 0.02 - 0.03 * call, 0.035), (0.05, 0.04, 0.04))
    if call:
        plane.paint(plane.disc(1.34, y + 0.15, 0.1, 0.04), coat * 0.8)
        _mouth(plane, 1.36, y + 0.11, 0.05, call)
    plane.paint(plane.disc(1.1, y + 0.02, 0.06, 0.13), coat * 0.6)
    plane.paint(plane.disc(1.24, y - 0.05, 0.028), (0.05, 0.04, 0.04))


_PAINTERS: dict[str, Callable[[Plane, np.ndarray, float], None]] = {
    "cow": _cow,
    "sheep": _sheep,
    "pig": _pig,
    "hen": _hen,
    "dog": _dog,
}


def _sung(
    rate: int,
    seconds: float,
    pitch: Callable[[np.ndarray], np.ndarray],
    body: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """A buzz whose pitch in Hz runs over its length (0..1) through a body's resonances, peak 1."""
    way = np.linspace(0, 1, int(seconds * rate), dtype=np.float32)
    phase = np.cumsum(pitch(way), dtype=np.float64) / rate
    buzz = ((phase % 1.0) - 0.5).astype(np.float32)
    sung = filtered(buzz, rate, body)
    return sung / np.abs(sung).max()


def _arch(way: np.ndarray) -> np.ndarray:
    """From 0 up to 1 and back as `way` runs 0..1, steep at the ends."""
    return np.clip(np.sin(np.pi * way), 0, 1) ** 0.6


def _hump(hz: np.ndarray, middle: float, width: float) -> np.ndarray:
    return np.exp(-0.5 * ((hz - middle) / width) ** 2)


def _moo(rate: int, pitch: float, rng: np.random.Generator) -> np.ndarray:
    high = rng.uniform(1.25, 1.6)
    sung = _sung(
        rate,
        CALL_S["cow"],
        lambda w: pitch * 105 * (1 + (high - 1) * _arch(w)),
        lambda hz: (
            _hump(hz, 320 * pitch, 130) + 0.4 * _hump(hz, 800 * pitch, 200) + 0.05 * _hump(hz, 2000, 500)
        ),
    )
    way = np.linspace(0, 1, len(sung), dtype=np.float32)
    return sung * np.minimum(1, way / 0.12) * np.clip((1 - way) / 0.3, 0, 1)


def _baa(rate: int, pitch: float, rng: np.random.Generator) -> np.ndarray:
    quiver = rng.uniform(7, 11)
    sung = _sung(
        rate,
        CALL_S["sheep"],
        lambda w: (
            pitch * 300 * (1 - 0.12 * w) * (1 + 0.03 * np.sin(2 * np.pi * quiver * CALL_S["sheep"] * w))
        ),
        lambda hz: (
            _hump(hz, 800 * pitch, 220) + 0.8 * _hump(hz, 1700 * pitch, 300) + 0.2 * _hump(hz, 2900, 500)
        ),
    )
    way = np.linspace(0, 1, len(sung), dtype=np.float32)
    tremble = 0.6 + 0.4 * np.sin(2 * np.pi * quiver * CALL_S["sheep"] * way)
    return sung * tremble * np.minimum(1, way / 0.06) * np.clip((1 - way) / 0.25, 0, 1)


def _oink(rate: int, pitch: float, rng: np.random.Generator) -> np.ndarray:
    call = np.zeros(int(CALL_S["pig"] * rate), dtype=np.float32)
    for start, length in ((0.0, 0.2), (0.27, 0.16), (0.48, 0.25)):
        grunt = _sung(
            rate,
            length,
            lambda w: pitch * 95 * (1 + 0.5 * np.sin(np.pi * w)),
            lambda hz: _hump(hz, 500 * pitch, 220) + 0.6 * _hump(hz, 1300 * pitch, 350),
        )
        snort = shaped_noise(rng, len(grunt), rate, lambda hz: band(hz, 500, 2500, 1.0))
        way = np.linspace(0, 1, len(grunt), dtype=np.float32)
        add(call, int(start * rate), (0.7 * grunt + 0.2 * snort) * _arch(way))
    return call


def _cluck(rate: int, pitch: float, rng: np.random.Generator) -> np.ndarray:
    call = np.zeros(int(CALL_S["hen"] * rate), dtype=np.float32)
    for start, length, high in ((0.0, 0.06, 1.0), (0.17, 0.06, 1.0), (0.34, 0.06, 1.05), (0.52, 0.36, 1.5)):
        note = _sung(
            rate,
            length,
            lambda w, h=high: pitch * 430 * h * (1.0 + 0.35 * np.sin(np.pi * w)),  # type: ignore[misc]
            lambda hz: _hump(hz, 950 * pitch, 350) + 0.6 * _hump(hz, 2300 * pitch, 600),
        )
        way = np.linspace(0, 1, len(note), dtype=np.float32)
        add(call, int(start * rate), rng.uniform(0.7, 1.0) * note * _arch(way))
    return call


def _bark(rate: int, pitch: float, rng: np.random.Generator) -> np.ndarray:
    call = np.zeros(int(CALL_S["dog"] * rate), dtype=np.float32)
    for start in (0.0, 0.32):
        woof = _sung(
            rate,
            0.2,
            lambda w: pitch * 230 * (1 + 0.7 * np.sin(np.pi * w**0.6)),
            lambda hz: _hump(hz, 620 * pitch, 250) + 0.6 * _hump(hz, 1400 * pitch, 400),
        )
        breath = shaped_noise(rng, len(woof), rate, lambda hz: band(hz, 400, 3000, 1.0))
        way = np.linspace(0, 1, len(woof), dtype=np.float32)
        add(call, int(start * rate), (woof + 0.12 * breath) * np.minimum(1, way / 0.08) * np.exp(-4 * way))
    return 1.4 * call


_VOICES: dict[str, Callable[[int, float, np.random.Generator], np.ndarray]] = {
    "cow": _moo,
    "sheep": _baa,
    "pig": _oink,
    "hen": _cluck,
    "dog": _bark,
}
