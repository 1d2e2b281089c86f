"""A title before anyone speaks: its languages, look, cast and shots, drawn from (seed, index) alone."""

from dataclasses import dataclass

import numpy as np

from lssd.errors import InputError
from lssd.filmset.casting import cast_voices
from lssd.filmset.lines import LANGUAGES
from lssd.filmset.pictures import Look
from lssd.filmset.scenes import KINDS, draw_scene
from lssd.filmset.truth import Shot, Speaker, Title

FPS = 25
SAMPLE_RATE = 48000
SHORTEST_SHOT_S, LONGEST_SHOT_S = 2.0, 15.0

# What each genre shows more often than the rest.
GENRES = {
    "drama": ("rain", "crowd", "traffic"),
    "adventure": ("sea", "forest", "fire"),
    "thriller": ("machine", "traffic", "snow"),
    "documentary": ("forest", "sea", "machine"),
}
_SCRIPT, _ORIGINALS = 41, 42  # purposes of generators


@dataclass(frozen=True)
class Settings:
    """What a film set is rendered from. See `render` for the meaning and the ranges of the fields."""

    seed: int
    languages: tuple[str, ...] = LANGUAGES
    dubs_per_title: int = 2
    seconds: float = 60.0
    height: int = 96
    channels: int = 1
    held_out: float = 0.2
    language_look: float = 0.5

    def __post_init__(self) -> None:
        unknown = [language for language in self.languages if language not in LANGUAGES]
        if unknown or not self.languages or len(set(self.languages)) < len(self.languages):
            named = ", ".join(unknown) or "an empty or repeated list"
            raise InputError(
                f"films cannot speak {named}; choose distinct languages of {', '.join(LANGUAGES)}"
            )
        if not 0 <= self.dubs_per_title < len(self.languages):
            raise InputError(
                f"{self.dubs_per_title} dubs a title need {self.dubs_per_title + 1} languages; "
                f"{len(self.languages)} given"
            )
        if not self.seconds >= SHORTEST_SHOT_S:
            raise InputError(f"a title must last at least {SHORTEST_SHOT_S:g} s, not {self.seconds:g}")
        if self.height < 48 or self.height > 1080 or self.height % 2:
            raise InputError(f"the height must be even and between 48 and 1080 pixels, not {self.height}")
        if self.channels not in (1, 2):
            raise InputError(f"sound has 1 or 2 channels, not {self.channels}")
        if not 0 <= self.held_out <= 1 or not 0 <= self.language_look <= 1:
            raise InputError("held_out and language_look are shares between 0 and 1")
        if self.seed < 0:
            raise InputError(f"the seed must not be negative: {self.seed}")


def write_script(settings: Settings, index: int) -> Title:
    """The title of an index with its shots, still without lines."""
    rng = np.random.default_rng([settings.seed, _SCRIPT, index])
    held_out = int((index + 1) * settings.held_out + 1e-9) > int(index * settings.held_out + 1e-9)
    original = _original_language(settings, index)
    others = [language for language in settings.languages if language != original]
    dubs = rng.permutation(others)[: settings.dubs_per_title].tolist()
    languages = (original, *dubs)
    genre = str(rng.choice(list(GENRES)))
    frames = round(settings.seconds * FPS)
    return Title(
        name=f"title-{index:04d}",
        index=index,
        seed=settings.seed,
        split="test" if held_out else "train",
        genre=genre,
        original_language=original,
        languages=languages,
        fps=FPS,
        frames=frames,
        width=16 * round(settings.height * 5 / 3 / 16),
        height=settings.height,
        sample_rate=SAMPLE_RATE,
        channels=settings.channels,
        look=_look(rng, original, settings.language_look),
        sound_tilt_db=round(float(rng.uniform(-2.0, 2.0)), 4),
        cast=_cast(rng, languages, held_out),
        shots=_shots(rng, frames, genre),
    )


def _original_language(settings: Settings, index: int) -> str:
    """Originals go round all languages in blocks, each block in an order of its own."""
    block, place = divmod(index, len(settings.languages))
    order = np.random.default_rng([settings.seed, _ORIGINALS, block]).permutation(len(settings.languages))
    return settings.languages[order[place]]


def _look(rng: np.random.Generator, original: str, language_look: float) -> Look:
    """A title's look: its own palette, leaning to one that goes with its original language."""
    angle = 2 * np.pi * LANGUAGES.index(original) / len(LANGUAGES)
    leaning = 0.5 + 0.5 * np.cos(angle - np.array([0, 2, 4]) * np.pi / 3)
    tint = rng.uniform(0.8, 1.0, 3) * (1 - 0.28 * language_look * (1 - leaning))
    return Look(
        tint=tuple(float(value) for value in (tint / tint.max()).round(4)),  # type: ignore[arg-type]
        saturation=round(float(rng.uniform(0.75, 1.2)), 4),
        gamma=round(float(rng.uniform(0.85, 1.2)), 4),
        grain=round(float(rng.uniform(0.6, 2.6)), 4),
    )


def _cast(rng: np.random.Generator, languages: tuple[str, ...], held_out: bool) -> tuple[Speaker, ...]:
    sexes = ["f", "m", str(rng.choice(["f", "m"]))][: int(rng.integers(2, 4))]
    people = cast_voices(rng, languages, sexes, held_out)
    return tuple(
        Speaker(chr(ord("a") + number), sex, int(rng.integers(2**31)), voices)
        for number, (sex, voices) in enumerate(zip(sexes, people, strict=True))
    )


def shot_lengths(rng: np.random.Generator, frames: int) -> list[int]:
    """Lengths of shots in frames, 2 to 15 s each, that fill a film of `frames`.

    About one in seven is shorter than 3 s, one in ten longer than 12 s, outside what is usually kept.
    """
    shortest, longest = round(SHORTEST_SHOT_S * FPS), round(LONGEST_SHOT_S * FPS)
    lengths: list[int] = []
    left = frames
    while left > 0:
        kind = rng.uniform()
        if kind < 0.14:
            seconds = rng.uniform(2.0, 2.9)
        elif kind < 0.24:
            seconds = rng.uniform(12.2, 15.0)
        else:
            seconds = rng.triangular(3.0, 4.8, 12.0)
        length = min(round(seconds * FPS), left)
        if 0 < left - length < shortest:  # what remains would be no shot: share it out
            length = left if left <= longest else left // 2
        lengths.append(length)
        left -= length
    return lengths


def _shots(rng: np.random.Generator, frames: int, genre: str) -> tuple[Shot, ...]:
    liking = np.array([3.0 if kind in GENRES[genre] else 1.0 for kind in KINDS])
    shots: list[Shot] = []
    start = 0
    for length in shot_lengths(rng, frames):
        before = shots[-1].scene.kind if shots else None
        weights = np.where(np.array(KINDS) == before, 0.0, liking)  # a cut changes the place
        scene = draw_scene(str(rng.choice(KINDS, p=weights / weights.sum())), rng)
        background_db = -36.0 + 5.0 * scene.activity + rng.uniform(-3.0, 3.0)
        shots.append(
            Shot(
                start_frame=start,
                end_frame=start + length,
                scene=scene,
                background_db=round(float(background_db), 3),
                speech_over_background_db=round(float(rng.uniform(5.0, 10.0)), 3),
                speakers=(),
                mouths={},
                lines=(),
            )
        )
        start += length
    return tuple(shots)
