"""The page of one title: its player, its time line with spectrograms, and its truth in tables."""

import json
from collections.abc import Sequence

from filmset.pages.heard import all_lines, clock, decibels, fault_words
from filmset.pages.media import (
    PICTURE,
    Media,
    difference_name,
    sound_name,
    spectrogram_name,
    still_name,
)
from filmset.pages.timeline import (
    TRANSITIONS,
    player_data,
    scene_style,
    speaker_colour,
    timeline,
    track_names,
)
from filmset.settings import read_aspect
from filmset.truth import Line, Shot, Title
from lssd.languages import display_name
from lssd.reporting.markup import duration, page, paragraph, section, size, table, text
from lssd.text import listed

STYLE, SCRIPT = "filmset.css", "player.js"
_SPEEDS = ("0.25", "0.5", "1", "1.5", "2")


def title_page(
    title: Title, media: Media, kinds: Sequence[str], neighbours: Sequence[tuple[str, str]]
) -> str:
    """The page of a title; `neighbours` are further pages of the set as (address, words)."""
    seconds = float(title.frames / title.rate)
    languages = [display_name(language) for language in dict.fromkeys(title.languages)]
    lead = (
        f"{duration(seconds)} of {title.genre} in the style of {title.director.capitalize()}, "
        f"{len(title.shots)} {'shot' if len(title.shots) == 1 else 'shots'}; spoken in {listed(languages)}. "
        f"Split {title.split}."
    )
    links = " ".join(f'<a href="{text(address)}">{text(words)}</a>' for address, words in neighbours)
    parts = [
        f'<link rel="stylesheet" href="../{STYLE}">\n<nav class="nav" aria-label="Pages">{links}</nav>',
        _player(title, media),
        section("time", "Time line", _key(title), _zoom(), timeline(title, kinds, _panels(title, media))),
        section("lines", "Lines", _lines(title)),
        section("tracks", "Tracks", _tracks(title, media)),
        section("cast", "Cast", _cast(title)),
        section("shots", "Shots", _shots(title, kinds)),
        section("film", "Film", _film(title)),
        _data(title),
        f'<script src="../{SCRIPT}"></script>',
    ]
    return page(title.name, lead, parts, beside=True)


def _player(title: Title, media: Media) -> str:
    shown_height = title.height
    shown_width = round(title.width * read_aspect(title.pixel_aspect))
    sounds = "".join(
        f'<audio data-track="{number}" preload="auto" src="{sound_name(number)}"></audio>'
        for number in range(len(title.tracks))
    )
    speeds = "".join(
        f'<option value="{speed}"{" selected" if speed == "1" else ""}>{speed} ×</option>'
        for speed in _SPEEDS
    )
    return f"""<section class="player" aria-label="Player">
<div>
<div class="screen" style="aspect-ratio:{shown_width}/{shown_height}">
<video id="picture" muted playsinline preload="auto" src="{PICTURE}" width="{shown_width}" \
height="{shown_height}" aria-label="The film, without sound; the tracks are played beside it"></video>
<canvas id="overlay" aria-hidden="true"></canvas>
</div>
<div class="subtitles" id="subtitles"></div>
</div>
<div>
<div class="switches" role="group" aria-label="Sound track">
{"".join(_switch(title, number) for number in range(len(title.tracks)))}
</div>
<div class="controls">
<button type="button" id="play">Play</button>
<button type="button" id="back" aria-label="−5 s, back">−5 s</button>
<button type="button" id="forward" aria-label="+5 s, on">+5 s</button>
<button type="button" id="earlier" aria-label="−1 frame">−1</button>
<button type="button" id="later" aria-label="+1 frame">+1</button>
<button type="button" id="boxes" aria-pressed="true">Boxes of the truth</button>
<label>Speed <select id="speed">{speeds}</select></label>
<label>Volume <input id="volume" type="range" min="0" max="1" step="0.05" value="1"></label>
</div>
<p class="clock"><span id="clock">{clock(0)}</span> · <span id="frame">frame 0</span></p>
<p class="message" id="message" role="status"></p>
<p class="keys"><kbd>1</kbd>–<kbd>{len(title.tracks)}</kbd> switch the track, <kbd>space</kbd> plays, \
<kbd>←</kbd> <kbd>→</kbd> move 5 s, <kbd>,</kbd> <kbd>.</kbd> a frame, <kbd>b</kbd> boxes.</p>
{_fault_note(title)}
<noscript><p>The player needs JavaScript; the files beside this page are {PICTURE} and \
{listed([sound_name(number) for number in range(len(title.tracks))])}.</p></noscript>
</div>
{sounds}
</section>"""


def _switch(title: Title, number: int) -> str:
    track, name = title.tracks[number], track_names(title)[number]
    words = f"<small>{text(fault_words(track.fault))}</small>" if track.fault else ""
    pressed = "true" if number == 0 else "false"
    return (
        f'<button type="button" data-track="{number}" aria-pressed="{pressed}">'
        f"<kbd>{number + 1}</kbd><span>{text(name)}</span>{words}</button>"
    )


def _fault_note(title: Title) -> str:
    if not any(track.fault for track in title.tracks):
        return ""
    return paragraph(
        "A fault was planted in a track. Its subtitles and the lanes of the time line stand where its sound "
        "is; the table of lines tells the times before the fault.",
        "note",
    )


def _key(title: Title) -> str:
    speakers = "".join(
        f'<li><span class="key s{speaker_colour(title, speaker.name)}" aria-hidden="true"></span>'
        f"{text(speaker.name)}</li>"
        for speaker in title.cast
    )
    marks = "".join(
        f'<li><span class="marks"><i class="{kind}" aria-hidden="true"></i></span>{words}</li>'
        for kind, words in (("event", "event hits"), ("flash", "flash"), ("recap", "shot repeats another"))
    )
    return f'<ul class="legend">{speakers}</ul><ul class="legend marks-key">{marks}</ul>'


def _zoom() -> str:
    return (
        '<div class="zoom"><button type="button" id="wider" aria-label="Zoom in on the time line">'
        'Zoom in</button><button type="button" id="narrower" aria-label="Zoom out of the time line">'
        "Zoom out</button>"
        '<span class="note">Click anywhere to go there.</span></div>'
    )


def _panels(title: Title, media: Media) -> str:
    """Spectrograms of every track, and of what each has that the first has not."""
    names = track_names(title)
    parts = [
        _panel(spectrogram_name(number), f"{number + 1} {name}", f"Log-mel spectrogram of the track {name}")
        for number, name in enumerate(names)
    ]
    for number, name in enumerate(names[1:], start=1):
        level = media.between_db.get(title.tracks[number].key)
        caption = f"{name} minus {names[0]}" + (
            "" if level is None else f": {decibels(level)} where neither speaks"
        )
        words = f"Log-mel spectrogram of the samples of {name} minus those of {names[0]}"
        parts.append(_panel(difference_name(number), caption, words, "panel difference"))
    return "\n".join(parts)


def _panel(file: str, caption: str, words: str, kind: str = "panel") -> str:
    return (
        f'<figure class="{kind}"><figcaption>{text(caption)}</figcaption>'
        f'<img src="{file}" alt="{text(words)}: time across, pitch upwards, bright is loud" loading="lazy" '
        'draggable="false"></figure>'
    )


def _lines(title: Title) -> str:
    lines = all_lines(title)
    if not lines:
        return paragraph("Nobody speaks.", "note")
    head = ["Time", "Speaker", "Style", *track_names(title)]
    rows = [_line(title, number, line) for number, line in enumerate(lines)]
    told = table("As written in subtitles, with the gain of each voice", head, rows)
    return f'<div class="lines-told">{told}</div>'


def _line(title: Title, number: int, line: Line) -> list[str]:
    start_s = min(spoken.start_s for spoken in line.spoken.values())
    cells = []
    for track in title.tracks:
        spoken = line.spoken.get(track.key)
        cells.append(
            "–"
            if spoken is None
            else f'<span lang="{text(track.language)}">{text(spoken.written)}</span>'
            f'<span class="range">{clock(spoken.start_s)} to {clock(spoken.end_s)}, '
            f"{decibels(spoken.gain_db, '+')}</span>"
        )
    return [
        f'<button type="button" data-row="{number}" data-seek="{start_s:.3f}">{clock(start_s)}</button>',
        text(line.speaker),
        text(line.style),
        *cells,
    ]


def _tracks(title: Title, media: Media) -> str:
    rows = []
    for number, (track, name) in enumerate(zip(title.tracks, track_names(title), strict=True)):
        tagged = display_name(track.tagged)
        if track.tagged != track.language:
            tagged += " (wrong)"
        fault = (
            f'<span class="badge fault">{text(fault_words(track.fault))}</span>' if track.fault else "none"
        )
        between = media.between_db.get(track.key)
        rows.append(
            [
                text(name),
                text(track.key),
                text(track.role),
                text(tagged),
                fault,
                "–" if between is None else decibels(between),
                f'<a href="{sound_name(number)}">{size(media.files[sound_name(number)])}</a>',
            ]
        )
    head = ["Track", "Key", "Role", "Tagged as", "Fault", "Difference to the first between lines", "File"]
    words = (
        "The dubs hold the very same background: where neither track speaks, their difference is as low as "
        "the rounding of 16 bits (−98 dB or less), unless a fault was planted."
    )
    return paragraph(words) + table("Sound tracks, in the film's order", head, rows, (5, 6))


def _cast(title: Title) -> str:
    rows = [
        [
            f'<b class="s{speaker_colour(title, speaker.name)}">{text(speaker.name)}</b>',
            {"f": "woman", "m": "man"}.get(speaker.sex, text(speaker.sex)),
            *(
                text(speaker.voices[track.key].name) if track.key in speaker.voices else "–"
                for track in title.tracks
            ),
        ]
        for speaker in title.cast
    ]
    head = ["Name", "Sex", *track_names(title)]
    return table("Each person's voice in each track", head, rows, compact=True)


def _shots(title: Title, kinds: Sequence[str]) -> str:
    rows = [_shot(title, number, shot, kinds) for number, shot in enumerate(title.shots)]
    head = [
        "Shot",
        "Scene",
        "Change",
        "Camera",
        "Background",
        "Speech over it",
        "Reverberation",
        "On the set",
    ]
    return f'<div class="shots-told">{table("Every shot", head, rows, (4, 5, 6))}</div>'


def _shot(title: Title, number: int, shot: Shot, kinds: Sequence[str]) -> list[str]:
    start_s = shot.start_frame / float(title.rate)
    image = (
        f'<img src="{still_name(number)}" alt="Shot {number + 1}: {text(shot.scene.kind)}" loading="lazy" '
        f'width="{title.width}" height="{title.height}">'
    )
    button = f'<button type="button" data-seek="{start_s:.3f}">{number + 1} · {clock(start_s)}</button>'
    change = text(TRANSITIONS.get(shot.transition.kind, shot.transition.kind)) if number else "–"
    if number and shot.transition.kind != "cut":
        change += (
            f'<span class="range">frames {text(shot.transition.first_frame)} to '
            f"{text(shot.transition.last_frame)}</span>"
        )
    happens = [f"{event.kind} at {listed([clock(hit) for hit in event.hits_s])}" for event in shot.events]
    happens += [f"flash at frame {frame}" for frame in shot.flashes[:1]]
    happens += [f"repeats shot {shot.recap_of + 1}"] if shot.recap_of is not None else []
    seen = listed([one.name for one in shot.people]) if shot.people else "nobody"
    source = "" if shot.background_source == "synthesis" else text(shot.background_source)
    return [
        button + image,
        f'<span class="chip" style="{scene_style(shot.scene.kind, kinds)}">{text(shot.scene.kind)}</span>'
        f'<span class="range">frames {text(shot.start_frame)} to {text(shot.end_frame)}</span>',
        change,
        text(shot.camera.move),
        f'{decibels(shot.background_db)}<span class="range">{source}</span>',
        decibels(shot.speech_over_background_db, "+"),
        f"{shot.reverb_s:.2f} s",
        f"{text(seen)} in the picture"
        + "".join(f'<span class="range">{text(one)}</span>' for one in happens),
    ]


def _film(title: Title) -> str:
    look = title.look
    tint = " ".join(f"{value:.2f}" for value in look.tint)
    picture = f"{title.width} x {title.height} pixels of {title.pixel_aspect}, {title.fps} frames a second"
    tilt = decibels(title.sound_tilt_db, "+")
    sound = f"{title.channels} of {title.sample_rate} Hz a track, tilted {tilt} an octave"
    shown = (
        f"tint {tint}, saturation {look.saturation:.2f}, gamma {look.gamma:.2f}, grain {look.grain:.1f}, "
        f"vignette {look.vignette:.2f}, softness {look.soft:.2f}"
    )
    rows = [
        ["Picture", text(picture)],
        ["Channels of sound", text(sound)],
        ["Look", text(shown)],
        ["Original language", text(display_name(title.original_language))],
        ["Seed and number", text(f"{title.seed}, {title.index}")],
    ]
    return table("The rest of what is known", ["What", "Value"], rows)


def _data(title: Title) -> str:
    """The truth for the player; nothing in it can end the element that holds it."""
    value = json.dumps(player_data(title), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return f'<script type="application/json" id="truth">{value.replace("<", chr(92) + "u003c")}</script>'
