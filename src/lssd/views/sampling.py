"""Draw quadruplets and title-grouped batches (paper, sections 3 and 4; DESIGN: the method)."""

from dataclasses import dataclass

import numpy as np

from lssd.errors import CorpusError
from lssd.views.index import ClipEntry, ClipIndex, Member


@dataclass(frozen=True)
class ViewSettings:
    """What a view of a clip is.

    batch_size: quadruplets a process and step.
    title_share: the share of a process' batch that comes from one title.
    augment_with_dubs: the secondary sound is a dub where there is one.
    window_s: length of a window in seconds; fps: of stored clips.
    frames: frames picked uniformly from a window; size: height and width of the crop in pixels.
    short_side: range, in pixels, from which the short side is drawn before cropping.
    sample_rate: of sounds in Hz; channels: 1 (mean of channels) or 2.
    """

    batch_size: int = 64
    title_share: float = 0.125
    augment_with_dubs: bool = True
    window_s: float = 3.0
    fps: int = 25
    frames: int = 16
    size: int = 224
    short_side: tuple[int, int] = (256, 320)
    sample_rate: int = 48_000
    channels: int = 1

    def __post_init__(self) -> None:
        if self.batch_size < 2:
            raise ValueError("batch_size must be at least 2: the other instances are the negatives")
        if not 0 < self.title_share <= 1:
            raise ValueError("title_share must lie in (0, 1]")
        if not self.size <= self.short_side[0] <= self.short_side[1]:
            raise ValueError("short_side must be an ascending range not below size")
        if self.channels not in (1, 2):
            raise ValueError("channels must be 1 or 2")
        if not 1 <= self.frames <= round(self.window_s * self.fps):
            raise ValueError("frames must lie between 1 and the frames of a window")

    @property
    def title_clips(self) -> int:
        """Clips of one title in a process' batch."""
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
    """(v_p, a_p, v_s, a_s) of one clip: two windows, and the sound that goes with each."""

    clip: ClipEntry
    primary: Window
    secondary: Window
    primary_sound: Member
    secondary_sound: Member


def batch_size(index: ClipIndex, settings: ViewSettings) -> int:
    """The size of every batch: as asked, or all clips of a corpus that has fewer.

    CorpusError below two clips, since there would be no negatives.
    """
    clips = len(index.clips)
    if clips < 2:
        raise CorpusError(f"{index.root} has {clips} usable clip; contrastive training needs at least 2")
    return min(settings.batch_size, clips)


def epoch_steps(index: ClipIndex, settings: ViewSettings, processes: int = 1) -> int:
    """Steps an epoch: floor(clips / global batch), at least 1."""
    return max(1, len(index.clips) // (batch_size(index, settings) * processes))


def plan_batch(
    index: ClipIndex, settings: ViewSettings, seed: int, epoch: int, step: int, rank: int = 0
) -> tuple[Quadruplet, ...]:
    """Draw one batch. The same arguments give the same batch, on any machine and in any order.

    Titles are drawn uniformly without replacement and each gives `title_clips` distinct clips; one
    with fewer gives all it has and further titles fill the batch. When the titles are exhausted they
    give more clips each, so only a corpus of fewer clips than a batch shrinks it.
    """
    generator = np.random.default_rng([seed, epoch, step, rank])
    clips = _draw_clips(index, settings, generator)
    return tuple(_draw_quadruplet(clip, settings, generator) for clip in clips)


def _draw_clips(index: ClipIndex, settings: ViewSettings, generator: np.random.Generator) -> list[ClipEntry]:
    wanted = batch_size(index, settings)
    order = generator.permutation(len(index.titles))
    left: dict[int, list[int]] = {}
    drawn: list[ClipEntry] = []
    while len(drawn) < wanted:
        for title in order:
            clips = index.titles[title]
            if title not in left:
                left[title] = list(generator.permutation(len(clips)))
            count = min(settings.title_clips, wanted - len(drawn))
            drawn += [clips[position] for position in left[title][:count]]
            left[title] = left[title][count:]
            if len(drawn) == wanted:
                break
    return drawn


def _draw_quadruplet(clip: ClipEntry, settings: ViewSettings, generator: np.random.Generator) -> Quadruplet:
    windows = (_draw_window(clip, settings, generator), _draw_window(clip, settings, generator))
    choice = int(generator.integers(len(clip.dubs))) if clip.dubs else 0
    # The draw above happens in both arms of a comparison, so that they see the same windows.
    dub = clip.dubs[choice] if clip.dubs and settings.augment_with_dubs else clip.original
    return Quadruplet(clip, windows[0], windows[1], clip.original, dub)


def _draw_window(clip: ClipEntry, settings: ViewSettings, generator: np.random.Generator) -> Window:
    frames = int(clip.duration_s * settings.fps + 1e-6)
    last_start = max(0, frames - settings.window_frames)
    start = int(generator.integers(last_start + 1))
    low, high = settings.short_side
    short_side = int(generator.integers(low, high + 1))
    top, left = generator.random(2)
    return Window(start, settings.size / short_side, float(top), float(left))


def centre_window(clip: ClipEntry, settings: ViewSettings) -> Window:
    """The middle window of a clip with the middle crop, for evaluation."""
    frames = int(clip.duration_s * settings.fps + 1e-6)
    side = settings.size / round(sum(settings.short_side) / 2)
    return Window(max(0, frames - settings.window_frames) // 2, side, 0.5, 0.5)
