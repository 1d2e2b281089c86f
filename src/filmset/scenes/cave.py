"""A cave by torch light: drops fall from stalactites into a pool, and every one is heard to hit it."""

import numpy as np
from scipy.signal import oaconvolve

from filmset.painting import HIGH, LOW, Colour, Grade, Plane, as_bytes, shift
from filmset.scenes.scene import (
    EVENTS,
    LAYOUT,
    MAIN,
    MOTION,
    PaintedScene,
    RandomTimes,
    Scene,
    SceneKind,
    SubPlane,
    lighten,
    random_times,
    texture,
)
from filmset.synthesis import add, band, envelope, filtered, rms, shaped_noise

_SPOTS = 5  # stalactites that drip
_RING_S = 1.1  # how long a ring runs over the pool
_LIGHTS = 10  # brightnesses of the torch


def drips(scene: Scene) -> RandomTimes:
    """When drops hit the pool; the first detail chooses the stalactite, the second the drop's size."""
    return random_times(scene, MOTION, 1.9 - 1.55 * scene.activity)


def flicker(scene: Scene, times_s: np.ndarray) -> np.ndarray:
    """The strength of the torch, 0..1, at each time."""
    rng = scene.rng(MOTION + 1)
    rates, phases = rng.uniform(0.5, 2.1, 3) * (0.6 + 0.8 * scene.pace), rng.uniform(0, 6, 3)
    waves = sum(np.sin(2 * np.pi * rate * times_s + phase) for rate, phase in zip(rates, phases, strict=True))
    return 0.5 + np.asarray(waves) / 6.0


def spot(details: np.ndarray) -> int:
    """The number of the stalactite that a drop falls from."""
    return int(details[0] * _SPOTS) % _SPOTS


def paint(scene: Scene, height: int, width: int, grade: Grade) -> PaintedScene:
    """Prepare the cave; see `SceneKind`."""
    rng = scene.rng(LAYOUT)
    plane = Plane(height, width, grade)
    shore = 0.66 + 0.14 * scene.horizon
    torch = plane.aspect * float(rng.choice([rng.uniform(0.1, 0.25), rng.uniform(0.75, 0.9)])), 0.4
    rock = _rock(plane, rng, scene.hue, shore)
    tips = _stalactites(plane, rng, rock)
    _pool(plane, rng, scene.hue, shore, torch)
    _stand(plane, torch)
    dark, mouth = plane.rgb.copy(), _mouth(plane, rng, shore)
    reach = rng.uniform(0.5, 0.75)
    glow = 0.22 * plane.glow(*torch, 2.2 * reach) + plane.glow(*torch, reach)
    warm = np.asarray(grade(shift((1.0, 0.62, 0.3), 0.4 * scene.hue).astype(np.float32)))
    lamp = (glow[..., None] * warm + 0.16) * 1.35
    lights = [as_bytes(dark * lamp * (0.86 + 0.03 * step) + mouth) for step in range(_LIGHTS)]
    flames = _flames(rng, height, grade)
    flame_at = round((torch[1] - 0.19) * height), round(torch[0] * height) - flames[0].shape[1] // 2
    drop = np.full((max(2, height // 40), max(1, height // 90), 3), 200, dtype=np.uint8)
    fall_s, dripping = 0.42, drips(scene)
    pools = rng.uniform(shore + 0.06, 0.96, _SPOTS)
    flash = as_bytes(np.asarray(grade(np.asarray((0.95, 0.9, 0.8), dtype=np.float32)))).astype(np.int16)

    def paint_motion(frame: np.ndarray, seconds: float) -> None:
        level = float(flicker(scene, np.array(seconds)))
        frame[:] = lights[int(np.clip(level * _LIGHTS, 0, _LIGHTS - 1))]
        lighten(frame, flames[int(seconds * 11) % len(flames)], *flame_at)
        for time, details in dripping.between(seconds - _RING_S, seconds + fall_s):
            x, top = tips[spot(details)]
            y = pools[spot(details)]
            since = seconds - time
            if since < 0:
                at = top + (y - top) * (1 + since / fall_s) ** 2
                lighten(frame, drop, round(at * height), round(x * height))
            else:
                _ring(frame, x * height, y * height, since / _RING_S, (0.4 + details[1]) * height, flash)

    return lights[_LIGHTS // 2], paint_motion


def _rock(plane: Plane, rng: np.random.Generator, hue: float, shore: float) -> np.ndarray:
    """Paint the walls; returns the colour of rock."""
    rock = shift((0.55, 0.48, 0.42), hue, 0.12)
    rough = texture(rng, plane.height, plane.width, 6, 6 * plane.aspect)
    fine = texture(rng, plane.height, plane.width, 26, 14 * plane.aspect)
    plane.paint(1.0, rock * (0.75 + 0.45 * rough + 0.3 * fine)[..., None])
    x = plane.x / plane.aspect - 0.5
    back = 0.27 + 0.2 * np.abs(x) + 0.03 * np.sin(23 * x + rng.uniform(0, 6))
    hollow = plane.below(back) * np.clip(1.5 - 3.2 * np.abs(x), 0, 1)
    plane.paint(0.6 * hollow * plane.soft(plane.y - shore), rock * 0.12)
    return rock


def _stalactites(plane: Plane, rng: np.random.Generator, rock: np.ndarray) -> list[tuple[float, float]]:
    """Paint stalactites and stalagmites; returns x and y of the tips that drip."""
    tips = []
    places = (np.arange(_SPOTS) + rng.uniform(0.2, 0.8, _SPOTS)) / _SPOTS * plane.aspect
    more = rng.uniform(0, plane.aspect, 9 + int(8 * rng.uniform()))
    for number, x in enumerate(np.concatenate((more, places))):
        long = rng.uniform(0.18, 0.38) if number >= len(more) else rng.uniform(0.06, 0.26)
        wide = long * rng.uniform(0.1, 0.2)
        part = SubPlane(plane, x - 3 * wide, 0, x + 3 * wide, long)
        half = wide * np.clip(1 - part.y / long, 0, 1) ** 0.8 * (1.2 + 0.12 * np.sin(70 * part.y + x))
        mask = part.soft(np.abs(part.x - x) - half)
        side = np.clip(0.75 + 0.5 * (part.x - x) / wide, 0.3, 1.3)
        part.paint(mask, rock * (side * rng.uniform(0.5, 1.1))[..., None])
        if number >= len(more):
            tips.append((float(x), float(long)))
    return tips


def _pool(
    plane: Plane, rng: np.random.Generator, hue: float, shore: float, torch: tuple[float, float]
) -> None:
    edge = shore + 0.02 * np.sin(5 * plane.x + rng.uniform(0, 6)) + 0.008 * np.sin(17 * plane.x)
    tone: Colour = shift((0.12, 0.34, 0.4), -hue, 0.16)
    plane.paint(0.9 * plane.below(edge - 0.012), (0.1, 0.09, 0.08))
    plane.paint(plane.below(edge), plane.gradient(tone, np.asarray(tone) * 0.45, shore, 1.0))
    streak = np.exp(-(((plane.x - torch[0]) / 0.1) ** 2)) * (0.6 + 0.4 * np.sin(140 * plane.y))
    plane.paint(0.6 * streak * plane.below(edge + 0.01), (1.0, 0.75, 0.45))
    for x in rng.uniform(0, plane.aspect, 5):  # stalagmites on the shore
        tall = rng.uniform(0.05, 0.16)
        part = SubPlane(plane, x - tall, shore - tall, x + tall, shore + 0.05)
        cone = part.soft(np.abs(part.x - x) - 0.4 * np.maximum(part.y - shore + tall, 0) ** 1.2)
        part.paint(cone * (1 - part.below(shore + 0.03)), shift((0.33, 0.28, 0.24), hue))


def _stand(plane: Plane, torch: tuple[float, float]) -> None:
    x, y = torch
    part = SubPlane(plane, x - 0.06, y - 0.05, x + 0.06, y + 0.3)
    part.paint(part.box(x - 0.012, y - 0.02, x + 0.012, y + 0.24), (0.3, 0.18, 0.08))
    part.paint(part.box(x - 0.03, y - 0.02, x + 0.03, y + 0.02), (0.2, 0.19, 0.18))


def _mouth(plane: Plane, rng: np.random.Generator, shore: float) -> np.ndarray:
    """Daylight that some caves let in, (H, W, 3)."""
    if rng.uniform() < 0.5:
        return np.zeros(3, dtype=np.float32)
    x, wide, tall = plane.aspect * rng.uniform(0.4, 0.6), rng.uniform(0.12, 0.24), rng.uniform(0.2, 0.34)
    angle = np.arctan2(plane.y - shore, plane.x - x)
    rim = 1 + 0.07 * np.sin(4 * angle + rng.uniform(0, 6)) + 0.05 * np.sin(9 * angle + rng.uniform(0, 6))
    hole = plane.soft((np.hypot((plane.x - x) / wide, (plane.y - shore) / tall) - rim) * wide)
    hole = hole * plane.soft(plane.y - shore + 0.02)
    day = np.asarray(plane.grade(np.asarray((0.62, 0.78, 0.85), dtype=np.float32)))
    return (0.9 * hole + 0.12 * plane.glow(x, shore - 0.1, 0.35))[..., None] * day


def _flames(rng: np.random.Generator, height: int, grade: Grade) -> list[np.ndarray]:
    """Successive shapes of the torch's flame on black, uint8 (h, w, 3)."""
    rows = max(6, round(0.2 * height))
    plane = Plane(rows, max(4, round(0.12 * height)), grade, scale=1.0)
    x, up = (plane.x - plane.aspect / 2) * 2, 1 - plane.y
    flames = []
    for _ in range(9):
        tall, sway = rng.uniform(0.75, 1.0), rng.uniform(-0.22, 0.22)
        half = 0.62 * (np.clip(1 - up / tall, 0, 1) ** 0.7) * np.minimum(1, 0.35 + 2.2 * up) * plane.aspect
        heat = np.clip(1.3 - np.abs(x - sway * up**1.5) / np.maximum(half, 0.02), 0, 1) * (up < tall)
        colour = np.stack([np.clip(2.2 * heat, 0, 1), heat**1.3 * 0.85, 0.45 * heat**3], axis=-1)
        flames.append(
            as_bytes(np.asarray(grade(colour.astype(np.float32))) * np.minimum(1, 3 * heat)[..., None])
        )
    return flames


def _ring(frame: np.ndarray, x: float, y: float, age: float, size: float, light: np.ndarray) -> None:
    """A flat ring of light that widens on the water as its age runs 0..1."""
    height, width = frame.shape[:2]
    rx = 0.02 * height + 0.11 * size * age
    ry, thick = 0.3 * rx, 0.02 * height
    y0, y1 = max(0, int(y - ry - thick)), min(height, int(y + ry + thick) + 1)
    x0, x1 = max(0, int(x - rx - thick)), min(width, int(x + rx + thick) + 1)
    if y0 >= y1 or x0 >= x1:
        return
    rows, columns = np.arange(y0, y1)[:, None] - y, np.arange(x0, x1)[None, :] - x
    far = np.abs(np.sqrt((rows / 0.3) ** 2 + columns**2) - rx) / thick
    share = (90 * (1 - age) * np.clip(1 - far, 0, 1)).astype(np.int16)[..., None]
    box = frame[y0:y1, x0:x1]
    np.clip(box + (light * share >> 8), LOW, HIGH, out=box, casting="unsafe")


def sound(scene: Scene, samples: int, rate: int) -> np.ndarray:
    """Drops that ring through the cave, its hollow air, the torch's flutter."""
    rng, events = scene.rng(MAIN), scene.rng(EVENTS)
    drops = np.zeros(samples, dtype=np.float32)
    pitches = events.uniform(700, 2600, _SPOTS)
    for time, details in drips(scene).between(-1.0, samples / rate):
        pitch = pitches[spot(details)] * (1.15 - 0.3 * details[1])
        add(drops, round(time * rate), np.float32(0.35 + details[1]) * _plink(rate, float(pitch), details[2]))
    hall = _hall(rng, rate, rng.uniform(0.25, 0.6))
    wet = oaconvolve(drops, hall)[:samples]
    loud = max(rms(drops), 1e-3)
    heard = drops / loud + rng.uniform(0.5, 1.1) * wet / max(rms(wet), 1e-3)
    middle = rng.uniform(90, 260)
    hollow = shaped_noise(rng, samples, rate, lambda hz: band(hz, middle / 1.5, middle * 1.5, 1.5))
    high = rng.uniform(900, 4500)
    flutter = shaped_noise(rng, samples, rate, lambda hz: band(hz, 200, high, 1.0))
    flutter *= envelope(samples, rate, lambda t: 0.15 + flicker(scene, t) ** 2)
    heard += rng.uniform(0.3, 1.2) * hollow + rng.uniform(0.3, 1.6) * flutter
    return heard.astype(np.float32)


def _plink(rate: int, pitch: float, twice: float) -> np.ndarray:
    """A drop into water: a click, then a bubble whose tone rises."""
    t = np.arange(int(0.16 * rate), dtype=np.float32) / rate
    phase = 2 * np.pi * pitch * (t + 2.2 * t * t)
    bubble = np.sin(phase) * np.exp(-t / 0.028)
    if twice > 0.6:
        later = np.maximum(t - 0.05, 0)
        bubble += (
            0.6 * np.sin(2.6 * np.pi * pitch * (later + 2.2 * later**2)) * np.exp(-later / 0.02) * (t > 0.05)
        )
    bubble[: rate // 1000] *= np.linspace(0, 1, rate // 1000, dtype=np.float32)
    return bubble.astype(np.float32)


def _hall(rng: np.random.Generator, rate: int, decay_s: float) -> np.ndarray:
    """The cave's impulse response without the direct sound: a few echoes that thin out into a hum."""
    length = int(2.6 * decay_s * rate)
    t = np.arange(length, dtype=np.float32) / rate
    tail = rng.standard_normal(length, dtype=np.float32) * np.exp(-t / (0.5 * decay_s)) * (t > 0.02)
    tail = filtered(tail, rate, lambda hz: band(hz, 150, 2800, 0.7))
    tail /= np.sqrt(np.sum(np.square(tail, dtype=np.float64)))
    for delay_s, gain in zip(rng.uniform(0.05, 0.6 * decay_s + 0.06, 4), (0.6, 0.5, 0.4, 0.3), strict=True):
        tail[min(int(delay_s * rate), length - 1)] += gain
    return tail.astype(np.float32)


KIND = SceneKind("cave", (1.2, 2.8), ("water_drops",), paint, sound)
