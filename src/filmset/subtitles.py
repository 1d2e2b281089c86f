"""Subtitles of every track, from the truth: SRT and WebVTT, a cue for each line heard, faults included."""

from pathlib import Path

from filmset.heard import heard
from filmset.truth import Spoken, Title
from lssd.store import write_bytes


def write_subtitles(folder: Path, title: Title) -> None:
    """Write `<title>.<track key>.srt` and `.vtt` for every track with voices.

    Raises InputError where they cannot be written.
    """
    for number, track in enumerate(title.tracks):
        if not track.has_voices:
            continue
        cues = [(one.speaker, one.spoken) for one in heard(title, number)]
        for suffix, text in (("srt", srt(cues)), ("vtt", vtt(cues))):
            write_bytes(folder / f"{title.name}.{track.key}.{suffix}", text.encode("utf-8"))


def srt(cues: list[tuple[str, Spoken]]) -> str:
    """Lines as SubRip text: numbered cues, without names."""
    return "".join(
        f"{number}\n{_clock(line.start_s, ',')} --> {_clock(line.end_s, ',')}\n{_one_line(line.written)}\n\n"
        for number, (_, line) in enumerate(cues, 1)
    )


def vtt(cues: list[tuple[str, Spoken]]) -> str:
    """Lines as WebVTT text, the speaker's name in a voice span."""
    return "WEBVTT\n\n" + "".join(
        f"{_clock(line.start_s, '.')} --> {_clock(line.end_s, '.')}\n"
        f"<v {_escaped(speaker)}>{_escaped(_one_line(line.written))}\n\n"
        for speaker, line in cues
    )


def _clock(seconds: float, point: str) -> str:
    minutes, thousandths = divmod(round(seconds * 1000), 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{thousandths // 1000:02}{point}{thousandths % 1000:03}"


def _one_line(text: str) -> str:
    """Without line breaks: an empty line would end a cue."""
    return " ".join(text.split())


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
