"""The dials of views: windows and sounds of an instance, instances of a batch (paper, section 4.1)."""

from dataclasses import dataclass
from typing import Literal

from lssd.models.limits import SIZE, require_ranges
from lssd.views.selection import require_codes


@dataclass(frozen=True)
class ViewSettings:
    """What a view of a clip is.

    corpus_weights: of several corpora, how often each gives a title, relative to the others, in the order in
    which they are named; empty: all titles alike.
    batch_size: instances of a group; a step's batch holds one group or several (`Recipe.groups`).
    title_share: the share of a group that comes from one title.
    languages: codes; only sounds in these count as dubs, also for `Selection.require_dub`. The default is the
    paper's seven (section 4); empty means all.
    pictures: whether pictures are read at all; windows: of a clip. 2 are drawn independently, for the
    primary and the secondary instance (the paper); 1 serves both (the controlled study).
    secondary: the secondary sound. "dub": uniformly one of the clip's other languages, and the original
    again where there is none; "round_robin": the step's language, in turn, of `secondary_languages`, and
    the original again where a clip lacks it; "all": every other language at once, and the original again
    where there is none; "original": the original again; "none": there is no secondary.
    secondary_languages: codes; dubs are drawn from these alone, whether or not `languages` names them; empty
    means all of `languages`.
    primary: the track of the primary sound, the "original" or the "background" (music and effects).
    window_s: length of a window in seconds; fps: of stored clips.
    frames: frames picked uniformly from a window; size: height and width of the crop in pixels.
    short_side: range, in pixels, from which the short side is drawn before cropping.
    sample_rate: of sounds in Hz; channels: 1 (mean of channels) or 2.

    Raises ValueError, naming the field, for a value that makes no sense.
    """

    corpus_weights: tuple[float, ...] = ()
    batch_size: int = 64
    title_share: float = 0.125
    languages: tuple[str, ...] = ("en", "es", "fr", "ja", "de", "it", "ko")
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
        if not all(weight > 0 for weight in self.corpus_weights):
            raise ValueError("corpus_weights must be above 0; leave out a corpus that is to give nothing")
        if self.batch_size < 2:
            raise ValueError("batch_size must be at least 2: the other instances are the negatives")
        if not 0 < self.title_share <= 1:
            raise ValueError("title_share must lie in (0, 1]")
        if self.windows not in (1, 2):
            raise ValueError("windows must be 1 or 2")
        if self.secondary == "round_robin" and not self.secondary_languages:
            raise ValueError("secondary_languages must name the languages that secondary round_robin takes")
        require_codes("languages", self.languages)
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
    def drawn_languages(self) -> tuple[str, ...]:
        """The languages from which secondary sounds are drawn; empty means all."""
        return self.secondary_languages or self.languages

    @property
    def known_languages(self) -> tuple[str, ...]:
        """The languages of dubs that training and its measures on held-out titles know; empty means all."""
        return self.languages and tuple(dict.fromkeys([*self.languages, *self.secondary_languages]))

    @property
    def title_clips(self) -> int:
        """Clips of one title in a group."""
        return max(1, round(self.batch_size * self.title_share))

    @property
    def window_frames(self) -> int:
        return round(self.window_s * self.fps)

    @property
    def middle_short_side(self) -> int:
        """The short side, in pixels, at which pictures are judged: the middle of the range in training."""
        return round(sum(self.short_side) / 2)

    @property
    def window_samples(self) -> int:
        return round(self.window_s * self.sample_rate)
