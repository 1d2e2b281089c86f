"""A café: guests who murmur and nod, a cup that is lifted and set down, a coffee machine that hisses."""

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
from filmset.synthesis import CONTROL_HZ, add, band, filtered, ring, rms, shaped_noise

LIFT_S, HISS_S = 0.9, 1.4  # how long a cup is lifted before it is set down; how long steam blows
_MURMUR_RATE = 12000
_TABLES = 4


def clinks(scene: Scene) -> RandomTimes:
    """When a cup is set down; the first detail says on which table."""
    return random_times(scene, MOTION, 2.6 - 1.9 * scene.activity)


def hisses(scene: Scene) -> RandomTimes:
    """When the machine begins to blow steam."""
    return random_times(scene, MOTION + 1, 9.0 - 5.0 * scene.activity)


def guests(scene: Scene) -> int:
    """How many people sit here."""
    return 3 + int(5.99 * scene.activity)


def talk(scene: Scene, times_s: np.ndarray) -> np.ndarray:
    """How loudly each guest murmurs, 0..1, at each time: (guests, T)."""
    rng = scene.rng(MOTION + 2)
    count = guests(scene)
    rates = rng.uniform(0.12, 0.45, (count, 1)) * (0.7 + 0.6 * scene.pace)
    wave = np.sin(2 * np.pi * rates * times_s + rng.uniform(0, 2 * np.pi, (count, 1)))
    return np.clip(0.35 + 0.9 * wave, 0, 1)


def table(details: np.ndarray) -> int:
    """The number of the table that a clink comes from."""
    return int(details[0] * _TABLES) % _TABLES


def paint(scene: Scene, height: int, width: int, grade: Grade) -> PaintedScene:
    """Prepare the room; see `SceneKind`."""
    rng = scene.rng(LAYOUT)
    plane = Plane(height, width, grade)
    floor = 0.64 + 0.1 * scene.horizon
    _room(plane, rng, scene.hue, floor)
    machine = _counter(plane, rng, scene.hue, floor)
    seats = (np.arange(guests(scene)) + rng.uniform(0.2, 0.8, guests(scene))) / guests(scene) * plane.aspect
    bodies = [_guest(rng, height, grade) for _ in seats]
    sitting = [(round((floor - 0.22 + rng.uniform(-0.01, 0.03)) * height), round(x * height)) for x in seats]
    tables = _tables(plane, rng, scene.hue, floor)
    _lamps(plane, rng, scene.hue)
    still = plane.picture()
    top_row = round((floor - 0.06) * height)
    front = _front(plane, tables, top_row)
    cup = _cup(height, grade, np.clip(rng.uniform(0.5, 1.0, 3), 0, 1))
    puff = _puff(height, grade)
    clinking, hissing = clinks(scene), hisses(scene)
    lamp = as_bytes(np.asarray(grade(np.asarray((1.0, 0.35, 0.2), dtype=np.float32))))
    steam_rows = rng.uniform(0, 1, _TABLES)

    def paint_motion(frame: np.ndarray, seconds: float) -> None:
        for (top, left), (body, head), level in zip(
            sitting, bodies, talk(scene, np.array([seconds])), strict=True
        ):
            body.stamp(frame, top, left)
            nod = level[0] * np.sin(2 * np.pi * 1.3 * seconds + left)
            head.stamp(frame, top - round(0.012 * nod * height), left + round(0.006 * nod * height))
        front.stamp(frame, top_row, 0)
        lifted = [0.0] * _TABLES
        for time, details in clinking.between(seconds, seconds + LIFT_S):
            lifted[table(details)] = float(np.sin(np.pi * min(1.0, (time - seconds) / LIFT_S)))
        for (x, y, size), up, phase in zip(tables, lifted, steam_rows, strict=True):
            row, column = (y - 0.35 * size - 0.12 * up) * height, (x - 0.25 * size) * height
            for part in range(3):
                rise = (0.35 * seconds + phase + part / 3) % 1.0
                lighten(
                    frame,
                    puff[0 if rise < 0.6 else 1],
                    round(row - 0.08 * rise * height),
                    round(column + 2 * np.sin(5 * rise)),
                )
            cup.stamp(frame, round(row), round(column))
        for time, _ in hissing.between(seconds - HISS_S, seconds + 1e-6):
            age = seconds - time
            _steam(frame, puff, machine, age, height)
            y, x = round(machine[1] * height), round((machine[0] - 0.05) * height)
            size = max(1, height // 60)
            frame[max(0, y - size) : y + size, max(0, x - size) : max(0, x + size)] = lamp
        np.maximum(frame, LOW, out=frame)

    return still, paint_motion


def _room(plane: Plane, rng: np.random.Generator, hue: float, floor: float) -> None:
    wall = shift((0.5, 0.34, 0.22), hue, 0.14) * rng.uniform(0.7, 1.25)
    plane.paint(1.0, plane.gradient(wall * 0.8, wall * 1.05, 0, floor))
    if rng.uniform() < 0.5:  # bricks, or boards
        joint = ((plane.y * 22) % 1.0 < 0.13) | (
            (plane.x * 9 + 0.5 * (np.floor(plane.y * 22) % 2)) % 1.0 < 0.05
        )
        plane.paint(0.3 * joint, wall * 1.5)
    else:
        plane.paint(0.4 * ((plane.x * 9) % 1.0 < 0.05), wall * 0.5)
    plane.paint(plane.box(0, floor - 0.24, 9, floor), wall * 0.55)
    grain = texture(rng, plane.height, plane.width, 60, 12 * plane.aspect)
    boards = np.array([0.34, 0.22, 0.13]) * (1 + 0.2 * grain)[..., None]
    plane.paint(plane.below(floor), boards)
    x0 = plane.aspect * rng.uniform(0.02, 0.42)
    x1 = x0 + rng.uniform(0.45, 0.7)
    dusk = rng.uniform()
    part = SubPlane(plane, x0 - 0.05, 0.06, x1 + 0.05, floor)
    outside = part.gradient(
        np.array([0.5, 0.65, 0.85]) * dusk + 0.12, np.array([0.8, 0.72, 0.6]) * (0.3 + 0.6 * dusk)
    )
    part.paint(part.box(x0 - 0.02, 0.08, x1 + 0.02, 0.44), (0.18, 0.1, 0.06))
    part.paint(part.box(x0, 0.1, x1, 0.42), outside)
    for x in rng.uniform(x0, x1, 4):  # the street outside
        part.paint(
            part.box(x, 0.42 - rng.uniform(0.08, 0.25), x + 0.12, 0.42) * part.box(x0, 0.1, x1, 0.42),
            outside * 0.6,
        )
        part.paint(0.9 * part.disc(x + 0.03, 0.3, 0.012), (1.0, 0.85, 0.5))
    for x in np.linspace(x0, x1, 4)[1:3]:
        part.paint(part.box(x - 0.006, 0.1, x + 0.006, 0.42), (0.18, 0.1, 0.06))
    board = x1 + 0.12 if x1 + 0.5 < plane.aspect else max(0.02, x0 - 0.45)
    part = SubPlane(plane, board, 0.08, board + 0.34, 0.4)
    part.paint(part.box(board, 0.12, board + 0.32, 0.38), (0.08, 0.1, 0.09))
    for y in np.arange(0.16, 0.36, 0.035):  # strokes of chalk
        part.paint(
            0.7 * part.box(board + 0.03, y, board + rng.uniform(0.1, 0.28), y + 0.008), (0.85, 0.85, 0.8)
        )


def _counter(plane: Plane, rng: np.random.Generator, hue: float, floor: float) -> tuple[float, float]:
    """Paint the bar with the coffee machine; returns where steam comes out."""
    x = plane.aspect * float(rng.choice([rng.uniform(0.12, 0.2), rng.uniform(0.8, 0.88)]))
    top = floor - 0.2
    part = SubPlane(plane, x - 0.4, 0, x + 0.4, floor + 0.02)
    for y in (0.12, 0.24):
        part.paint(part.box(x - 0.26, y + 0.08, x + 0.26, y + 0.095), (0.22, 0.13, 0.07))
        for bottle in np.arange(x - 0.24, x + 0.24, 0.05):
            tone = np.clip(rng.uniform(0.1, 0.8, 3), 0, 1)
            tall = rng.uniform(0.045, 0.075)
            part.paint(part.box(bottle, y + 0.08 - tall, bottle + 0.026, y + 0.08), tone)
            part.paint(part.box(bottle + 0.009, y + 0.062 - tall, bottle + 0.017, y + 0.08), tone)
    part.paint(part.box(x - 0.3, top, x + 0.3, floor), shift((0.3, 0.17, 0.09), hue))
    part.paint(part.box(x - 0.32, top - 0.015, x + 0.32, top + 0.015), (0.62, 0.45, 0.28))
    part.paint(part.box(x - 0.1, top - 0.14, x + 0.1, top - 0.015), (0.66, 0.67, 0.7))
    part.paint(part.box(x - 0.1, top - 0.14, x + 0.1, top - 0.115), (0.9, 0.9, 0.92))
    part.paint(part.box(x - 0.07, top - 0.075, x + 0.07, top - 0.02), (0.16, 0.15, 0.16))
    part.paint(part.box(x + 0.06, top - 0.1, x + 0.115, top - 0.09), (0.3, 0.3, 0.32))
    return x + 0.11, top - 0.1


def _guest(rng: np.random.Generator, height: int, grade: Grade) -> tuple[Sprite, Sprite]:
    """A seated guest: (body, head) of one size, apart so that the head can move a little."""
    rows, pair = round(0.26 * height), []
    skin = np.array([0.85, 0.63, 0.48]) * rng.uniform(0.45, 1.05)
    cloth, hair = rng.uniform(0.12, 0.75, 3), rng.uniform(0.04, 0.4) * np.array([1.0, 0.75, 0.5])
    long = rng.uniform() < 0.5
    for number in range(2):
        plane = Plane(rows, round(0.18 * height), grade, scale=0.26)
        if number == 0:
            plane.paint(plane.disc(0.09, 0.2, 0.075, 0.085), cloth)
            plane.paint(plane.box(0.015, 0.2, 0.165, 1), cloth)
            plane.paint(plane.box(0.07, 0.1, 0.11, 0.14), skin * 0.85)
        else:
            plane.paint(plane.disc(0.09, 0.065 + 0.02 * long, 0.046, 0.052 + 0.02 * long), hair)
            plane.paint(plane.disc(0.09, 0.078, 0.035, 0.044), skin)
            plane.paint(plane.disc(0.09, 0.04, 0.042, 0.024), hair)
        pair.append(plane.sprite())
    return pair[0], pair[1]


def _tables(
    plane: Plane, rng: np.random.Generator, hue: float, floor: float
) -> list[tuple[float, float, float]]:
    """Round tables as (x, y, size) of their tops, painted later by `_front`."""
    x = (np.arange(_TABLES) + rng.uniform(0.25, 0.75, _TABLES)) / _TABLES * plane.aspect
    y = floor + np.where(np.arange(_TABLES) % 2, 0.02, 0.12) + rng.uniform(0, 0.03, _TABLES)
    return [(float(a), float(b), float(0.1 + 0.35 * (b - floor))) for a, b in zip(x, y, strict=True)]


def _front(plane: Plane, tables: list[tuple[float, float, float]], y0: int) -> Sprite:
    """What stands in front of the guests, from row `y0` down to the lower edge."""
    front = Plane(plane.height - y0, plane.width, plane.grade, scale=(plane.height - y0) * plane.pixel)
    up = y0 * plane.pixel
    for x, y, size in sorted(tables, key=lambda one: one[1]):
        part = SubPlane(front, x - 2 * size, y - up - size, x + 2 * size, y - up + 6 * size)
        part.paint(part.box(x - 0.1 * size, y - up, x + 0.1 * size, y - up + 2.6 * size), (0.1, 0.08, 0.07))
        part.paint(part.disc(x, y - up + 2.6 * size, 0.8 * size, 0.16 * size), (0.12, 0.09, 0.08))
        part.paint(part.disc(x, y - up + 0.05 * size, 1.3 * size, 0.34 * size), (0.2, 0.11, 0.06))
        part.paint(part.disc(x, y - up, 1.3 * size, 0.32 * size), (0.6, 0.41, 0.24))
        part.paint(part.disc(x - 0.2 * size, y - up - 0.04 * size, 0.7 * size, 0.14 * size), (0.7, 0.5, 0.31))
        part.paint(
            part.disc(x - 0.02 * size, y - up + 0.02 * size, 0.4 * size, 0.1 * size), (0.92, 0.9, 0.86)
        )
    return front.sprite()


def _lamps(plane: Plane, rng: np.random.Generator, hue: float) -> None:
    tone = shift((0.75, 0.3, 0.14), hue * rng.uniform(-1, 1), 0.4)
    for x in (np.arange(count := int(rng.integers(2, 6))) + 0.5) / count * plane.aspect:
        y = rng.uniform(0.1, 0.17)
        plane.paint(0.5 * plane.glow(x, y + 0.05, 0.16), (1.0, 0.78, 0.45))
        part = SubPlane(plane, x - 0.12, 0, x + 0.12, y + 0.1)
        part.paint(part.box(x - 0.003, 0, x + 0.003, y), (0.08, 0.07, 0.07))
        shade = part.soft(np.abs(part.x - x) - 0.02 - 0.9 * (part.y - y)) * part.box(0, y, 9, y + 0.06)
        part.paint(shade, tone)
        part.paint(part.disc(x, y + 0.062, 0.045, 0.014), (1.0, 0.93, 0.7))


def _cup(height: int, grade: Grade, colour: np.ndarray) -> Sprite:
    rows = max(5, round(0.05 * height))
    plane = Plane(rows, round(1.3 * rows), grade, scale=1.0)
    handle = plane.disc(0.98, 0.45, 0.24, 0.22) * (1 - plane.disc(0.98, 0.45, 0.13, 0.11))
    plane.paint(handle, colour * 0.8)
    body = plane.soft(np.abs(plane.x - 0.52) - 0.45 + 0.16 * plane.y) * plane.box(0, 0.1, 2, 0.95)
    plane.paint(body, colour)
    plane.paint(plane.disc(0.52, 0.14, 0.42, 0.13), colour * 0.75)
    plane.paint(plane.disc(0.52, 0.15, 0.34, 0.09), (0.25, 0.13, 0.06))
    return plane.sprite()


def _puff(height: int, grade: Grade) -> list[np.ndarray]:
    """Steam on black: a thick cloud, a thin one, and a jet."""
    puffs = []
    for size, level in ((0.03, 0.55), (0.04, 0.42), (0.07, 0.68)):
        rows = max(3, round(size * height))
        plane = Plane(rows, rows, grade, scale=1.0)
        soft = np.clip(1 - 2 * np.hypot(plane.x - 0.5, plane.y - 0.5), 0, 1)
        puffs.append(
            as_bytes(level * soft[..., None] * np.asarray(grade(np.full(3, 0.95, dtype=np.float32))))
        )
    return puffs


def _steam(
    frame: np.ndarray, puff: list[np.ndarray], spout: tuple[float, float], age: float, height: int
) -> None:
    """A jet that spreads from the spout, as long as it blows."""
    for part in range(10):
        way = (2.2 * age + part / 10) % 1.0
        if way / 2.2 > age:
            continue
        x = spout[0] + 0.09 * way + 0.03 * np.sin(9 * part) * way
        y = spout[1] + 0.06 * np.sin(np.pi * way) - 0.22 * way * way
        lighten(frame, puff[2], round((y - 0.035) * height), round((x - 0.035) * height))


def sound(scene: Scene, samples: int, rate: int) -> np.ndarray:
    """A murmur of voices without intelligible words, cups, steam, a fridge."""
    rng, events = scene.rng(MAIN), scene.rng(EVENTS)
    murmur = _murmur(scene, rng, samples, rate)
    result = murmur / rms(murmur)
    low, high = rng.uniform(90, 400), rng.uniform(900, 5000)
    result += rng.uniform(0.15, 0.9) * shaped_noise(rng, samples, rate, lambda hz: band(hz, low, high, 1.0))
    pitches, loud = events.uniform(2100, 4600, _TABLES), events.uniform(1.5, 4.0)
    for time, details in clinks(scene).between(-1.0, samples / rate):
        tones = pitches[table(details)] * np.array([1.0, 1.47 + 0.1 * details[1], 2.09])
        clink = ring(rate, tones, 0.03 + 0.05 * details[1])
        add(result, round(time * rate), np.float32(loud * (0.5 + details[2])) * clink)
    length = int(HISS_S * rate)
    t = np.arange(length, dtype=np.float32) / rate
    shape = np.minimum(t / 0.08, 1) * np.clip((HISS_S - t) / 0.3, 0, 1)
    jet = shaped_noise(events, length, rate, lambda hz: band(hz, 2500, 11000, 1.5)) * shape
    for time, details in hisses(scene).between(-HISS_S, samples / rate):
        add(result, round(time * rate), np.float32(0.8 + 0.8 * details[0]) * jet)
    return result.astype(np.float32)


def _murmur(scene: Scene, rng: np.random.Generator, samples: int, rate: int) -> np.ndarray:
    """Breathy and humming sources whose loudness runs at the pace of syllables, dulled by the room."""
    count = -(-samples * _MURMUR_RATE // rate) + 1
    t = np.arange(count, dtype=np.float32) / _MURMUR_RATE
    knots = np.arange(0, count + _MURMUR_RATE // CONTROL_HZ, _MURMUR_RATE // CONTROL_HZ)
    loudness = talk(scene, knots / _MURMUR_RATE)
    groups = np.zeros((2, count), dtype=np.float32)
    for guest, phrases in enumerate(loudness):
        pitch = rng.uniform(85, 230)
        syllables = (
            0.25 + np.sin(np.pi * rng.uniform(2.8, 5.2) * knots / _MURMUR_RATE + rng.uniform(0, 6)) ** 2
        )
        level = np.interp(np.arange(count), knots, phrases * syllables).astype(np.float32)
        drift = rng.uniform(0.02, 0.06) / rng.uniform(0.3, 0.9)
        phase = pitch * (t + drift * np.sin(2 * np.pi * rng.uniform(0.3, 0.9) * t + rng.uniform(0, 6)) / 6)
        groups[guest % 2] += (
            (phase % 1.0) - 0.5 + 0.35 * rng.standard_normal(count, dtype=np.float32)
        ) * level
    dull, bodies = rng.uniform(500, 1500), (rng.uniform(350, 520), rng.uniform(550, 750))
    murmur = np.zeros(count, dtype=np.float32)
    for group, body in zip(groups, bodies, strict=True):

        def gain(hz: np.ndarray, body: float = body) -> np.ndarray:
            shape = np.exp(-0.5 * ((hz - body) / 160) ** 2) + 0.35 * np.exp(
                -0.5 * ((hz - 2.7 * body) / 300) ** 2
            )
            return (shape + 0.03) * band(hz, 90, dull, 1.0)

        murmur += filtered(group, _MURMUR_RATE, gain)
    return np.interp(np.arange(samples) * (_MURMUR_RATE / rate), np.arange(count), murmur).astype(np.float32)


KIND = SceneKind("cafe", (0.4, 0.9), ("drinking_sipping", "mouse_click"), paint, sound)
