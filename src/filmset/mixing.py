"""A title's sound, made shot by shot when it is asked for: stems, mixed tracks, and moving mouths.

Every track is background + events + its voices, added in that order, sample by sample: the first two
are the same in all tracks. Any span may be asked for in any order and gives the same samples; only the
last few shots are kept, so memory does not grow with a title's length.
"""

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from filmset.backgrounds import Backgrounds
from filmset.events import event_sound
from filmset.faults import Reader, kept_samples, reader
from filmset.layouts import pan, position, ramp_ends, spread
from filmset.retakes import retake
from filmset.rooms import Room
from filmset.settings import Settings
from filmset.synthesis import band, filtered
from filmset.truth import Event, Line, Shot, Title
from filmset.words.protocol import SpeechSource

BED_PEAK = 0.33  # of background and events together; voices keep to `dialogue.VOICE_PEAK`
_BACKGROUND_PEAK = 0.3
_SILENCE = (
    2.0**-24
)  # what 24 bits cannot hold: a room's tail ends here, and stems are silent where tracks are
_KEPT_SHOTS = 5  # those seen and heard now, and those that a track of another speed plays


@dataclass(frozen=True)
class Stems:
    """A shot over [seen_from, seen_to) by source, float32 (C, S); voices by track and speaker."""

    background_CS: np.ndarray
    events_CS: np.ndarray
    voices: dict[str, dict[str, np.ndarray]]


@dataclass(frozen=True)
class _Piece:
    """A line with its reverberation: float32 (S,) from a sample of its shot on, and a gain a channel."""

    track: str
    speaker: str
    first: int
    samples: np.ndarray
    gains: np.ndarray

    def add_to(self, out_CS: np.ndarray, start: int) -> None:
        """Add what falls on `out_CS`, whose first sample is the shot's sample `start`."""
        first, last = max(self.first, start), min(self.first + len(self.samples), start + out_CS.shape[1])
        if first < last:
            heard = self.samples[first - self.first : last - self.first]
            out_CS[:, first - start : last - start] += self.gains[:, None] * heard


@dataclass(frozen=True)
class _ShotSound:
    """A shot as it sounds over [seen_from, seen_to)."""

    background_CS: np.ndarray
    events_CS: np.ndarray
    pieces: list[_Piece]
    openings: dict[str, np.ndarray]
    sample_rate: int
    narrowed: dict[tuple[float, float], np.ndarray] = field(default_factory=dict)

    def narrow(self, low_hz: float, high_hz: float) -> np.ndarray:
        """The background between two frequencies only."""
        if (low_hz, high_hz) not in self.narrowed:
            sound_CS = np.stack(
                [
                    filtered(row, self.sample_rate, lambda hz: band(hz, low_hz, high_hz, 6.0))
                    for row in self.background_CS
                ]
            )
            ramp_ends(sound_CS, self.sample_rate)
            self.narrowed[low_hz, high_hz] = sound_CS
        return self.narrowed[low_hz, high_hz]

    def voices(self, track: str, first: int, last: int, speaker: str | None = None) -> np.ndarray:
        out_CS = np.zeros((len(self.background_CS), last - first), dtype=np.float32)
        for piece in self.pieces:
            if piece.track == track and speaker in (None, piece.speaker):
                piece.add_to(out_CS, first)
        return out_CS


class Mixer:
    """All sound of a title whose lines are written."""

    def __init__(
        self, title: Title, settings: Settings, speech: SpeechSource, backgrounds: Backgrounds
    ) -> None:
        self.title, self.settings = title, settings
        self.speech, self.backgrounds = speech, backgrounds
        self._kept: OrderedDict[int, _ShotSound] = OrderedDict()
        self._readers: dict[str, Reader] = {}
        self._lowered: dict[int, tuple[Event, ...]] = {}
        self._numbers = {shot.start_frame: number for number, shot in enumerate(title.shots)}
        self._spans = [(title.sample(shot.seen_from), title.sample(shot.seen_to)) for shot in title.shots]

    @cached_property
    def samples(self) -> int:
        """Length of the film."""
        return self.title.sample(self.title.frames)

    def length(self, key: str) -> int:
        """Length of a track in samples: the film's, unless a fault truncates it."""
        track = next(track for track in self.title.tracks if track.key == key)
        return kept_samples(track, self.samples, self.title.sample_rate)

    def stems(self, shot: Shot) -> Stems:
        """The sources of a shot as they are before transitions and faults."""
        heard = self._heard(self._numbers[shot.start_frame])
        length = heard.background_CS.shape[1]
        by_track: dict[str, dict[str, np.ndarray]] = {track.key: {} for track in self.title.tracks}
        for piece in heard.pieces:
            voices = by_track[piece.track]
            if piece.speaker not in voices:
                voices[piece.speaker] = heard.voices(piece.track, 0, length, piece.speaker)
        return Stems(heard.background_CS, heard.events_CS, by_track)

    def stem(self, name: str, first: int, last: int) -> np.ndarray:
        """Samples [first, last) of "background", "events" or "voices.<track key>": float32 (C, S).

        Silent outside the film. Stems know no faults: `voices` are those of the track before its fault.
        """
        if name == "background":
            return self._gathered(first, last, lambda heard, a, b: heard.background_CS[:, a:b])
        if name == "events":
            return self._gathered(first, last, lambda heard, a, b: heard.events_CS[:, a:b])
        key = name.removeprefix("voices.")
        if key not in {track.key for track in self.title.tracks}:
            raise ValueError(f"no stem {name}")
        voices_CS = self._gathered(first, last, lambda heard, a, b: heard.voices(key, a, b))
        voices_CS[np.abs(voices_CS) < _SILENCE] = 0.0
        return voices_CS

    def narrow_background(self, low_hz: float, high_hz: float, first: int, last: int) -> np.ndarray:
        """Samples [first, last) of the background, band-limited: float32 (C, S)."""
        return self._gathered(first, last, lambda heard, a, b: heard.narrow(low_hz, high_hz)[:, a:b])

    def mix(self, key: str, first: int, last: int, background_CS: np.ndarray | None = None) -> np.ndarray:
        """Samples [first, last) of a track without its fault, over another background if one is given."""
        mixed_CS = self.stem("background", first, last) if background_CS is None else background_CS.copy()
        mixed_CS += self.stem("events", first, last)
        mixed_CS += self.stem(f"voices.{key}", first, last)
        return mixed_CS

    def track(self, key: str, first: int, last: int) -> np.ndarray:
        """Samples [first, last) of a track as it is in the film, fault and all: float32 (C, S)."""
        if key not in self._readers:
            track = next(track for track in self.title.tracks if track.key == key)
            self._readers[key] = reader(track, self)
        return self._readers[key](first, last)

    def title_as_mixed(self) -> Title:
        """The title with the gains that its events had in the shots made so far.

        Where background and events would exceed BED_PEAK, all events of the shot are lowered alike.
        """
        shots = list(self.title.shots)
        for number, events in self._lowered.items():
            shots[number] = replace(shots[number], events=events)
        return replace(self.title, shots=tuple(shots))

    def openings(self, shot: Shot) -> dict[str, np.ndarray]:
        """How far each person's mouth is open in frames [seen_from, seen_to): (T,) from 0 to 1.

        It follows the loudness of what they say in the original, each line's loudest frame being 1.
        """
        return self._heard(self._numbers[shot.start_frame]).openings

    def _gathered(
        self, first: int, last: int, part: Callable[[_ShotSound, int, int], np.ndarray]
    ) -> np.ndarray:
        """A span of the film from the shots that sound in it, crossfaded where they dissolve."""
        out_CS = np.zeros((self.title.channels, max(0, last - first)), dtype=np.float32)
        begin = bisect_right(self._spans, first, key=lambda span: span[1])
        end = bisect_left(self._spans, last, key=lambda span: span[0])
        for number in range(begin, end):
            start, stop = self._spans[number]
            a, b = max(first, start), min(last, stop)
            sound_CS = part(self._heard(number), a - start, b - start)
            out_CS[:, a - first : b - first] += self._weighted(number, a, sound_CS)
        return out_CS

    def _weighted(self, number: int, first: int, sound_CS: np.ndarray) -> np.ndarray:
        """A shot's sound from a sample of the film on, faded where it dissolves into another."""
        shots = self.title.shots
        rising = self._rise(shots[number], first, sound_CS.shape[1])
        if rising is not None:
            sound_CS = sound_CS * rising
        falling = self._rise(shots[number + 1], first, sound_CS.shape[1]) if number + 1 < len(shots) else None
        return sound_CS if falling is None else sound_CS * (1 - falling)

    def _rise(self, shot: Shot, first: int, length: int) -> np.ndarray | None:
        """How much of a shot is heard as it dissolves in: float32 (S,) from 0 to 1; None for all of it."""
        if shot.transition.kind != "dissolve":
            return None
        start, stop = (
            self.title.sample(frame) for frame in (shot.transition.first_frame, shot.transition.last_frame)
        )
        steps = np.arange(first, first + length) + 0.5 - start
        return np.clip(steps / max(1, stop - start), 0.0, 1.0).astype(np.float32)

    def _heard(self, number: int) -> _ShotSound:
        if number in self._kept:
            self._kept.move_to_end(number)
        else:
            while len(self._kept) >= _KEPT_SHOTS:
                self._kept.popitem(last=False)
            self._kept[number] = self._make(number)
        return self._kept[number]

    def _make(self, number: int) -> _ShotSound:
        title, shot = self.title, self.title.shots[number]
        first, last = self._spans[number]
        room = Room(shot.scene.seed, shot.reverb_s if self.settings.reverb else 0.0, title.sample_rate)
        background_CS = self._background(number)
        pieces: list[_Piece] = []
        openings = {
            person.name: np.zeros(shot.seen_to - shot.seen_from, dtype=np.float32) for person in shot.people
        }
        for line in shot.lines:
            self._speak(shot, line, room, (first, last), pieces, openings)
        events_CS = self._play(shot, shot.events, room, (first, last))
        lowest = _room_for(events_CS, background_CS)
        if lowest < 1:
            lower_db = 20 * np.log10(lowest)
            self._lowered[number] = tuple(
                replace(event, gain_db=float(np.floor(1000 * (event.gain_db + lower_db)) / 1000))
                for event in shot.events
            )
            events_CS = self._play(shot, self._lowered[number], room, (first, last))
        return _ShotSound(background_CS, events_CS, pieces, openings, title.sample_rate)

    def _background(self, number: int) -> np.ndarray:
        """A shot's background (C, S); a recap's is the beginning of the shot that it repeats."""
        title, shot = self.title, self.title.shots[number]
        first, last = self._spans[number if shot.recap_of is None else shot.recap_of]
        whole = shot if shot.recap_of is None else title.shots[shot.recap_of]
        mono = self.backgrounds.sound(
            whole.scene,
            whole.background_source,
            last - first,
            title.sample_rate,
            whole.background_db,
            title.sound_tilt_db,
        )
        background_CS = spread(mono, title.channels, title.sample_rate)
        loudest = float(np.abs(background_CS).max(initial=0.0))
        if loudest > _BACKGROUND_PEAK:
            background_CS = background_CS * np.float32(_BACKGROUND_PEAK / loudest)
        if shot.recap_of is None:
            return background_CS
        length = self._spans[number][1] - self._spans[number][0]
        # The same number of frames may be one sample longer elsewhere in the film: that one is silent.
        missing = max(0, length - background_CS.shape[1])
        cut_CS = np.pad(background_CS[:, :length], ((0, 0), (0, missing)))
        ramp_ends(cut_CS, title.sample_rate, both=False)
        return cut_CS

    def _play(self, shot: Shot, events: tuple[Event, ...], room: Room, span: tuple[int, int]) -> np.ndarray:
        """A shot's events (C, S)."""
        rate = self.title.sample_rate
        events_CS = np.zeros((self.title.channels, span[1] - span[0]), dtype=np.float32)
        for event in events:
            start_s, dry = event_sound(event, rate)
            start = round(start_s * rate) - span[0]
            dry, start = dry[max(0, -start) :], max(0, start)
            if start >= span[1] - span[0] or not len(dry):
                continue
            dry = dry.astype(np.float32) * np.float32(10 ** (event.gain_db / 20))
            gains = pan(position(event.box, shot.camera.canvas[0]), self.title.channels)
            self._piece(room, dry, start, span, "", "", gains).add_to(events_CS, 0)
        return events_CS

    def _piece(
        self,
        room: Room,
        dry: np.ndarray,
        first: int,
        span: tuple[int, int],
        track: str,
        speaker: str,
        gains: np.ndarray,
    ) -> _Piece:
        """A sound in a room; what the shot's end cuts off is ramped down."""
        longest = span[1] - span[0] - first
        samples = room.reverberate(dry, longest)
        if len(samples) == longest:
            ramp_ends(samples, self.title.sample_rate, both=False)
        return _Piece(track, speaker, first, samples, gains)

    def _speak(
        self,
        shot: Shot,
        line: Line,
        room: Room,
        span: tuple[int, int],
        pieces: list[_Piece],
        openings: dict[str, np.ndarray],
    ) -> None:
        """Add a line to the pieces of every track, and move its speaker's mouth."""
        title = self.title
        standing = next(person for person in shot.people if person.name == line.speaker)
        gains = pan(position(standing.mouth, shot.camera.canvas[0]), title.channels)
        for track in title.tracks:
            if track.key not in line.spoken:
                continue
            spoken = line.spoken[track.key]
            dry = retake(title, line, track, self.speech).samples
            first = round(spoken.start_s * title.sample_rate)
            gained = dry * np.float32(10 ** (spoken.gain_db / 20))
            pieces.append(self._piece(room, gained, first - span[0], span, track.key, line.speaker, gains))
            if track is title.tracks[0]:
                mouth = openings[line.speaker]
                np.maximum(mouth, opening(title, shot, first, dry), out=mouth)


def opening(title: Title, shot: Shot, first: int, dry: np.ndarray) -> np.ndarray:
    """How loud a voice (S,) that begins at a sample of the film is in each frame seen: float32 (T,), 0..1."""
    edges = np.array([title.sample(frame) for frame in range(shot.seen_from, shot.seen_to + 1)])
    energy = np.concatenate([[0.0], np.cumsum(np.square(dry, dtype=np.float64))])
    inside = (edges - first).clip(0, len(dry))
    loudness = np.sqrt(np.maximum(energy[inside[1:]] - energy[inside[:-1]], 0.0) / np.diff(edges))
    moved = np.convolve(loudness, (0.25, 0.5, 0.25))[1:-1]  # a mouth moves more slowly than that
    return (moved / max(float(moved.max(initial=0.0)), 1e-9)).astype(np.float32)


def _room_for(events_CS: np.ndarray, background_CS: np.ndarray) -> float:
    """The largest gain up to 1 that keeps a background and events on it within BED_PEAK."""
    if np.abs(background_CS + events_CS).max() <= BED_PEAK:
        return 1.0
    above = np.abs(events_CS) > 1e-6
    free = (BED_PEAK - np.abs(background_CS[above])) / np.abs(events_CS[above])
    return min(1.0, float(free.min()))


class LazyTrack:
    """A track of a mixer as samples (C, S) that are made when a piece [:, a:b] is asked for."""

    def __init__(self, mixer: Mixer, key: str) -> None:
        self._read: Callable[[str, int, int], np.ndarray] = mixer.track
        self._name = key
        self.shape: tuple[int, ...] = (mixer.title.channels, mixer.length(key))

    def __getitem__(self, key: tuple[slice, slice], /) -> np.ndarray:
        channels, samples = key
        first, last, step = samples.indices(self.shape[1])
        return self._read(self._name, first, max(first, last))[channels, ::step]


class LazyStem(LazyTrack):
    """A stem of a mixer ("background", "events", "voices.<key>"), likewise."""

    def __init__(self, mixer: Mixer, name: str) -> None:
        self._read, self._name = mixer.stem, name
        self.shape = (mixer.title.channels, mixer.samples)
