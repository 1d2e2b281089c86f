"""A farm: a barn, a fence, and animals each of which raises its head, mouth open, while it is heard."""

from dataclasses import dataclass

import numpy as np

from filmset.animals import CALL_S, COATS, SIZES, SPECIES, portrait, voice
from filmset.painting import LOW, Grade, Plane, Sprite, shift
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


@dataclass(frozen=True)
class Animal:
    """One animal: where its feet are (shares of the width, of the field's depth), its voice, its calls."""

    species: str
    x: float
    depth: float
    pitch: float  # multiplies its kind's pitch
    coat: int
    faces_left: bool
    calls: RandomTimes

    def calling(self, seconds: float) -> bool:
        """Whether it is heard at this time."""
        return bool(self.calls.between(seconds - CALL_S[self.species], seconds + 1e-6))


def animals(scene: Scene) -> list[Animal]:
    """The animals in view, far ones first."""
    rng = scene.rng(MOTION)
    count = 3 + int(3.99 * scene.activity)
    kinds = rng.permutation(len(SPECIES))
    kept = [SPECIES[kinds[number % int(rng.integers(2, 5))]] for number in range(count)]
    places = (rng.permutation(count) + rng.uniform(0.25, 0.75, count)) / count
    depths = np.sort(rng.uniform(0.05, 0.75, count))
    return [
        Animal(
            species=species,
            x=float(x),
            depth=float(depth),
            pitch=float(rng.uniform(0.85, 1.2)),
            coat=int(rng.integers(COATS)),
            faces_left=bool(rng.integers(2)),
            calls=random_times(
                scene, MOTION + 1 + number, float((6.5 - 3.0 * scene.pace) * rng.uniform(0.8, 1.5))
            ),
        )
        for number, (species, x, depth) in enumerate(zip(kept, places, depths, strict=True))
    ]


def paint(scene: Scene, height: int, width: int, grade: Grade) -> PaintedScene:
    """Prepare the meadow; see `SceneKind`."""
    rng = scene.rng(LAYOUT)
    plane = Plane(height, width, grade)
    ground = 0.5 + 0.14 * scene.horizon
    hills = _country(plane, rng, scene.hue, ground)
    barn = Plane(height, width, grade)
    _barn(barn, rng, scene.hue, ground)
    plane.rgb += barn.rgb - barn.alpha * plane.rgb
    _fence(plane, ground)
    still = plane.picture()
    top = round(0.34 * height)  # clouds pass above this row, behind the barn
    solid = (barn.alpha[:top] > 0.02) | (plane.y[:top] > hills)[..., None]
    herd = []
    for animal in animals(scene):
        tall = SIZES[animal.species] * (0.75 + 0.9 * animal.depth)
        poses = [
            portrait(animal.species, animal.coat, calling, animal.faces_left, height, tall, grade)
            for calling in (False, True)
        ]
        foot = round((ground + 0.05 + (0.9 - ground) * animal.depth) * height)
        herd.append((animal, poses, foot, round(animal.x * width)))
    cloud = _cloud(rng, height, grade)
    starts = rng.uniform(0, 1, (3, 2))
    drift = (0.01 + 0.02 * scene.pace) * float(rng.choice([-1.0, 1.0]))
    stroll = rng.uniform(0.2, 0.5, len(herd)) * 0.03 * width

    def paint_motion(frame: np.ndarray, seconds: float) -> None:
        for x, y in starts:
            left = ((x + drift * seconds) % 1.0) * 1.5 - 0.4
            cloud.stamp(frame, round(y * 0.12 * height), round(left * width))
        np.copyto(frame[:top], still[:top], where=solid)
        for number, (animal, poses, foot, middle) in enumerate(herd):
            calling = animal.calling(seconds)
            pose = poses[calling]
            hop = 0.015 * abs(np.sin(14 * seconds)) if calling and animal.species in ("hen", "dog") else 0.0
            walk = stroll[number] * np.sin((0.2 + 0.3 * scene.pace) * seconds + 2 * number)
            pose.stamp(
                frame,
                foot - pose.colour.shape[0] - round(hop * height),
                round(middle + walk - pose.colour.shape[1] / 2),
            )
        np.maximum(frame, LOW, out=frame)

    return still, paint_motion


def _country(plane: Plane, rng: np.random.Generator, hue: float, ground: float) -> np.ndarray:
    """Paint sky, hills and meadow; returns the line of the far hills (1, W)."""
    top, low = shift((0.38, 0.64, 0.93), hue, 0.2), shift((0.83, 0.9, 0.94), hue, 0.15)
    plane.paint(1.0, plane.gradient(top, low, 0, ground))
    ridges = []
    for step in range(2):
        wave = np.sin(rng.uniform(1.2, 3.5) * plane.x + rng.uniform(0, 6))
        tone = shift(np.array([0.42, 0.6, 0.34]) * (1.1 - 0.25 * step), hue)
        ridges.append(ground - 0.09 + 0.05 * step - 0.035 * wave)
        plane.paint(plane.below(ridges[-1]), tone)
    meadow = shift((0.36, 0.58, 0.2), hue, 0.16)
    blades = texture(rng, plane.height, plane.width, 50, 30 * plane.aspect)
    plane.paint(plane.below(ground), meadow * (1 + 0.22 * blades)[..., None])
    plane.paint(0.25 * plane.below(0.9), meadow * 0.5)
    for x, y in rng.uniform(0, 1, (int(60 * rng.uniform()), 2)):  # flowers
        at = x * plane.aspect, ground + 0.06 + (0.94 - ground) * y
        part = SubPlane(plane, at[0] - 0.02, at[1] - 0.02, at[0] + 0.02, at[1] + 0.02)
        part.paint(part.disc(*at, 0.004 + 0.005 * y), ((1.0, 0.95, 0.5), (0.98, 0.98, 0.98))[int(97 * x) % 2])
    return np.minimum(*ridges)


def _barn(plane: Plane, rng: np.random.Generator, hue: float, ground: float) -> None:
    x, half, tall = plane.aspect * rng.uniform(0.15, 0.85), rng.uniform(0.17, 0.24), rng.uniform(0.17, 0.23)
    foot, eaves = ground + 0.02, ground + 0.02 - tall
    red = shift(((0.68, 0.16, 0.12), (0.5, 0.3, 0.18), (0.62, 0.24, 0.2))[int(rng.integers(3))], hue, 0.08)
    part = SubPlane(plane, x - 1.7 * half, 0, x + 2.2 * half, foot + 0.02)
    gable = part.soft(np.abs(part.x - x) - half) * (part.y < foot)
    roof = (
        eaves
        + 0.42 * np.maximum(np.abs(part.x - x) - 0.45 * half, 0)
        - 0.16
        + 0.5 * np.minimum(np.abs(part.x - x), 0.45 * half)
    )
    boards = np.where((part.x * 45) % 1.0 < 0.12, 0.82, 1.0) * np.ones_like(part.y)
    part.paint(gable * part.below(roof), red * boards[..., None])
    edge = np.abs(part.y - roof) < 0.014
    part.paint(edge * part.soft(np.abs(part.x - x) - half - 0.02), (0.35, 0.33, 0.33))
    white = (0.93, 0.91, 0.87)
    part.paint(part.box(x - 0.42 * half, foot - 0.62 * tall, x + 0.42 * half, foot), white)
    part.paint(part.box(x - 0.36 * half, foot - 0.57 * tall, x + 0.36 * half, foot), red * 0.75)
    for way in (-1, 1):
        cross = np.abs(part.y - (foot - 0.29 * tall) - way * 0.8 * tall / half * (part.x - x)) - 0.008
        part.paint(
            part.soft(cross) * part.box(x - 0.36 * half, foot - 0.57 * tall, x + 0.36 * half, foot), white
        )
    part.paint(part.box(x - 0.14 * half, eaves - 0.06, x + 0.14 * half, eaves + 0.0), white)
    part.paint(part.box(x - 0.1 * half, eaves - 0.052, x + 0.1 * half, eaves - 0.008), (0.15, 0.1, 0.1))
    if rng.uniform() < 0.6:  # a silo beside it
        silo = x + 1.45 * half
        part.paint(part.box(silo - 0.05, eaves - 0.14, silo + 0.05, foot), (0.68, 0.69, 0.72))
        part.paint(part.box(silo - 0.05, eaves - 0.14, silo - 0.02, foot), (0.8, 0.81, 0.83))
        part.paint(part.disc(silo, eaves - 0.14, 0.05, 0.045), (0.5, 0.52, 0.56))


def _fence(plane: Plane, ground: float) -> None:
    y, tone = ground + 0.03, (0.85, 0.82, 0.75)
    part = SubPlane(plane, 0, y - 0.08, plane.aspect, y + 0.04)
    for rail in (y - 0.04, y - 0.005):
        part.paint(part.box(-1, rail, 9, rail + 0.011), tone)
    part.paint(((plane.x / 0.16) % 1.0 < 0.1) * part.box(-1, y - 0.06, 9, y + 0.03), tone)


def _cloud(rng: np.random.Generator, height: int, grade: Grade) -> Sprite:
    plane = Plane(max(6, round(0.16 * height)), round(0.5 * height), grade, scale=0.16)
    for x in np.linspace(0.09, 0.41, 6):
        lift = 0.03 * rng.uniform() + 0.09 * abs(x - 0.25)
        plane.paint(
            0.9 * plane.disc(x, 0.085 + lift, rng.uniform(0.05, 0.085), rng.uniform(0.03, 0.055)),
            (0.97, 0.97, 0.97),
        )
    return plane.sprite()


def sound(scene: Scene, samples: int, rate: int) -> np.ndarray:
    """The animals, some far birds, a light wind."""
    rng, events = scene.rng(MAIN), scene.rng(EVENTS)
    low, high = rng.uniform(100, 600), rng.uniform(1200, 8000)
    wind = shaped_noise(rng, samples, rate, lambda hz: band(hz, low, high, 1.0))
    speed, phase = rng.uniform(0.1, 0.4), rng.uniform(0, 6)
    wind *= envelope(samples, rate, lambda t: 0.6 + 0.4 * np.sin(2 * np.pi * speed * t + phase))
    result = np.float32(rng.uniform(0.2, 1.1)) * wind
    for number, animal in enumerate(animals(scene)):
        own = np.random.default_rng([scene.seed, EVENTS, number])
        near = np.float32((1.4 + 1.6 * animal.depth) * own.uniform(0.8, 1.3))
        when = animal.calls.between(-CALL_S[animal.species], samples / rate)
        if not when:
            continue
        call = voice(animal.species, rate, animal.pitch, own)
        for time, details in when:
            add(result, round(time * rate), near * np.float32(0.7 + 0.4 * details[0]) * call)
    pitch = events.uniform(2400, 4800)
    for time in np.arange(events.uniform(0, 3), samples / rate, events.uniform(1.5, 5.0)):
        t = np.arange(int(0.12 * rate), dtype=np.float32) / rate
        chirp = (
            np.sin(2 * np.pi * pitch * (t + events.uniform(-1.5, 1.5) * t * t))
            * np.sin(np.pi * t / 0.12) ** 2
        )
        for repeat in range(int(events.integers(1, 5))):
            add(result, round((time + 0.16 * repeat) * rate), np.float32(0.5) * chirp.astype(np.float32))
    return result.astype(np.float32)


KIND = SceneKind("farm", (0.0, 0.0), ("cow", "sheep", "pig", "hen", "rooster", "dog", "crow"), paint, sound)
