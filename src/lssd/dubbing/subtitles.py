"""Reads subtitles (SRT, WebVTT) as lines and RTTM as speaker turns; writes lines as SRT.

Subtitles are read leniently, as real files require: any encoding, either decimal mark, with or without hours
and milliseconds, cues without numbers, markup, notes, blank lines within a cue, cues out of order. What is no
speech, and cues whose times cannot be read, are left out and counted. Times in seconds. Formats: SubRip as
players read it; WebVTT, W3C candidate recommendation of 2019, section 4; RTTM, NIST's RT-09 evaluation plan,
appendix A.
"""

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from lssd.dubbing.lines import Line
from lssd.errors import InputError, ItemError
from lssd.store import write_bytes

_CLOCK = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,3})\d*)?"
_TIMES = re.compile(rf"^\s*{_CLOCK}\s*-->\s*{_CLOCK}(?=\s|$)")
_ARROW = "-->"  # never part of what is said
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]*)>", re.IGNORECASE)
_RUBY_READING = re.compile(r"<rt>.*?</rt>|<rt>[^<]*", re.IGNORECASE | re.DOTALL)
_MARKUP = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")
_SOUNDS = re.compile(r"\[[^\[\]]*\]|\([^()]*\)|［[^［］]*］|（[^（）]*）|【[^【】]*】|\*[^*]*\*")
# A hash is a note where it stands apart or encloses a row: "# la la #", not "#1 suspect".
_MUSIC = re.compile(r"[♪♫♬♩]|^\s*#\s|\s#\s*$|^\s*#[^#]*#\s*$", re.MULTILINE)
_NAME = re.compile(r"^\s*((?:[^\W\d_a-z]|[.'’\- ]){1,}(?:[^\W_a-z]|[.'’\- #]){0,30})\s*:\s+(?=\S)")
_DASH = re.compile(r"^\s*[-–—‐]\s*")
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


@dataclass(frozen=True)
class Subtitles:
    """The lines of a file, sorted by start.

    not_speech: how many cues are music or noise; faulty: how many have no length, or unreadable times.
    """

    lines: tuple[Line, ...]
    not_speech: int
    faulty: int

    @property
    def left_out(self) -> str:
        """A remark on the cues that gave no line; "" where all did."""
        if not self.not_speech and not self.faulty:
            return ""
        return (
            f"left out {self.not_speech} cues of music and noise, and {self.faulty} without length or with "
            "unreadable times"
        )


@dataclass(frozen=True)
class Turn:
    """A stretch in which one speaker speaks, in seconds."""

    start_s: float
    end_s: float
    speaker: str


def read_subtitles(path: str | Path, encoding: str | None = None) -> Subtitles:
    """The lines of an SRT or WebVTT file.

    Two people in one cue, each behind a dash, become two lines that share its time by their length. A voice
    span (`<v Ann>`) or a name in capitals before a colon becomes the speaker. `encoding`: None to tell by
    the bytes. Raises ItemError for a missing file, an encoding that does not fit, and a file without cues;
    InputError for an unknown encoding.
    """
    lines: list[Line] = []
    not_speech = faulty = 0
    for times, text in _cues(_decoded(Path(path), encoding)):
        if times is None or times[1] <= times[0]:
            faulty += 1
            continue
        start_s, end_s = times
        said = _said(start_s, end_s, text)
        not_speech += not said
        lines.extend(said)
    if not lines and not not_speech:
        raise ItemError(f"{path} holds no subtitles that can be read; SRT and WebVTT are")
    distinct = dict.fromkeys(sorted(lines, key=lambda line: (line.start_s, line.end_s)))
    return Subtitles(tuple(distinct), not_speech, faulty)


def read_rttm(path: str | Path) -> list[Turn]:
    """The turns of an RTTM file, sorted by start. ItemError for a missing file or a line that is no RTTM."""
    turns: list[Turn] = []
    for number, row in enumerate(_decoded(Path(path), None).splitlines(), 1):
        fields = row.split()
        if not fields or fields[0].startswith(";") or fields[0] != "SPEAKER":
            continue
        try:
            start_s, length_s, speaker = float(fields[3]), float(fields[4]), fields[7]
        except (IndexError, ValueError) as error:
            raise ItemError(
                f"{path} line {number} is no RTTM: SPEAKER file channel start length <NA> <NA> name is needed"
            ) from error
        if start_s < 0 or length_s <= 0:
            raise ItemError(f"{path} line {number}: a turn of {length_s:g} s at {start_s:g} s cannot be")
        turns.append(Turn(start_s, start_s + length_s, speaker))
    if not turns:
        raise ItemError(f"{path} holds no SPEAKER line; is it RTTM?")
    return sorted(turns, key=lambda turn: (turn.start_s, turn.end_s))


def srt(lines: Iterable[Line]) -> str:
    """Lines as SRT: numbered cues in the order given, a text a row; lines without text are left out."""
    said = (line for line in lines if line.text.strip())
    return "".join(
        f"{number}\n{_clock(line.start_s)} --> {_clock(line.end_s)}\n{' '.join(line.text.split())}\n\n"
        for number, line in enumerate(said, 1)
    )


def write_srt(path: str | Path, lines: Iterable[Line]) -> None:
    """Write `srt(lines)` as UTF-8; whole or not at all."""
    write_bytes(Path(path), srt(lines).encode("utf-8"))


def _decoded(path: Path, encoding: str | None) -> str:
    if not path.is_file():
        raise ItemError(f"no such file: {path}")
    data = path.read_bytes()
    names = [encoding] if encoding else _likely_encodings(data)
    for name in names:
        try:
            return data.decode(name)
        except UnicodeDecodeError:
            continue
        except LookupError as error:
            raise InputError(f"there is no encoding '{encoding}'; try utf-8 or cp1252") from error
    raise ItemError(f"{path} is not text in {names[-1]}; save it as UTF-8")


def _likely_encodings(data: bytes) -> list[str]:
    for mark, name in _BOMS:
        if data.startswith(mark):
            return [name]
    head = data[:400]
    if head.count(0) > len(head) // 4:
        return ["utf-16-be" if head[::2].count(0) > head[1::2].count(0) else "utf-16-le"]
    return ["utf-8", "cp1252", "latin-1"]


def _cues(text: str) -> Iterator[tuple[tuple[float, float] | None, str]]:
    """Start and end (None where they cannot be read) and raw text of every cue.

    A cue's text runs to the next row of times.
    """
    begun = False
    times: tuple[float, float] | None = None
    rows: list[str] = []
    for row in text.replace("\0", "").splitlines():
        if _ARROW not in row:
            rows.append(row)
            continue
        if begun:
            yield times, _body(rows, followed=True)
        found = _TIMES.match(row)
        begun, rows = True, []
        times = None if found is None else (_seconds(found.groups()[:4]), _seconds(found.groups()[4:]))
    if begun:
        yield times, _body(rows, followed=False)


def _body(rows: list[str], followed: bool) -> str:
    """The text of a cue, of all rows up to the next cue's times, without its name, notes and styles."""
    blocks: list[list[str]] = [[]]
    for row in rows:
        if row.strip():
            blocks[-1].append(row)
        elif blocks[-1]:
            blocks.append([])
    # The row above the next times, behind an empty one, is that cue's number or name.
    if followed and len(blocks) > 1 and len(blocks[-1]) == 1:
        blocks.pop()
    elif followed and blocks[-1] and blocks[-1][-1].strip().isdecimal():
        blocks[-1].pop()
    kept: list[str] = []
    for block in blocks:
        if block and block[0].split()[0] in ("NOTE", "STYLE", "REGION") and kept:
            break
        kept.extend(block)
    return "\n".join(kept)


def _seconds(fields: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = fields
    return 3600 * int(hours or 0) + 60 * int(minutes or 0) + int(seconds or 0) + float(f"0.{fraction or 0}")


def _said(start_s: float, end_s: float, text: str) -> list[Line]:
    """The lines of one cue; none where it is music or noise."""
    if _MUSIC.search(_MARKUP.sub("", text)):
        return []
    parts = [_one_part(part) for part in _parts(text)]
    parts = [(speaker, words) for speaker, words in parts if any(sign.isalnum() for sign in words)]
    total = sum(len(words) for _, words in parts)
    lines: list[Line] = []
    reached_s = start_s
    for speaker, words in parts:
        until_s = reached_s + (end_s - start_s) * len(words) / total
        lines.append(Line(reached_s, until_s, words, speaker=speaker))
        reached_s = until_s
    if lines:
        lines[-1] = replace(lines[-1], end_s=end_s)
    return lines


def _parts(text: str) -> list[str]:
    """The parts of a cue by speaker: separated by voice spans, or by dashes at the beginning of rows."""
    voices = list(_VOICE.finditer(text))
    if len(voices) > 1:
        starts = [0, *(voice.start() for voice in voices[1:])]
        return [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]
    rows = text.split("\n")
    dashed = [index for index, row in enumerate(rows) if _DASH.match(_MARKUP.sub("", row))]
    if len(dashed) < 2:
        return [text]
    starts = [0, *dashed[1:]]
    return ["\n".join(rows[a:b]) for a, b in zip(starts, [*starts[1:], len(rows)], strict=True)]


def _one_part(text: str) -> tuple[str, str]:
    """(speaker, words) of one speaker's part, without markup and descriptions of sounds."""
    voice = _VOICE.search(text)
    speaker = html.unescape(voice.group(1)).strip() if voice else ""
    plain = html.unescape(_MARKUP.sub("", _RUBY_READING.sub("", text)))
    plain = _DASH.sub("", _SOUNDS.sub(" ", plain).replace("\u200b", ""))
    name = _NAME.match(plain)
    if name and any(sign.isalpha() for sign in name.group(1)):
        speaker = speaker or name.group(1).strip()
        plain = plain[name.end() :]
    return speaker, " ".join(plain.split())


def _clock(seconds: float) -> str:
    minutes, thousandths = divmod(round(seconds * 1000), 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{thousandths // 1000:02},{thousandths % 1000:03}"
