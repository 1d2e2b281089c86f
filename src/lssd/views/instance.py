"""What a training instance is: windows of a clip and the sounds that go with them (paper, section 4.1)."""

from collections.abc import Sequence
from dataclasses import dataclass

from lssd.corpus import Member
from lssd.errors import CorpusError
from lssd.views.columns import ClipEntry
from lssd.views.index import ClipIndex
from lssd.views.settings import ViewSettings

# Random numbers of a window: its start, the side of its square, and the square's position down and across;
# of an instance: two windows and the choice of a dub. All are drawn whatever the settings, so that two runs
# which differ in one of these settings still see the same windows of the same clips.
_WINDOW_DRAWS = 4
DRAWS = 2 * _WINDOW_DRAWS + 1


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
    """The middle window of a clip with the middle crop, as `embed` sees it with views 1."""
    side = settings.size / settings.middle_short_side
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
    dubs = tuple(dub for dub in clip.dubs if not wanted or dub.language in wanted) or (clip.original,)
    return dubs if settings.secondary == "all" else (dubs[int(number * len(dubs))],)


def _make_window(clip: ClipEntry, settings: ViewSettings, numbers: Sequence[float]) -> Window:
    start, side, top, left = numbers
    low, high = settings.short_side
    short_side = low + int(side * (high - low + 1))
    return Window(int(start * (_last_start(clip, settings) + 1)), settings.size / short_side, top, left)


def _last_start(clip: ClipEntry, settings: ViewSettings) -> int:
    return max(0, int(clip.duration_s * settings.fps + 1e-6) - settings.window_frames)
