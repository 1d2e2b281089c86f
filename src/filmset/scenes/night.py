"""A meadow under the moon: stars, grass that stirs, fireflies, and an owl whose eyes open when it hoots."""

import numpy as np

from filmset.painting import LOW, Grade, Plane, Sprite, as_bytes, shift
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
)
from filmset.synthesis import add, band, rms, shaped_noise

_HOOT_S = 1.1  # a short and a long note
_GLOWS = 6  # brightnesses of a firefly


def hoots(scene: Scene) -> RandomTimes:
    """When the owl begins to hoot."""
    return random_times(scene, MOTION, 9.0 - 5.0 * scene.activity)


def paint(scene: Scene, height: int, width: int, grade: Grade) -> PaintedScene:
    """Prepare the meadow; see `SceneKind`."""
    rng = scene.rng(LAYOUT)
    plane = Plane(height, width, grade)
    ground = 0.55 + 0.17 * scene.horizon
    _sky(plane, rng, scene.hue, ground)
    for step in range(3):  # hills, the nearer the darker
        base, tall = ground - 0.05 + 0.05 * step, 0.09 - 0.02 * step
        waves = rng.uniform(1.0, 4.5, 2)
        ridge = base - tall * (np.sin(waves[0] * plane.x + rng.uniform(0, 6)) + 0.4 * np.sin(3 * plane.x))
        shade = 0.16 - 0.04 * step
        plane.paint(plane.below(ridge), shift((0.55 * shade, 0.8 * shade, 1.5 * shade), scene.hue, 0.03))
    low, near = shift((0.07, 0.12, 0.15), scene.hue, 0.03), shift((0.025, 0.05, 0.05), scene.hue, 0.02)
    plane.paint(plane.below(ground + 0.06), plane.gradient(low, near, ground, 1.0))
    plane.paint(0.25 * np.exp(-(((plane.y - ground - 0.05) / 0.035) ** 2)), (0.5, 0.6, 0.75))  # mist
    perch = _trees(plane, rng, ground)
    still = plane.picture()
    closed, opened = _owl(height, grade, 0.0), _owl(height, grade, 1.0)
    owl_at = round((perch[1] - 0.1) * height), round(perch[0] * height - closed.colour.shape[1] / 2)
    grass = _grass(rng, height, width, grade)
    reach = max(1, height // 45)
    glows = _glows(height, grade, scene.hue)
    flies = rng.uniform(0, 1, (6 + int(26 * scene.activity), 6))
    rate = 0.25 + 0.55 * scene.pace
    hooting = hoots(scene)
    bend = rng.uniform(0.5, 1.1) * (0.6 + scene.pace)

    def paint_motion(frame: np.ndarray, seconds: float) -> None:
        awake = hooting.between(seconds - _HOOT_S, seconds + 1e-6)
        (opened if awake else closed).stamp(frame, *owl_at)
        lean = reach * (1 + 0.7 * np.sin(bend * seconds) + 0.3 * np.sin(2.7 * bend * seconds))
        grass.stamp(frame, height - grass.colour.shape[0], round(lean) - 2 * reach)
        np.maximum(frame, LOW, out=frame)
        light = np.sin(2 * np.pi * (rate * (0.6 + flies[:, 2]) * seconds + flies[:, 3]))
        x = flies[:, 0] * 1.1 - 0.05 + 0.05 * np.sin((0.3 + flies[:, 4]) * seconds + 6 * flies[:, 5])
        y = (
            ground
            + (0.98 - ground) * flies[:, 1]
            + 0.05 * np.sin((0.5 + flies[:, 5]) * seconds + 6 * flies[:, 4])
        )
        for px, py, level in zip(x * width, y * height, np.clip(_GLOWS * light, 0, _GLOWS - 1), strict=True):
            if level >= 1:
                glow = glows[int(level)]
                lighten(frame, glow, int(py) - len(glow) // 2, int(px) - len(glow) // 2)

    return still, paint_motion


def _sky(plane: Plane, rng: np.random.Generator, hue: float, ground: float) -> None:
    top, low = shift((0.02, 0.03, 0.1), hue, 0.04), shift((0.1, 0.17, 0.33), hue, 0.08)
    plane.paint(1.0, plane.gradient(top, low, 0, ground))
    rows = int(ground * plane.height)
    count = int(rng.uniform(0.002, 0.006) * rows * plane.width)
    stars = np.zeros((plane.height, plane.width), dtype=np.float32)
    stars[rng.integers(0, rows, count), rng.integers(0, plane.width, count)] = rng.uniform(0.15, 0.9, count)
    plane.paint(stars, (0.85, 0.9, 1.0))
    x, y, radius = rng.uniform(0.1, 0.9) * plane.aspect, rng.uniform(0.1, 0.24), rng.uniform(0.045, 0.085)
    plane.paint(0.55 * plane.glow(x, y, 3.2 * radius), (0.45, 0.55, 0.75))
    moon = SubPlane(plane, x - 2 * radius, y - 2 * radius, x + 2 * radius, y + 2 * radius)
    face = moon.disc(x, y, radius)
    crescent = rng.uniform() < 0.4
    if crescent:
        face = face * (1 - moon.disc(x + 0.5 * radius, y - 0.15 * radius, 0.95 * radius))
    moon.paint(face, (0.97, 0.96, 0.85))
    if not crescent:
        for dx, dy, size in ((-0.3, -0.2, 0.28), (0.25, 0.3, 0.2), (0.35, -0.35, 0.15)):
            moon.paint(moon.disc(x + dx * radius, y + dy * radius, size * radius), (0.82, 0.82, 0.74))


def _trees(plane: Plane, rng: np.random.Generator, ground: float) -> tuple[float, float]:
    """Paint dark trees; returns x and y of the owl's branch."""
    dark = (0.015, 0.02, 0.03)
    for x in rng.uniform(0, plane.aspect, 4):
        size = rng.uniform(0.05, 0.09)
        part = SubPlane(plane, x - 2 * size, ground - 3 * size, x + 2 * size, ground + 0.06)
        part.paint(part.disc(x, ground - 0.6 * size, size, 1.2 * size), (0.03, 0.05, 0.06))
    side = float(rng.choice([0.08, 0.92])) * plane.aspect
    inwards = 1.0 if side < plane.aspect / 2 else -1.0
    part = SubPlane(plane, side - 0.5, -0.1, side + 0.5, ground + 0.15)
    part.paint(part.box(side - 0.035, -1, side + 0.035, ground + 0.1), dark)
    branch = rng.uniform(0.24, 0.34)
    along = (part.x - side) * inwards
    limb = np.abs(part.y - branch + 0.12 * along) - 0.014 * (1.2 - 2.4 * along)
    part.paint(part.soft(limb) * part.soft(along - 0.36) * part.soft(-along), dark)
    for _ in range(26):
        x, y = side + rng.normal(0, 0.14), rng.uniform(-0.06, 0.15)
        part.paint(part.disc(x, y, rng.uniform(0.03, 0.08), 0.04), (0.02, 0.03 + 0.02 * rng.uniform(), 0.035))
    return side + 0.2 * inwards, branch - 0.024


def _owl(height: int, grade: Grade, awake: float) -> Sprite:
    rows = max(8, round(0.12 * height))
    plane = Plane(rows, rows, grade, scale=1.0)
    plane.paint(plane.disc(0.5, 0.55, 0.26 + 0.06 * awake, 0.4), (0.06, 0.055, 0.06))
    plane.paint(plane.disc(0.5, 0.62, 0.17 + 0.05 * awake, 0.26), (0.13, 0.115, 0.1))
    for side in (-1, 1):
        tip = np.abs(plane.x - 0.5 - 0.17 * side) - (plane.y - 0.06) * 0.4
        plane.paint(plane.soft(tip) * (1 - plane.below(0.3)) * plane.below(0.06), (0.06, 0.055, 0.06))
        eye = 0.5 + 0.12 * side
        if awake:
            plane.paint(plane.disc(eye, 0.33, 0.105), (1.0, 0.8, 0.2))
            plane.paint(plane.disc(eye, 0.33, 0.05), (0.02, 0.02, 0.02))
        else:
            plane.paint(plane.box(eye - 0.08, 0.32, eye + 0.08, 0.36), (0.2, 0.17, 0.1))
    return plane.sprite()


def _grass(rng: np.random.Generator, height: int, width: int, grade: Grade) -> Sprite:
    """Blades along the lower edge, wider than the picture by a margin on both sides."""
    reach = max(1, height // 45)
    tall = 0.2
    plane = Plane(round(tall * height), width + 4 * reach, grade, scale=tall)
    for shade in (0.07, 0.035):
        edge = np.full(plane.width, tall)
        for x in rng.uniform(0, plane.width, int(120 * plane.aspect)):
            spread = np.abs(np.arange(plane.width) - x) * plane.pixel
            blade = tall * rng.uniform(0.1, 0.75 + shade) + spread * rng.uniform(7, 22)
            edge = np.minimum(edge, blade)
        plane.paint(plane.below(edge[None, :]), (0.35 * shade, 0.8 * shade, 0.7 * shade))
    return plane.sprite()


def _glows(height: int, grade: Grade, hue: float) -> list[np.ndarray]:
    size = 2 * max(2, round(0.042 * height)) + 1
    plane = Plane(size, size, grade)
    tone = np.asarray(grade(shift((0.8, 1.0, 0.3), hue, 0.15).astype(np.float32)))
    halo = 0.35 * plane.glow(0.5, 0.5, 0.26) + plane.glow(0.5, 0.5, 0.09)
    edge = np.clip(1 - 2 * np.hypot(plane.x - 0.5, plane.y - 0.5), 0, 1)
    return [as_bytes((level / (_GLOWS - 1)) * (halo * edge)[..., None] * tone) for level in range(_GLOWS)]


def sound(scene: Scene, samples: int, rate: int) -> np.ndarray:
    """Crickets that pulse each at its own pace, soft air, the owl."""
    rng, events = scene.rng(MAIN), scene.rng(EVENTS)
    low, high = rng.uniform(120, 500), rng.uniform(900, 5000)
    air = shaped_noise(rng, samples, rate, lambda hz: band(hz, low, high, 1.0))
    t = np.arange(samples, dtype=np.float32) / rate
    crickets = np.zeros(samples, dtype=np.float32)
    for _ in range(1 + int(3.99 * scene.activity)):
        crickets += _cricket(rng, scene.pace, t)
    result = crickets / rms(crickets) + rng.uniform(0.15, 1.4) * air
    pitch, loud = events.uniform(300, 520), events.uniform(1.2, 3.5)
    hoot = _hoot(rate, pitch)
    for time, details in hoots(scene).between(-_HOOT_S, samples / rate):
        add(result, int(time * rate), np.float32(loud * (0.6 + 0.4 * details[0])) * hoot)
    return result.astype(np.float32)


def _cricket(rng: np.random.Generator, pace: float, t: np.ndarray) -> np.ndarray:
    """One insect: chirps of a few pulses, or an unbroken trill."""
    pitch, pulses = rng.uniform(2200, 5600), rng.uniform(18, 45)
    chirps = rng.uniform(0.8, 1.6) * (0.8 + 1.4 * pace)
    share = rng.uniform(0.25, 0.6) if rng.uniform() < 0.75 else 1.1
    phase = (chirps * t + rng.uniform()) % 1.0
    pulsing = np.sin(np.pi * ((pulses * t) % 1.0)) ** 2
    tone = np.sin(np.float32(2 * np.pi) * ((pitch * t + rng.uniform()) % 1.0).astype(np.float32))
    rise = np.clip(np.minimum(phase / 0.04, (share - phase) / 0.04), 0, 1)
    return (rng.uniform(0.3, 1.0) * tone * pulsing * rise).astype(np.float32)


def _hoot(rate: int, pitch: float) -> np.ndarray:
    """Two notes, the second longer and falling a little."""
    call = np.zeros(int(_HOOT_S * rate), dtype=np.float32)
    for start, length in ((0.0, 0.22), (0.36, 0.7)):
        t = np.arange(int(length * rate), dtype=np.float32) / rate
        bent = pitch * (1 - 0.06 * (t / length) ** 2)
        phase = 2 * np.pi * np.cumsum(bent, dtype=np.float64) / rate
        note = np.sin(phase) + 0.25 * np.sin(2 * phase) + 0.08 * np.sin(3 * phase)
        add(call, int(start * rate), (note * np.sin(np.pi * t / length) ** 0.7).astype(np.float32))
    return call


KIND = SceneKind("night", (0.0, 0.0), ("crickets", "insects", "frog"), paint, sound)
