"""Render a set of films, each whole or absent, and read a set back."""

import csv
import io
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

from filmset.backgrounds import open_backgrounds
from filmset.dialogue import write_lines
from filmset.labels import LABEL_COLUMNS, label_rows
from filmset.mixing import LazyTrack, Mixer
from filmset.pictures import paint_title
from filmset.reading import FILM_SUFFIX, read_names, read_settings, read_title
from filmset.script import write_script
from filmset.settings import Settings, read_aspect
from filmset.stems import stems_folder, write_stems
from filmset.subtitles import write_subtitles
from filmset.truth import Title
from filmset.words import open_speech
from lssd.engine import Progress, run_stage
from lssd.errors import InputError, LssdError
from lssd.media import SoundTrack, write_film
from lssd.store import hash_file, hash_json, lock, write_bytes, write_json

_SETTINGS_FILE, _TITLES_FILE, _LABELS_FILE = "filmset.json", "titles.csv", "labels.csv"
_MOST_TITLES = 10000
_COLUMNS = ("path", "original_language", "genre", "split")


@dataclass(frozen=True)
class FilmSet:
    """A folder of rendered films: its settings and what is known about each title."""

    folder: Path
    settings: Settings
    titles: tuple[Title, ...]

    @property
    def titles_csv(self) -> Path:
        """The table that ingest takes: path (relative to the table), original_language, genre, split.

        Where some titles are undubbed, it has the languages of each, too.
        """
        return self.folder / _TITLES_FILE

    @property
    def labels_csv(self) -> Path:
        """The labels table that ingest takes: path (relative to the table), start_s, end_s, name, value."""
        return self.folder / _LABELS_FILE

    @property
    def films(self) -> list[Path]:
        """The films, in the order of `titles`."""
        return [film_path(self.folder, title.name) for title in self.titles]

    @classmethod
    def open(cls, folder: str | Path) -> "FilmSet":
        """Read a film set that `render` made. InputError when there is none or one is incomplete."""
        folder = Path(folder)
        none = InputError(f"{folder} holds no film set; make one with lssd filmset --out {folder}")
        if not (folder / _SETTINGS_FILE).is_file():
            raise none
        settings, _ = read_settings(folder / _SETTINGS_FILE)
        if not (folder / _TITLES_FILE).is_file():
            raise none
        names = read_names(folder / _TITLES_FILE)
        titles = [_read_title(folder, name) for name in names]
        missing = [name for name, title in zip(names, titles, strict=True) if title is None]
        if missing:
            raise InputError(f"{folder} lacks {missing[0]} ({len(missing)} in all); render the set again")
        return cls(folder, settings, tuple(title for title in titles if title is not None))


def render(
    out: str | Path,
    titles: int,
    settings: Settings,
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> FilmSet:
    """Render films whose truth is known: MKV (H.264, FLAC) and a JSON each, titles.csv and labels.csv.

    Title i depends on the settings and i alone: the same call makes the same truth, the same samples
    and the same pictures, with any number of workers, and a larger `titles` adds films without changing
    the first. Whole titles that are already there are kept, so a killed call may be made again.
    progress: told how many titles are done.

    Raises InputError for impossible settings, a folder that cannot be written, is in use, or holds
    films of other settings; MissingExtraError without espeak-ng; LssdError when titles fail.
    """
    if not 1 <= titles <= _MOST_TITLES:
        raise InputError(f"the number of titles must be between 1 and {_MOST_TITLES}, not {titles}")
    if workers < 1:
        raise InputError(f"workers must be at least 1, not {workers}")
    with open_speech(settings.voices, settings.languages):
        open_backgrounds(settings.sounds)  # what cannot be opened is refused before anything is written
    folder = Path(out)
    with lock(folder):
        _claim(folder, settings)
        names = [_name(index) for index in range(titles)]
        todo = [index for index, name in enumerate(names) if not _stands(folder, name, settings)]
        done = titles - len(todo)
        if progress is not None:
            progress.update(done, titles)
        failed = []
        for outcome in run_stage(partial(_render_title, folder, settings), todo, workers):
            done += outcome.ok
            if not outcome.ok:
                failed.append(f"{names[outcome.item]}: {outcome.reason}")
            elif progress is not None:
                progress.update(done, titles)
        if failed:
            raise LssdError(f"{len(failed)} of {titles} titles failed, first {failed[0]}; run again to go on")
        _write_tables(folder, settings)
    return FilmSet.open(folder)


def _name(index: int) -> str:
    return f"title-{index:04d}"


def film_path(folder: Path, name: str) -> Path:
    """Where a title's film lies."""
    return folder / f"{name}{FILM_SUFFIX}"


def _claim(folder: Path, settings: Settings) -> None:
    """Make the folder this set's own, or refuse if it holds films of another.

    Stems and subtitles may be asked for later. Folders of recordings count by what is in them, not by
    where they are.
    """
    content = {name: _content(getattr(settings, name)) for name in ("voices", "sounds")}
    if (folder / _SETTINGS_FILE).is_file() and any(folder.glob("title-*.json")):
        found, made_of = read_settings(folder / _SETTINGS_FILE)
        for field in fields(Settings):
            mine, theirs = getattr(settings, field.name), getattr(found, field.name)
            if field.name in content:
                mine, theirs = content[field.name], made_of.get(field.name)
                if mine != theirs:
                    raise InputError(f"{folder} holds films of other {field.name}; choose another folder")
            elif mine != theirs and field.name not in ("stems", "subtitles"):
                raise InputError(
                    f"{folder} holds films with {field.name} {_said(theirs)}, not {_said(mine)}; "
                    "choose another folder"
                )
    write_json(folder / _SETTINGS_FILE, {"format": 2, **asdict(settings), "content": content})


def _content(folder: str | None) -> str | None:
    """A hash of a folder of recordings: its tables, and the names and sizes of its files."""
    if folder is None:
        return None
    root = Path(folder)
    files = sorted(path for path in root.rglob("*") if path.is_file())
    tables = {str(path.relative_to(root)): hash_file(path) for path in files if path.suffix == ".csv"}
    return hash_json([tables, [(str(path.relative_to(root)), path.stat().st_size) for path in files]], 16)


def _said(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _stands(folder: Path, name: str, settings: Settings) -> bool:
    """Whether a title is complete, with everything that is asked for beside it."""
    title = _read_title(folder, name)
    if title is None or (settings.stems and not stems_folder(folder, name).is_dir()):
        return False
    subtitles = (folder / f"{name}.{track.key}.{kind}" for track in title.voiced for kind in ("srt", "vtt"))
    return not settings.subtitles or all(path.is_file() for path in subtitles)


def _read_title(folder: Path, name: str) -> Title | None:
    """A whole title's truth, or None. The JSON is written after the film, and so vouches for it."""
    truth = folder / f"{name}.json"
    return read_title(truth) if truth.is_file() and film_path(folder, name).is_file() else None


def _write_tables(folder: Path, settings: Settings) -> None:
    """List all whole titles from the first on, those of an earlier, larger call too, and their labels."""
    titles, labels = [], []
    for index in range(_MOST_TITLES):
        title = _read_title(folder, _name(index))
        if title is None:
            break
        film = film_path(folder, title.name).name
        spoken = [" ".join(track.tagged for track in title.voiced)] if settings.undubbed else []
        titles.append([film, title.original_language, title.genre, title.split, *spoken])
        labels += [[film, *row] for row in label_rows(title)]
    more = ["languages"] if settings.undubbed else []
    _write_table(folder / _LABELS_FILE, ["path", *LABEL_COLUMNS], labels)
    _write_table(folder / _TITLES_FILE, [*_COLUMNS, *more], titles)


def _write_table(path: Path, header: list[str], rows: list[list[str]]) -> None:
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows([header, *rows])
    write_bytes(path, table.getvalue().encode("utf-8"))


def _render_title(folder: Path, settings: Settings, index: int) -> None:
    """Render one title and commit it: the truth last, which says that the rest is whole.

    A title that stands is not rendered again; only what is missing beside it is written.
    """
    standing = _read_title(folder, _name(index))
    with open_speech(settings.voices, settings.languages) as speech:
        backgrounds = open_backgrounds(settings.sounds)
        title = standing or write_lines(write_script(settings, index, speech, backgrounds), settings, speech)
        mixer = Mixer(title, settings, speech, backgrounds)
        if standing is None:
            _write_film(folder, title, mixer)
        if settings.stems and not stems_folder(folder, title.name).is_dir():
            write_stems(folder, title, mixer)
        title = standing or mixer.title_as_mixed()
    if settings.subtitles:
        write_subtitles(folder, title)
    if standing is None:
        write_json(folder / f"{title.name}.json", title.to_json())


def _write_film(folder: Path, title: Title, mixer: Mixer) -> None:
    """Write the film; a faulty track is tagged with the language that it claims."""
    tracks = [
        SoundTrack(
            LazyTrack(mixer, track.key),
            title.sample_rate,
            track.tagged,
            role=track.role if track.role in ("original", "revoiced", "background") else "dub",
            default=track.role == "original",
        )
        for track in title.tracks
    ]
    write_film(
        film_path(folder, title.name),
        paint_title(title, lambda number: mixer.openings(title.shots[number])),
        title.rate,
        tracks,
        preset="ultrafast",
        pixel_aspect=read_aspect(title.pixel_aspect),
    )
