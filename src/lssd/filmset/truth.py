"""What is known about a rendered title, as data: the JSON beside each film.

Fields of the JSON, which `Title.to_json` writes and `Title.from_json` reads:

- `format` 1; `name`, `index`, `seed`; `split` "train" or "test"; `genre`; `original_language`;
  `languages`: of the sound tracks, in their order, the original first.
- `fps`, `frames`, `width`, `height`, `sample_rate`, `channels`; `cuts`: numbers of the first frames of
  all shots but the first.
- `look`: the title's grade and grain; `sound_tilt_db`: its colour of sound, dB an octave.
- `cast`: people with `name`, `sex`, `look_seed` and a voice a language in `voices`.
- `shots`, in order and without gaps: `start_frame`, `end_frame` (exclusive); `scene` (`kind` is the
  class); `background_db`: RMS of the background, dB of full scale; `speech_over_background_db`: RMS of
  speech above that; `speakers` seen in the picture; `mouths`: top, left, bottom, right of each one's
  mouth in pixels; `lines`.
- a line: `number` in `lssd.filmset.lines.LINES`, `speaker`, and `spoken`: for each language the `text`,
  `start_s` and `end_s` from the film's start, `gain_db` applied to the voice, and its `words` with
  their own start and end.
"""

from dataclasses import asdict, dataclass
from typing import Any

from lssd.errors import InputError
from lssd.filmset.pictures import Look
from lssd.filmset.scenes import Scene
from lssd.speech import Voice, Word

FORMAT = 1


@dataclass(frozen=True)
class Speaker:
    """One of a title's people: seen as drawn from `look_seed`, heard with another voice in every track."""

    name: str
    sex: str
    look_seed: int
    voices: dict[str, Voice]


@dataclass(frozen=True)
class Spoken:
    """A line in one language: when it is heard in the film, in seconds, and the gain of its voice."""

    text: str
    start_s: float
    end_s: float
    gain_db: float
    words: tuple[Word, ...]


@dataclass(frozen=True)
class Line:
    """A line of dialogue in all of a title's languages; `number` is its row in LINES."""

    number: int
    speaker: str
    spoken: dict[str, Spoken]


@dataclass(frozen=True)
class Shot:
    """The frames start_frame..end_frame (exclusive) between two cuts."""

    start_frame: int
    end_frame: int
    scene: Scene
    background_db: float
    speech_over_background_db: float
    speakers: tuple[str, ...]
    mouths: dict[str, tuple[int, int, int, int]]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Title:
    """Everything known about one film; see the module's description of the JSON."""

    name: str
    index: int
    seed: int
    split: str
    genre: str
    original_language: str
    languages: tuple[str, ...]
    fps: int
    frames: int
    width: int
    height: int
    sample_rate: int
    channels: int
    look: Look
    sound_tilt_db: float
    cast: tuple[Speaker, ...]
    shots: tuple[Shot, ...]

    @property
    def cuts(self) -> list[int]:
        """Numbers of the frames that begin a new shot."""
        return [shot.start_frame for shot in self.shots[1:]]

    def speaker(self, name: str) -> Speaker:
        """The person of that name."""
        return next(speaker for speaker in self.cast if speaker.name == name)

    def to_json(self) -> dict[str, Any]:
        """The title as JSON values."""
        return {"format": FORMAT, **asdict(self), "cuts": self.cuts}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Title":
        """The title that `to_json` wrote. InputError when the value is of another format."""
        if value.get("format") != FORMAT:
            raise InputError(
                f"film truth of format {value.get('format')}; this version reads format {FORMAT}"
            )
        try:
            fields = {key: item for key, item in value.items() if key not in ("format", "cuts")}
            fields["languages"] = tuple(fields["languages"])
            fields["look"] = Look(**{**fields["look"], "tint": tuple(fields["look"]["tint"])})
            fields["cast"] = tuple(_speaker(one) for one in fields["cast"])
            fields["shots"] = tuple(_shot(one) for one in fields["shots"])
            return cls(**fields)
        except (KeyError, TypeError) as error:
            raise InputError(f"film truth is incomplete ({error}); render the film set again") from error


def _speaker(value: dict[str, Any]) -> Speaker:
    voices = {language: Voice(**voice) for language, voice in value["voices"].items()}
    return Speaker(**{**value, "voices": voices})


def _shot(value: dict[str, Any]) -> Shot:
    return Shot(
        **{
            **value,
            "scene": Scene(**value["scene"]),
            "speakers": tuple(value["speakers"]),
            "mouths": {name: tuple(box) for name, box in value["mouths"].items()},
            "lines": tuple(
                Line(line["number"], line["speaker"], {k: _spoken(v) for k, v in line["spoken"].items()})
                for line in value["lines"]
            ),
        }
    )


def _spoken(value: dict[str, Any]) -> Spoken:
    return Spoken(**{**value, "words": tuple(Word(**word) for word in value["words"])})
