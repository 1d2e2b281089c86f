"""Speech from recordings: a folder of real voices that say the same in several languages.

The folder holds `manifest.csv` with the columns `file` (beside the manifest, in any format that FFmpeg
reads), `language`, `speaker`, `prompt_id` (the same id is the same meaning) and `seconds`, and where known
`text` (what is said) and `sex` (f or m). A recording is used whole, as it was spoken: styles change
nothing, and a take has one word, the whole sentence.
"""

import csv
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from filmset.reading import stays_below
from filmset.words.protocol import Sentence, Take
from filmset.words.stretch import stretched
from filmset.words.takes import FASTEST, SAMPLE_RATE, SLOWEST, TakeStore
from lssd.errors import InputError, MediaError
from lssd.languages import code_of
from lssd.media import probe, read_sound
from lssd.speech import Voice, Word

_COLUMNS = ("file", "language", "speaker", "prompt_id", "seconds")
_SHORTEST_S, _LONGEST_S = 0.5, 8.0
_HELD_OUT = 4  # one in four prompts and speakers, by the hash of its name
_LEVEL, _LOUDEST = 0.1, 0.97  # RMS where it sounds, peak
_FRAME, _FLOOR_DB = 480, -35.0  # quieter than this under the loudest 10 ms is silence
_SEX_HZ = 165.0  # voices above are taken for women's


@dataclass(frozen=True)
class _Recording:
    path: Path
    language: str
    speaker: str
    prompt: str
    seconds: float
    text: str
    sex: str


class RecordedSpeech:
    """A `SpeechSource` from a folder of recordings; files are read when they are spoken.

    languages: those in use, by default all of the manifest. Sentences are the prompts of 0.5 to 8 s that
    every speaker of these languages has recorded. About one in four is kept for held-out titles, chosen by
    its name alone, whatever the languages; so is about one in four speakers of a language. A language with
    one speaker has the same voice for everyone, in both splits.

    Raises InputError for a folder, manifest, column, file or language that is missing, for a file that is
    no sound, and when the speakers have fewer than 2 prompts in common.
    """

    def __init__(self, folder: str | Path, languages: Sequence[str] | None = None) -> None:
        self._folder = Path(folder)
        rows = _read_manifest(self._folder)
        known = dict.fromkeys(row.language for row in rows)
        self._languages = tuple(languages) if languages is not None else tuple(known)
        absent = [language for language in self._languages if language not in known]
        if absent:
            raise InputError(
                f"{self._folder} has no recordings in {', '.join(absent)}; it has {', '.join(known)}"
            )
        self._recordings = {
            (row.language, row.speaker, row.prompt): row for row in rows if row.language in self._languages
        }
        self._prompts = self._common_prompts()
        self._names: dict[str, str] = {}  # of speakers by names of voices
        self._voices = {language: self._listed(language) for language in self._languages}
        self._takes = TakeStore()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held open."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages that can be spoken."""
        return self._languages

    def voices(self, language: str, held_out: bool) -> list[Voice]:
        """The speakers of a language for titles of a split; one speaker alone speaks in both."""
        people = self._voices[language]
        if len(people) == 1:
            return list(people)
        kept = _held_out([self._names[voice.name] for voice in people])
        return [voice for voice in people if (self._names[voice.name] in kept) == held_out]

    def exchange(self, rng: np.random.Generator, held_out: bool, turns: int) -> list[Sentence]:
        """Prompts of a split in any order; none comes twice before all have come."""
        if turns < 1:
            raise InputError(f"a conversation has at least 1 turn, not {turns}")
        kept = _held_out(self._prompts)
        stock = [prompt for prompt in self._prompts if (prompt in kept) == held_out]
        order: list[int] = []
        while len(order) < turns:
            order += rng.permutation(len(stock)).tolist()
        return [self._sentence(stock[number]) for number in order[:turns]]

    def say(
        self, sentence: Sentence, language: str, voice: Voice, style: str, seconds: float | None = None
    ) -> Take:
        """The recording of a sentence, stretched by 0.8 to 1.25 to last `seconds`. The style is ignored.

        Samples are read-only. InputError for a sentence that the voice has not recorded, a length that is
        not positive, and a file that cannot be read or is silent.
        """
        if seconds is not None and not seconds > 0:
            raise InputError(f"a take must last longer than 0 s, not {seconds:g}")
        found = self._recordings.get((language, self._names.get(voice.name, ""), sentence.key))
        if found is None:
            raise InputError(f"{self._folder} has no '{sentence.key}' in {language} by {voice.name}")
        return self._takes.get((found.path, seconds), lambda: _take(found, seconds))

    def _common_prompts(self) -> list[str]:
        """Prompts that all speakers in use have recorded at a fitting length, in order."""
        by_speaker: dict[tuple[str, str], set[str]] = {}
        for (language, speaker, prompt), row in self._recordings.items():
            fits = _SHORTEST_S <= row.seconds <= _LONGEST_S
            by_speaker.setdefault((language, speaker), set()).update([prompt] if fits else [])
        common = sorted(set.intersection(*by_speaker.values()))
        if len(common) < 2:
            raise InputError(
                f"the speakers of {self._folder} in {', '.join(self._languages)} have {len(common)} prompts "
                f"of {_SHORTEST_S:g} to {_LONGEST_S:g} s in common; leave out languages, or speakers with few"
            )
        for (_, _, prompt), row in self._recordings.items():
            if prompt not in common:
                continue
            # Whether a recording is silent shows only when it is spoken.
            if not row.path.is_file():
                raise InputError(f"{row.path} is in the manifest but not in the folder; mend manifest.csv")
            status = row.path.stat()
            if not _sounds(row.path, status.st_size, status.st_mtime_ns):
                raise _unreadable(row.path)
        return common

    def _sentence(self, prompt: str) -> Sentence:
        rows = [row for (_, _, one), row in self._recordings.items() if one == prompt]
        texts = {row.language: row.text for row in reversed(rows)}  # of each language's first speaker
        asks = any(text.rstrip().endswith(("?", "？")) for text in texts.values())
        return Sentence(key=prompt, spoken=texts, written=dict(texts), keywords=(), question=asks)

    def _listed(self, language: str) -> tuple[Voice, ...]:
        """The speakers of a language as voices, in the order of their names."""
        speakers = sorted({speaker for spoken, speaker, _ in self._recordings if spoken == language})
        last_parts = [speaker.rpartition("_")[2] for speaker in speakers]
        voices = []
        for speaker, short in zip(speakers, last_parts, strict=True):
            name = f"{language}-{short if short and last_parts.count(short) == 1 else speaker}"
            self._names[name] = speaker
            voices.append(
                Voice(language, name, f"recorded-{speaker}", self._sex(language, speaker), 50, 50, 170)
            )
        return tuple(voices)

    def _sex(self, language: str, speaker: str) -> str:
        """By the manifest, else by a part "f" or "m" of the speaker's name, else by the voice's pitch."""
        rows = [self._recordings[(language, speaker, prompt)] for prompt in self._prompts]
        given = next((row.sex for row in rows if row.sex), None)
        parts = [part for part in speaker.lower().split("_") if part in ("f", "m")]
        if given or parts:
            return given or parts[0]
        pitches = [_pitch_hz(_read(row)) for row in rows[:3]]
        return "f" if np.median(pitches) > _SEX_HZ else "m"


def _held_out(names: Sequence[str]) -> set[str]:
    """Which of at least 2 names are held out: by the hash of each, one moved where a side would be empty."""
    hashes = {name: zlib.crc32(name.encode()) for name in names}
    kept = {name for name in names if hashes[name] % _HELD_OUT == _HELD_OUT - 1}
    smallest = min(names, key=lambda name: (hashes[name], name))
    if not kept:
        return {smallest}
    return kept if len(kept) < len(hashes) else kept - {smallest}


@cache
def _sounds(path: Path, size: int, changed_ns: int) -> bool:
    """Whether a file has a sound track; size and time of change tell when to look again."""
    try:
        return bool(probe(path).tracks)
    except MediaError:
        return False


def _unreadable(path: Path) -> InputError:
    return InputError(f"{path} cannot be read as sound; mend it or take it out of manifest.csv")


def _read_manifest(folder: Path) -> list[_Recording]:
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; give one with recordings and their manifest.csv")
    manifest = folder / "manifest.csv"
    try:
        with manifest.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise InputError(f"{manifest} lacks the columns {', '.join(missing)}")
            rows = [_recording(folder, manifest, number, row) for number, row in enumerate(reader, 2)]
    except FileNotFoundError:
        raise InputError(f"{folder} has no manifest.csv; it lists {', '.join(_COLUMNS)}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{manifest} cannot be read as UTF-8 CSV: {error}") from error
    if not rows:
        raise InputError(f"{manifest} lists no recordings")
    return rows


def _recording(folder: Path, manifest: Path, line: int, row: dict[str, str | None]) -> _Recording:
    cells = {name: (value or "").strip() for name, value in row.items() if isinstance(value, str)}
    empty = [name for name in _COLUMNS if not cells.get(name)]
    if empty:
        raise InputError(f"{manifest}, line {line}: no {', '.join(empty)}")
    language = code_of(cells["language"], f"{manifest}, line {line}")
    sex = cells.get("sex", "").lower()[:1]
    try:
        seconds = float(cells["seconds"])
    except ValueError:
        raise InputError(f"{manifest}, line {line}: '{cells['seconds']}' is no number of seconds") from None
    if not stays_below(cells["file"]):
        raise InputError(f"{manifest}, line {line}: {cells['file']!r} leads out of the folder")
    prompt = cells["prompt_id"]
    return _Recording(
        path=folder / cells["file"],
        language=language,
        speaker=cells["speaker"],
        prompt=prompt,
        seconds=seconds,
        text=cells.get("text") or prompt.replace("-", " "),
        sex=sex if sex in ("f", "m") else "",
    )


def _take(recording: _Recording, seconds: float | None) -> Take:
    samples = _read(recording)
    if seconds is not None:
        factor = float(np.clip(seconds * SAMPLE_RATE / len(samples), 1 / FASTEST, 1 / SLOWEST))
        samples = stretched(samples, SAMPLE_RATE, factor)
    rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) + 1e-9
    gain = min(_LEVEL / rms, _LOUDEST / (float(np.abs(samples).max()) + 1e-9))
    samples = (samples * np.float32(gain)).astype(np.float32)
    samples.setflags(write=False)
    return Take(samples, (Word(recording.text, 0.0, len(samples) / SAMPLE_RATE, True),))


def _read(recording: _Recording) -> np.ndarray:
    """The samples of a recording at 48 kHz, float32 (S,), without the silence at its ends."""
    try:
        samples = read_sound(recording.path, sample_rate=SAMPLE_RATE, channels=1)[0]
    except MediaError as error:
        raise _unreadable(recording.path) from error
    frames = len(samples) // _FRAME
    level = np.square(samples[: frames * _FRAME], dtype=np.float64).reshape(frames, _FRAME).mean(axis=1)
    loud = np.flatnonzero(level > level.max(initial=0.0) * 10 ** (_FLOOR_DB / 10))
    if not loud.size:
        raise InputError(f"{recording.path} is silent; take it out of manifest.csv")
    return samples[loud[0] * _FRAME : (loud[-1] + 1) * _FRAME]


def _pitch_hz(samples: np.ndarray) -> float:
    """The median, over frames, of the lag from 60 to 400 Hz at which speech resembles itself most."""
    size, found = SAMPLE_RATE // 20, []
    lags = np.arange(SAMPLE_RATE // 400, SAMPLE_RATE // 60)
    for start in range(0, len(samples) - size, size):
        spectrum = np.fft.rfft(samples[start : start + size] * np.hanning(size), 2 * size)
        likeness = np.fft.irfft(np.abs(spectrum) ** 2)
        if likeness[lags].max() > 0.4 * likeness[0] > 0:
            found.append(SAMPLE_RATE / lags[np.argmax(likeness[lags])])
    return float(np.median(found)) if found else 0.0
