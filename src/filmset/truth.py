"""What is known about a rendered title, as data: the JSON beside each film.

Fields of the JSON, which `Title.to_json` writes and `Title.from_json` reads. Times are seconds from the
film's start, frames are counted from 0, spans exclude their end, boxes are top, left, bottom, right in
pixels, levels are dB of full scale (RMS).

- `format` 2; `name`, `index`, `seed`; `split` "train" or "test"; `genre`; `director`: the style of the
  title; `original_language`.
- `tracks`: of the film, in order: `key` (what `voices` and `spoken` are keyed by), `language`,
  `role`, `tagged`: the language that the file claims, and `fault`, null or what is wrong with it
  (`kind` and `values`, see `filmset.faults`). Times of lines and events are those before the fault.
  An undubbed title has no role "dub" or "revoiced" among them. The track of role "background" is the mix
  without voices: its language is "zxx" (no linguistic content), and nothing is spoken in it.
- `fps` ("25", "24000/1001"), `frames`, `width`, `height` (of the stored picture), `pixel_aspect` (width
  over height of a stored pixel, "16/15"), `sample_rate`, `channels`.
- `look`: the title's grade, grain and lens; `sound_tilt_db`: its colour of sound, dB an octave.
- `cast`: people with `name`, `sex`, `look_seed` and a voice a track in `voices`.
- `cuts`: first frames of all shots but the first, whatever the transition; `hard_cuts`: those without
  one. The boundary of a gradual change is its middle.
- `shots`, in order and without gaps: `start_frame`, `end_frame`; `seen_from`, `seen_to`: the frames in
  which anything of it is visible, more than its own where it dissolves; `transition`: into this shot,
  `kind` "cut", "fade" (through black) or "dissolve" over `first_frame`..`last_frame` (exclusive);
  `flashes`: frames of white light; `recap_of`: the number of the earlier shot that it repeats, or null;
  `camera`: `move` and its `path`; `scene` (`kind` is the class; its clock starts at `seen_from`);
  `background_source`: "synthesis" or the recording used; `background_db`: its level over the whole
  shot, for a recap over the whole of the shot that it repeats, of which it may have less;
  `speech_over_background_db`: the level asked for (what a line got stands in its `gain_db`, which is
  less where its voice would peak too high);
  `reverb_s`: the room's reverberation time; `people` in the picture, with the box of each one's
  mouth; `events`; `lines`.
- an event: `kind`, `hits_s`: the instants at which it is seen and heard to hit, `box`: where, `gain_db`
  of its peak, before its room answers, and the `seed` of its details.
- a line: `key` of its sentence (the same key is the same meaning), `speaker`, `style`, `keywords`, and
  `spoken`: by track the `text` given to the voice, `written` as in subtitles, `start_s` and `end_s`,
  `gain_db` applied to the voice, and its `words` with their own start and end and `clear`: whether the
  start shows in the sound's energy.

Boxes are given before the camera moves: `Shot.seen` tells where they are in a frame of the film.
"""

from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from filmset.camera import Box, Camera
from filmset.directors import Look
from filmset.scenes.scene import Scene
from lssd import config
from lssd.errors import InputError
from lssd.speech import Voice, Word

FORMAT = 2


@dataclass(frozen=True)
class Speaker:
    """One of a title's people: seen as `look_seed` says, heard with another voice in every track."""

    name: str
    sex: str
    look_seed: int
    voices: dict[str, Voice]


@dataclass(frozen=True)
class Fault:
    """What is wrong with a track: a kind of FAULTS and its values, see `filmset.faults`."""

    kind: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Track:
    """A sound track: what it is, and what the file says that it is."""

    key: str
    language: str
    role: str
    tagged: str
    fault: Fault | None

    @property
    def has_voices(self) -> bool:
        """Whether anybody may speak in it; else it is the mix without voices."""
        return self.role != "background"


@dataclass(frozen=True)
class Spoken:
    """A line in one track: when it is heard in the film, in seconds, and the gain of its voice."""

    text: str
    written: str
    start_s: float
    end_s: float
    gain_db: float
    words: tuple[Word, ...]


@dataclass(frozen=True)
class Line:
    """A line of dialogue in all of a title's tracks that have voices."""

    key: str
    speaker: str
    style: str
    keywords: tuple[str, ...]
    spoken: dict[str, Spoken]


@dataclass(frozen=True)
class Event:
    """Something that happens on the set, seen and heard at the same instants."""

    kind: str
    hits_s: tuple[float, ...]
    box: Box
    gain_db: float
    seed: int


@dataclass(frozen=True)
class PersonInShot:
    """A person in a shot: the left edge and the size of their figure, and the box of their mouth."""

    name: str
    left: int
    height: int
    mouth: Box


@dataclass(frozen=True)
class Transition:
    """How the picture changes into a shot: kind cut, fade or dissolve, over a span of frames."""

    kind: str
    first_frame: int
    last_frame: int


@dataclass(frozen=True)
class Shot:
    """The frames start_frame..end_frame (exclusive) between two camera changes."""

    start_frame: int
    end_frame: int
    seen_from: int
    seen_to: int
    transition: Transition
    flashes: tuple[int, ...]
    recap_of: int | None
    camera: Camera
    scene: Scene
    background_source: str
    background_db: float
    speech_over_background_db: float
    reverb_s: float
    people: tuple[PersonInShot, ...]
    events: tuple[Event, ...]
    lines: tuple[Line, ...]

    @property
    def speakers(self) -> tuple[str, ...]:
        """Names of those who speak, in the order in which they begin."""
        return tuple(dict.fromkeys(line.speaker for line in self.lines))

    def seen(self, box: Box, frame: int) -> Box:
        """Where a box is in a frame of the film, after the camera's move; parts may lie outside."""
        return self.camera.seen(box, frame - self.seen_from)


@dataclass(frozen=True)
class Title:
    """Everything known about one film; see the module's description of the JSON."""

    name: str
    index: int
    seed: int
    split: str
    genre: str
    director: str
    original_language: str
    tracks: tuple[Track, ...]
    fps: str
    frames: int
    width: int
    height: int
    pixel_aspect: str
    sample_rate: int
    channels: int
    look: Look
    sound_tilt_db: float
    cast: tuple[Speaker, ...]
    shots: tuple[Shot, ...]

    @property
    def rate(self) -> Fraction:
        """Frames a second."""
        return Fraction(self.fps)

    @property
    def cuts(self) -> list[int]:
        """Numbers of the frames that begin a new shot."""
        return [shot.start_frame for shot in self.shots[1:]]

    @property
    def hard_cuts(self) -> list[int]:
        """Those of `cuts` at which the picture changes from one frame to the next."""
        return [shot.start_frame for shot in self.shots[1:] if shot.transition.kind == "cut"]

    @property
    def voiced(self) -> tuple[Track, ...]:
        """The tracks with voices, the original first."""
        return tuple(track for track in self.tracks if track.has_voices)

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages of the tracks with voices, in their order."""
        return tuple(track.language for track in self.voiced)

    def speaker(self, name: str) -> Speaker:
        """The person of that name."""
        return next(speaker for speaker in self.cast if speaker.name == name)

    def sample(self, frame: int) -> int:
        """The sample at which a frame begins."""
        return round(frame * self.sample_rate / self.rate)

    def to_json(self) -> dict[str, Any]:
        """The title as JSON values."""
        return {"format": FORMAT, **asdict(self), "cuts": self.cuts, "hard_cuts": self.hard_cuts}

    @classmethod
    def from_json(cls, value: dict[str, Any], source: str = "the truth of a film") -> "Title":
        """The title that `to_json` wrote, `source` being what messages call its origin.

        InputError when the value is of another format, or a field is missing, unknown or of another type.
        Whether what the fields say can be is for `filmset.reading.read_title` to check.
        """
        if value.get("format") != FORMAT:
            found = value.get("format")
            raise InputError(f"{source} is of format {found!r}; this version reads format {FORMAT}")
        fields = {key: item for key, item in value.items() if key not in ("format", "cuts", "hard_cuts")}
        return config.build(cls, fields, source)
