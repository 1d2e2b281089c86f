"""The four scenes of weather and water: rain, sea, snow, forest. See `pictures` for the others' use.

A painter prepares everything that stands still once a shot and returns a function that draws the
moving rest onto a copy: draw(frame uint8 (H, W, 3), seconds since the shot began).
"""

from collections.abc import Callable
from functools import cache

import numpy as np

from lssd.filmset.painting import HIGH, LOW, Grade, Plane, as_bytes, scrolled, shift, specks
from lssd.filmset.scenes import Scene, gusts, swell

Draw = Callable[[np.ndarray, float], None]
Painted = tuple[np.ndarray, Draw]
_LAYOUT = 11  # purpose of a scene's generator


def skyline(plane: Plane, rng: np.random.Generator, ground: float, tall: float) -> np.ndarray:
    """The upper edge of a row of houses: a height per column (1, W)."""
    edge = np.full(plane.width, ground, dtype=np.float32)
    column = 0
    while column < plane.width:
        wide = int(plane.width * rng.uniform(0.06, 0.16)) + 2
        edge[column : column + wide] = ground - tall * rng.uniform(0.35, 1.0)
        column += wide
    return edge[None, :]


def windows(
    plane: Plane, rng: np.random.Generator, edge: np.ndarray, ground: float, lit: float
) -> np.ndarray:
    """The mask of lit windows on houses below `edge`; `lit` is the share of windows with light."""
    step = max(4, round(0.05 * plane.height))
    rows, columns = np.arange(plane.height)[:, None], np.arange(plane.width)[None, :]
    light = rng.uniform(size=(plane.height // step + 1, plane.width // step + 1)) < lit
    pane = (rows % step < step / 2) & (columns % step < step / 2) & light[rows // step, columns // step]
    inside = (plane.y > edge + 0.03) & (plane.y < ground - 0.03)
    return (pane & inside).astype(np.float32)


def rain(scene: Scene, height: int, width: int, grade: Grade) -> Painted:
    """A street at night: lit windows, their reflection on wet ground, streaks of rain."""
    rng = scene.rng(_LAYOUT)
    plane = Plane(height, width, grade)
    ground = 0.62 + 0.14 * scene.horizon
    sky = shift((0.09, 0.12, 0.22), scene.hue, 0.06)
    plane.paint(1.0, plane.gradient(sky, sky + 0.12, 0, ground))
    for tall, shade in ((0.55, 0.55), (0.38, 0.3)):
        edge = skyline(plane, rng, ground, tall)
        plane.paint(plane.below(edge), shade * sky + 0.02)
        lit = shift((0.98, 0.78, 0.35), scene.hue, 0.2)
        plane.paint(0.9 * windows(plane, rng, edge, ground, 0.35), lit)
    lamp = rng.uniform(0.2, 0.8) * plane.aspect
    plane.paint(plane.box(lamp - 0.008, 0.3, lamp + 0.008, ground), (0.05, 0.05, 0.06))
    plane.paint(0.8 * plane.glow(lamp, 0.3, 0.16), (1.0, 0.85, 0.55))
    edge_row = int(ground * height)
    mirror = plane.rgb[:edge_row][::-1][: height - edge_row]
    wet = mirror[:, :, :].copy()
    for _ in range(3):  # reflections on wet ground are drawn out downwards
        wet[1:] = 0.5 * wet[1:] + 0.5 * wet[:-1]
    plane.rgb[edge_row : edge_row + len(wet)] = 0.55 * wet + 0.02
    still = plane.picture()
    count = int((0.004 + 0.014 * scene.activity) * height * width)
    slant = float(rng.uniform(-0.35, 0.35))
    near = specks(rng, height, width, count // 2, max(4, height // 9), slant, (0.62, 0.68, 0.78))
    far = specks(rng, height, width, count, max(3, height // 14), slant, (0.42, 0.47, 0.58))
    fall = height * (1.3 + 1.2 * scene.pace)

    def draw(frame: np.ndarray, seconds: float) -> None:
        for tile, speed in ((far, 0.7), (near, 1.0)):
            down = speed * fall * seconds
            np.maximum(frame, scrolled(tile, height, width, down, slant * down), out=frame)

    return still, draw


def sea(scene: Scene, height: int, width: int, grade: Grade) -> Painted:
    """A beach by day: sun, moving water, and surf that runs up the sand with the sound's swell."""
    rng = scene.rng(_LAYOUT)
    plane = Plane(height, width, grade)
    horizon = 0.28 + 0.16 * scene.horizon
    top, low = shift((0.32, 0.6, 0.92), scene.hue, 0.2), shift((0.85, 0.88, 0.9), scene.hue, 0.2)
    plane.paint(1.0, plane.gradient(top, low, 0, horizon))
    sun_x, sun_y = rng.uniform(0.15, 0.85) * plane.aspect, horizon * rng.uniform(0.2, 0.6)
    plane.paint(0.7 * plane.glow(sun_x, sun_y, 0.14), (1.0, 0.95, 0.75))
    plane.paint(plane.disc(sun_x, sun_y, 0.05), (1.0, 0.97, 0.85))
    land = horizon - 0.14 * np.maximum(0, 1 - np.abs(plane.x - rng.uniform(0, 1) * plane.aspect) / 0.5)
    plane.paint(plane.below(land), shift((0.3, 0.42, 0.45), scene.hue))
    deep, shallow = shift((0.03, 0.25, 0.45), scene.hue), shift((0.12, 0.55, 0.62), scene.hue)
    plane.paint(plane.below(horizon), plane.gradient(deep, shallow, horizon, 1.0))
    still = plane.picture()
    shore = Plane(height, width, grade)
    shore.paint(1.0, shift((0.86, 0.76, 0.55), 0.5 * scene.hue))
    sand = shore.picture()
    first = int(horizon * height) + 1
    depth = (plane.y[first:] - horizon) / (1 - horizon)
    near = 26.0 / (depth + 0.12)
    drift = rng.uniform(-3, 3)
    wave_a = near + (3.0 + drift) * plane.x
    wave_b = 0.6 * near - 9.0 * plane.x
    speed = 1.5 + 3.0 * scene.pace
    height_of_waves = (10 + 26 * scene.activity) * (0.35 + depth)
    water = still[first:].astype(np.int16)
    ripple = (0.02 * np.sin(9 * plane.x[0] + rng.uniform(0, 6))).astype(np.float32)

    def draw(frame: np.ndarray, seconds: float) -> None:
        wave = np.sin(wave_a + speed * seconds) + np.sin(wave_b + 1.7 * speed * seconds)
        light = np.repeat((height_of_waves * 0.5 * wave).astype(np.int16)[..., None], 3, axis=2)
        light += water
        np.maximum(light, LOW, out=light)
        np.minimum(light, HIGH, out=light)
        frame[first:] = light
        run = float(swell(scene, np.array(seconds)))
        line = 0.8 + 0.12 * run + ripple
        top_row = int(0.75 * height)
        gap = plane.y[top_row:] - line[None, :]
        frame[top_row:][gap > 0] = sand[top_row:][gap > 0]
        frame[top_row:][np.abs(gap) < 0.012 + 0.02 * run] = 240

    return still, draw


def snow(scene: Scene, height: int, width: int, grade: Grade) -> Painted:
    """Mountains and firs under falling snow that the gusts carry sideways."""
    rng = scene.rng(_LAYOUT)
    plane = Plane(height, width, grade)
    ground = 0.66 + 0.14 * scene.horizon
    sky = shift((0.55, 0.62, 0.72), scene.hue, 0.1)
    plane.paint(1.0, plane.gradient(sky - 0.12, sky + 0.1, 0, ground))
    for shade in (0.1, 0.0):
        for _ in range(3):
            peak, tall = rng.uniform(0, 1) * plane.aspect, rng.uniform(0.2, 0.5)
            slope = ground - tall + np.abs(plane.x - peak) * rng.uniform(0.6, 1.2)
            slope = slope + 0.012 * np.sin(40 * plane.x + peak * 9)
            plane.paint(
                plane.below(slope), shift((0.24 + shade, 0.31 + shade, 0.42 + shade), scene.hue, 0.08)
            )
            edge = ground - 0.66 * tall + 0.03 * np.sin(31 * plane.x + peak)
            cap = plane.below(slope) * (1 - plane.below(edge))
            plane.paint(cap, (0.86, 0.89, 0.94))
    plane.paint(plane.below(ground + 0.015 * np.sin(5 * plane.x)), (0.84, 0.88, 0.93))
    for x in np.sort(rng.uniform(0, plane.aspect, 3 + int(5 * rng.uniform()))):
        foot, tall = ground + rng.uniform(0.0, 0.14), rng.uniform(0.16, 0.32)
        plane.paint(plane.box(x - 0.008, foot - 0.03, x + 0.008, foot + 0.02), (0.25, 0.17, 0.12))
        for tier in range(3):
            tip = foot - tall * (0.45 + 0.275 * tier)
            base = tip + 0.45 * tall
            cone = plane.soft(np.abs(plane.x - x) - (plane.y - tip) * (0.42 - 0.06 * tier))
            fir = shift((0.1, 0.27, 0.2), scene.hue, 0.06)
            plane.paint(cone * (1 - plane.below(base)) * plane.below(tip), fir)
    still = plane.picture()
    count = int((0.003 + 0.014 * scene.activity) * height * width)
    tiles = [specks(rng, height, width, count // (1 + k), 1 + k, 0.0, (0.97, 0.98, 1.0)) for k in range(2)]
    fall = height * (0.14 + 0.2 * scene.pace)
    blow = float(rng.choice([-1.0, 1.0])) * height * (0.1 + 0.9 * scene.pace)
    carried = blow * np.cumsum(gusts(scene, np.arange(0, 20, 0.04))) * 0.04

    def draw(frame: np.ndarray, seconds: float) -> None:
        across = float(carried[min(int(seconds * 25), len(carried) - 1)])
        for number, tile in enumerate(tiles):
            speed = 0.8 + 0.7 * number
            window = scrolled(tile, height, width, speed * fall * seconds, speed * across)
            np.maximum(frame, window, out=frame)

    return still, draw


def forest(scene: Scene, height: int, width: int, grade: Grade) -> Painted:
    """Trunks and light, foliage that sways with the gusts, falling leaves."""
    rng = scene.rng(_LAYOUT)
    plane = Plane(height, width, grade)
    ground = 0.72 + 0.12 * scene.horizon
    plane.paint(1.0, plane.gradient((0.72, 0.85, 0.5), (0.4, 0.6, 0.3), 0, ground))
    for slant in rng.uniform(-0.5, 0.5, 2):
        ray = plane.soft(np.abs(plane.x - rng.uniform(0, 1) * plane.aspect - slant * plane.y) - 0.06)
        plane.paint(0.3 * ray, (0.97, 0.98, 0.75))
    for dark in (0.75, 0.45, 0.3):
        for _ in range(3 + int(3 * rng.uniform())):
            x, half = rng.uniform(0, plane.aspect), 0.055 * (1 - dark) + 0.012
            bark = np.asarray(shift((0.5, 0.36, 0.24), scene.hue)) * dark
            plane.paint(plane.box(x - half, -1, x + half, ground + 0.1 * (1 - dark)), bark)
            plane.paint(plane.box(x - half, -1, x - 0.4 * half, ground + 0.08 * (1 - dark)), bark * 1.35)
    plane.paint(plane.below(ground + 0.02 * np.sin(7 * plane.x)), shift((0.25, 0.36, 0.14), scene.hue))
    still = plane.picture()
    margin = max(3, height // 16)
    layers = []
    for depth, shade in ((0.42, 0.75), (0.28, 1.0)):
        leaves = Plane(height // 2 + margin, width + 2 * margin, grade, scale=0.5 + margin / height)
        for _ in range(34):
            x, y = rng.uniform(0, leaves.aspect), depth * rng.uniform(-0.1, 1.0) ** 2
            green = shift((0.16, 0.42, 0.12), scene.hue, 0.16) * shade * rng.uniform(0.7, 1.35)
            leaves.paint(leaves.disc(x, y, rng.uniform(0.04, 0.1), rng.uniform(0.03, 0.06)), green)
        layers.append(leaves.sprite())

    @cache  # a shot shows a few dozen positions, again and again
    def swayed(shifts: tuple[int, ...]) -> np.ndarray:
        picture = still.copy()
        for layer, right in zip(layers, shifts, strict=True):
            layer.stamp(picture, 0, right - margin)
        return picture

    falling = rng.uniform(0, 1, (4 + int(16 * scene.activity), 3))
    leaf = as_bytes(grade(shift((0.8, 0.6, 0.15), scene.hue)))

    def draw(frame: np.ndarray, seconds: float) -> None:
        gust = float(gusts(scene, np.array(seconds)))
        frame[:] = swayed(tuple(_sway(gust, number, margin, seconds) for number in (0, 1)))
        y = (falling[:, 0] + (0.06 + 0.16 * scene.pace) * seconds * (0.7 + falling[:, 2])) % 1.0
        x = (falling[:, 1] + 0.03 * np.sin(2 * seconds + 6 * falling[:, 2]) + 0.1 * gust) % 1.0
        rows, columns = (y * (height - 2)).astype(int), (x * (width - 2)).astype(int)
        for dy, dx in ((0, 0), (0, 1), (1, 1)):
            frame[rows + dy, columns + dx] = leaf

    return still, draw


def _sway(gust: float, layer: int, margin: int, seconds: float) -> int:
    """How far a layer of foliage hangs to the right, in pixels, -margin..margin."""
    sway = margin * (gust - 0.5) * (1.0 + 0.8 * np.sin((2.1 + layer) * seconds))
    return round(float(np.clip((1 + layer) * sway, -margin, margin)))
