"""Render a set of films, each whole or absent, and read a set back."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lssd.engine import run_stage
from lssd.errors import InputError, LssdError
from lssd.filmset.dialogue import Performance, perform
from lssd.filmset.lines import LANGUAGES
from lssd.filmset.people import Figure, figure
from lssd.filmset.pictures import Person, draw_shot
from lssd.filmset.script import Settings, write_script
from lssd.filmset.truth import Shot, Title
from lssd.media import SoundTrack, write_film
from lssd.speech import Synthesiser, check_installed
from lssd.store import lock, write_bytes, write_json

_SETTINGS_FILE, _TITLES_FILE = "filmset.json", "titles.csv"


@dataclass(frozen=True)
class FilmSet:
    """A folder of rendered films: its settings and what is known about each title."""

    folder: Path
    settings: Settings
    titles: tuple[Title, ...]

    @property
    def titles_csv(self) -> Path:
        """The table that ingest takes: path (relative to the table), original_language, genre, split."""
        return self.folder / _TITLES_FILE

    @property
    def films(self) -> list[Path]:
        """The films, in the order of `titles`."""
        return [film_path(self.folder, title.name) for title in self.titles]

    @classmethod
    def open(cls, folder: str | Path) -> "FilmSet":
        """Read a film set that `render` made. InputError when there is none or one is incomplete."""
        folder = Path(folder)
        settings = _read_settings(folder)
        if settings is None or not (folder / _TITLES_FILE).is_file():
            raise InputError(f"{folder} holds no film set; make one with lssd filmset --out {folder}")
        with (folder / _TITLES_FILE).open(encoding="utf-8", newline="") as file:
            names = [Path(row["path"]).stem for row in csv.DictReader(file)]
        titles = [_read_title(folder, name) for name in names]
        missing = [name for name, title in zip(names, titles, strict=True) if title is None]
        if missing:
            raise InputError(f"{folder} lacks {missing[0]} ({len(missing)} in all); render the set again")
        return cls(folder, settings, tuple(title for title in titles if title is not None))


def render(
    out: str | Path,
    titles: int,
    seed: int,
    languages: Sequence[str] = LANGUAGES,
    dubs_per_title: int = 2,
    seconds: float = 60.0,
    height: int = 96,
    channels: int = 1,
    held_out: float = 0.2,
    language_look: float = 0.5,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> FilmSet:
    """Render films whose truth is known: MKV (H.264, FLAC, 25 fps), a JSON beside each, titles.csv.

    Title i depends on (seed, i) and the settings alone: the same call makes the same truth and the
    same samples, and a larger `titles` adds films without changing the first. Whole titles that are
    already there are kept, so a killed call may be made again.

    languages: spoken in the set, each title's original in turn; dubs_per_title: further tracks of a
    title, in other languages; seconds: length of a title; height: of the picture, in pixels, even, 5:3
    wide; channels: of every track; held_out: share of titles of split "test", whose voices and lines are
    heard in no other; language_look: 0..1, how much a title's palette goes with its original language;
    progress: called with (titles done, titles) after each.

    Raises InputError for impossible settings, a folder that cannot be written, is in use, or holds
    films of other settings; MissingExtraError without espeak-ng; LssdError when titles fail.
    """
    if titles < 1:
        raise InputError(f"the number of titles must be at least 1, not {titles}")
    settings = Settings(
        seed,
        tuple(languages),
        dubs_per_title,
        float(seconds),
        height,
        channels,
        float(held_out),
        float(language_look),
    )
    check_installed()
    folder = Path(out)
    with lock(folder):
        _claim(folder, settings)
        scripts = [write_script(settings, index) for index in range(titles)]
        todo = [script for script in scripts if _read_title(folder, script.name) is None]
        done = titles - len(todo)
        if progress:
            progress(done, titles)
        failed = []
        for outcome in run_stage(partial(_render_title, folder), todo, workers):
            done += outcome.ok
            if not outcome.ok:
                failed.append(f"{outcome.item.name}: {outcome.reason}")
            elif progress:
                progress(done, titles)
        if failed:
            raise LssdError(f"{len(failed)} of {titles} titles failed, first {failed[0]}; run again to go on")
        _write_table(folder, scripts)
    return FilmSet.open(folder)


def film_path(folder: Path, name: str) -> Path:
    """Where a title's film lies."""
    return folder / f"{name}.mkv"


def _claim(folder: Path, settings: Settings) -> None:
    """Make the folder this set's own, or refuse if it is another's."""
    found = _read_settings(folder)
    if found is None:
        write_json(folder / _SETTINGS_FILE, {"format": 1, **asdict(settings)})
    elif found != settings:
        mine, theirs = asdict(settings), asdict(found)
        key = next(key for key in mine if mine[key] != theirs[key])
        raise InputError(
            f"{folder} holds films with {key} {theirs[key]}, not {mine[key]}; choose another folder"
        )


def _read_settings(folder: Path) -> Settings | None:
    value = _read_json(folder / _SETTINGS_FILE)
    if value is None:
        return None
    try:
        value.pop("format")
        return Settings(**{**value, "languages": tuple(value["languages"])})
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{folder / _SETTINGS_FILE} is not of this version; choose another folder"
        ) from error


def _read_title(folder: Path, name: str) -> Title | None:
    """A whole title's truth, or None. The JSON is written after the film, and so vouches for it."""
    value = _read_json(folder / f"{name}.json")
    return None if value is None or not film_path(folder, name).is_file() else Title.from_json(value)


def _read_json(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is damaged ({error}); remove it and render again") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} is damaged (not a JSON object); remove it and render again")
    return value


def _write_table(folder: Path, scripts: Sequence[Title]) -> None:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["path", "original_language", "genre", "split"])
    for title in scripts:
        writer.writerow(
            [film_path(folder, title.name).name, title.original_language, title.genre, title.split]
        )
    write_bytes(folder / _TITLES_FILE, table.getvalue().encode("utf-8"))


def _render_title(folder: Path, script: Title) -> None:
    """Render one title and commit it: the film first, then the truth that says it is whole."""
    with Synthesiser() as synthesiser:
        performance = perform(script, synthesiser)
    staged = _stage(performance.title)
    title = replace(performance.title, shots=tuple(shot for shot, _ in staged))
    tracks = [
        SoundTrack(
            performance.tracks[language],
            title.sample_rate,
            language,
            role="original" if language == title.original_language else "dub",
            default=language == title.original_language,
        )
        for language in title.languages
    ]
    frames = _frames(title, [figures for _, figures in staged], performance)
    write_film(film_path(folder, title.name), frames, Fraction(title.fps), tracks, preset="ultrafast")
    write_json(folder / f"{title.name}.json", title.to_json())


def _stage(title: Title) -> list[tuple[Shot, dict[str, tuple[Figure, int]]]]:
    """Each shot with its mouths filled in, and its people: figure and left edge by name."""
    drawn = {
        person.name: figure(person.look_seed, person.sex, title.height, title.look.grade)
        for person in title.cast
    }
    staged = []
    for shot in title.shots:
        people: dict[str, tuple[Figure, int]] = {}
        mouths = {}
        for number, name in enumerate(shot.speakers):
            on_left = shot.scene.mirrored == bool(number)
            room = title.width - drawn[name].size[1]
            left = round((0.06 if on_left else 0.94) * room)
            people[name] = drawn[name], left
            mouths[name] = Person(drawn[name], left, np.zeros(0)).mouth_box(title.height)
        staged.append((replace(shot, mouths=mouths), people))
    return staged


def _frames(
    title: Title, people: list[dict[str, tuple[Figure, int]]], performance: Performance
) -> Iterator[np.ndarray]:
    for shot, placed, openings in zip(title.shots, people, performance.openings, strict=True):
        persons = [Person(drawn, left, openings[name]) for name, (drawn, left) in placed.items()]
        count = shot.end_frame - shot.start_frame
        yield from draw_shot(shot.scene, persons, title.look, count, title.fps, title.height, title.width)
