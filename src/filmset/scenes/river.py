"""A stream in the hills, often with a waterfall; a fish that leaps is heard to fall back."""

import numpy as np

from filmset.painting import HIGH, LOW, Grade, Plane, Sprite, as_bytes, shift
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
    random_times,
    texture,
)
from filmset.synthesis import add, band, envelope, shaped_noise

LEAP_S = 0.7  # from leaving the water to falling back
_RING_S = 1.2
_TILE = 256  # rows of the pattern that runs down the stream; a power of two


def leaps(scene: Scene) -> RandomTimes:
    """When a fish falls back into the water; the first detail says how far to the right it leapt."""
    return random_times(scene, MOTION, 6.0 - 4.0 * scene.activity)


def has_fall(scene: Scene) -> bool:
    """Whether the stream comes down a rock."""
    return bool(scene.rng(MOTION + 1).uniform() < 0.6)


def surge(scene: Scene, times_s: np.ndarray) -> np.ndarray:
    """How strongly the water runs, 0..1, at each time."""
    rng = scene.rng(MOTION + 2)
    rates, phases = rng.uniform(0.08, 0.6, 3) * (0.6 + scene.pace), rng.uniform(0, 6, 3)
    waves = sum(np.sin(2 * np.pi * rate * times_s + phase) for rate, phase in zip(rates, phases, strict=True))
    return 0.5 + np.asarray(waves) / 6.0


def paint(scene: Scene, height: int, width: int, grade: Grade) -> PaintedScene:
    """Prepare the stream; see `SceneKind`."""
    rng = scene.rng(LAYOUT)
    plane = Plane(height, width, grade)
    bank = 0.5 + 0.12 * scene.horizon
    middle = plane.aspect * rng.uniform(0.36, 0.64)
    _hills(plane, rng, scene.hue, bank)
    fall = has_fall(scene)
    brink, half = rng.uniform(0.12, 0.22), rng.uniform(0.1, 0.2)
    if fall:
        _cliff(plane, rng, scene.hue, brink, bank)
    first = int(bank * height)
    land, x_middle, x_half = _banks(plane, rng, scene.hue, bank, middle, half, first)
    still = plane.picture()
    stream = _Stream(rng, plane, scene.hue, first, bank, x_middle, x_half)
    top, curtain, tile = _curtain(rng, plane, scene.hue, brink, bank, middle, half)
    speed = 0.5 + 0.9 * scene.pace
    leaping, fish = leaps(scene), _fish(height, grade)
    splash_y = bank + 0.55 * (1 - bank)
    foam = as_bytes(np.asarray(grade(np.asarray((0.93, 0.97, 1.0), dtype=np.float32))))

    def paint_motion(frame: np.ndarray, seconds: float) -> None:
        stream.paint(frame, seconds, speed)
        if fall:
            box = frame[top[0] : top[0] + curtain.shape[0], top[1] : top[1] + curtain.shape[1]]
            down = int(-1.5 * speed * height * seconds) % (len(tile) // 2)
            water = tile[down : down + len(curtain)].astype(np.int16)
            strength = 0.75 + 0.3 * float(surge(scene, np.array(seconds)))
            share = (curtain * strength).astype(np.int16)
            box += ((water - box) * share >> 7).astype(np.uint8)  # wraps back: the sum is in range
        for time, details in leaping.between(seconds - _RING_S, seconds + LEAP_S):
            x = middle + 0.3 * (details[0] - 0.5)
            if seconds < time:
                way = 1 - (time - seconds) / LEAP_S
                up = 0.22 * 4 * way * (1 - way)
                pose = fish[int(way * len(fish)) % len(fish)]
                pose.stamp(frame, round((splash_y - up) * height), round((x + 0.22 * (way - 1)) * height))
            else:
                age = (seconds - time) / _RING_S
                _splash(frame, x * height, splash_y * height, age, foam)
        land.stamp(frame, first, 0)
        np.maximum(frame, LOW, out=frame)

    return still, paint_motion


def _hills(plane: Plane, rng: np.random.Generator, hue: float, bank: float) -> None:
    top, low = shift((0.45, 0.68, 0.92), hue, 0.2), shift((0.86, 0.9, 0.9), hue, 0.15)
    plane.paint(1.0, plane.gradient(top, low, 0, bank))
    cloud = texture(rng, plane.height, plane.width, 5, 3 * plane.aspect)
    plane.paint(np.clip(1.6 * cloud, 0, 0.8) * (1 - plane.below(0.4)), (0.96, 0.96, 0.96))
    for step in range(3):
        wave = np.sin(rng.uniform(1.5, 4) * plane.x + rng.uniform(0, 6))
        ridge = bank - 0.26 + 0.08 * step - 0.06 * wave - 0.015 * np.sin(19 * plane.x + step)
        shade = 1.0 - 0.24 * step
        plane.paint(plane.below(ridge), shift((0.42 * shade, 0.58 * shade, 0.45 * shade), hue))
    for _ in range(int(14 + 10 * rng.uniform())):  # a wood on the far bank
        x, tall = rng.uniform(0, plane.aspect), rng.uniform(0.08, 0.2)
        part = SubPlane(plane, x - tall, bank - 1.2 * tall, x + tall, bank)
        cone = part.soft(np.abs(part.x - x) - 0.3 * (part.y - bank + tall)) * (part.y > bank - tall)
        part.paint(cone, shift(np.array([0.12, 0.3, 0.16]) * rng.uniform(0.7, 1.4), hue))


def _cliff(plane: Plane, rng: np.random.Generator, hue: float, brink: float, bank: float) -> None:
    rough = texture(rng, plane.height, plane.width, 9, 22 * plane.aspect)
    layers = 0.12 * np.sin(55 * (plane.y + 0.03 * np.sin(6 * plane.x)))
    middle, wide = plane.aspect * rng.uniform(0.4, 0.6), rng.uniform(0.5, 1.1) * plane.aspect
    edge = (
        brink + 0.25 * (np.abs(plane.x - middle) / wide) ** 2 + 0.03 * np.round(3 * np.sin(5 * plane.x)) / 3
    )
    rock = shift((0.42, 0.39, 0.35), hue) * (0.9 + 0.5 * rough + layers)[..., None]
    plane.paint(plane.below(edge) * (plane.y < bank + 0.05), rock)
    turf = plane.below(edge - 0.012) * (1 - plane.below(edge + 0.018))
    plane.paint(turf, shift((0.25, 0.44, 0.16), hue))


def _banks(
    plane: Plane, rng: np.random.Generator, hue: float, bank: float, middle: float, half: float, first: int
) -> tuple[Sprite, np.ndarray, np.ndarray]:
    """The grass and stones that frame the water, and the stream's middle and half width by row (h, 1)."""
    rows = plane.y[first:]
    depth = np.clip((rows - bank) / (1 - bank), 0, 1)
    bend = rng.uniform(-0.5, 0.5) * plane.aspect / 1.8
    x_middle = middle + bend * depth**1.6
    x_half = half * 0.9 + (0.75 + 0.3 * rng.uniform()) * depth
    land = Plane(plane.height - first, plane.width, plane.grade, scale=len(rows) * plane.pixel)
    y0 = first * plane.pixel
    wobble = 0.035 * np.sin(26 * rows + rng.uniform(0, 6)) * (0.3 + depth)
    outside = land.soft(x_half + wobble - np.abs(land.x - x_middle))
    tufts = texture(rng, land.height, land.width, 24, 30 * plane.aspect)
    green = shift((0.27, 0.45, 0.15), hue, 0.16)
    land.paint(outside, green * (1.15 - 0.5 * depth + 0.35 * tufts)[..., None])
    for side in (-1, 1):
        for y in np.sort(rng.uniform(bank + 0.02, 1.0, 9)):
            at = (y - bank) / (1 - bank)
            x = middle + bend * at**1.6 + side * (half * 0.9 + 0.85 * at) + rng.normal(0, 0.04)
            size = (0.02 + 0.06 * at) * rng.uniform(0.7, 1.5)
            part = SubPlane(land, x - 2 * size, y - y0 - size, x + 2 * size, y - y0 + size)
            tone = np.array([0.5, 0.49, 0.46]) * rng.uniform(0.6, 1.15)
            part.paint(part.disc(x, y - y0, 1.4 * size, 0.8 * size), tone * 0.6)
            part.paint(part.disc(x - 0.1 * size, y - y0 - 0.15 * size, 1.15 * size, 0.55 * size), tone)
    return land.sprite(), x_middle, x_half


class _Stream:
    """Water that runs towards the camera: a pattern of light, nearer rows wider and quicker."""

    def __init__(
        self,
        rng: np.random.Generator,
        plane: Plane,
        hue: float,
        first: int,
        bank: float,
        x_middle: np.ndarray,
        x_half: np.ndarray,
    ) -> None:
        self.first = first
        depth = np.clip((plane.y[first:] - bank) / (1 - bank), 0.0, 1)
        along = -190 * np.log(depth + 0.16) / 2
        across = np.clip((plane.x - x_middle) / x_half * 60 + 128, 0, 255)
        self.rows = np.broadcast_to(along, across.shape).astype(np.int32)
        self.columns = across.astype(np.int32)
        waves = texture(rng, _TILE, 256, 34, 26) + 0.5 * texture(rng, _TILE, 256, 70, 40)
        self.pattern = np.clip(110 + 120 * waves, 0, 255).astype(np.uint8).ravel()
        dark, pale = shift((0.1, 0.3, 0.36), hue, 0.14), shift((0.5, 0.72, 0.78), hue, 0.14)
        level = np.linspace(0, 1, 256)[:, None]
        colours = np.where(level < 0.8, dark + (pale - dark) * level / 0.8, 0.75 + 0.25 * level)
        self.palette = as_bytes(np.asarray(plane.grade(colours.astype(np.float32))))

    def paint(self, frame: np.ndarray, seconds: float, speed: float) -> None:
        """Paint the water over all rows from the first on."""
        down = int(70 * speed * seconds)
        index = ((self.rows + down) & (_TILE - 1)) << 8
        index += self.columns
        np.take(self.palette, self.pattern[index], axis=0, out=frame[self.first :])


def _curtain(
    rng: np.random.Generator, plane: Plane, hue: float, brink: float, bank: float, middle: float, half: float
) -> tuple[tuple[int, int], np.ndarray, np.ndarray]:
    """The waterfall: its (top, left), opacity 0..128 (h, w, 1), and a pattern of twice its height."""
    foot = bank + 0.05
    left = max(0, int((middle - 1.3 * half) * plane.height))
    right = min(plane.width, int((middle + 1.3 * half) * plane.height) + 1)
    y0, y1 = int((brink - 0.01) * plane.height), int(foot * plane.height)
    y, x = plane.y[y0:y1], plane.x[:, left:right]
    spread = half * (0.62 + 0.3 * (y - brink) / (foot - brink)) + 0.012 * np.sin(60 * x + 9 * y)
    body = np.clip((spread - np.abs(x - middle)) / 0.025, 0, 1)
    spray = 0.9 * np.exp(-(((y - foot + 0.02) / 0.05) ** 2)) * np.clip(1.5 - np.abs(x - middle) / half, 0, 1)
    cover = (128 * np.maximum(0.92 * body, spray)).astype(np.int16)[..., None]
    threads = texture(rng, 2 * (y1 - y0), right - left, 9, 60)
    pale = shift((0.78, 0.88, 0.94), hue, 0.1)
    colours = pale * np.clip(0.86 + 0.55 * threads, 0.3, 1.2)[..., None]
    tile = as_bytes(np.asarray(plane.grade(np.clip(colours, 0, 1).astype(np.float32))))
    return (y0, left), cover, np.concatenate((tile, tile))


def _fish(height: int, grade: Grade) -> list[Sprite]:
    """A fish on its way up, over and down."""
    rows = max(6, round(0.11 * height))
    poses = []
    for angle in np.linspace(0.9, -0.9, 7):
        plane = Plane(rows, rows, grade, scale=1.0)
        u = (plane.x - 0.5) * np.cos(angle) - (plane.y - 0.5) * np.sin(angle)
        v = (plane.x - 0.5) * np.sin(angle) + (plane.y - 0.5) * np.cos(angle)
        plane.paint(plane.soft((np.hypot(u / 0.38, v / 0.15) - 1) * 0.15), (0.5, 0.58, 0.62))
        plane.paint(plane.soft((np.hypot((u + 0.02) / 0.32, (v - 0.06) / 0.07) - 1) * 0.07), (0.9, 0.92, 0.9))
        plane.paint(plane.soft(np.maximum(np.abs(v) - 0.7 * (-u - 0.26), -u - 0.48)), (0.45, 0.5, 0.55))
        poses.append(plane.sprite())
    return poses


def _splash(frame: np.ndarray, x: float, y: float, age: float, foam: np.ndarray) -> None:
    """Drops that fly up and a ring that widens, as its age runs 0..1."""
    height, width = frame.shape[:2]
    turns = np.arange(90) * (2 * np.pi / 90)
    size = (0.02 + 0.13 * age) * height
    rows, columns = [y + 0.3 * size * np.sin(turns)], [x + size * np.cos(turns)]
    if age < 0.4:
        way, lean = age / 0.4, np.linspace(-1, 1, 13)
        up = (0.05 + 0.1 * np.cos(3 * lean) ** 2) * height * 4 * way * (1 - way)
        for wide in (0, 1):
            rows.append(y - up)
            columns.append(x + lean * 0.1 * height * way + wide)
    row, column = np.concatenate(rows).astype(int), np.concatenate(columns).astype(int)
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    row, column = row[inside], column[inside]
    share = 1.0 if age < 0.4 else 1 - (age - 0.4) / 0.6
    mixed = frame[row, column] * (1 - share) + foam * share
    frame[row, column] = np.clip(mixed, LOW, HIGH).astype(np.uint8)


def sound(scene: Scene, samples: int, rate: int) -> np.ndarray:
    """Rushing water, bubbles, and the fish."""
    rng, events = scene.rng(MAIN), scene.rng(EVENTS)
    fall = has_fall(scene)
    low, high = rng.uniform(150, 700), rng.uniform(1400, 9000)
    rush = shaped_noise(rng, samples, rate, lambda hz: band(hz, low, high, 0.9 if fall else 1.3))
    result = rush * envelope(samples, rate, lambda t: 0.55 + 0.9 * surge(scene, t))
    result *= np.float32(rng.uniform(0.7, 1.1) if fall else rng.uniform(0.25, 0.6))
    bubbles = [_bubble(rate, events) for _ in range(24)]
    count = int(samples / rate * (12 + 45 * scene.activity))
    loud = np.float32(0.5 if fall else 1.1)
    starts, picks, gains = (
        events.integers(0, samples, count),
        events.integers(0, 24, count),
        events.uniform(size=count),
    )
    for start, pick, gain in zip(starts, picks, gains.astype(np.float32), strict=True):
        add(result, int(start), loud * gain * bubbles[pick])
    splash = _plunge(rate, events)
    for time, details in leaps(scene).between(-0.5, samples / rate):
        add(result, round(time * rate), np.float32(0.6 + 0.5 * details[1]) * splash)
    return result.astype(np.float32)


def _bubble(rate: int, rng: np.random.Generator) -> np.ndarray:
    decay = rng.uniform(0.004, 0.02)
    t = np.arange(int(5 * decay * rate), dtype=np.float32) / rate
    pitch, rise = rng.uniform(350, 2600), rng.uniform(1, 9)
    return (
        np.sin(2 * np.pi * pitch * t * (1 + rise * t)) * np.exp(-t / decay) * np.minimum(1, t / 0.001)
    ).astype(np.float32)


def _plunge(rate: int, rng: np.random.Generator) -> np.ndarray:
    """The slap of a fish on water and the gulp after it."""
    t = np.arange(int(0.5 * rate), dtype=np.float32) / rate
    wash = shaped_noise(rng, len(t), rate, lambda hz: band(hz, 400, 5000, 1.0)) * np.exp(-t / 0.09)
    later = np.maximum(t - 0.06, 0)
    gulp = np.sin(2 * np.pi * 240 * later * (1 + 3 * later)) * np.exp(-later / 0.07) * (t > 0.06)
    return (2.2 * wash + 1.5 * gulp).astype(np.float32)


KIND = SceneKind("river", (0.0, 0.0), ("pouring_water", "water_drops"), paint, sound)
