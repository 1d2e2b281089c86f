"""The words of a dub: written by hand, from subtitles, or from the first backend that has some."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from lssd.dubbing.backend_pool import Tool
from lssd.dubbing.declaration import BackendError
from lssd.dubbing.film import Job
from lssd.dubbing.lines import Line, Request, Translation
from lssd.dubbing.script import Said, Script, Utterance, said_of
from lssd.dubbing.sidecars import Translations
from lssd.dubbing.subtitles import read_subtitles
from lssd.dubbing.transcript import subtitles_in
from lssd.errors import ItemError

_LINES_A_MINUTE = 10  # translated lines that count as a minute of sound, for how long a call may take


def with_words(job: Job, script: Script, target: str) -> Script:
    """The script with words in the target language.

    What was written by hand stays. Subtitles in the language are taken where there are some; else backends
    translate, in order, and a line on which one fails or gives no words goes to the next. BackendError, with
    each backend's reason, when no line gets any words.
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
    """A backend's translations, by utterance id; asked for all at once, so that it has the context.

    Where that fails, line by line, up to the first line if that fails too.
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
        Translations(tuple(said)).write(folder)

    of = {
        "lines": [asdict(request) for request in requests],
        "from": source,
        "to": target,
        "by": tool.identity,
    }
    found = Translations.read(job.workspace.step("translate", of, make).folder)
    return {one.id: translation for one, translation in zip(lines, found.lines, strict=True)}


def _subtitled(job: Job, script: Script, target: str, cues: Sequence[Line]) -> Script:
    """The script with the words of subtitles: each cue goes to the utterance that it shares most time with.

    Cues that share time with none are left out and counted in a flag.
    """
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
