"""What a training instance is: windows of a clip and the sounds that go with them (paper, section 4.1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lssd.errors import CorpusError
from lssd.models.limits import SIZE, require_ranges
from lssd.views.columns import ClipEntry, Member
from lssd.views.index import ClipIndex
from lssd.views.selection import require_codes

# Of a window: its start, the side of its square, and the square's two places. Of an instance: two windows
# and the choice of a dub. All are drawn whatever the settings, so that the arms of a comparison which
# differ in a setting still see the same.
_WINDOW_DRAWS = 4
DRAWS = 2 * _WINDOW_DRAWS + 1


@dataclass(frozen=True)
class ViewSettings:
    """What a view of a clip is.

    batch_size: instances of a group; a step's batch holds one group or several (`Recipe.groups`).
    title_share: the share of a group that comes from one title.
    pictures: whether pictures are read at all; windows: of a clip. 2 are drawn apart, for the primary and
    the secondary instance (the paper); 1 serves both (the controlled study).
    secondary: the secondary sound. "dub": uniformly one of the clip's other languages, and the original
    again where there is none; "round_robin": the step's language, in turn, of `secondary_languages`, and
    the original again where a clip lacks it; "all": every other language at once, and the original again
    where there is none; "original": the original again; "none": there is no secondary.
    secondary_languages: codes; dubs are drawn from these alone; empty means all.
    primary: the track of the primary sound, the "original" or the "background" (music and effects).
    window_s: length of a window in seconds; fps: of stored clips.
    frames: frames picked uniformly from a window; size: height and width of the crop in pixels.
    short_side: range, in pixels, from which the short side is drawn before cropping.
    sample_rate: of sounds in Hz; channels: 1 (mean of channels) or 2.

    Raises ValueError, naming the field, for a value that makes no sense.
    """

    batch_size: int = 64
    title_share: float = 0.125
    pictures: bool = True
    windows: int = 2
    secondary: Literal["dub", "round_robin", "all", "original", "none"] = "dub"
    secondary_languages: tuple[str, ...] = ()
    primary: Literal["original", "background"] = "original"
    window_s: float = 3.0
    fps: int = 25
    frames: int = 16
    size: int = 224
    short_side: tuple[int, int] = (256, 320)
    sample_rate: int = 48_000
    channels: int = 1

    def __post_init__(self) -> None:
        require_ranges(
            self,
            default=(0, SIZE),
            batch_size=(0, 1 << 20),
            window_s=(0, 600),
            sample_rate=(0, 1 << 20),
        )
        if self.batch_size < 2:
            raise ValueError("batch_size must be at least 2: the other instances are the negatives")
        if not 0 < self.title_share <= 1:
            raise ValueError("title_share must lie in (0, 1]")
        if self.windows not in (1, 2):
            raise ValueError("windows must be 1 or 2")
        if self.secondary == "round_robin" and not self.secondary_languages:
            raise ValueError("secondary_languages must name the languages that secondary round_robin takes")
        require_codes("secondary_languages", self.secondary_languages)
        for name in ("window_s", "fps", "sample_rate"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0")
        if not 1 <= self.size <= self.short_side[0] <= self.short_side[1]:
            raise ValueError("short_side must be an ascending range not below size, and size at least 1")
        if self.channels not in (1, 2):
            raise ValueError("channels must be 1 or 2")
        if not 1 <= self.frames <= self.window_frames:
            raise ValueError("frames must lie between 1 and the frames of a window")

    @property
    def title_clips(self) -> int:
        """Clips of one title in a group."""
        return max(1, round(self.batch_size * self.title_share))

    @property
    def window_frames(self) -> int:
        return round(self.window_s * self.fps)

    @property
    def window_samples(self) -> int:
        return round(self.window_s * self.sample_rate)


@dataclass(frozen=True)
class Window:
    """One window of a clip: when it begins, and which square of the picture is seen.

    side is the crop's side as a share of the picture's short side; top and left place it, 0 at one
    end and 1 at the other.
    """

    start_frame: int
    side: float
    top: float
    left: float


@dataclass(frozen=True)
class Quadruplet:
    """(v_p, a_p, v_s, a_s) of one clip, or as much of it as the settings ask for.

    windows: the primary and, of two, the secondary.
    sounds: the primary, heard over the first window, then the secondary ones, heard over the last. All
    instances of a run have equally many; None stands for a dub that this clip lacks.
    """

    clip: ClipEntry
    windows: tuple[Window, ...]
    sounds: tuple[Member | None, ...]


def sounds_per_clip(index: ClipIndex, settings: ViewSettings) -> int:
    """K, the sounds of every instance: 1 without a secondary, with "all" 1 + the most dubs of a clip, else 2.

    CorpusError when `secondary_languages` names one in which no clip has a sound.
    """
    if settings.secondary in ("none", "original"):
        return 1 if settings.secondary == "none" else 2
    missing = [code for code in settings.secondary_languages if code not in index.languages]
    if missing:
        raise CorpusError(
            f"{index.root} has no clip with a sound in {', '.join(missing)}; ingest such tracks, or change "
            "views.secondary_languages"
        )
    if settings.secondary != "all":
        return 2
    wanted = settings.secondary_languages
    counts = [sum(not wanted or code in wanted for code in dubs) for dubs in index.dub_languages]
    return 1 + max(1, *counts)


def make_quadruplet(
    clip: ClipEntry, settings: ViewSettings, numbers: Sequence[float], turn: int, sounds: int
) -> Quadruplet:
    """The instance of a clip that `DRAWS` uniform numbers of [0, 1) choose.

    turn: counts the steps, for the languages that take turns; sounds: `sounds_per_clip`. Raises
    CorpusError when the primary sound is to be a background that the clip lacks.
    """
    starts = range(0, settings.windows * _WINDOW_DRAWS, _WINDOW_DRAWS)
    windows = tuple(_make_window(clip, settings, numbers[start : start + _WINDOW_DRAWS]) for start in starts)
    chosen = [_primary(clip, settings), *_secondary(clip, settings, numbers[-1], turn)]
    return Quadruplet(clip, windows, (*chosen, *[None] * (sounds - len(chosen))))


def centre_window(clip: ClipEntry, settings: ViewSettings) -> Window:
    """The middle window of a clip with the middle crop, for evaluation."""
    side = settings.size / round(sum(settings.short_side) / 2)
    return Window(_last_start(clip, settings) // 2, side, 0.5, 0.5)


def _primary(clip: ClipEntry, settings: ViewSettings) -> Member:
    if settings.primary == "original":
        return clip.original
    if clip.background is None:
        raise CorpusError(
            f"clip {clip.clip_id} has no background track for views.primary=background; "
            "set data.require_background=true"
        )
    return clip.background


def _secondary(clip: ClipEntry, settings: ViewSettings, number: float, turn: int) -> tuple[Member, ...]:
    wanted = settings.secondary_languages
    if settings.secondary == "none":
        return ()
    if settings.secondary == "original":
        return (clip.original,)
    if settings.secondary == "round_robin":
        return (clip.sound(wanted[turn % len(wanted)]) or clip.original,)
    dubs = tuple(dub for dub in clip.dubs if not wanted or dub["language"] in wanted) or (clip.original,)
    return dubs if settings.secondary == "all" else (dubs[int(number * len(dubs))],)


def _make_window(clip: ClipEntry, settings: ViewSettings, numbers: Sequence[float]) -> Window:
    start, side, top, left = numbers
    low, high = settings.short_side
    short_side = low + int(side * (high - low + 1))
    return Window(int(start * (_last_start(clip, settings) + 1)), settings.size / short_side, top, left)


def _last_start(clip: ClipEntry, settings: ViewSettings) -> int:
    return max(0, int(clip.duration_s * settings.fps + 1e-6) - settings.window_frames)
