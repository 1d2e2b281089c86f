"""What a film set is rendered from."""

import re
from dataclasses import dataclass
from fractions import Fraction

from filmset.scenes import KINDS
from lssd.errors import InputError
from lssd.languages import display_name

LANGUAGES = ("en", "es", "fr", "ja", "de", "it", "ko")
STYLES = ("calm", "excited", "whispered", "sad", "angry", "questioning")
FAULTS = (
    "offset",
    "slope",
    "edit",
    "mislabel",
    "duplicate",
    "commentary",
    "description",
    "silent",
    "truncated",
    "level",
    "filtered",
    "clipped",
)
SAMPLE_RATE = 48000
SHORTEST_SHOT_S, LONGEST_SHOT_S = 2.0, 15.0
LONGEST_TITLE_S = 4 * 3600.0
MOST_SEED = 2**128 - 1
_LANGUAGE = re.compile(r"[A-Za-z0-9_-]{2,35}")
_SIZE = re.compile(r"([0-9]{1,6})x([0-9]{1,6})")
_FRACTION = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9}|/0*[1-9][0-9]{0,8})?")


@dataclass(frozen=True)
class Settings:
    """The dials of a film set; everything else follows from them and a title's number.

    seed: of everything. languages: spoken in the set, each title's original in turn; dubs_per_title:
    further tracks of a title, in other languages; undubbed: share of titles without any; revoiced: one more
    track a dubbed title, in the original's language with other voices; background_track: one more track a
    title, the mix without voices.
    seconds: length of a title. shots_s: range of its shots' lengths; None: 2 to 15 s, as films have them.
    sizes, fps, pixel_aspects: of the picture, such as "320x180", "24000/1001" and "16/15"; each title has one
    of each list. channels: of every track: 1, 2 or 6.
    held_out: share of titles of split "test", whose voices and sentences are heard in no other.
    scenes: kinds that occur. look_language_strength (0..1): how much a title's look goes with its original
    language. speech_db: range of speech over the background, in dB. speakers: the most people in a shot.
    gradual: share of camera changes that are fades or dissolves; flashes, recaps, camera, silent: shares
    of shots with a flash, that repeat an earlier shot, whose camera moves, in which nobody speaks;
    overlaps: share of lines that begin before the last has ended; events: share of shots with an on-set
    event. reverb: whether rooms are heard.
    faults: planted in one dub of each title, a kind chosen from the list; empty: none.
    voices: a folder of recorded speech to use instead of the synthesiser; sounds: one of recorded
    backgrounds, in ESC-50's layout. stems, subtitles: write them beside each film.
    """

    seed: int
    languages: tuple[str, ...] = LANGUAGES
    dubs_per_title: int = 2
    undubbed: float = 0.0
    revoiced: bool = False
    background_track: bool = False
    seconds: float = 60.0
    shots_s: tuple[float, float] | None = None
    sizes: tuple[str, ...] = ("320x180",)
    fps: tuple[str, ...] = ("25",)
    pixel_aspects: tuple[str, ...] = ("1",)
    channels: int = 1
    held_out: float = 0.2
    scenes: tuple[str, ...] = KINDS
    look_language_strength: float = 0.5
    speech_db: tuple[float, float] = (5.0, 10.0)
    speakers: int = 4
    gradual: float = 0.15
    flashes: float = 0.1
    recaps: float = 0.08
    camera: float = 0.5
    silent: float = 0.15
    overlaps: float = 0.15
    events: float = 0.4
    reverb: bool = True
    faults: tuple[str, ...] = ()
    voices: str | None = None
    sounds: str | None = None
    stems: bool = False
    subtitles: bool = False

    def __post_init__(self) -> None:
        self._check_lists()
        # One spelling each: "25/1" is "25", and "16:15" is "16/15".
        object.__setattr__(self, "fps", tuple(str(read_rate(rate)) for rate in self.fps))
        aspects = tuple(str(read_aspect(aspect)) for aspect in self.pixel_aspects)
        object.__setattr__(self, "pixel_aspects", aspects)
        if self.seed < 0:
            raise InputError(f"the seed must not be negative: {self.seed}")
        if self.seed > MOST_SEED:
            raise InputError("the seed must be below 2 to the power of 128")
        if not 0 <= self.dubs_per_title < len(self.languages):
            raise InputError(
                f"{self.dubs_per_title} dubs a title need {self.dubs_per_title + 1} languages; "
                f"{len(self.languages)} given"
            )
        if self.faults and (not self.dubs_per_title or self.undubbed == 1):
            raise InputError("a fault is planted in a dub; ask for at least 1 dub a title, undubbed below 1")
        if not SHORTEST_SHOT_S <= self.seconds <= LONGEST_TITLE_S:
            raise InputError(f"a title must last {SHORTEST_SHOT_S:g} s to 4 hours, not {self.seconds:g} s")
        if self.shots_s is not None:
            low, high = self.shots_s
            if not SHORTEST_SHOT_S <= low <= high <= LONGEST_SHOT_S:
                raise InputError(
                    f"shots_s is a range within {SHORTEST_SHOT_S:g} to {LONGEST_SHOT_S:g} s, "
                    f"not {low:g} to {high:g}"
                )
        if self.channels not in (1, 2, 6):
            raise InputError(f"sound has 1, 2 or 6 channels, not {self.channels}")
        low, high = self.speech_db
        if not -20 <= low <= high <= 40:
            raise InputError(f"speech_db is a range within -20 to 40 dB, not {low:g} to {high:g}")
        if not 1 <= self.speakers <= 4:
            raise InputError(f"a shot shows at most 1 to 4 speakers, not {self.speakers}")
        for name in (
            *("undubbed", "held_out", "look_language_strength", "gradual", "flashes", "recaps"),
            *("camera", "silent", "overlaps", "events"),
        ):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} is a share between 0 and 1, not {getattr(self, name):g}")

    def _check_lists(self) -> None:
        if self.voices is None:  # recordings bring their own languages
            _check_choice("languages", self.languages, LANGUAGES)
        elif not self.languages or len(set(self.languages)) < len(self.languages):
            raise InputError("languages must be a list of distinct ones")
        elif unknown := [language for language in self.languages if not is_language(language)]:
            raise InputError(f"languages: '{unknown[0]}' is no language")
        _check_choice("scenes", self.scenes, KINDS)
        if self.faults:
            _check_choice("faults", self.faults, FAULTS)
        for name, values, read in (
            ("sizes", self.sizes, read_size),
            ("fps", self.fps, read_rate),
            ("pixel_aspects", self.pixel_aspects, read_aspect),
        ):
            if not values:
                raise InputError(f"{name} must not be empty")
            for value in values:
                read(value)


def _check_choice(name: str, given: tuple[str, ...], known: tuple[str, ...]) -> None:
    unknown = [one for one in given if one not in known]
    if unknown:
        raise InputError(f"{name}: {', '.join(unknown)} is not known; choose of {', '.join(known)}")
    if not given or len(set(given)) < len(given):
        raise InputError(f"{name} must be a list of distinct ones of {', '.join(known)}")


def is_language(tag: str) -> bool:
    """Whether a tag names a language, or that there is none ("zxx")."""
    if not _LANGUAGE.fullmatch(tag):
        return False
    try:
        display_name(tag)
    except ValueError:
        return False
    return True


def read_size(text: str) -> tuple[int, int]:
    """(width, height) in pixels of "320x180". InputError when it is none or out of range."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise InputError(f"{text[:40]!r} is no size; write it as 320x180")
    size = int(found[1]), int(found[2])
    if any(side % 2 or not 48 <= side <= 1920 for side in size):
        raise InputError(f"the sides of a picture must be even and between 48 and 1920 pixels, not {text}")
    return size


def read_rate(text: str) -> Fraction:
    """Frames a second of "25" or "24000/1001". InputError when it is none or out of range."""
    return _fraction(text, 10, 60, "frame rate", "25 or 24000/1001")


def read_aspect(text: str) -> Fraction:
    """Width over height of a pixel, of "1" or "16/15". InputError when it is none or out of range."""
    return _fraction(text, Fraction(1, 2), 2, "pixel aspect", "1 or 16/15")


def _fraction(text: str, low: Fraction | int, high: Fraction | int, what: str, example: str) -> Fraction:
    plain = text.strip().replace(":", "/")
    if not _FRACTION.fullmatch(plain):
        raise InputError(f"{text[:40]!r} is no {what}; write it as {example}")
    value = Fraction(plain)
    if not low <= value <= high:
        raise InputError(f"a {what} must lie between {low} and {high}, not {text}")
    return value
