"""The values of each kind of fault, as the truth's JSON holds them; `filmset.faults` says what they mean."""

from dataclasses import dataclass

from filmset.settings import LONGEST_TITLE_S
from lssd.speech import Voice

MOST_DB, MOST_HZ = 300.0, 192_000.0


@dataclass(frozen=True)
class Offset:
    """A track that plays too late, or too early."""

    offset_s: float


@dataclass(frozen=True)
class Slope:
    """A track at another speed."""

    slope: float
    offset_s: float


@dataclass(frozen=True)
class Edit:
    """A track with something put in or missing."""

    at_s: float
    seconds: float


@dataclass(frozen=True)
class Mislabel:
    """A track that claims another language."""

    true: str
    claimed: str


@dataclass(frozen=True)
class Duplicate:
    """A track that repeats another."""

    of: str


@dataclass(frozen=True)
class Narrated:
    """A narrator's line."""

    key: str
    text: str
    written: str
    keywords: tuple[str, ...]
    seconds: float | None
    start_s: float
    end_s: float
    gain_db: float


@dataclass(frozen=True)
class Commentary:
    """A track in which somebody talks over the original."""

    mix_db: float
    voice: Voice
    lines: tuple[Narrated, ...]


@dataclass(frozen=True)
class Description(Commentary):
    """A track in which somebody describes the picture."""

    over_dialogue: float


@dataclass(frozen=True)
class Silent:
    """A track without sound, or with noise alone."""

    noise_db: float | None


@dataclass(frozen=True)
class Truncated:
    """A track that ends early."""

    seconds: float


@dataclass(frozen=True)
class Level:
    """A track over a louder or quieter background."""

    db: float


@dataclass(frozen=True)
class Filtered:
    """A track over a background between two frequencies."""

    low_hz: float
    high_hz: float


@dataclass(frozen=True)
class Clipped:
    """A track whose peaks are cut."""

    crest: float
    level: float


# The class of the values of each of FAULTS.
VALUES: dict[str, type] = {
    "offset": Offset,
    "slope": Slope,
    "edit": Edit,
    "mislabel": Mislabel,
    "duplicate": Duplicate,
    "commentary": Commentary,
    "description": Description,
    "silent": Silent,
    "truncated": Truncated,
    "level": Level,
    "filtered": Filtered,
    "clipped": Clipped,
}
# Least and largest of values that are numbers.
BOUNDS = {
    "offset_s": (-LONGEST_TITLE_S, LONGEST_TITLE_S),
    "slope": (0.5, 2.0),
    "at_s": (0.0, LONGEST_TITLE_S),
    "seconds": (-LONGEST_TITLE_S, LONGEST_TITLE_S),
    "mix_db": (-MOST_DB, MOST_DB),
    "over_dialogue": (0.0, 1.0),
    "noise_db": (-MOST_DB, MOST_DB),
    "db": (-MOST_DB, MOST_DB),
    "low_hz": (0.0, MOST_HZ),
    "high_hz": (0.0, MOST_HZ),
    "crest": (0.0, 1e3),
    "level": (0.0, 1e3),
}
