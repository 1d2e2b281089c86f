"""The four scenes of people's making: traffic, fire, crowd, machine. Painters as in `scenery`."""

from collections.abc import Callable
from functools import cache

import numpy as np

from lssd.filmset.painting import Grade, Plane, Sprite, as_bytes, shift
from lssd.filmset.scenery import Painted, skyline, windows
from lssd.filmset.scenes import Scene, beats_a_second, car_passes, turns_a_second

_LAYOUT = 11
_SHOT_LIMIT_S = 16.0  # cars are planned for the longest shot
_CROWD_STEPS = 20  # positions of a crowd within a beat
_WHEEL_STEPS = 24  # positions of a wheel until it looks the same again
_CAR_COLOURS = (
    *((0.8, 0.15, 0.12), (0.92, 0.92, 0.9), (0.12, 0.25, 0.6)),
    *((0.9, 0.72, 0.1), (0.15, 0.16, 0.18), (0.2, 0.5, 0.35)),
)


def _car(grade: Grade, height: int, scale: float, colour: tuple[float, float, float]) -> Sprite:
    tall = 0.17 * scale
    rows = max(6, round(height * tall))
    plane = Plane(rows, round(rows * 2.2), grade, scale=1.0)
    paint, box, disc = plane.paint, plane.box, plane.disc
    paint(np.maximum(box(0.08, 0.42, 2.12, 0.8), disc(1.05, 0.45, 0.66, 0.4)), colour)
    paint(disc(1.05, 0.42, 0.52, 0.27) * box(0, 0, 2.2, 0.42), (0.72, 0.85, 0.92))
    paint(box(1.0, 0.1, 1.08, 0.45), colour)
    for wheel in (0.5, 1.68):
        paint(disc(wheel, 0.8, 0.2), (0.06, 0.06, 0.07))
        paint(disc(wheel, 0.8, 0.08), (0.7, 0.7, 0.7))
    paint(box(2.0, 0.5, 2.12, 0.62), (1.0, 0.95, 0.6))
    return plane.sprite()


def traffic(scene: Scene, height: int, width: int, grade: Grade) -> Painted:
    """A street by day; cars of two lanes pass when their sound does."""
    rng = scene.rng(_LAYOUT)
    plane = Plane(height, width, grade)
    road = 0.6 + 0.08 * scene.horizon
    plane.paint(1.0, plane.gradient(shift((0.6, 0.74, 0.88), scene.hue, 0.15), (0.88, 0.88, 0.84), 0, road))
    for tall, tone in ((0.55, 0.62), (0.4, 0.45)):
        edge = skyline(plane, rng, road, tall)
        wall = shift((tone, tone * 0.93, tone * 0.88), scene.hue * rng.uniform(0.4, 1.0), 0.15)
        plane.paint(plane.below(edge), wall)
        plane.paint(0.8 * windows(plane, rng, edge, road, 0.8), wall * 0.55)
    plane.paint(plane.below(road), (0.62, 0.6, 0.57))
    plane.paint(plane.below(road + 0.05), (0.3, 0.3, 0.32))
    dash = ((plane.x * 4.0) % 1.0 < 0.55) * plane.box(0, 0.795, 9, 0.81)
    plane.paint(dash, (0.92, 0.9, 0.8))
    still = plane.picture()
    lanes = []
    for lane, scale in ((0, 0.85), (1, 1.25)):
        row = round(((0.66, 0.82)[lane] + 0.02) * height)
        cars = [_car(grade, height, scale, colour) for colour in _CAR_COLOURS]
        if lane == 0:  # the far lane drives the other way
            cars = [Sprite(car.colour[:, ::-1], car.through[:, ::-1]) for car in cars]
        lanes.append((row, cars))
    passes = car_passes(scene, _SHOT_LIMIT_S)

    def draw(frame: np.ndarray, seconds: float) -> None:
        for lane in (0, 1):
            row, cars = lanes[lane]
            for one in passes:
                way = (seconds - one.time_s) / one.seconds_across
                if one.lane != lane or abs(way) > 0.75:
                    continue
                car = cars[one.colour]
                middle = (0.5 + way if lane else 0.5 - way) * width
                car.stamp(frame, row, round(middle - car.colour.shape[1] / 2))

    return still, draw


def fire(scene: Scene, height: int, width: int, grade: Grade) -> Painted:
    """A camp fire at night: flames of rising noise, flickering light, sparks."""
    rng = scene.rng(_LAYOUT)
    plane = Plane(height, width, grade)
    ground = 0.72 + 0.1 * scene.horizon
    place = plane.aspect * rng.uniform(0.35, 0.65)
    night = shift((0.05, 0.05, 0.12), scene.hue, 0.05)
    plane.paint(1.0, plane.gradient(night, night + 0.06, 0, ground))
    for _ in range(7):
        x, half = rng.uniform(0, plane.aspect), rng.uniform(0.015, 0.05)
        plane.paint(plane.box(x - half, -1, x + half, ground), (0.05, 0.035, 0.03))
    plane.paint(plane.below(ground), (0.16, 0.09, 0.06))
    dark, glow = plane.rgb.copy(), plane.glow(place, ground - 0.05, 0.55)[..., None]
    warm = np.asarray(grade(np.asarray((0.75, 0.33, 0.08), dtype=np.float32)))
    lights = [as_bytes(dark + (0.35 + 0.09 * step) * glow * warm) for step in range(5)]
    half_wide, tall = 0.19 + 0.12 * scene.activity, 0.42 + 0.22 * scene.activity
    top, left = int((ground - tall) * height), int((place - half_wide) * height)
    rows, columns = int((ground + 0.02) * height) - top, int(2 * half_wide * height)
    shape = _flame_shape(rows, columns)
    noises = [_smooth_noise(rng, rows, columns, cells) for cells in (4, 7)]
    palette = _fire_palette(grade, scene.hue)
    rise = rows * (0.9 + 1.1 * scene.pace)
    sparks = rng.uniform(0, 1, (6 + int(40 * scene.activity), 4))
    glint = palette[215]
    flicker = rng.uniform(2.0, 4.5, 3)

    def draw(frame: np.ndarray, seconds: float) -> None:
        level = 2.0 + 0.9 * float(np.sin(flicker * 2.2 * seconds + flicker).sum())
        frame[:] = lights[int(np.clip(level, 0, 4))]
        slow, fast = (
            noise[(offset := int(-speed * rise * seconds) % rows) : offset + rows]
            for noise, speed in zip(noises, (-0.7, -1.1), strict=True)
        )
        heat = (shape * (0.95 + 0.55 * slow + 0.5 * fast) * 235).clip(0, 255).astype(np.uint8)
        inside = np.s_[max(0, top) : top + rows, left : left + columns]
        box = frame[inside]
        np.maximum(box, palette[heat][-box.shape[0] :, : box.shape[1]], out=box)
        age = (sparks[:, 0] + (0.2 + 0.5 * scene.pace) * seconds * (0.5 + sparks[:, 1])) % 1.0
        y = (ground - 0.1 - age * 0.75) * height
        x = (place + (sparks[:, 2] - 0.5) * (0.2 + 0.9 * age)) * height + 4 * np.sin(
            9 * age + 6 * sparks[:, 3]
        )
        seen = (y >= 0) & (x >= 0) & (x < width) & (age < 0.5 + 0.5 * sparks[:, 3])
        frame[y[seen].astype(int), x[seen].astype(int)] = glint

    return lights[2], draw


def _flame_shape(rows: int, columns: int) -> np.ndarray:
    y = np.linspace(1, 0, rows, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, columns, dtype=np.float32)[None, :]
    width = 0.9 * (1 - y) ** 0.75 * (0.6 + 0.9 * np.minimum(1, y * 4))
    return np.clip(1.0 - (x / np.maximum(width, 0.02)) ** 2, 0, 1) * np.clip(1.15 - y, 0, 1)


def _smooth_noise(rng: np.random.Generator, rows: int, columns: int, cells: int) -> np.ndarray:
    """Blobs of noise in -1..1, float32 (2 rows, columns), periodic downwards so that it scrolls."""
    spectrum = np.fft.rfft2(rng.standard_normal((rows, columns)))
    fy, fx = np.fft.fftfreq(rows)[:, None] * rows, np.fft.rfftfreq(columns)[None, :] * columns
    noise = np.fft.irfft2(spectrum * np.exp(-(fy**2 / 2 + fx**2) / cells**2), s=(rows, columns))
    return np.tile((noise / np.abs(noise).max()).astype(np.float32), (2, 1))


def _fire_palette(grade: Grade, hue: float) -> np.ndarray:
    stops = np.array(
        [[0.0, 0.0, 0.0], [0.5, 0.08, 0.0], [0.95, 0.4, 0.05], [1.0, 0.78, 0.2], [1.0, 0.96, 0.75]]
    )
    heat = np.linspace(0, 1, 256)
    colours = np.stack([np.interp(heat, (0.08, 0.28, 0.5, 0.75, 1.0), stops[:, c]) for c in range(3)], axis=1)
    graded = np.asarray(grade(shift(colours, 0.4 * hue).astype(np.float32)))
    return as_bytes(graded * np.minimum(1, 6 * heat)[:, None])


def crowd(scene: Scene, height: int, width: int, grade: Grade) -> Painted:
    """A hall with a stage: sweeping lights, rows of heads that bob to the beat."""
    rng = scene.rng(_LAYOUT)
    plane = Plane(height, width, grade)
    hall = shift((0.2, 0.1, 0.32), scene.hue, 0.14)
    plane.paint(1.0, plane.gradient(hall * 0.6, hall * 1.5, 0, 0.7))
    stage = 0.3 + 0.12 * scene.horizon
    plane.paint(plane.box(0.2, stage, plane.aspect - 0.2, stage + 0.2), hall * 2.2)
    for x in np.linspace(0.25, plane.aspect - 0.25, 7):
        plane.paint(plane.disc(x, 0.05, 0.02), (0.95, 0.9, 0.7))
    still = plane.picture()
    beams = []
    for number in range(2):
        tone = np.asarray(grade(rng.uniform(0.2, 0.9, 3).astype(np.float32)))
        foot = plane.aspect * (0.25 + 0.5 * number)
        angles = np.linspace(-0.8, 0.8, 12)
        cones = [plane.soft(np.abs(plane.x - foot - a * plane.y) - 0.02 - 0.16 * plane.y) for a in angles]
        beams.append(
            [as_bytes(0.55 * np.clip(1 - plane.y, 0, 1)[..., None] * c[..., None] * tone) for c in cones]
        )
    rows = _heads(scene, rng, height, width, grade)
    beat = beats_a_second(scene)
    sweep = rng.uniform(0.5, 1.2, 2)
    lit = round(0.6 * height)  # the lights end above the first row

    @cache
    def jumping(step: int) -> np.ndarray:
        picture = still.copy()
        for number, (top, size, sprite) in enumerate(rows):
            jump = abs(np.sin(np.pi * (step / _CROWD_STEPS + 0.31 * number)))
            sprite.stamp(picture, round(top - 0.55 * size * jump * (0.35 + scene.activity)), 0)
        return picture

    def draw(frame: np.ndarray, seconds: float) -> None:
        frame[:] = jumping(int(beat * seconds * _CROWD_STEPS) % _CROWD_STEPS)
        for number, angles in enumerate(beams):
            turn = 0.5 + 0.5 * np.sin(sweep[number] * (1 + scene.pace) * seconds + 2 * number)
            np.maximum(frame[:lit], angles[int(turn * 11.99)][:lit], out=frame[:lit])

    return still, draw


def _heads(
    scene: Scene, rng: np.random.Generator, height: int, width: int, grade: Grade
) -> list[tuple[float, float, Sprite]]:
    """(top row, head size in pixels, sprite) of half rows of people, far ones first."""
    rows = []
    for row, (top, size) in enumerate(((0.5, 0.04), (0.6, 0.055), (0.74, 0.075))):
        for half in (0, 1):
            tall = 0.3 if row < 2 else 1.2 - top  # nearer rows hide the rest
            people = Plane(round(tall * height), width, grade, scale=tall)
            step = size * 2.6
            for place in np.arange(half * step, people.aspect + step, 2 * step):
                x = place + rng.uniform(-0.3, 0.3) * size
                shade = (0.45, 0.65, 0.9)[row] * rng.uniform(0.6, 1.1)
                cloth = np.clip(rng.uniform(0.1, 0.8, 3) * shade + 0.1 * scene.hue, 0, 1)
                people.paint(people.disc(x, size * 3.6, size * 1.5, size * 1.9), cloth)
                people.paint(people.box(x - 1.5 * size, size * 3.6, x + 1.5 * size, 2.0), cloth * 0.8)
                skin = np.array([0.85, 0.62, 0.48]) * shade * rng.uniform(0.55, 1.1)
                people.paint(people.disc(x, size * 1.3, size * 0.8, size), skin)
                people.paint(
                    people.disc(x, size * 0.85, size * 0.85, size * 0.65), rng.uniform(0.03, 0.3, 3) * shade
                )
            rows.append((top * height, size * height, people.sprite()))
    return rows


def machine(scene: Scene, height: int, width: int, grade: Grade) -> Painted:
    """A workshop: two meshing wheels, a conveyor with boxes, a lamp that blinks at each strike."""
    rng = scene.rng(_LAYOUT)
    plane = Plane(height, width, grade)
    floor = 0.78 + 0.08 * scene.horizon
    wall = shift((0.36, 0.45, 0.42), scene.hue, 0.14)
    plane.paint(1.0, plane.gradient(wall * 1.2, wall * 0.75, 0, floor))
    for x in np.arange(rng.uniform(0, 0.3), plane.aspect, 0.34):
        plane.paint(plane.box(x, 0, x + 0.012, floor), wall * 0.6)
    for y in rng.uniform(0.04, 0.22, 2):
        plane.paint(plane.box(0, y, 9, y + 0.035), shift((0.6, 0.42, 0.25), scene.hue))
        plane.paint(plane.box(0, y, 9, y + 0.01), (0.85, 0.7, 0.5))
    plane.paint(plane.below(floor), (0.22, 0.21, 0.2))
    plane.paint(plane.box(0, floor - 0.05, 9, floor - 0.01), (0.12, 0.12, 0.13))
    lamp = plane.aspect * rng.uniform(0.72, 0.9)
    plane.paint(plane.disc(lamp, 0.33, 0.045), (0.3, 0.05, 0.05))
    still = plane.picture()
    lit = Plane(height, width, grade)
    lit.rgb[:] = plane.rgb
    lit.paint(0.9 * lit.glow(lamp, 0.33, 0.12), (1.0, 0.35, 0.2))
    shining = lit.picture()
    radius = 0.2 + 0.08 * rng.uniform()
    centre = plane.aspect * rng.uniform(0.28, 0.42), floor - 0.1 - radius
    small = 0.55 * radius
    second = centre[0] + (radius + small) * 1.02, centre[1] + 0.3 * small
    metal = shift((0.75, 0.72, 0.66), scene.hue, 0.2)
    big_wheel = _wheel(height, grade, radius, 12, int(rng.choice([3, 4, 6])), metal)
    small_wheel = _wheel(height, grade, small, 8, 4, shift((0.8, 0.55, 0.25), scene.hue))
    parcel = Plane(round(0.1 * height), round(0.13 * height), grade, scale=0.1)
    parcel.paint(1.0, (0.72, 0.54, 0.34))
    parcel.paint(parcel.box(0.055, 0, 0.075, 1), (0.9, 0.82, 0.6))
    box, belt = parcel.sprite(), round((floor - 0.05 - 0.1) * height)
    turns = turns_a_second(scene)
    spacing = 0.75 - 0.4 * scene.activity

    def draw(frame: np.ndarray, seconds: float) -> None:
        if (4 * turns * seconds) % 1.0 < 0.3:
            frame[:] = shining
        offset = (0.5 * turns * seconds) % spacing
        for place in np.arange(offset - spacing, plane.aspect, spacing):
            box.stamp(frame, belt, round(place * height))
        angle = 2 * np.pi * turns * seconds
        for wheel, (x, y), reach, direction in (
            (big_wheel, centre, radius, 1.0),
            (small_wheel, second, small, -12 / 8),
        ):
            place = round((y - _REACH * reach) * height), round((x - _REACH * reach) * height)
            wheel(direction * angle).stamp(frame, *place)

    return still, draw


_REACH = 1.15  # half the side of a wheel's sprite, in radii


def _wheel(
    height: int, grade: Grade, radius: float, teeth: int, spokes: int, colour: np.ndarray
) -> Callable[[float], Sprite]:
    """A toothed wheel as a function of its angle; `spokes` must divide `teeth`."""
    period = 2 * np.pi / spokes
    side = round(2 * _REACH * radius * height)

    @cache
    def at(step: int) -> Sprite:
        plane = Plane(side, side, grade, scale=2 * _REACH * radius)
        y, x = plane.y - _REACH * radius, plane.x - _REACH * radius
        turned, r = np.arctan2(y, x) - step * period / _WHEEL_STEPS, np.hypot(y, x) / radius
        rim = 1.0 + 0.07 * np.clip(4 * np.cos(teeth * turned), -1, 1)
        solid = plane.soft((r - rim) * radius)
        plane.paint(solid, colour)
        inner = plane.soft((r - 0.78) * radius) * plane.soft((0.2 - r) * radius)
        plane.paint(inner, colour * 0.35)
        plane.paint(inner * np.clip(6 * np.cos(spokes * turned) - 4, 0, 1), colour * 0.7)
        return plane.sprite()

    return lambda angle: at(round(angle / period * _WHEEL_STEPS) % _WHEEL_STEPS)
