"""The script of a film, from its speech stem or its subtitles: who says what and when."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lssd import languages
from lssd.dubbing.backend_pool import Tool
from lssd.dubbing.declaration import BackendError
from lssd.dubbing.film import Job
from lssd.dubbing.lines import Line, Segment
from lssd.dubbing.placing import without_overlaps
from lssd.dubbing.script import Script
from lssd.dubbing.sidecars import FoundSegments, LineSpeakers, TranscribedLines
from lssd.dubbing.subtitles import Turn, read_rttm, read_subtitles
from lssd.dubbing.workspace import Made
from lssd.errors import ItemError
from lssd.store import hash_file, hash_json

SUBTITLES, TURNS = (".srt", ".vtt", ".webvtt"), (".rttm",)
LATE_S = 0.5  # by which a line may end after the film
_SPEAKER = "S1"
_BEYOND_S = 0.5  # speech may begin this long before its subtitle, and end this long after


def find_script(job: Job) -> Script:
    """The film's utterances: subtitles in its language where there are some, else what is transcribed.

    Speakers come from an RTTM file where there is one, else from diarisation. A film in which nobody speaks
    has no utterances. BackendError when no backend can do a step; ItemError for files that cannot be read.
    """
    film = job.film
    segments, segmented = _segments(job)
    if own := subtitles_in(job, film.language):
        cues = read_subtitles(own)
        if cues.left_out:
            job.flags.append(f"{own.name}: {cues.left_out}")
        found = _cut_at_the_end(job, own, cues.lines)
        lines, key = _tightened(found, segments), hash_json([segmented.key, hash_file(own)])
    else:
        lines, key = _transcribed(job, segments, segmented)
    turns = [path for path in job.beside if path.suffix.lower() in TURNS]
    if turns:
        given = read_rttm(turns[0])
        lines = [replace(line, speaker=_speaker_of(line, given) or line.speaker) for line in lines]
        key = hash_json([key, hash_file(turns[0])])
    elif not all(line.speaker for line in lines):
        lines, key = _diarised(job, lines, key)
    lines = [line if line.speaker else replace(line, speaker=_SPEAKER) for line in lines]
    return Script.from_lines(without_overlaps(lines), film.language, key)


def subtitles_in(job: Job, language: str) -> Path | None:
    """The file of subtitles in a language. One whose name gives no language is in the film's."""
    for path in job.beside:
        spoken = languages.from_file_name(path) or job.film.language
        if path.suffix.lower() in SUBTITLES and spoken == language:
            return path
    return None


def _segments(job: Job) -> tuple[list[Segment], Made]:
    tool, speech = job.pool.tools("segmentation")[0], job.stems.speech

    def make(folder: Path) -> None:
        found = job.pool.call(tool, "segment", speech, minutes=speech.duration_s / 60)
        FoundSegments(tuple(found)).write(folder)

    made = job.workspace.step("segment", {"of": job.stems.key, "by": tool.identity}, make)
    job.script_tools.append(tool)
    return list(FoundSegments.read(made.folder).segments), made


def _transcribed(job: Job, segments: Sequence[Segment], segmented: Made) -> tuple[list[Line], str]:
    """The lines by the first backend that can transcribe them, and the key of the step.

    That another one failed before it is flagged; it is tried again in the next call.
    """
    speech, reasons = job.stems.speech, []
    for tool in job.pool.tools("transcription", job.film.language):

        def make(folder: Path, tool: Tool = tool) -> None:
            given = (speech, list(segments), job.film.language)
            lines = job.pool.call(tool, "transcribe", *given, minutes=speech.duration_s / 60)
            TranscribedLines(tuple(lines)).write(folder)

        of = {"of": segmented.key, "language": job.film.language, "by": tool.identity}
        try:
            made = job.workspace.step("transcribe", of, make)
        except ItemError as error:
            reasons.append(f"{tool.name}: {error}")
            continue
        job.script_tools.append(tool)
        job.flags.extend(f"transcribed by {tool.name}, since {reason}" for reason in reasons)
        return list(TranscribedLines.read(made.folder).lines), made.key
    raise BackendError(f"cannot be transcribed: {'; '.join(reasons)}")


def _diarised(job: Job, lines: Sequence[Line], key: str) -> tuple[list[Line], str]:
    """The lines with a speaker each, and the key of the step. Speakers that are known stay."""
    tool, speech = job.pool.tools("diarisation")[0], job.stems.speech

    def make(folder: Path) -> None:
        speakers = job.pool.call(tool, "diarise", speech, list(lines), minutes=speech.duration_s / 60)
        LineSpeakers(tuple(speakers)).write(folder)

    made = job.workspace.step("diarise", {"of": key, "by": tool.identity}, make)
    job.script_tools.append(tool)
    names = LineSpeakers.read(made.folder).names
    return [
        replace(line, speaker=line.speaker or who) for line, who in zip(lines, names, strict=True)
    ], made.key


def _cut_at_the_end(job: Job, path: Path, lines: Sequence[Line]) -> list[Line]:
    """Subtitles often stay on beyond the film's end: such lines end with it, and are flagged."""
    end_s = job.stems.original.duration_s
    late = [line for line in lines if line.start_s < end_s and line.end_s > end_s + LATE_S]
    if late:
        job.flags.append(f"{path.name}: {len(late)} cues end after the film and are cut at its end")
    return [replace(line, end_s=end_s) if line in late else line for line in lines]


def _tightened(lines: Sequence[Line], segments: Sequence[Segment]) -> list[Line]:
    """Subtitles with the times of the speech within them, since they are shown longer than anybody speaks.

    Speech may begin up to 0.5 s before its subtitle and end as long after it, but not within the time of a
    neighbouring one. A subtitle during which no speech was found keeps its own times.
    """
    found = []
    for number, line in enumerate(lines):
        before_s = max((one.end_s for one in lines[:number]), default=0.0)
        after_s = min((one.start_s for one in lines[number + 1 :]), default=float("inf"))
        low = min(line.start_s, max(line.start_s - _BEYOND_S, before_s))
        high = max(line.end_s, min(line.end_s + _BEYOND_S, after_s))
        within = [one for one in segments if one.end_s > line.start_s and one.start_s < line.end_s]
        if within:
            line = replace(line, start_s=max(within[0].start_s, low), end_s=min(within[-1].end_s, high))
        found.append(line)
    return found


def _speaker_of(line: Line, turns: Sequence[Turn]) -> str:
    """Who speaks for most of a line's time; "" where nobody does."""
    shares: dict[str, float] = {}
    for turn in turns:
        shared_s = min(line.end_s, turn.end_s) - max(line.start_s, turn.start_s)
        if shared_s > 0:
            shares[turn.speaker] = shares.get(turn.speaker, 0.0) + shared_s
    return max(sorted(shares), key=lambda who: shares[who], default="")
