"""A film's script becomes a track in another language."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lssd.dubbing.backend_pool import Tool
from lssd.dubbing.declaration import BackendError
from lssd.dubbing.job import Job
from lssd.dubbing.lines import Segment
from lssd.dubbing.placing import Place, place
from lssd.dubbing.provenance import LanguageRecord
from lssd.dubbing.remixing import Bed, Spoken, levelled, regions, remix, touched
from lssd.dubbing.reports import LanguageReport
from lssd.dubbing.script import Said, Script
from lssd.dubbing.settings import SAMPLE_RATE
from lssd.dubbing.sound import Sound
from lssd.dubbing.voicing import Tools, Voice, Voicing, line_sound, spoken_texts
from lssd.dubbing.workspace import Made
from lssd.errors import ItemError
from lssd.store import read_json, write_json

_VERSION = 1  # of what is done here; part of every key
_NOTED_GAIN = 0.7
Flags = list[tuple[str, str]]


@dataclass(frozen=True)
class Dub:
    """A finished track."""

    report: LanguageReport
    sound: Sound
    record: LanguageRecord


def dub_track(job: Job, script: Script, target: str) -> Dub:
    """The track of a script that has words in the language. ItemError where no line can be spoken."""
    speakers = job.pool.tools("speaking", target)
    tools = Tools(job.pool.tools("stretching")[0], job.pool.tools("conversion")[0])
    voicing = Voicing(job)
    voices = voicing.voices(script.utterances)
    flags: Flags = []
    natural, spoke = _spoken(script, target, voicing, voices, speakers, flags)
    places = place(
        [one.line() for one in script.utterances],
        [natural[one.id][1] if one.id in natural else None for one in script.utterances],
        job.stems.original.duration_s,
        job.settings.placing,
    )
    lines = _fitted(script, places, natural, voicing, voices, tools, flags)
    if not lines:
        raise BackendError(f"no line could be spoken: {flags[0][1]}")
    flags += _unsure(script, target)
    mixed, changed = _remix(job, script, lines)
    flags += _turned_down(mixed, [key for _, _, key in lines])
    report = LanguageReport(target, len(script.utterances), len(lines), flags=tuple(sorted(flags)))
    names = {said.by for one in script.utterances if (said := one.said.get(target)) is not None}
    worded = [tool for tool in job.pool.tools("translation") if tool.name in names]
    used = [*worded, *(tool for tool in speakers if tool.name in spoke), tools.stretch, tools.convert]
    record = LanguageRecord.of(script, target, used, places, mixed.key, changed, flags, job.settings.consent)
    return Dub(report, Sound(mixed.folder / "mix.npy", SAMPLE_RATE), record)


def _spoken(
    script: Script,
    target: str,
    voicing: Voicing,
    voices: Mapping[str, Voice],
    speakers: Sequence[Tool],
    flags: Flags,
) -> tuple[dict[str, tuple[Made, float]], set[str]]:
    """Each line at its natural pace, by utterance, and who spoke; a line that nobody can say is flagged."""
    texts = spoken_texts(script.utterances, target)
    natural: dict[str, tuple[Made, float]] = {}
    spoke: set[str] = set()
    for one in script.utterances:
        if one.id not in texts:
            flags.append((one.id, _why_silent(one.said.get(target))))
            continue
        reasons = []
        for tool in speakers:
            try:
                natural[one.id] = voicing.speak(one, texts[one.id], target, voices[one.speaker], tool)
                spoke.add(tool.name)
                break
            except ItemError as error:
                reasons.append(str(error))
        else:
            flags.append((one.id, "; ".join(reasons)))
    return natural, spoke


def _why_silent(said: Said | None) -> str:
    if said is None or not said.note or said.by_hand:
        return "nothing to say"
    return f"nothing to say: {said.note}"


def _fitted(
    script: Script,
    places: Sequence[Place | None],
    natural: Mapping[str, tuple[Made, float]],
    voicing: Voicing,
    voices: Mapping[str, Voice],
    tools: Tools,
    flags: Flags,
) -> list[tuple[Spoken, str, str]]:
    """Each line as it is heard, its samples' key and its id; one that a backend fails on is flagged."""
    lines = []
    for one, found in zip(script.utterances, places, strict=True):
        if found is None:
            continue
        try:
            made, more = voicing.fit(one, natural[one.id][0], found, voices[one.speaker], tools)
        except ItemError as error:
            flags.append((one.id, str(error)))
            continue
        flags += [(one.id, flag) for flag in (*found.flags, *more)]
        sound = line_sound(made)
        kept = min(sound.length, round(found.kept_s * SAMPLE_RATE))
        lines.append((Spoken(sound, round(found.start_s * SAMPLE_RATE), kept), made.key, one.id))
    return lines


def _unsure(script: Script, target: str) -> Flags:
    return [
        (one.id, said.note or "not a translation")
        for one in script.utterances
        if (said := one.said.get(target)) is not None
        and said.text
        and not (said.is_translation or said.by_hand)
    ]


def _turned_down(mixed: Made, ids: Sequence[str]) -> Flags:
    """Lines that had to give way to a loud background."""
    gains = read_json(mixed.folder / "mix.json")["gains"]
    return [
        (one, f"turned down by {-20 * math.log10(gain):.0f} dB, since what lies under it is loud")
        for one, gain in zip(ids, gains, strict=True)
        if gain < _NOTED_GAIN
    ]


def _remix(
    job: Job, script: Script, lines: Sequence[tuple[Spoken, str, str]]
) -> tuple[Made, list[tuple[int, int]]]:
    """The track, and the ranges of samples outside which it is the original."""
    stems, dials = job.stems, job.settings.remixing
    segments = [Segment(one.start_s, one.end_s) for one in script.utterances]
    taken_out = regions(segments, stems.original.length, SAMPLE_RATE, dials)
    spoken = [line for line, _, _ in lines]
    changed = touched(taken_out, spoken)

    def make(folder: Path) -> None:
        bed = Bed(stems.original, stems.background, taken_out, dials)
        placed = levelled(bed, spoken)
        remix(bed, placed, folder / "mix.npy", dials)
        write_json(folder / "mix.json", {"changed": changed, "gains": [line.gain for line in placed]})

    of = {
        "stems": stems.key,
        "lines": [[key, line.start, line.kept] for line, key, _ in lines],
        "taken_out": taken_out,
        "dials": vars(dials),
        "version": _VERSION,
    }
    return job.workspace.step("remix", of, make), changed
