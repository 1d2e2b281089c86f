"""A storm over open land: wind bends a tree, lightning lights the sky, and its thunder comes later."""

from functools import cache
from itertools import pairwise

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
    texture,
)
from filmset.scenes.wind import gusts
from filmset.synthesis import add, band, envelope, faded, shaped_noise, tilt

_BOLTS = 4  # shapes of lightning that recur
_LIGHTS = 12  # brightnesses of a lit sky
_RISE_S, _FALL_S = 0.1, 0.5  # slow enough not to look like a cut
_BRIGHTEST = 30  # levels of 255 that lightning adds to the sky around it
_ROLL_S = 3.2  # of the longest thunder
_LEANS = 8  # positions of the tree


def strikes(scene: Scene) -> RandomTimes:
    """When lightning begins to show; the first detail chooses its shape, the second its strength."""
    return random_times(scene, MOTION + 1, 5.5 - 3.2 * scene.activity)


def delay_s(scene: Scene) -> float:
    """How long after its lightning a thunder is heard: the storm is 0.1 to 0.8 km away."""
    return float(scene.rng(MOTION + 2).uniform(0.3, 2.4))


def brightness(since_s: float) -> float:
    """How bright lightning is, 0..1, some seconds after it begins to show."""
    if since_s <= 0:
        return 0.0
    if since_s < _RISE_S:
        return since_s / _RISE_S
    return max(0.0, 1 - (since_s - _RISE_S) / _FALL_S)


def paint(scene: Scene, height: int, width: int, grade: Grade) -> PaintedScene:
    """Prepare the land; see `SceneKind`."""
    rng = scene.rng(LAYOUT)
    plane = Plane(height, width, grade)
    ground = 0.66 + 0.14 * scene.horizon
    rows = int(ground * height) + 1
    clouds = _clouds(rng, plane, scene.hue, rows)
    land = _land(rng, plane, scene.hue, ground)
    trees = _trees(rng, height, width, grade)
    tree_x, foot = rng.uniform(0.12, 0.88) * width, round((ground + 0.1) * height)
    count = int(0.004 * scene.activity * height * width)
    drops = rng.uniform(0, 1, (count, 2))
    wet = np.uint8(34)
    drift = float(rng.choice([-1.0, 1.0])) * (0.02 + 0.05 * scene.pace)
    striking = strikes(scene)
    cold = np.asarray(grade(np.asarray((0.85, 0.9, 1.0), dtype=np.float32)))

    @cache  # a shot shows one or two
    def bolt(number: int) -> tuple[np.ndarray, tuple[int, int], np.ndarray]:
        return _bolt(scene.seed, number, height, width, grade, ground)

    @cache
    def glare(number: int, level: int) -> np.ndarray:
        """What lightning adds to the sky, uint8 (rows, W, 3)."""
        around = bolt(number)[2][:rows, :, None]
        return np.rint(_BRIGHTEST * level / _LIGHTS * (0.3 + 0.7 * around) * cold).astype(np.uint8)

    def paint_motion(frame: np.ndarray, seconds: float) -> None:
        gust = float(gusts(scene, np.array(seconds)))
        left = int(drift * height * seconds) % width
        sky = frame[:rows]
        sky[:] = clouds[:, left : left + width]
        for time, details in striking.between(seconds - _RISE_S - _FALL_S, seconds + 1e-6):
            level = brightness(seconds - time) * (0.6 + 0.4 * details[1])
            number = int(details[0] * _BOLTS) % _BOLTS
            lit = int(np.ceil(level * _LIGHTS))
            sky += glare(number, lit)
            picture, corner, _ = bolt(number)
            if seconds - time < 0.32 and lit:
                lighten(frame, (picture * min(1.0, 1.3 * level)).astype(np.uint8), *corner)
        land.stamp(frame, height - land.colour.shape[0], 0)
        swing = 0.75 * gust + 0.25 * gust * np.sin(2 * np.pi * (0.7 + scene.pace) * seconds)
        tree = trees[int(np.clip(swing * _LEANS, 0, _LEANS - 1))]
        tree.stamp(frame, foot - tree.colour.shape[0], round(tree_x - tree.colour.shape[1] / 2))
        down = ((drops[:, 0] + (2.0 + scene.pace) * seconds) % 1.0 * (height - 3)).astype(int)
        across = ((drops[:, 1] - 0.3 * seconds) % 1.0 * width).astype(int)
        for step in range(3):
            frame[down + step, across] = np.minimum(frame[down + step, across], 200) + wet
        np.maximum(frame, LOW, out=frame)

    first = np.zeros((height, width, 3), dtype=np.uint8)
    first[:] = LOW
    return first, paint_motion


def _clouds(rng: np.random.Generator, plane: Plane, hue: float, rows: int) -> np.ndarray:
    """A dark sky twice as wide as the picture, uint8 (rows, 2 W, 3), without a seam."""
    big = texture(rng, rows, plane.width, 3, 2.5 * plane.aspect)
    small = texture(rng, rows, plane.width, 11, 6 * plane.aspect)
    body = np.clip(0.5 + 0.6 * big + 0.35 * small, 0, 1)[..., None]
    dark, pale = shift((0.06, 0.07, 0.1), hue, 0.05), shift((0.3, 0.33, 0.4), hue, 0.1)
    low = np.linspace(0, 1, rows)[:, None, None] ** 2
    colours = dark + (pale - dark) * (0.75 * body + 0.3 * low * rng.uniform(0.3, 1.0))
    sky = as_bytes(np.asarray(plane.grade(colours.astype(np.float32))))
    return np.concatenate((sky, sky), axis=1)


def _land(rng: np.random.Generator, plane: Plane, hue: float, ground: float) -> Sprite:
    """Hills and a field, as far as they hide the sky."""
    tall = 1 - ground + 0.14
    land = Plane(round(tall * plane.height), plane.width, plane.grade, scale=tall)
    for step in range(2):
        ridge = 0.14 - 0.05 * (1 - step) - 0.035 * np.sin(rng.uniform(1.5, 4) * land.x + rng.uniform(0, 6))
        land.paint(land.below(ridge), shift(np.array([0.07, 0.1, 0.1]) * (1.3 - 0.4 * step), hue, 0.04))
    field = texture(rng, land.height, land.width, 16, 40 * plane.aspect)
    tone = shift((0.15, 0.17, 0.08), hue, 0.08) * rng.uniform(0.7, 1.3)
    land.paint(land.below(0.155), tone * (1 + 0.35 * field)[..., None])
    middle = rng.uniform(0.3, 0.7) * plane.aspect
    half = 0.01 + 0.4 * np.clip(land.y - 0.155, 0, 1)
    road = land.soft(np.abs(land.x - middle - 0.3 * (land.y - 0.155)) - half) * land.below(0.16)
    land.paint(0.8 * road, (0.22, 0.19, 0.16))
    if rng.uniform() < 0.6:  # a house with one window lit
        x, foot = rng.uniform(0.1, 0.9) * plane.aspect, 0.165
        land.paint(land.box(x - 0.06, foot - 0.07, x + 0.06, foot), (0.08, 0.07, 0.08))
        roof = land.soft(np.abs(land.x - x) - 1.3 * (land.y - foot + 0.125)) * (land.y < foot - 0.07)
        land.paint(roof, (0.05, 0.045, 0.05))
        land.paint(land.box(x - 0.015, foot - 0.05, x + 0.015, foot - 0.022), (1.0, 0.8, 0.4))
    return land.sprite()


def _bolt(
    seed: int, number: int, height: int, width: int, grade: Grade, ground: float
) -> tuple[np.ndarray, tuple[int, int], np.ndarray]:
    """A shape of lightning on black (h, w, 3), its (top, left), and how near it every pixel is (H, W)."""
    rng = np.random.default_rng([seed, LAYOUT, number])
    aspect = width / height
    x = rng.uniform(0.12, 0.88) * aspect
    wide, rows = 0.6, round((ground - 0.02) * height)
    part = Plane(rows, max(4, round(wide * height)), np.asarray, scale=rows / height)
    path = [(wide / 2, -0.02)]
    while path[-1][1] < ground:
        path.append((path[-1][0] + rng.normal(0, 0.035), path[-1][1] + rng.uniform(0.02, 0.06)))
    fork = int(rng.integers(2, max(3, len(path) - 4)))
    lean, branch = float(rng.choice([-1.0, 1.0])), [path[fork]]
    for _ in range(int(rng.integers(3, 7))):
        branch.append(
            (branch[-1][0] + lean * rng.uniform(0.01, 0.05), branch[-1][1] + rng.uniform(0.015, 0.05))
        )
    for line, thick in ((path, 0.0045), (branch, 0.0028)):
        for a, b in pairwise(line):
            near = SubPlane(part, min(a[0], b[0]) - 0.03, a[1] - 0.03, max(a[0], b[0]) + 0.03, b[1] + 0.03)
            dx, dy = b[0] - a[0], b[1] - a[1]
            along = np.clip(((near.x - a[0]) * dx + (near.y - a[1]) * dy) / (dx * dx + dy * dy), 0, 1)
            far = np.hypot(near.x - a[0] - along * dx, near.y - a[1] - along * dy)
            core = np.maximum(near.soft(far - thick), 0.45 * np.exp(-((far / 0.012) ** 2)) * (far < 0.028))
            near.paint(core, (1.0, 1.0, 1.0))
    tone = np.asarray(grade(np.asarray((0.92, 0.94, 1.0), dtype=np.float32)))
    ys, xs = (np.arange(height)[:, None] + 0.5) / height, (np.arange(width)[None, :] + 0.5) / height
    around = np.exp(-(((xs - x) / 0.45) ** 2)) * np.exp(-(((ys - 0.15) / 0.5) ** 2))
    return as_bytes(part.rgb * tone), (0, round((x - wide / 2) * height)), around


def _trees(rng: np.random.Generator, height: int, width: int, grade: Grade) -> list[Sprite]:
    """A tree in ever stronger wind."""
    tall, seed = rng.uniform(0.34, 0.5), rng.integers(2**31)
    side = float(rng.choice([-1.0, 1.0]))
    poses = []
    for number in range(_LEANS):
        own = np.random.default_rng(seed)  # the same leaves in every pose
        plane = Plane(round(tall * height), round(0.7 * height), grade, scale=tall)
        lean = side * 0.5 * number / (_LEANS - 1)

        def bent(y: float, lean: float = lean) -> float:
            return 0.35 + lean * 0.75 * ((tall - y) / tall) ** 2 * tall

        trunk = np.array([bent(float(y)) for y in plane.y[:, 0]])[:, None]
        half = 0.006 + 0.016 * plane.y / tall
        bark = plane.soft(np.abs(plane.x - trunk) - half) * (plane.y > 0.3 * tall)
        plane.paint(bark, (0.06, 0.05, 0.045))
        for _ in range(16):
            up, wide = own.uniform(0.12, 0.5) * tall, own.normal(0, 0.07)
            x = bent(up) + wide + 0.3 * lean * own.uniform(0.2, 0.6)
            radius = own.uniform(0.035, 0.065)
            part = SubPlane(plane, x - 2 * radius, up - radius, x + 2 * radius, up + radius)
            leaf = part.disc(x, up, radius * (1.1 + 0.6 * abs(lean)), 0.75 * radius)
            part.paint(leaf, np.array([0.07, 0.1, 0.07]) * own.uniform(0.7, 1.5))
        poses.append(plane.sprite())
    return poses


def sound(scene: Scene, samples: int, rate: int) -> np.ndarray:
    """Wind that howls with the gusts, and thunder a fixed time after each lightning."""
    rng, events = scene.rng(MAIN), scene.rng(EVENTS)
    low, high = rng.uniform(90, 300), rng.uniform(500, 4500)
    broad = shaped_noise(rng, samples, rate, lambda hz: band(hz, low, high, 1.0))
    result = broad * envelope(samples, rate, lambda t: 0.3 + 0.9 * gusts(scene, t) ** 2)
    middle = rng.uniform(280, 750)
    howl = shaped_noise(rng, samples, rate, lambda hz: band(hz, middle / 1.15, middle * 1.15, 3.0))
    result += howl * envelope(samples, rate, lambda t: gusts(scene, t) ** 3 * 1.6)
    if scene.activity > 0:
        patter = shaped_noise(rng, samples, rate, lambda hz: band(hz, 2000, 9000, 1.0))
        result += np.float32(0.45 * scene.activity) * patter
    wait, loud = delay_s(scene), events.uniform(2.0, 4.5)
    sharp = float(np.exp(-wait))  # near thunder cracks, far thunder rolls

    @cache
    def roll(number: int) -> np.ndarray:
        return _thunder(np.random.default_rng([scene.seed, EVENTS, number]), rate, sharp)

    for time, details in strikes(scene).between(-_ROLL_S - wait, samples / rate - wait):
        strength = np.float32(loud * (0.6 + 0.4 * details[1]))
        add(result, round((time + wait) * rate), strength * roll(int(details[2] * 3) % 3))
    return result.astype(np.float32)


def _thunder(rng: np.random.Generator, rate: int, sharp: float) -> np.ndarray:
    """A crack and some seconds of rolling."""
    length = int(rng.uniform(0.6, 1.0) * _ROLL_S * rate)
    low = shaped_noise(rng, length, rate, lambda hz: tilt(hz, -7) * band(hz, 35, 900, 1.0))
    times, heights = rng.uniform(0, 1.8, 7), rng.uniform(0.3, 1.0, 7)

    def rolling(at: np.ndarray) -> np.ndarray:
        waves = sum(h * np.exp(-0.5 * ((at - c) / 0.16) ** 2) for c, h in zip(times, heights, strict=True))
        return (0.45 + np.asarray(waves)) * np.exp(-at / 1.1) * np.minimum(1, at / 0.03)

    result = low * envelope(length, rate, rolling)
    t = np.arange(rate, dtype=np.float32) / rate
    crack = shaped_noise(rng, rate, rate, lambda hz: band(hz, 150, 5000, 0.8)) * np.exp(-t / 0.13)
    result[:rate] += np.float32(1.8 * sharp) * crack
    return faded(result.astype(np.float32), rate)


KIND = SceneKind("storm", (0.0, 0.0), ("thunderstorm", "wind"), paint, sound)
