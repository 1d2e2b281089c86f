"""From the speech stem, or from subtitles, to the script: who says what and when."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from lssd import languages
from lssd.dubbing.bench import Tool
from lssd.dubbing.declaration import BackendError
from lssd.dubbing.job import Job
from lssd.dubbing.lines import Line, Request, Segment, Translation, Word
from lssd.dubbing.placing import without_overlaps
from lssd.dubbing.script import Said, Script, said_of
from lssd.dubbing.subtitles import Turn, read_rttm, read_subtitles
from lssd.dubbing.workspace import Made
from lssd.store import hash_file, hash_json, read_json, write_json

SUBTITLES, TURNS = (".srt", ".vtt", ".webvtt"), (".rttm",)
_SPEAKER = "S1"
_BEYOND_S = 0.5  # speech may begin this long before its subtitle, and end this long after


def find_script(job: Job) -> Script:
    """The film's utterances: of subtitles in its language, else heard; speakers of RTTM, else told apart.

    LssdError when no backend can do a step; no utterances at all where nobody speaks.
    """
    film = job.film
    segments, segmented = _segments(job)
    if own := _subtitles(job, film.language):
        cues = read_subtitles(own)
        lines, key = _tightened(cues.lines, segments), hash_json([segmented.key, hash_file(own)])
    else:
        lines, key = _heard(job, segments, segmented)
    turns = [path for path in job.beside if path.suffix.lower() in TURNS]
    if turns:
        told = read_rttm(turns[0])
        lines = [replace(line, speaker=_turn_of(line, told) or line.speaker) for line in lines]
        key = hash_json([key, hash_file(turns[0])])
    elif not all(line.speaker for line in lines):
        lines, key = _told_apart(job, lines, key)
    lines = [line if line.speaker else replace(line, speaker=_SPEAKER) for line in lines]
    return Script.from_lines(without_overlaps(lines), film.language, key)


def translate(job: Job, script: Script, target: str, tools: Sequence[Tool]) -> Script:
    """The script with words in the target language: those by hand, of subtitles, or else translated.

    BackendError, with each backend's reason, when none can.
    """
    if own := _subtitles(job, target):
        return _subtitled(script, target, read_subtitles(own).lines)
    by = hash_json([tool.identity for tool in tools], 16)
    wanted = {one.id: said_of(one.text, target, one.end_s - one.start_s, by) for one in script.utterances}
    todo = [
        one
        for one in script.utterances
        if target not in one.said or not (one.said[target].by_hand or one.said[target].of == wanted[one.id])
    ]
    if not todo:
        return script
    # All lines go together, so that a backend sees what surrounds them and says nothing twice.
    requests = [Request(one.text, round(one.end_s - one.start_s, 3), one.id) for one in script.utterances]

    def make(folder: Path) -> None:
        said, tool = job.bench.first(tools, "translate", requests, script.language, target)
        if len(said) != len(requests):
            raise BackendError(f"{tool.name} gave {len(said)} translations of {len(requests)} lines")
        write_json(folder / "said.json", {"by": tool.name, "said": [asdict(one) for one in said]})

    of = {"lines": [asdict(request) for request in requests], "from": script.language, "to": target}
    made = read_json(job.workspace.step("translate", {**of, "by": by}, make).folder / "said.json")
    said = {
        one.id: Said.from_backend(Translation(**row), made["by"], wanted[one.id])
        for one, row in zip(script.utterances, made["said"], strict=True)
    }
    return script.with_said(target, {one.id: said[one.id] for one in todo})


def _subtitles(job: Job, language: str) -> Path | None:
    """The file of subtitles in a language; one whose name says none is in the film's."""
    for path in job.beside:
        spoken = languages.from_file_name(path) or job.film.language
        if path.suffix.lower() in SUBTITLES and spoken == language:
            return path
    return None


def _segments(job: Job) -> tuple[list[Segment], Made]:
    tool, speech = job.bench.tools("segmentation")[0], job.stems.speech

    def make(folder: Path) -> None:
        found = job.bench.call(tool, "segment", speech, minutes=speech.duration_s / 60)
        write_json(folder / "segments.json", [[one.start_s, one.end_s] for one in found])

    made = job.workspace.step("segment", {"of": job.stems.key, "by": tool.identity}, make)
    return [Segment(*row) for row in read_json(made.folder / "segments.json")], made


def _heard(job: Job, segments: Sequence[Segment], segmented: Made) -> tuple[list[Line], str]:
    tools, speech = job.bench.tools("transcription", job.film.language), job.stems.speech

    def make(folder: Path) -> None:
        given = (speech, list(segments), job.film.language)
        lines, _ = job.bench.first(tools, "transcribe", *given, minutes=speech.duration_s / 60)
        write_json(folder / "lines.json", [asdict(line) for line in lines])

    of = {"of": segmented.key, "language": job.film.language, "by": [tool.identity for tool in tools]}
    made = job.workspace.step("transcribe", of, make)
    return [_line(row) for row in read_json(made.folder / "lines.json")], made.key


def _told_apart(job: Job, lines: Sequence[Line], key: str) -> tuple[list[Line], str]:
    tool, speech = job.bench.tools("diarisation")[0], job.stems.speech

    def make(folder: Path) -> None:
        speakers = job.bench.call(tool, "diarise", speech, list(lines), minutes=speech.duration_s / 60)
        write_json(folder / "speakers.json", speakers)

    made = job.workspace.step("diarise", {"of": key, "by": tool.identity}, make)
    speakers = read_json(made.folder / "speakers.json")
    told = [replace(line, speaker=line.speaker or who) for line, who in zip(lines, speakers, strict=True)]
    return told, made.key


def _tightened(lines: Sequence[Line], segments: Sequence[Segment]) -> list[Line]:
    """Subtitles stay longer than anybody speaks: the times of the speech within each, where there is any."""
    found = []
    for line in lines:
        low, high = line.start_s - _BEYOND_S, line.end_s + _BEYOND_S
        within = [one for one in segments if one.end_s > line.start_s and one.start_s < line.end_s]
        if within:
            start_s, end_s = max(within[0].start_s, low), min(within[-1].end_s, high)
            line = replace(line, start_s=max(start_s, 0.0), end_s=end_s)
        found.append(line)
    return found


def _turn_of(line: Line, turns: Sequence[Turn]) -> str:
    """Who speaks most of a line, "" for nobody."""
    shares: dict[str, float] = {}
    for turn in turns:
        shared_s = min(line.end_s, turn.end_s) - max(line.start_s, turn.start_s)
        if shared_s > 0:
            shares[turn.speaker] = shares.get(turn.speaker, 0.0) + shared_s
    return max(sorted(shares), key=lambda who: shares[who], default="")


def _subtitled(script: Script, target: str, cues: Sequence[Line]) -> Script:
    """Each cue goes to the utterance that it shares most time with."""
    texts: dict[str, list[str]] = {one.id: [] for one in script.utterances}
    for cue in cues:
        shared = {
            one.id: min(cue.end_s, one.end_s) - max(cue.start_s, one.start_s) for one in script.utterances
        }
        best = max(shared, key=lambda one: shared[one], default=None)
        if best is not None and shared[best] > 0:
            texts[best].append(cue.text)
    said = {}
    for one in script.utterances:
        if target in one.said and one.said[target].by_hand:
            continue
        text = " ".join(texts[one.id])
        note = "" if text else "no subtitle says anything here"
        said[one.id] = Said.from_backend(Translation(text, True, note), "subtitles", "")
    return script.with_said(target, said)


def _line(row: dict[str, Any]) -> Line:
    words = tuple(Word(**word) for word in row["words"])
    return Line(**{**row, "words": words})
