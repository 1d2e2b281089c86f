"""Films in, corpus out: identify, cut, commit, title by title."""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from lssd import languages
from lssd.corpus.catalog import Catalog, CatalogWriter, Source
from lssd.corpus.correction import correct_titles
from lssd.corpus.cut import ClipSettings, CutTask, cut_part
from lssd.corpus.grouping import Place, name_titles, place_pictures, require_standing
from lssd.corpus.labels import Labels, label_titles, read_labels, relabel
from lssd.corpus.records import SPLITS, TitleRecord, agree, read_titles
from lssd.corpus.schema import (
    QuarantineRow,
    ShotRow,
    TitleRow,
    TitleRows,
    TrackRow,
    picture_of_shot,
    picture_of_track,
)
from lssd.corpus.shots import Shot
from lssd.corpus.titles import Identity, Part, Track, assemble, identify, track_of
from lssd.engine import Progress, TimeLimit, available_cpus, run_stage
from lssd.errors import ABORTING, InputError, MediaError
from lssd.media import find_films, is_text, spelled
from lssd.quiet import quieted
from lssd.store import lock

_logger = logging.getLogger(__name__)
_OWN = {".lock", ".staging", "catalog", "shards"}  # what a corpus folder holds


@dataclass(frozen=True)
class IngestSettings:
    """The dials of `ingest`.

    clips: how clips are cut and stored.
    titles: a titles table (CSV) with title, original language, genre, split and track languages.
    group: a regular expression with one group that finds the name of a file's title in the file's name, for
        clips of one film that were never one file; what the table's column `title` says goes before it.
    labels: a labels table (CSV) of stretches of films: path, start_s, end_s, name, value.
    original: original language of titles for which the titles table gives none.
    single_language: accept a corpus in which no title has two languages.
    workers: processes; None takes one a core.
    retry_failed: try again what is in quarantine.
    time_limit: what a film may take before its worker is killed and the film is quarantined. None: no limit,
        and a single worker then is this process itself, which a crash in a codec would end.
    """

    clips: ClipSettings = field(default_factory=ClipSettings)
    titles: str | None = None
    group: str | None = None
    labels: str | None = None
    original: str | None = None
    single_language: bool = False
    workers: int | None = None
    retry_failed: bool = False
    time_limit: TimeLimit | None = field(default_factory=TimeLimit)


@dataclass(frozen=True)
class Plan:
    """What an ingest would do: pictures to cut, how many files are ingested already, files that failed.

    records: what is known of titles, these and standing ones, by their ids.
    """

    parts: tuple[Part, ...]
    unchanged: int
    failures: tuple[QuarantineRow, ...]
    records: Mapping[str, TitleRecord] = field(default_factory=dict)


def ingest(
    paths: str | Path | Sequence[str | Path],
    out: str | Path,
    settings: IngestSettings | None = None,
    *,
    dry_run: bool = False,
    quiet: bool = False,
) -> Catalog | Plan:
    """Ingest films (files, or folders of them) into the corpus `out`, which may exist already.

    Files with the same coded picture are one title, and so are clips that are given one title's name. A
    title that the corpus holds already gains the tracks and pictures that are new to it. What is committed is
    not read again; only its rows follow the tables. A film
    that fails goes into the quarantine table with the stage and the reason. A run that was killed at any
    moment and is started again does only what is missing.

    Returns the catalog, or with `dry_run` the plan, writing nothing. Raises InputError when a path is
    missing, `out` cannot be written, or not one film is usable; StorageError when the disk is full.
    """
    with quieted(quiet), Progress("ingest", quiet=quiet) as progress:
        return _ingest(paths, Path(out), settings or IngestSettings(), dry_run, progress)


def _ingest(
    paths: str | Path | Sequence[str | Path],
    root: Path,
    settings: IngestSettings,
    dry_run: bool,
    progress: Progress,
) -> Catalog | Plan:
    files = find_films([paths] if isinstance(paths, str | Path) else paths)
    records = read_titles(settings.titles) if settings.titles else {}
    labels = read_labels(settings.labels) if settings.labels else {}
    names = name_titles(files, records, settings.group)  # of quarantined files too: the pattern is for all
    missing = [path for path in records if not path.exists()]
    if missing:
        _logger.warning(
            "%s names %d films that do not exist, first %s", settings.titles, len(missing), missing[0]
        )
    original = languages.code_of(settings.original) if settings.original else None
    if dry_run:
        writer = CatalogWriter(root, recover=False)
        _warn_of_strangers(labels, files, writer, settings)
        files = _not_quarantined(files, writer, settings)
        return _plan(files, records, names, original, settings, writer, progress)
    created = not root.exists()
    # A corpus must not be spread among other files, such as the films themselves.
    others = {path.name for path in root.iterdir()} - _OWN if root.is_dir() else set()
    if others:
        raise InputError(f"{root} holds other files ({min(others)}); choose an empty or new folder for --out")
    with lock(root):
        writer = CatalogWriter(root)
        before = writer.quarantined()
        given, files = files, _not_quarantined(files, writer, settings)
        try:
            writer.agree(settings.clips.storage)
            plan = _plan(files, records, names, original, settings, writer, progress)
            failures = [*plan.failures, *_cut_all(plan, labels, writer, settings, progress)]
            _require_something(failures, plan, writer)
        except ABORTING:
            if created and not writer.title_ids:
                writer.remove()
            raise
        correct_titles(writer, plan.records)
        label_titles(writer, labels)
        _warn_of_strangers(labels, given, writer, settings)
        tried = set(map(str, files))
        writer.write_quarantine([*failures, *(row for row in before if row.path not in tried)])
        writer.finish()
    catalog = Catalog.open(root)
    if not catalog.clips.num_rows:
        clips = settings.clips
        _logger.warning("no shot of %g-%g s was found; see --keep", clips.shortest_s, clips.longest_s)
    return catalog


def _warn_of_strangers(
    labels: Labels, files: list[Path], writer: CatalogWriter, settings: IngestSettings
) -> None:
    """A labels table may cover more films than a corpus; one that names none of them is a slip."""
    strangers = sorted(set(labels) - set(files) - set(map(Path, writer.sources)))
    if strangers:
        _logger.warning(
            "%s names %d films that are neither given nor in the corpus, first %s",
            settings.labels,
            len(strangers),
            strangers[0],
        )


def _not_quarantined(files: list[Path], writer: CatalogWriter, settings: IngestSettings) -> list[Path]:
    skipped = set() if settings.retry_failed else {row.path for row in writer.quarantined()}
    return [path for path in files if str(path) not in skipped]


def _plan(
    files: list[Path],
    records: dict[Path, TitleRecord],
    names: dict[Path, str],
    original: str | None,
    settings: IngestSettings,
    writer: CatalogWriter,
    progress: Progress,
) -> Plan:
    known = writer.sources
    require_standing(names, known.values(), writer.root)
    fresh = [path for path in files if not _unchanged(known.get(str(path)), path)]
    identities, failures = _identify_all(fresh, records, settings, progress)
    places, identities, strays = place_pictures(identities, names, writer.pictures)
    failures += strays
    by_title = _records_by_title(identities, places, records, known.values())

    def committed_tracks(title_id: str, picture_id: str) -> list[Track]:
        rows = writer.rows(title_id, TrackRow) if writer.generation(title_id) else []
        return [track_of(row) for row in rows if picture_of_track(row) == picture_id]

    parts = []
    undecided = [identities]
    while undecided:
        for part in assemble(undecided.pop(), places, by_title, original, committed_tracks):
            faults = _faults(part)
            failures += [QuarantineRow(path, "tracks", why) for path, why in faults.items()]
            if not faults:
                parts.append(part)
            elif len(faults) < len(part.files):
                # Without the refused files, another track may be the original, or no longer a second one.
                undecided.append([file for file in part.files if file.path not in faults])
    parts.sort(key=lambda part: (part.title_id, part.picture_id))
    _require_pairs(parts, writer, settings)
    return Plan(tuple(parts), len(files) - len(fresh), tuple(failures), by_title)


def _records_by_title(
    identities: list[Identity],
    places: Mapping[str, Place],
    records: Mapping[Path, TitleRecord],
    known: Iterable[Source],
) -> dict[str, TitleRecord]:
    """What the titles table says of titles, by their ids; InputError where it contradicts itself."""
    owners = {source.path: source.title_id for source in known}
    owners |= {one.path: places[one.picture_id].title_id for one in identities}
    return agree(
        (title_id, path, records[Path(path)])
        for path, title_id in sorted(owners.items())
        if Path(path) in records
    )


def _unchanged(source: Source | None, path: Path) -> bool:
    if source is None:
        return False
    try:
        status = path.stat()
    except OSError:
        return False  # gone by now: identifying it will say so
    return (source.size, source.modified_ns) == (status.st_size, status.st_mtime_ns)


def _identify_all(
    files: list[Path], records: dict[Path, TitleRecord], settings: IngestSettings, progress: Progress
) -> tuple[list[Identity], list[QuarantineRow]]:
    identities: list[Identity] = []
    failures: list[QuarantineRow] = []
    progress.phase("identify", len(files), "files")
    # Reading is bound by the disk, so one worker is enough.
    limit_s = None if settings.time_limit is None else partial(_reading_limit_s, settings.time_limit)
    for outcome in run_stage(partial(_identify, records=records), files, 1, limit_s):
        if outcome.value is not None:
            identities.append(outcome.value)
        else:
            failures.append(QuarantineRow(spelled(outcome.item), "probe", str(outcome.reason)))
        progress.advance()
    return identities, failures


def _reading_limit_s(limit: TimeLimit, path: Path) -> float:
    """Hashing reads the whole file: a slow network drive brings a megabyte a second."""
    try:
        return limit.base_s + path.stat().st_size / 1e6
    except OSError:
        return limit.base_s  # gone by now: identifying it will say so


def _identify(path: Path, records: dict[Path, TitleRecord]) -> Identity:
    if not is_text(path):
        raise MediaError("the file's name is not valid text (UTF-8); rename it")
    return identify(path, records.get(path))


def _faults(part: Part) -> dict[str, str]:
    """Why files of a picture cannot be used, by path; its other files can."""
    kept = [track for track in part.tracks if track.kept and track.is_speech]
    if not kept:
        reason = part.tracks[0].reason or "nobody speaks in a background track"
        return {path: f"{path} has no speech track that is kept ({reason})" for path in part.paths}
    if sum(track.has_voices for track in part.tracks) < 2:
        return {}  # an only track needs no language
    given = set(part.paths)
    return {
        track.path: f"track {track.index} of {track.path} has no language tag; name the languages in "
        "the 'languages' column of --titles, or end the file's name with one, as in film_de.mkv"
        for track in reversed(kept)
        if track.language is None and track.path in given
    }


def _require_pairs(parts: list[Part], writer: CatalogWriter, settings: IngestSettings) -> None:
    """A corpus without one dub cannot do what this project is for: say so before hours of work."""
    if settings.single_language or not parts or writer.title_ids:
        return
    if all(len(part.speech_languages) < 2 for part in parts):
        name = parts[0].paths[0] if len(parts) == 1 else f"each of the {len(parts)} films"
        raise InputError(
            f"{name} has sound in one language only, so there is nothing to pair it with; add its dubs, "
            "or pass --single-language to prepare it for recipes without dubs"
        )


def _cut_all(
    plan: Plan, labels: Labels, writer: CatalogWriter, settings: IngestSettings, progress: Progress
) -> list[QuarantineRow]:
    failures: list[QuarantineRow] = []
    tasks = []
    for part in plan.parts:
        task = _task(part, writer, settings.clips)
        if task is None:
            writer.add_sources(part.title_id, _sources(part))
        else:
            tasks.append(task)
    # A title is committed when its last picture is cut; long titles begin first.
    left = Counter(task.part.title_id for task in tasks)
    length_s: dict[str, float] = defaultdict(float)
    for task in tasks:
        length_s[task.part.title_id] += task.part.duration_s
    tasks.sort(key=lambda task: (-length_s[task.part.title_id], task.part.title_id, -task.part.duration_s))
    done: dict[str, list[tuple[Part, TitleRows]]] = defaultdict(list)
    workers = available_cpus() if settings.workers is None else settings.workers
    limit_s = None if settings.time_limit is None else partial(_cutting_limit_s, settings.time_limit)
    progress.phase("cut", len(tasks), "films")
    for outcome in run_stage(cut_part, tasks, workers, limit_s):
        part = outcome.item.part
        if outcome.value is None:
            failures += [QuarantineRow(path, "cut", str(outcome.reason)) for path in part.paths]
        else:
            done[part.title_id].append((part, outcome.value))
        left[part.title_id] -= 1
        if not left[part.title_id] and (cut := done.pop(part.title_id, None)):
            _commit(part.title_id, cut, plan.records.get(part.title_id, TitleRecord()), labels, writer)
        progress.advance(note=Path(part.paths[0]).name)
    return failures


def _cutting_limit_s(limit: TimeLimit, task: CutTask) -> float:
    return limit.seconds(task.part.duration_s)


def _task(part: Part, writer: CatalogWriter, clips: ClipSettings) -> CutTask | None:
    """The work that a picture still needs; None when it is committed with all its tracks."""
    staging = writer.staging(part.title_id)
    shard = staging.name if part.title_id == part.picture_id else f"{staging.name}-{part.picture_id}"
    if part.picture_id not in writer.pictures_of(part.title_id):
        return CutTask(part, str(staging), shard, clips)
    tracks = writer.rows(part.title_id, TrackRow)
    known = frozenset(row.track_id for row in tracks if picture_of_track(row) == part.picture_id)
    if all(track.track_id in known for track in part.tracks):
        return None
    shots = [
        Shot(row.start_frame, row.end_frame, part.video.fps, row.reason)
        for row in writer.rows(part.title_id, ShotRow)
        if picture_of_shot(row.shot_id) == part.picture_id
    ]
    return CutTask(part, str(staging), shard, clips, tuple(shots), known)


def _sources(part: Part) -> list[Source]:
    return [
        Source(file.path, file.size, file.modified_ns, part.title_id, part.picture_id) for file in part.files
    ]


def _commit(
    title_id: str,
    cut: list[tuple[Part, TitleRows]],
    record: TitleRecord,
    labels: Labels,
    writer: CatalogWriter,
) -> None:
    """Commit a new title, or a committed one with the pictures, tracks and sounds that are new to it."""
    cut.sort(key=lambda pair: pair[0].picture_id)
    rows = writer.all_rows(title_id) if writer.generation(title_id) else TitleRows()
    known = {row.track_id for row in rows.tracks}
    standing = writer.pictures_of(title_id)
    new = [part for part, _ in cut if part.picture_id not in standing]
    for part, found in cut:
        rows.tracks += [_track_row(track, part) for track in part.tracks if track.track_id not in known]
        rows.members += found.members
        if part in new:
            given = [label for path in part.paths for label in labels.get(Path(path), ())]
            rows.shots += found.shots
            rows.clips += found.clips
            rows.labels += relabel(found.labels, found.shots, given)
    rows.labels.sort(key=lambda row: row.clip_id)
    if new:
        title = rows.titles[0] if rows.titles else _title_row(new[0], record)
        rows.titles = [
            replace(
                title,
                duration_s=title.duration_s + sum(part.duration_s for part in new),
                original_language=title.original_language or _commonest_original(rows.tracks),
            )
        ]
    writer.commit(title_id, rows, [source for part, _ in cut for source in _sources(part)])


def _commonest_original(tracks: list[TrackRow]) -> str | None:
    """The language in which most pictures of a title have their original, the first by name of several."""
    found = Counter(row.language for row in tracks if row.kept and row.role == "original" and row.language)
    return min(found, key=lambda language: (-found[language], language), default=None)


def _title_row(part: Part, record: TitleRecord) -> TitleRow:
    """The row of a new title, before its pictures' durations and original language are known."""
    return TitleRow(
        title_id=part.title_id,
        name=part.name or Path(part.paths[0]).stem,
        duration_s=0.0,
        original_language=None,
        genre=record.genre,
        split=record.split or SPLITS[0],
        width=part.video.width,
        height=part.video.height,
        fps_numerator=part.video.fps.numerator,
        fps_denominator=part.video.fps.denominator,
    )


def _track_row(track: Track, part: Part) -> TrackRow:
    return TrackRow(
        track_id=track.track_id,
        title_id=part.title_id,
        path=track.path,
        index=track.index,
        language=track.language,
        role=track.role,
        channels=track.channels,
        offset_s=None,  # the sync with the original is not measured here
        slope=None,
        kept=track.kept,
        reason=track.reason,
    )


def _require_something(failures: list[QuarantineRow], plan: Plan, writer: CatalogWriter) -> None:
    if writer.title_ids or not failures:
        return
    # A reason mostly names its file: the same fault of many files is told once, by the first of them.
    groups: dict[str, list[str]] = {}
    for row in failures:
        groups.setdefault(row.reason.replace(row.path, ""), []).append(row.reason)
    told = [f"{same[0]} (and {len(same) - 1} more)" if same[1:] else same[0] for same in groups.values()]
    raise InputError(f"nothing usable: {'; '.join(told)}")
