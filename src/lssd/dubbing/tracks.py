"""A script with words in another language becomes a track."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lssd.dubbing.backend_pool import Tool
from lssd.dubbing.declaration import BackendError
from lssd.dubbing.film import Job
from lssd.dubbing.lines import Segment
from lssd.dubbing.placing import Place, place
from lssd.dubbing.provenance import LanguageRecord
from lssd.dubbing.remixing import Bed, Spoken, levelled, regions, remix, touched
from lssd.dubbing.reports import LanguageReport
from lssd.dubbing.script import Script
from lssd.dubbing.settings import SAMPLE_RATE
from lssd.dubbing.sidecars import Mix
from lssd.dubbing.sound import Sound
from lssd.dubbing.voicing import NaturalLine, SpeakerVoice, Tools, Voicing, line_sound, texts_to_speak
from lssd.dubbing.workspace import Made
from lssd.errors import ItemError

_VERSION = 1  # of the method here; part of every key
_NOTED_GAIN = 0.7
Flags = list[tuple[str, str]]  # (utterance id, what to know of it)


@dataclass(frozen=True)
class Dub:
    """A finished track."""

    report: LanguageReport
    sound: Sound
    record: LanguageRecord


@dataclass(frozen=True)
class FittedLine:
    """A line in its place: its samples, the key of the step that made them, and the utterance's id."""

    spoken: Spoken
    key: str
    id: str


def dub_track(job: Job, script: Script, target: str) -> Dub:
    """The track of a script that has words in the language. BackendError where no line can be spoken."""
    speakers = job.pool.tools("speaking", target)
    tools = Tools(job.pool.tools("stretching")[0], job.pool.tools("conversion")[0])
    voicing = Voicing(job)
    voices = voicing.voices(script.utterances)
    flags: Flags = []
    natural, used_speakers = _speak(script, target, voicing, voices, speakers, flags)
    places = place(
        [one.line() for one in script.utterances],
        [natural[one.id].duration_s if one.id in natural else None for one in script.utterances],
        job.stems.original.duration_s,
        job.settings.placing,
    )
    lines = _fit(script, places, natural, voicing, voices, tools, flags)
    if not lines:
        raise BackendError(f"no line could be spoken: {flags[0][1]}")
    for one in script.utterances:
        said = one.said.get(target)
        if said is not None and said.text and not (said.is_translation or said.by_hand):
            flags.append((one.id, said.note or "not a translation"))
    mixed, changed = _remix(job, script, [line.spoken for line in lines], [line.key for line in lines])
    for line, gain in zip(lines, Mix.read(mixed.folder).gains, strict=True):
        if gain < _NOTED_GAIN:
            turned_down_db = -20 * math.log10(gain)
            flags.append(
                (line.id, f"turned down by {turned_down_db:.0f} dB, since what lies under it is loud")
            )
    report = LanguageReport(target, len(script.utterances), len(lines), flags=tuple(sorted(flags)))
    translators = {said.by for one in script.utterances if (said := one.said.get(target)) is not None}
    used = [
        *(tool for tool in job.pool.tools("translation") if tool.name in translators),
        *(tool for tool in speakers if tool.name in used_speakers),
        tools.stretch,
        tools.convert,
    ]
    record = LanguageRecord.of(script, target, used, places, mixed.key, changed, flags, job.settings.consent)
    return Dub(report, Sound(mixed.folder / "mix.npy", SAMPLE_RATE), record)


def _speak(
    script: Script,
    target: str,
    voicing: Voicing,
    voices: Mapping[str, SpeakerVoice],
    speakers: Sequence[Tool],
    flags: Flags,
) -> tuple[dict[str, NaturalLine], set[str]]:
    """Each line at its natural pace, by utterance id, and the names of the backends that spoke.

    The first backend that can say a line speaks it; a line that none can say is flagged.
    """
    texts = texts_to_speak(script.utterances, target)
    natural: dict[str, NaturalLine] = {}
    used: set[str] = set()
    for one in script.utterances:
        if one.id not in texts:
            said = one.said.get(target)
            note = "" if said is None or said.by_hand else said.note
            flags.append((one.id, f"nothing to say: {note}" if note else "nothing to say"))
            continue
        reasons = []
        for tool in speakers:
            try:
                natural[one.id] = voicing.speak(one, texts[one.id], target, voices[one.speaker], tool)
                used.add(tool.name)
                break
            except ItemError as error:
                reasons.append(str(error))
        else:
            flags.append((one.id, "; ".join(reasons)))
    return natural, used


def _fit(
    script: Script,
    places: Sequence[Place | None],
    natural: Mapping[str, NaturalLine],
    voicing: Voicing,
    voices: Mapping[str, SpeakerVoice],
    tools: Tools,
    flags: Flags,
) -> list[FittedLine]:
    """The lines that have a place, fitted to it; one on which a backend fails is flagged and left out."""
    lines = []
    for one, found in zip(script.utterances, places, strict=True):
        if found is None:
            continue
        try:
            made, more = voicing.fit(one, natural[one.id], found, voices[one.speaker], tools)
        except ItemError as error:
            flags.append((one.id, str(error)))
            continue
        flags += [(one.id, flag) for flag in (*found.flags, *more)]
        sound = line_sound(made)
        kept = min(sound.length, round(found.kept_s * SAMPLE_RATE))
        lines.append(FittedLine(Spoken(sound, round(found.start_s * SAMPLE_RATE), kept), made.key, one.id))
    return lines


def _remix(
    job: Job, script: Script, lines: Sequence[Spoken], keys: Sequence[str]
) -> tuple[Made, list[tuple[int, int]]]:
    """The track, and the ranges of samples outside which it is the original."""
    stems, settings = job.stems, job.settings.remixing
    segments = [Segment(one.start_s, one.end_s) for one in script.utterances]
    taken_out = regions(segments, stems.original.length, SAMPLE_RATE, settings)
    changed = touched(taken_out, lines)

    def make(folder: Path) -> None:
        bed = Bed(stems.original, stems.background, taken_out, settings)
        placed = levelled(bed, lines)
        remix(bed, placed, folder / "mix.npy", settings)
        Mix(tuple(changed), tuple(line.gain for line in placed)).write(folder)

    of = {
        "stems": stems.key,
        "lines": [[key, line.start, line.kept] for line, key in zip(lines, keys, strict=True)],
        "taken_out": taken_out,
        "dials": vars(settings),
        "version": _VERSION,
    }
    return job.workspace.step("remix", of, make), changed
