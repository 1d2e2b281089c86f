"""The page of a film set: what it is, a contact sheet, and a page a title with a player."""

import os
import shlex
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields
from importlib import resources
from pathlib import Path

import numpy as np
import yaml

from filmset.pages.heard import clock, fault_words
from filmset.pages.media import Media, holds_media, make_media, still_name
from filmset.pages.timeline import TRANSITIONS, scene_style, track_names
from filmset.pages.title import SCRIPT, STYLE, title_page
from filmset.render import FilmSet, film_path
from filmset.settings import Settings
from filmset.truth import Shot, Title
from lssd import config
from lssd.engine import Progress
from lssd.errors import InputError, MediaError
from lssd.languages import display_name
from lssd.media import NO_MEDIA
from lssd.reporting.markup import commands, duration, page, paragraph, percent, section, table, text
from lssd.store import lock, write_bytes
from lssd.text import counted, listed

PAGE = "index.html"
_STILLS = 24  # of a title on the contact sheet; its own page has all
_TITLES = 200  # the most with pages of their own


def write_pages(films: FilmSet, out: Path, titles: int, progress: Progress | None = None) -> Path:
    """Write `out/index.html` and a folder a title; return the index' path.

    titles: how many have a page of their own, evenly over the set; the others are listed. Their sounds
    and pictures are kept when they stand already; pages of an earlier call that are not of these titles
    are removed. Films that cannot be read are named on the index. progress: told how many titles are done.

    Raises InputError when `out` is the set's own folder, cannot be written, is in use, or holds a link where
    something is to be written; and InputError or MediaError when none of the films can be read.
    """
    if not 1 <= titles <= _TITLES:
        raise InputError(f"the number of titles with a page must be between 1 and {_TITLES}, not {titles}")
    if out.resolve() == films.folder.resolve():
        raise InputError(f"{out} holds the films themselves; choose another --out")
    chosen = chosen_titles(films.titles, titles)
    _check_place(films, out, chosen)
    with lock(out):
        write_bytes(out / NO_MEDIA, b"")  # its films are copies
        for name in (STYLE, SCRIPT):
            write_bytes(out / name, resources.files("filmset.pages").joinpath(name).read_bytes())
        media, unread = _make_all(films, chosen, out, progress)
        shown = [title for title in chosen if title.name in media]
        for number, title in enumerate(shown):
            folder = out / title.name
            links = _neighbours(films, shown, number, folder)
            markup = title_page(title, media[title.name], films.settings.scenes, links)
            write_bytes(folder / PAGE, markup.encode("utf-8"))
        write_bytes(out / PAGE, index_page(films, shown, unread).encode("utf-8"))
        _remove_others(out, media)
    return out / PAGE


def _check_place(films: FilmSet, out: Path, chosen: Sequence[Title]) -> None:
    """Raise InputError where writing the pages would follow a link that came with the set, or with `out`.

    A link that leads to `out` is followed where it lies outside the set: whoever calls has made it.
    """
    top = films.folder.absolute()
    for path in (out.absolute(), *out.absolute().parents):
        if top in path.parents and path.is_symlink():
            raise InputError(f"{path} is a link in the film set itself; choose another --out")
    beside = [out / name for name in (NO_MEDIA, STYLE, SCRIPT, PAGE)]
    for path in beside:
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise InputError(f"{path} is no plain file; remove it or choose another --out")
    for folder in (out / title.name for title in chosen):
        if folder in beside:
            raise InputError(
                f"a title called {folder.name} can have no page; that is a file of the pages' own"
            )
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise InputError(f"{folder} is no plain folder; remove it or choose another --out")
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.is_symlink() or not path.is_file():
                raise InputError(f"{path} is no plain file; remove it or choose another --out")


def _make_all(
    films: FilmSet, chosen: Sequence[Title], out: Path, progress: Progress | None
) -> tuple[dict[str, Media], dict[str, str]]:
    """By title the files of its page, or why its film cannot be read. Raises when that is so of all."""
    media: dict[str, Media] = {}
    errors: dict[str, MediaError] = {}
    if progress is not None:
        progress.update(0, len(chosen))
    for done, title in enumerate(chosen, start=1):
        try:
            media[title.name] = make_media(title, film_path(films.folder, title.name), out / title.name)
        except MediaError as error:
            errors[title.name] = error
            (out / title.name / PAGE).unlink(missing_ok=True)  # nothing on it would play
        if progress is not None:
            progress.update(done, len(chosen))
    if errors and not media:
        raise next(iter(errors.values()))
    return media, {name: str(error) for name, error in errors.items()}


def _remove_others(out: Path, kept: Collection[str]) -> None:
    """Remove titles' folders of an earlier view; whatever has not our stamp stays."""
    for folder in out.iterdir():
        if folder.name not in kept and not folder.is_symlink() and holds_media(folder):
            shutil.rmtree(folder)


def chosen_titles(titles: Sequence[Title], count: int) -> list[Title]:
    """`count` of the titles, or all where there are fewer, evenly from the first to the last."""
    places = np.linspace(0, len(titles) - 1, min(count, len(titles))).round().astype(int)
    return [titles[place] for place in places]


def _neighbours(films: FilmSet, chosen: Sequence[Title], number: int, folder: Path) -> list[tuple[str, str]]:
    links = [(f"../{PAGE}", "All titles")]
    if number > 0:
        links.append((f"../{chosen[number - 1].name}/{PAGE}", f"← {chosen[number - 1].name}"))
    if number + 1 < len(chosen):
        links.append((f"../{chosen[number + 1].name}/{PAGE}", f"{chosen[number + 1].name} →"))
    truth = os.path.relpath(films.folder / f"{chosen[number].name}.json", folder)
    return [*links, (Path(truth).as_posix(), "The truth as JSON")]


def index_page(films: FilmSet, chosen: Sequence[Title], unread: Mapping[str, str] | None = None) -> str:
    """The set's page, for a folder that holds the pages of the chosen titles.

    unread: by name of the titles whose films cannot be read, why.
    """
    unread = unread or {}
    length_s = sum(_seconds(title) for title in films.titles)
    tracks = sum(len(title.tracks) for title in films.titles)
    heard = {language for title in films.titles for language in title.languages}
    order = dict.fromkeys((*films.settings.languages, *sorted(heard)))
    languages = [display_name(language) for language in order if language in heard]
    lead = (
        f"{counted(len(films.titles), 'rendered film')}, {duration(length_s)} in all, "
        f"{counted(tracks, 'sound track')} in {listed(languages)}. Everything in them is known: every cut, "
        "word, voice and event."
    )
    rest = [title for title in films.titles if title not in chosen and title.name not in unread]
    parts = [
        f'<link rel="stylesheet" href="{STYLE}">',
        section("sheet", "Contact sheet", *(_sheet(title, films.settings.scenes) for title in chosen)),
        section("unread", "Films that cannot be read", _unread(unread)) if unread else "",
        section("others", "Further titles", _others(rest)) if rest else "",
        section("numbers", "The set in numbers", _numbers(films)),
        section("settings", "Settings", _settings(films.settings)),
        section("command", "How it was made", commands([command(films)])),
    ]
    return page(f"Film set {films.folder.resolve().name}", lead, parts, beside=True)


def _seconds(title: Title) -> float:
    return float(title.frames / title.rate)


def _sheet(title: Title, kinds: Sequence[str]) -> str:
    shown = np.linspace(0, len(title.shots) - 1, min(_STILLS, len(title.shots))).round().astype(int)
    faults = "".join(
        f' <span class="badge fault">{text(display_name(track.language))}: '
        f"{text(fault_words(track.fault))}</span>"
        for track in title.tracks
        if track.fault
    )
    spoken = ", ".join(track_names(title))
    words = f"{title.genre}, {title.director.capitalize()}, {title.split}; {spoken}"
    more = len(title.shots) - len(shown)
    stills = "".join(_still(title, int(number), kinds) for number in shown)
    return (
        f'<h3><a href="{text(title.name)}/{PAGE}">{text(title.name)}</a> '
        f'<span class="range">{text(words)}, {duration(_seconds(title))}</span></h3>{faults}\n'
        f'<ol class="sheet">{stills}</ol>'
        + (paragraph(f"{counted(more, 'further shot')} on the title's page.", "note") if more else "")
    )


def _still(title: Title, number: int, kinds: Sequence[str]) -> str:
    shot = title.shots[number]
    start_s = shot.start_frame / float(title.rate)
    who = (
        f"{listed(shot.speakers)} speak{'' if len(shot.speakers) > 1 else 's'}"
        if shot.speakers
        else "nobody speaks"
    )
    badges = "".join(f'<span class="badge">{text(word)}</span>' for word in shot_marks(shot, number))
    return (
        f'<li style="{scene_style(shot.scene.kind, kinds)}">'
        f'<a href="{text(title.name)}/{PAGE}#t={start_s:.2f}">'
        f'<img src="{text(title.name)}/{still_name(number)}" loading="lazy" width="{title.width}" '
        f'height="{title.height}" alt="{text(title.name)}, shot {number + 1}: {text(shot.scene.kind)}">'
        f"{text(shot.scene.kind)} · {clock(start_s)}"
        f'<span class="who">{text(who)}</span><span class="marks">{badges}</span></a></li>'
    )


def shot_marks(shot: Shot, number: int) -> list[str]:
    """What is to be said of a shot in single words: how it begins, its events, flashes, whether it recurs."""
    marks = [TRANSITIONS.get(shot.transition.kind, shot.transition.kind).split()[0]] if number else []
    marks += [
        event.kind + (f" × {len(event.hits_s)}" if len(event.hits_s) > 1 else "") for event in shot.events
    ]
    marks += ["flash"] if shot.flashes else []
    return marks + ([f"repeats {shot.recap_of + 1}"] if shot.recap_of is not None else [])


def _unread(reasons: Mapping[str, str]) -> str:
    rows = [[text(name), text(reason)] for name, reason in reasons.items()]
    return table(f"{counted(len(rows), 'title')} without a page, and why", ["Title", "Reason"], rows)


def _others(titles: Sequence[Title]) -> str:
    rows = [
        [
            text(title.name),
            text(display_name(title.original_language)),
            text(", ".join(display_name(language) for language in title.languages[1:]) or "–"),
            text(title.genre),
            text(title.director.capitalize()),
            text(title.split),
            str(len(title.shots)),
            duration(_seconds(title)),
        ]
        for title in titles
    ]
    head = ["Title", "Original", "Other tracks", "Genre", "Director", "Split", "Shots", "Length"]
    return table(f"{counted(len(titles), 'title')} without a page here", head, rows, (6, 7))


def _numbers(films: FilmSet) -> str:
    tracks = [track for title in films.titles for track in title.tracks]
    shots = [shot for title in films.titles for shot in title.shots]
    scenes: Counter[str] = Counter()
    for title in films.titles:
        for shot in title.shots:
            scenes[shot.scene.kind] += (shot.end_frame - shot.start_frame) / float(title.rate)  # type: ignore[assignment]
    changes = [
        TRANSITIONS.get(shot.transition.kind, shot.transition.kind)
        for title in films.titles
        for shot in title.shots[1:]
    ]
    tallies = (
        ("Tracks by language", Counter(display_name(track.language) for track in tracks)),
        ("Titles by original language", Counter(display_name(one.original_language) for one in films.titles)),
        ("Titles by split", Counter(title.split for title in films.titles)),
        ("Titles by director", Counter(title.director.capitalize() for title in films.titles)),
        ("Titles by genre", Counter(title.genre for title in films.titles)),
        ("Changes of shot", Counter(changes)),
        ("Events on the set", Counter(event.kind for shot in shots for event in shot.events)),
        ("Planted faults", Counter(track.fault.kind for track in tracks if track.fault)),
    )
    bars = [_bars("Time by scene", scenes, duration)]
    bars += [_bars(caption, counts, lambda count: f"{count:.0f}") for caption, counts in tallies]
    return f'<div class="bars">{"".join(bars)}</div>'


def _bars(caption: str, counts: Mapping[str, float], show: Callable[[float], str]) -> str:
    """A small table with a bar a row, the largest first; nothing where there is nothing to count."""
    if not counts:
        return ""
    top = max(counts.values())
    rows = [
        [text(name), f'<span class="bar" style="width:{100 * value / top:.1f}%"></span>', show(value)]
        for name, value in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    return table(caption, ["Name", "Share", "Amount"], rows, (2,))


_MEANINGS = {
    "seed": "Seed",
    "languages": "Languages",
    "dubs_per_title": "Dubs a title",
    "undubbed": "Titles without dubs",
    "revoiced": "A further track in other voices",
    "background_track": "A further track without voices",
    "seconds": "Length of a title",
    "sizes": "Sizes of the picture",
    "fps": "Frames a second",
    "pixel_aspects": "Width over height of a pixel",
    "channels": "Channels of sound",
    "held_out": "Titles held out for tests",
    "scenes": "Kinds of scene",
    "look_language_strength": "How much the look goes with the language (0 to 1)",
    "speech_db": "Speech over the background",
    "speakers": "Speakers in a shot, at most",
    "gradual": "Changes that are fades or dissolves",
    "flashes": "Shots with a flash",
    "recaps": "Shots that repeat an earlier one",
    "camera": "Shots with a moving camera",
    "silent": "Shots in which nobody speaks",
    "overlaps": "Lines that begin before the last has ended",
    "events": "Shots with an event on the set",
    "reverb": "Rooms are heard",
    "faults": "Faults planted in a dub",
    "voices": "Recorded speech",
    "sounds": "Recorded backgrounds",
    "stems": "Stems beside the films",
    "subtitles": "Subtitles beside the films",
}
_SHARES = ("held_out", "undubbed", "gradual", "flashes", "recaps", "camera", "silent", "overlaps", "events")


def _settings(settings: Settings) -> str:
    rows = [
        [
            text(_MEANINGS.get(field.name, field.name)),
            text(setting_words(field.name, getattr(settings, field.name))),
        ]
        for field in fields(Settings)
    ]
    return table("What the films were rendered from", ["Setting", "Value"], rows)


def setting_words(name: str, value: object) -> str:
    """A setting's value in words.

    >>> setting_words("gradual", 0.15), setting_words("languages", ("en", "de")), setting_words("faults", ())
    ('15%', 'English, German', 'none')
    """
    if name == "languages" and isinstance(value, tuple):
        return ", ".join(display_name(language) for language in value)
    if name == "speech_db" and isinstance(value, tuple):
        return f"{value[0]:g} to {value[1]:g} dB"
    if name == "seconds" and isinstance(value, float):
        return duration(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in _SHARES and isinstance(value, int | float):
        return percent(value, 0 if round(100 * value, 6).is_integer() else 1)
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def command(films: FilmSet) -> str:
    """The command that renders this set: its settings, but for those that are as they are by default."""
    words = ["lssd", "filmset", "--titles", str(len(films.titles)), "--seed", str(films.settings.seed)]
    default = Settings(seed=films.settings.seed)
    for field in fields(Settings):
        value = getattr(films.settings, field.name)
        if value != getattr(default, field.name):
            plain = config.to_mapping(value)
            told = yaml.safe_dump(plain, default_flow_style=True, width=10**6).removesuffix("\n...\n").strip()
            words += ["--set", f"{field.name}={told}"]
    return shlex.join([*words, "--out", films.folder.resolve().name])
