"""Read a film set's files and believe nothing in them: a set may come from anywhere.

Whatever is wrong raises one InputError that names the file and the field. So callers may join a title's
name to paths, add up its times and show its kinds without checks of their own.
"""

import csv
import json
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filmset.camera import Box, canvas_size
from filmset.fault_values import BOUNDS, MOST_DB, VALUES
from filmset.scenes import KINDS
from filmset.settings import (
    LONGEST_TITLE_S,
    MOST_SEED,
    Settings,
    is_language,
    read_aspect,
    read_rate,
    read_size,
)
from filmset.truth import FORMAT, Fault, Line, Shot, Title, Track
from lssd import config
from lssd.errors import InputError

FILM_SUFFIX = ".mkv"
_TITLE_BYTES = 128 << 20  # of a title's truth: one of four hours in eight tracks has 86 MB
_SETTINGS_BYTES, _TABLE_BYTES = 1 << 20, 16 << 20
_MOST_TOLD = 500  # characters of a message
_MOST_DEEP, _MOST_LETTERS = 32, 10_000  # of a JSON value's nesting and of a string in it
_MOST_TRACKS, _MOST_PEOPLE, _MOST_SHOTS = 100, 16, 10_000
_MOST_EVENTS, _MOST_HITS, _MOST_FLASHES = 16, 1_000, 100  # of a shot, of an event, of a shot
_MOST_PIXELS, _MOST_REVERB_S = 10_000, 60.0
_RATES = (8_000, 192_000)  # samples a second
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
_KIND = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,59}")
_NAME_RULE = "a name has at most 100 letters, digits, '.', '_' and '-', and does not begin with '.'"


def is_name(text: str) -> bool:
    """Whether a text may name a title or a track: it becomes part of file names."""
    return _NAME.fullmatch(text) is not None


def stays_below(path: str) -> bool:
    """Whether a relative path leads to something below the folder that it is joined to, links aside."""
    return not Path(path).is_absolute() and ".." not in Path(path).parts


def read_object(path: Path, most_bytes: int) -> dict[str, Any]:
    """The JSON object that a file holds, its keys names, its numbers finite, its nesting shallow.

    Raises InputError when it is missing, larger than `most_bytes`, damaged, or something else.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{path} is no plain file")
        if status.st_size > most_bytes:
            raise InputError(f"{path} has {status.st_size} bytes; at most {most_bytes} are read")
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path} is damaged: {error}; remove it and render again") from error
    except RecursionError as error:
        raise InputError(f"{path} is damaged: its values are nested too deep") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} is damaged (not a JSON object); remove it and render again")
    _check_json(value, path)
    return value


_Trail = tuple["_Trail | None", str]  # the keys that lead to a value, the last first


def _check_json(value: dict[str, Any], path: Path) -> None:
    stack: list[tuple[Any, _Trail | None, int]] = [(value, None, 0)]
    while stack:
        item, trail, depth = stack.pop()
        if isinstance(item, dict | list) and depth == _MOST_DEEP:
            raise InputError(f"{path} is damaged: '{_field(trail)}' is nested too deep")
        if isinstance(item, dict):
            for key, inner in item.items():
                if not is_name(key):
                    raise InputError(f"{path}: '{_field(trail)}' holds the key {_shown(key)}; {_NAME_RULE}")
                stack.append((inner, (trail, key), depth + 1))
        elif isinstance(item, list):
            stack += [(inner, (trail, f"[{index}]"), depth + 1) for index, inner in enumerate(item)]
        elif isinstance(item, str) and not (len(item) <= _MOST_LETTERS and _is_unicode(item)):
            raise InputError(
                f"{path}: '{_field(trail)}' is {_shown(item)}; a text has at most {_MOST_LETTERS} "
                "characters of Unicode"
            )
        elif isinstance(item, int | float) and not abs(item) <= MOST_SEED:
            raise InputError(f"{path}: '{_field(trail)}' is {_shown(item)}, which is no usable number")


def _field(trail: _Trail | None) -> str:
    keys = []
    while trail is not None:
        trail, key = trail
        keys.append(key)
    return ".".join(reversed(keys)).replace(".[", "[") or "the whole"


def _is_unicode(text: str) -> bool:
    """Whether a text can be encoded: JSON can hold lone surrogates."""
    try:
        return text.isascii() or bool(text.encode("utf-8"))
    except UnicodeEncodeError:
        return False


def _shown(value: object) -> str:
    """A value for a message: short, and without control characters."""
    told = repr(value)
    return told if len(told) <= 60 else f"{told[:57]}..."


def read_title(path: Path) -> Title:
    """The truth of a film, from the file beside it. Raises InputError when anything in it is impossible."""
    value = read_object(path, _TITLE_BYTES)
    with _named(path):
        title = Title.from_json(value, str(path))
        tracks = tuple(_typed(track, number, path) for number, track in enumerate(title.tracks))
    title = replace(title, tracks=tracks)
    _check_title(title, _Fields(path))
    if title.name != path.stem:
        raise InputError(f"{path}: 'name' is {title.name!r}; it must be the name of its file, {path.stem!r}")
    return title


def read_settings(path: Path) -> tuple[Settings, dict[str, str]]:
    """A set's settings, and by setting the hashes of the recordings that it was made of.

    Raises InputError when they are of another version or impossible.
    """
    value = read_object(path, _SETTINGS_BYTES)
    if value.pop("format", None) != FORMAT:
        raise InputError(f"{path} is not of this version; choose another folder")
    content = value.pop("content", {})
    if not isinstance(content, dict):
        raise InputError(f"{path}: 'content' is {_shown(content)}; it must be a group of keys")
    with _named(path):
        return config.build(Settings, value, str(path)), content


def read_names(table: Path) -> list[str]:
    """The names of the titles whose films a set's table lists, each once. Raises InputError otherwise."""
    try:
        if table.stat().st_size > _TABLE_BYTES:
            raise InputError(f"{table} has more than {_TABLE_BYTES} bytes; render the set again")
        with table.open(encoding="utf-8", newline="") as file:
            cells = [row["path"] for row in csv.DictReader(file)]
    except OSError as error:
        raise InputError(f"{table} cannot be read: {error.strerror}") from error
    except (KeyError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{table} is damaged; render the set again") from error
    if not cells:
        raise InputError(f"{table} lists no title; render the set again")
    names: dict[str, None] = {}
    for row, cell in enumerate(cells, 1):
        name = (cell or "").removesuffix(FILM_SUFFIX)
        if cell != name + FILM_SUFFIX or not is_name(name):
            raise InputError(f"{table}: 'path' of title {row} is {_shown(cell)}, not NAME{FILM_SUFFIX}")
        if name in names:
            raise InputError(f"{table}: 'path' of title {row} is {cell}, which is there already")
        names[name] = None
    return list(names)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Name the file in errors of building a value from it, and shorten and escape what they quote."""
    try:
        yield
    except InputError as error:
        told = str(error) if str(path) in str(error) else f"{path}: {error}"
        told = told if len(told) <= _MOST_TOLD else f"{told[:_MOST_TOLD]}..."
        letters = (letter if letter.isprintable() else ascii(letter)[1:-1] for letter in told)
        raise InputError("".join(letters)) from error


def _typed(track: Track, number: int, path: Path) -> Track:
    """The track, once its fault has the values of its kind: none missing, none more, of the right types."""
    if track.fault is None:
        return track
    field, kind = f"tracks[{number}].fault", track.fault.kind
    if kind not in VALUES:
        raise InputError(f"{path}: '{field}.kind' is {_shown(kind)}; known are {', '.join(VALUES)}")
    values: object = config.build(VALUES[kind], track.fault.values, str(path), f"{field}.values.")
    return replace(track, fault=Fault(kind, config.to_mapping(values)))


@dataclass(frozen=True)
class _Fields:
    """Checks of single fields of a file."""

    path: Path

    def need(self, holds: bool, field: str, value: object, rule: str) -> None:
        if not holds:
            raise InputError(f"{self.path}: '{field}' is {_shown(value)}; {rule}")

    def name(self, field: str, value: str) -> None:
        self.need(is_name(value), field, value, _NAME_RULE)

    def kind(self, field: str, value: str) -> None:
        rule = "a kind has at most 60 letters, digits, '_', '-' and spaces"
        self.need(_KIND.fullmatch(value) is not None, field, value, rule)

    def language(self, field: str, value: str) -> None:
        self.need(is_language(value), field, value, "it is no language")

    def within(self, field: str, value: float, low: float, high: float) -> None:
        if not low <= value <= high:
            self.need(False, field, value, f"it must lie between {low:g} and {high:g}")

    def count(self, field: str, values: tuple[object, ...], low: int, high: int) -> None:
        have = len(values)
        self.need(
            low <= have <= high, field, f"a list of {have}", f"it must hold between {low} and {high} values"
        )

    def box(self, field: str, box: Box) -> None:
        top, left, bottom, right = box
        holds = -_MOST_PIXELS <= top <= bottom <= _MOST_PIXELS
        holds = holds and -_MOST_PIXELS <= left <= right <= _MOST_PIXELS
        self.need(holds, field, box, f"it must be top, left, bottom, right within {_MOST_PIXELS} pixels")

    def distinct(self, field: str, values: Iterable[str]) -> None:
        found = list(values)
        self.need(len(set(found)) == len(found), field, found, "each must be there once")


def _check_title(title: Title, check: _Fields) -> None:
    check.name("name", title.name)
    check.within("index", title.index, 0, MOST_SEED)
    check.within("seed", title.seed, 0, MOST_SEED)
    check.need(title.split in ("train", "test"), "split", title.split, "it must be train or test")
    check.kind("genre", title.genre)
    check.kind("director", title.director)
    check.language("original_language", title.original_language)
    _check_form(title, check)
    for number, track in enumerate(title.tracks):
        _check_track(title, f"tracks[{number}]", track, check)
    for number, speaker in enumerate(title.cast):
        field = f"cast[{number}]"
        check.kind(f"{field}.sex", speaker.sex)
        check.within(f"{field}.look_seed", speaker.look_seed, 0, MOST_SEED)
        for key, voice in speaker.voices.items():
            check.language(f"{field}.voices.{key}.language", voice.language)
    _check_order(title, check)
    for number in range(len(title.shots)):
        _check_shot(title, number, check)


def _check_form(title: Title, check: _Fields) -> None:
    """Sizes, rates and counts."""
    for field, value, read in (
        ("fps", title.fps, read_rate),
        ("pixel_aspect", title.pixel_aspect, read_aspect),
        ("width x height", f"{title.width}x{title.height}", read_size),
    ):
        try:
            plain = read(value)
        except InputError as error:
            raise InputError(f"{check.path}: '{field}': {error}") from error
        if read is not read_size:
            check.need(str(plain) == value, field, value, f"it is written as {plain}")
    check.within("frames", title.frames, 1, round(LONGEST_TITLE_S * title.rate))
    check.within("sample_rate", title.sample_rate, *_RATES)
    check.need(title.channels in (1, 2, 6), "channels", title.channels, "sound has 1, 2 or 6 channels")
    check.within("sound_tilt_db", title.sound_tilt_db, -MOST_DB, MOST_DB)
    for number, tint in enumerate(title.look.tint):
        check.within(f"look.tint[{number}]", tint, 0, 10)
    for name in ("saturation", "gamma", "vignette", "soft"):
        check.within(f"look.{name}", getattr(title.look, name), 0, 10)
    check.within("look.grain", title.look.grain, 0, 255)
    check.count("tracks", title.tracks, 1, _MOST_TRACKS)
    check.count("cast", title.cast, 0, _MOST_PEOPLE)
    check.count("shots", title.shots, 1, min(_MOST_SHOTS, title.frames))
    check.distinct("tracks", (track.key for track in title.tracks))
    check.distinct("cast", (speaker.name for speaker in title.cast))


def _check_track(title: Title, field: str, track: Track, check: _Fields) -> None:
    check.name(f"{field}.key", track.key)
    check.kind(f"{field}.role", track.role)
    check.language(f"{field}.language", track.language)
    check.language(f"{field}.tagged", track.tagged)
    if track.fault is None:
        return
    field = f"{field}.fault.values"
    keys = [one.key for one in title.tracks]
    for name, value in track.fault.values.items():
        if name in BOUNDS and value is not None:
            check.within(f"{field}.{name}", value, *BOUNDS[name])
        elif name in ("true", "claimed"):
            check.language(f"{field}.{name}", value)
        elif name == "of":
            check.need(value in keys, f"{field}.of", value, f"the tracks are {', '.join(keys)}")
        elif name == "voice":
            check.language(f"{field}.voice.language", value["language"])
    for number, line in enumerate(track.fault.values.get("lines", ())):
        part = f"{field}.lines[{number}]"
        _check_times(title, part, line["start_s"], line["end_s"], check)
        check.within(f"{part}.gain_db", line["gain_db"], -MOST_DB, MOST_DB)
        if line["seconds"] is not None:
            check.within(f"{part}.seconds", line["seconds"], 0, LONGEST_TITLE_S)


def _check_times(title: Title, field: str, start_s: float, end_s: float, check: _Fields) -> None:
    """Times may lie up to a second outside the film, where nothing is heard."""
    last_s = float(title.frames / title.rate) + 1
    check.within(f"{field}.start_s", start_s, -1, last_s)
    check.within(f"{field}.end_s", end_s, start_s, last_s)


def _check_shot(title: Title, number: int, check: _Fields) -> None:
    shot, field = title.shots[number], f"shots[{number}]"
    _check_frames(title, number, check)
    check.kind(f"{field}.transition.kind", shot.transition.kind)
    if shot.recap_of is not None:
        check.within(f"{field}.recap_of", shot.recap_of, 0, number - 1)
    _check_camera(title, shot, f"{field}.camera", check)
    check.need(
        shot.scene.kind in KINDS, f"{field}.scene.kind", shot.scene.kind, f"known are {', '.join(KINDS)}"
    )
    for name, low in (("activity", 0), ("pace", 0), ("hue", -1), ("horizon", 0)):
        check.within(f"{field}.scene.{name}", getattr(shot.scene, name), low, 1)
    check.within(f"{field}.scene.seed", shot.scene.seed, 0, MOST_SEED)
    source = shot.background_source
    check.need(stays_below(source), f"{field}.background_source", source, "it leads out of its folder")
    for name in ("background_db", "speech_over_background_db"):
        check.within(f"{field}.{name}", getattr(shot, name), -MOST_DB, MOST_DB)
    check.within(f"{field}.reverb_s", shot.reverb_s, 0, _MOST_REVERB_S)
    names = [speaker.name for speaker in title.cast]
    check.count(f"{field}.people", shot.people, 0, _MOST_PEOPLE)
    for index, one in enumerate(shot.people):
        check.need(one.name in names, f"{field}.people[{index}].name", one.name, "nobody of the cast is that")
        check.within(f"{field}.people[{index}].left", one.left, -_MOST_PIXELS, _MOST_PIXELS)
        check.within(f"{field}.people[{index}].height", one.height, 0, _MOST_PIXELS)
        check.box(f"{field}.people[{index}].mouth", one.mouth)
    check.count(f"{field}.events", shot.events, 0, _MOST_EVENTS)
    last_s = float(title.frames / title.rate)
    for index, event in enumerate(shot.events):
        inner = f"{field}.events[{index}]"
        check.kind(f"{inner}.kind", event.kind)
        check.count(f"{inner}.hits_s", event.hits_s, 1, _MOST_HITS)
        for hit, time_s in enumerate(event.hits_s):
            check.within(f"{inner}.hits_s[{hit}]", time_s, 0, last_s)
        check.box(f"{inner}.box", event.box)
        check.within(f"{inner}.gain_db", event.gain_db, -MOST_DB, MOST_DB)
        check.within(f"{inner}.seed", event.seed, 0, MOST_SEED)
    for index, line in enumerate(shot.lines):
        check.need(
            line.speaker in names, f"{field}.lines[{index}].speaker", line.speaker, "the cast has none such"
        )
        _check_line(title, line, f"{field}.lines[{index}]", check)


def _check_order(title: Title, check: _Fields) -> None:
    """Shots follow each other without gaps from the film's first frame to its last."""
    start = 0
    for number, shot in enumerate(title.shots):
        field = f"shots[{number}]"
        follows = shot.start_frame == start
        check.need(follows, f"{field}.start_frame", shot.start_frame, f"the shot before ends at {start}")
        check.within(f"{field}.end_frame", shot.end_frame, start + 1, title.frames)
        start = shot.end_frame
    field = f"shots[{len(title.shots) - 1}].end_frame"
    check.need(start == title.frames, field, start, f"the film ends at {title.frames}")


def _check_frames(title: Title, number: int, check: _Fields) -> None:
    """The frames of a shot lie in it; of those in which it is seen, in the shots beside it too."""
    shot, field = title.shots[number], f"shots[{number}]"
    first = title.shots[max(0, number - 1)].start_frame
    last = title.shots[min(number + 1, len(title.shots) - 1)].end_frame
    check.within(f"{field}.seen_from", shot.seen_from, first, shot.start_frame)
    check.within(f"{field}.seen_to", shot.seen_to, shot.end_frame, last)
    change = shot.transition
    check.within(f"{field}.transition.first_frame", change.first_frame, 0, title.frames)
    check.within(f"{field}.transition.last_frame", change.last_frame, change.first_frame, title.frames)
    check.count(f"{field}.flashes", shot.flashes, 0, _MOST_FLASHES)
    for index, flash in enumerate(shot.flashes):
        check.within(f"{field}.flashes[{index}]", flash, shot.start_frame, shot.end_frame - 1)


def _check_camera(title: Title, shot: Shot, field: str, check: _Fields) -> None:
    camera, stored = shot.camera, (title.width, title.height)
    canvas = canvas_size(stored, read_aspect(title.pixel_aspect))
    check.kind(f"{field}.move", camera.move)
    check.need(camera.stored == stored, f"{field}.stored", camera.stored, f"the picture has {stored}")
    check.need(camera.canvas == canvas, f"{field}.canvas", camera.canvas, f"the picture is drawn on {canvas}")
    check.count(f"{field}.path", camera.path, 1, title.frames + 1)
    least = 0
    for number, (frame, x, y, zoom) in enumerate(camera.path):
        part = f"{field}.path[{number}]"
        check.within(f"{part}[0]", frame, least, title.frames)
        check.within(f"{part}[1]", x, 0, 1)
        check.within(f"{part}[2]", y, 0, 1)
        check.within(f"{part}[3]", zoom, 1, 10)
        least = frame + 1


def _check_line(title: Title, line: Line, field: str, check: _Fields) -> None:
    check.kind(f"{field}.style", line.style)
    keys = [track.key for track in title.tracks]
    check.need(len(line.spoken) > 0, f"{field}.spoken", {}, "a line is spoken in a track")
    for key, spoken in line.spoken.items():
        part = f"{field}.spoken.{key}"
        check.need(key in keys, f"{field}.spoken", key, f"the tracks are {', '.join(keys)}")
        _check_times(title, part, spoken.start_s, spoken.end_s, check)
        check.within(f"{part}.gain_db", spoken.gain_db, -MOST_DB, MOST_DB)
        for number, word in enumerate(spoken.words):
            _check_times(title, f"{part}.words[{number}]", word.start_s, word.end_s, check)
