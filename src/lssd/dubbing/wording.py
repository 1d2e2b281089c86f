"""What is said in another language: words of hand, of subtitles, or of the first backend that has some."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from lssd.dubbing.backend_pool import Tool
from lssd.dubbing.declaration import BackendError
from lssd.dubbing.job import Job
from lssd.dubbing.lines import Line, Request, Translation
from lssd.dubbing.script import Said, Script, Utterance, said_of
from lssd.dubbing.subtitles import read_subtitles
from lssd.dubbing.transcript import subtitles_in
from lssd.errors import ItemError
from lssd.store import read_json, write_json

_LINES_A_MINUTE = 10  # translated lines that count as a minute of sound, for how long a call may take


def with_words(job: Job, script: Script, target: str) -> Script:
    """The script with words in the target language.

    What was written by hand stays. Subtitles come first, then backends in order: a line goes on to the next
    where one fails or says nothing. ItemError, with each backend's reason, when no line has words at all.
    """
    if own := subtitles_in(job, target):
        cues = read_subtitles(own)
        if cues.left_out:
            job.flags.append(f"{own.name}: {cues.left_out}")
        return _subtitled(job, script, target, cues.lines)
    left = {one.id: one for one in script.utterances if not (target in one.said and one.said[target].by_hand)}
    said: dict[str, Said] = {}
    reasons: list[str] = []
    for tool in job.pool.tools("translation"):
        of = {
            one.id: said_of(one.text, target, one.end_s - one.start_s, tool.identity) for one in left.values()
        }
        for one in list(left.values()):
            standing = one.said.get(target)
            if standing is not None and standing.text and standing.of == of[one.id]:
                said[one.id] = standing
                del left[one.id]
        for key, found in _ask(job, tool, list(left.values()), script.language, target, reasons).items():
            said[key] = Said.from_backend(found, tool.name, of[key])
            if found.text:
                del left[key]
    if len(left) == len(script.utterances) and reasons:
        raise BackendError("; ".join(reasons))
    return script.with_said(target, said)


def _ask(
    job: Job, tool: Tool, lines: Sequence[Utterance], source: str, target: str, reasons: list[str]
) -> dict[str, Translation]:
    """What a backend says of these lines, all at once, so that it sees what surrounds them.

    Where that fails it is asked line by line, unless the first fails too.
    """
    if not lines:
        return {}
    try:
        return _translated(job, tool, lines, source, target)
    except ItemError as error:
        reasons.append(f"{tool.name}: {error}")
    found: dict[str, Translation] = {}
    for number, one in enumerate(lines if len(lines) > 1 else []):
        try:
            found |= _translated(job, tool, [one], source, target)
        except ItemError:
            if number == 0:
                break
    return found


def _translated(
    job: Job, tool: Tool, lines: Sequence[Utterance], source: str, target: str
) -> dict[str, Translation]:
    requests = [Request(one.text, round(one.end_s - one.start_s, 3), one.id) for one in lines]

    def make(folder: Path) -> None:
        minutes = len(requests) / _LINES_A_MINUTE
        said = job.pool.call(tool, "translate", requests, source, target, minutes=minutes)
        if len(said) != len(requests):
            raise BackendError(f"{tool.name} gave {len(said)} translations of {len(requests)} lines")
        write_json(folder / "said.json", [asdict(one) for one in said])

    of = {
        "lines": [asdict(request) for request in requests],
        "from": source,
        "to": target,
        "by": tool.identity,
    }
    rows = read_json(job.workspace.step("translate", of, make).folder / "said.json")
    return {one.id: Translation(**row) for one, row in zip(lines, rows, strict=True)}


def _subtitled(job: Job, script: Script, target: str, cues: Sequence[Line]) -> Script:
    """Each cue goes to the utterance that it shares most time with; one that shares none is counted."""
    texts: dict[str, list[str]] = {one.id: [] for one in script.utterances}
    lost = 0
    for cue in cues:
        shared = {
            one.id: min(cue.end_s, one.end_s) - max(cue.start_s, one.start_s) for one in script.utterances
        }
        best = max(shared, key=lambda one: shared[one], default=None)
        if best is not None and shared[best] > 0:
            texts[best].append(cue.text)
        else:
            lost += 1
    if lost:
        job.flags.append(f"{lost} subtitles in {target} lie where nobody speaks, and were left out")
    said = {}
    for one in script.utterances:
        if target in one.said and one.said[target].by_hand:
            continue
        text = " ".join(texts[one.id])
        note = "" if text else "no subtitle says anything here"
        said[one.id] = Said.from_backend(Translation(text, True, note), "subtitles", "")
    return script.with_said(target, said)
