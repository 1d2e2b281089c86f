"""A title's truth along its time line: as markup, and as the data that the player draws from."""

from collections.abc import Iterable
from typing import Any

from filmset.camera import Box
from filmset.pages.heard import NARRATOR, Heard, clock, heard
from filmset.truth import Shot, Spoken, Title
from lssd.languages import display_name
from lssd.reporting.markup import text
from lssd.text import printable

TRANSITIONS = {"cut": "cut", "fade": "fade through black", "dissolve": "dissolve"}
_PIXELS_A_SECOND = 14  # of the time line where the page is narrower than the film is long
_TICKS_S = (1, 2, 5, 10, 30, 60, 300, 600)
_COLOURS = 5  # of speakers: a cast is four at most, and there may be a narrator


def track_names(title: Title) -> list[str]:
    """What to call each track: its language, and its role where it is not a plain dub."""
    return [
        display_name(track.language) + ("" if track.role == "dub" else f" ({track.role})")
        for track in title.tracks
    ]


def scene_style(kind: str, kinds: Iterable[str]) -> str:
    """A scene's colour as CSS variables: hues evenly round the circle, neighbours of other lightness."""
    known = list(dict.fromkeys([*kinds, kind]))
    place = known.index(kind)
    return f"--hue:{round(360 * place / len(known))};--light:{(72, 84)[place % 2]}%"


def pieces(spoken: Spoken) -> list[list[Any]]:
    """What a subtitle shows, cut where its words begin and end: [text, start_s, end_s], or [text] between.

    Where a word does not occur in what is written (Japanese is spoken from kana and written in kanji),
    the whole line is one piece.
    """
    written, place = spoken.written, 0
    found: list[list[Any]] = []
    for word in spoken.words:
        begin = written.lower().find(word.text.lower().strip(), place)
        if begin < 0 or not word.text.strip():
            return [[written, spoken.start_s, spoken.end_s]]
        if begin > place:
            found.append([written[place:begin]])
        place = begin + len(word.text.strip())
        found.append([written[begin:place], round(word.start_s, 3), round(word.end_s, 3)])
    if place < len(written):
        found.append([written[place:]])
    return found


def player_data(title: Title) -> dict[str, Any]:
    """What the player needs of the truth: subtitles of every track, and boxes as they lie in the picture."""
    return {
        "fps": float(title.rate),
        "frames": title.frames,
        "width": title.width,
        "height": title.height,
        "tracks": [
            {"name": printable(name), "lines": [_subtitle(title, one) for one in heard(title, number)]}
            for number, name in enumerate(track_names(title))
        ],
        "boxes": [box for shot in title.shots for box in _boxes(shot)],
    }


def _subtitle(title: Title, one: Heard) -> dict[str, Any]:
    return {
        "start": round(one.spoken.start_s, 3),
        "end": round(one.spoken.end_s, 3),
        "speaker": printable(one.speaker),
        "colour": speaker_colour(title, one.speaker),
        "row": one.row,
        "pieces": [[printable(words), *times] for words, *times in pieces(one.spoken)],
    }


def _boxes(shot: Shot) -> list[dict[str, Any]]:
    """Mouths and events of a shot while anything of it is seen."""
    span = {"from": shot.seen_from, "to": shot.seen_to}
    mouths = [
        {"kind": "mouth", "name": printable(one.name), **span, "places": _places(shot, one.mouth)}
        for one in shot.people
    ]
    events = [
        {
            "kind": "event",
            "name": printable(event.kind),
            **span,
            "places": _places(shot, event.box),
            "hits": list(event.hits_s),
        }
        for event in shot.events
    ]
    return [*mouths, *events]


def _places(shot: Shot, box: Box) -> list[list[int]]:
    """[frame, top, left, bottom, right] of a box wherever it has moved; it holds until the next."""
    found: list[list[int]] = []
    for frame in range(shot.seen_from, shot.seen_to):
        place = list(shot.seen(box, frame))
        if not found or found[-1][1:] != place:
            found.append([frame, *place])
    return found


def speaker_colour(title: Title, name: str) -> int:
    """The number of a speaker's colour; the narrator's is the one after the cast's."""
    return [*(speaker.name for speaker in title.cast), NARRATOR].index(name) % _COLOURS


def timeline(title: Title, kinds: Iterable[str], panels: str) -> str:
    """The whole time line; `panels` is what stands below it on the same scale."""
    seconds = float(title.frames / title.rate)
    rows = [_shots(title, kinds), _marks(title)]
    rows += [_lines(title, number) for number in range(len(title.tracks))]
    slider = (
        f'<div class="ruler" id="ruler" role="slider" tabindex="0" aria-label="Position in the film" '
        f'aria-valuemin="0" aria-valuemax="{seconds:.2f}" aria-valuenow="0" aria-valuetext="{clock(0)}">'
        f"{_ticks(seconds)}</div>"
    )
    return (
        f'<div class="timeline" id="timeline" role="group" aria-label="Time line">\n'
        f'<div class="inner" id="inner" style="--length:{round(seconds * _PIXELS_A_SECOND)}px">\n'
        f'{slider}\n{"".join(rows)}\n{panels}\n<div class="playhead" id="playhead"></div>\n</div></div>'
    )


def _span(title: Title, start_s: float, end_s: float) -> str:
    seconds = float(title.frames / title.rate)
    return f"left:{100 * start_s / seconds:.3f}%;width:{100 * (end_s - start_s) / seconds:.3f}%"


def _ticks(seconds: float) -> str:
    step = next((step for step in _TICKS_S if seconds / step <= 12), _TICKS_S[-1])
    return "".join(
        f'<span style="left:{100 * time_s / seconds:.3f}%">{clock(time_s)[:-2]}</span>'
        for time_s in range(0, int(seconds - 0.4 * step) + 1, step)
    )


def _shots(title: Title, kinds: Iterable[str]) -> str:
    kinds, rate, parts = list(kinds), float(title.rate), []
    for number, shot in enumerate(title.shots):
        start_s, end_s = shot.start_frame / rate, shot.end_frame / rate
        hint = f"shot {number + 1}, {shot.scene.kind}, {clock(start_s)} to {clock(end_s)}"
        style = f"{_span(title, start_s, end_s)};{scene_style(shot.scene.kind, kinds)}"
        parts.append(
            f'<span class="shot" style="{style}" title="{text(hint)}">{text(shot.scene.kind)}</span>'
        )
    for shot in title.shots[1:]:
        change = shot.transition
        start_s, end_s = change.first_frame / rate, change.last_frame / rate
        hint = f"{TRANSITIONS.get(change.kind, change.kind)} at {clock(shot.start_frame / rate)}"
        if change.kind == "cut":
            start_s = end_s = shot.start_frame / rate
        parts.append(
            f'<i class="change {text(change.kind)}" style="{_span(title, start_s, end_s)}" '
            f'title="{text(hint)}"></i>'
        )
    return f'<div class="row shots">{"".join(parts)}</div>'


def _marks(title: Title) -> str:
    rate, marks = float(title.rate), []
    for number, shot in enumerate(title.shots):
        marks += [("event", event.kind, time_s) for event in shot.events for time_s in event.hits_s]
        first = [frame for frame in shot.flashes if frame - 1 not in shot.flashes]
        marks += [("flash", "flash", frame / rate) for frame in first]
        if shot.recap_of is not None:
            words = f"shot {number + 1} repeats shot {shot.recap_of + 1}"
            marks.append(("recap", words, shot.start_frame / rate))
    spans = "".join(
        f'<i class="{kind}" style="{_span(title, time_s, time_s)}" '
        f'title="{text(words)} at {clock(time_s)}"></i>'
        for kind, words, time_s in marks
    )
    return f'<div class="row marks">{spans}</div>'


def _lines(title: Title, number: int) -> str:
    """A lane a speaker with the lines of one track; the player shows the track that is heard."""
    lines = heard(title, number)
    lanes = []
    for name in [*(speaker.name for speaker in title.cast), NARRATOR]:
        bars = []
        for one in lines:
            if one.speaker == name:
                words = text(f"{name}: {one.spoken.written}")
                place = _span(title, max(0.0, one.spoken.start_s), one.spoken.end_s)
                bars.append(f'<span class="line" style="{place}" title="{words}">{words}</span>')
        if bars or name != NARRATOR:
            lanes.append(f'<div class="lane s{speaker_colour(title, name)}">{"".join(bars)}</div>')
    hidden = " hidden" if number else ""
    return f'<div class="row lines" data-track="{number}"{hidden}>{"".join(lanes)}</div>'
