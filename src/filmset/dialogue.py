"""Who says what when: a conversation for every shot, timed to fit in all of a title's tracks.

The original's take decides when a line is spoken; dubs are spoken to its length and begin within 80 ms
of it. All times are whole samples, so that the truth and the sound agree exactly.
"""

from dataclasses import dataclass, replace

import numpy as np

from filmset.faults import complete_faults
from filmset.retakes import sample_of, seconds_of, sentence_alone
from filmset.rooms import Room
from filmset.settings import Settings
from filmset.truth import Line, Shot, Spoken, Title, Track
from filmset.words.protocol import Sentence, SpeechSource, Take
from lssd.speech import Word

VOICE_PEAK = 0.33  # of a voice as its room answers it
_DIALOGUE = 51  # purpose of a title's generator
_STYLES = {"calm": 0.4, "excited": 0.2, "whispered": 0.1, "sad": 0.15, "angry": 0.15}
_ASKED = 0.85  # share of questions spoken in the style "questioning"
_SHIFT_S = 0.08  # a dub begins at most this far from the original
_GAP_S = (0.2, 0.9)  # between one line and the next
_CUT_IN_S = (0.15, 0.6)  # how early an overlapping line begins
_FIRST_S, _LAST_S = (0.1, 0.5), 0.08  # free at a shot's ends
_SHORTEST_S = 0.7  # no line is tried in less
_MISSES = 4  # sentences that do not fit, before a shot is given up
_QUIET_PEAK = 0.2  # no room raises the peak of a quieter voice above VOICE_PEAK


def write_lines(title: Title, settings: Settings, speech: SpeechSource) -> Title:
    """The title with the lines of every shot, and with those values of its faults that depend on them."""
    shots: list[Shot] = []
    share = _Share(settings.overlaps)
    for number, shot in enumerate(title.shots):
        span = own_span(title, number)
        if shot.recap_of is not None:
            lines = _repeated(title, shots[shot.recap_of], shot, span)
        else:
            rng = np.random.default_rng([title.seed, _DIALOGUE, title.index, number])
            lines = ()
            if rng.uniform() >= settings.silent and shot.people:
                lines = _Conversation(title, shot, span, settings, speech, rng, share).lines()
        shots.append(replace(shot, lines=lines))
    return complete_faults(replace(title, shots=tuple(shots)), speech)


def own_span(title: Title, number: int) -> tuple[int, int]:
    """Samples of the film in which a shot is seen alone: outside the transitions at its ends."""
    shot = title.shots[number]
    first, last = shot.start_frame, shot.end_frame
    if shot.transition.kind != "cut":
        first = max(first, shot.transition.last_frame)
    if number + 1 < len(title.shots) and title.shots[number + 1].transition.kind != "cut":
        last = min(last, title.shots[number + 1].transition.first_frame)
    return title.sample(first), title.sample(last)


def _repeated(title: Title, earlier: Shot, shot: Shot, span: tuple[int, int]) -> tuple[Line, ...]:
    """The lines of an earlier shot that fit, as long after `seen_from` as they were there."""
    later = title.sample(shot.seen_from) - title.sample(earlier.seen_from)
    moved = (
        replace(line, spoken={key: _moved(title, spoken, later) for key, spoken in line.spoken.items()})
        for line in earlier.lines
    )
    return tuple(
        line
        for line in moved
        if min(sample_of(title, spoken.start_s) for spoken in line.spoken.values()) >= span[0]
        and max(sample_of(title, spoken.end_s) for spoken in line.spoken.values()) <= span[1]
    )


def _moved(title: Title, spoken: Spoken, later: int) -> Spoken:
    return replace(
        spoken,
        start_s=seconds_of(title, sample_of(title, spoken.start_s) + later),
        end_s=seconds_of(title, sample_of(title, spoken.end_s) + later),
        words=_later(spoken.words, later / title.sample_rate),
    )


def _later(words: tuple[Word, ...], seconds: float) -> tuple[Word, ...]:
    return tuple(
        replace(
            word,
            start_s=round(float(word.start_s) + seconds, 6),
            end_s=round(float(word.end_s) + seconds, 6),
        )
        for word in words
    )


class _Share:
    """Chooses a share of all lines at random, where only some of them may be chosen."""

    def __init__(self, share: float) -> None:
        self.share, self.lines, self.chosen = share, 0, 0

    def sample(self, rng: np.random.Generator) -> bool:
        owed = self.share * (self.lines + 1) - self.chosen
        return self.share > 0 and rng.uniform() < owed

    def count(self, chosen: bool) -> None:
        self.lines += 1
        self.chosen += chosen


@dataclass(frozen=True)
class _Said:
    """A line in the making: who says it, and its takes and first samples by track."""

    speaker: str
    takes: dict[str, Take]
    starts: dict[str, int]

    @property
    def ends(self) -> dict[str, int]:
        return {key: start + len(self.takes[key].samples) for key, start in self.starts.items()}


class _Conversation:
    """The lines of one shot, found one after the other."""

    def __init__(
        self,
        title: Title,
        shot: Shot,
        span: tuple[int, int],
        settings: Settings,
        speech: SpeechSource,
        rng: np.random.Generator,
        share: _Share,
    ) -> None:
        self.title, self.shot, self.speech, self.rng, self.share = title, shot, speech, rng, share
        self.rate = title.sample_rate
        self.first = span[0] + self._samples(rng.uniform(*_FIRST_S))
        self.last = span[1] - self._samples(_LAST_S)
        self.room = Room(shot.scene.seed, shot.reverb_s if settings.reverb else 0.0, self.rate)
        self.said: list[_Said] = []

    def lines(self) -> tuple[Line, ...]:
        """What is said, in the order in which the original's lines begin."""
        seconds = (self.last - self.first) / self.rate
        if seconds < _SHORTEST_S:
            return ()
        names = self.rng.permutation([person.name for person in self.shot.people]).tolist()
        turns = len(names) + 2 + int(seconds)
        sentences = self.speech.exchange(self.rng, self.title.split == "test", turns)
        lines: list[Line] = []
        misses = 0
        for sentence in sentences:
            if len(self.said) < len(names):  # everyone once, in their order
                speaker = names[len(self.said)]
            else:  # then anyone but the last
                others = [name for name in names if name != self.said[-1].speaker] or names
                speaker = str(self.rng.choice(others))
            line = self._attempt(sentence, speaker)
            if line is not None:
                lines.append(line)
            misses += line is None
            if misses == _MISSES or self._reached() + self._samples(_SHORTEST_S) > self.last:
                break
        return tuple(lines)

    def _samples(self, seconds: float) -> int:
        return round(seconds * self.rate)

    def _reached(self) -> int:
        return max((end for said in self.said for end in said.ends.values()), default=self.first)

    def _attempt(self, sentence: Sentence, speaker: str) -> Line | None:
        """The sentence as the next line, or None where a track has no room for it."""
        title, original = self.title, self.title.tracks[0]
        if sentence.question and self.rng.uniform() < _ASKED:
            style = "questioning"
        else:
            style = str(self.rng.choice(list(_STYLES), p=list(_STYLES.values())))
        interrupts = bool(self.said) and self.said[-1].speaker != speaker
        overlapping = interrupts and self.share.sample(self.rng)
        start = self._overlapping_start() if overlapping else None
        overlapping = start is not None
        if start is None:
            gap = self._samples(self.rng.uniform(*_GAP_S)) if self.said else self._samples(_SHIFT_S)
            start = self._reached() + gap
        take = self._say(sentence, speaker, original, style, None)
        if start + len(take.samples) > self.last:
            return None
        takes, starts = {original.key: take}, {original.key: start}
        for track in title.voiced[1:]:
            dub = self._say(sentence, speaker, track, style, take.duration_s)
            dub_start = self._dub_start(track.key, start, len(dub.samples), overlapping)
            if dub_start is None:
                return None
            takes[track.key], starts[track.key] = dub, dub_start
        self.said.append(_Said(speaker, takes, starts))
        self.share.count(overlapping)
        return self._line(sentence, style, self.said[-1])

    def _overlapping_start(self) -> int | None:
        """A start before the last line ends in any track, after all others have; None if there is none."""
        last = self.said[-1]
        early = self._samples(self.rng.uniform(*_CUT_IN_S))
        begun, ended = max(last.starts.values()), min(last.ends.values())
        start = max(ended - early, (begun + ended) // 2)
        free = max((end for said in self.said[:-1] for end in said.ends.values()), default=self.first)
        near = self._samples(_SHIFT_S)
        return start if start >= free + near and start + near < ended else None

    def _dub_start(self, key: str, start: int, length: int, overlapping: bool) -> int | None:
        """A start near the original's, so that the line ends within the shot and, if it overlaps, cuts in.

        None if there is none.
        """
        near = self._samples(_SHIFT_S)
        latest = min(start + near, self.last - length)
        if overlapping:
            latest = min(latest, self.said[-1].ends[key] - 1)
        return int(self.rng.integers(start - near, latest + 1)) if latest >= start - near else None

    def _say(self, sentence: Sentence, speaker: str, track: Track, style: str, seconds: float | None) -> Take:
        language = track.language
        text, written = sentence.spoken[language], sentence.written[language]
        alone = sentence_alone(sentence.key, language, text, written, sentence.keywords)
        voice = self.title.speaker(speaker).voices[track.key]
        return self.speech.say(alone, language, voice, style, seconds)

    def _line(self, sentence: Sentence, style: str, said: _Said) -> Line:
        spoken = {}
        for track in self.title.voiced:
            take, start = said.takes[track.key], said.starts[track.key]
            spoken[track.key] = Spoken(
                text=sentence.spoken[track.language],
                written=sentence.written[track.language],
                start_s=seconds_of(self.title, start),
                end_s=seconds_of(self.title, start + len(take.samples)),
                gain_db=self._gain_db(take.samples),
                words=_later(take.words, start / self.rate),
            )
        return Line(sentence.key, said.speaker, style, sentence.keywords, spoken)

    def _gain_db(self, dry: np.ndarray) -> float:
        """The gain, to 3 places, to the level asked for, or less where the voice would peak too high."""
        wanted_db = self.shot.background_db + self.shot.speech_over_background_db
        gain_db = wanted_db - 10 * np.log10(np.mean(np.square(dry, dtype=np.float64)) + 1e-12)
        peak = float(np.abs(dry).max())
        if peak * 10 ** (gain_db / 20) > _QUIET_PEAK:
            peak = float(np.abs(self.room.reverberate(dry, len(dry) + self.rate)).max())
        highest_db = 20 * np.log10(VOICE_PEAK / max(peak, 1e-9))
        return float(np.floor(1000 * min(gain_db, highest_db)) / 1000)
