"""One film through all steps. Results of steps are kept and reused; what fails is flagged or reported."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lssd.dubbing.backend_pool import BackendPool, Tool
from lssd.dubbing.declaration import BackendError
from lssd.dubbing.film import RECORD, Film, Job, Stems, companions, folder_of, open_film
from lssd.dubbing.provenance import LanguageRecord, read_record, record_of, tags_of
from lssd.dubbing.reports import DubReport, LanguageReport
from lssd.dubbing.script import Script, Utterance
from lssd.dubbing.settings import SAMPLE_RATE, DubSettings
from lssd.dubbing.sound import Sound, SoundWriter
from lssd.dubbing.subtitles import write_srt
from lssd.dubbing.tracks import dub_track
from lssd.dubbing.transcript import LATE_S, SUBTITLES, TURNS, find_script
from lssd.dubbing.wording import with_words
from lssd.dubbing.workspace import Workspace
from lssd.errors import ItemError
from lssd.languages import display_name
from lssd.media import SoundTrack, add_tracks, iterate_sound
from lssd.store import hash_json, lock, write_json

SCRIPT, CACHE = "utterances.json", ".cache"
_BACKGROUND = "provenance.background.json"
_VERSION = 1  # of the method here; part of every key
_WAIT_S = 24 * 3600.0  # for another process that dubs the same film


def dub_film(
    path: str | Path, targets: Sequence[str], out: Path, settings: DubSettings, pool: BackendPool, alone: bool
) -> DubReport:
    """Dub one film into `out`. A language that cannot be dubbed is reported, and the others are done.

    Languages dubbed before keep the tracks that they have. `alone`: no other film is dubbed in this call, so
    that all subtitles named are its own. MediaError as of `open_film`; BackendError where no backend can
    separate the film or find its lines; ItemError for a file beside it that cannot be used.
    """
    film = open_film(path, settings)
    workspace = Workspace(out / CACHE)
    beside = companions(film.path, [*settings.subtitles, *settings.speakers], (*SUBTITLES, *TURNS), alone)
    seconds_before = dict(pool.seconds)
    stems, separator = _separate(film, pool, workspace)
    job = Job(film, folder_of(film, out, workspace.folder), stems, beside, settings, pool, workspace)
    reports: list[LanguageReport] = []
    with lock(job.folder, timeout_s=_WAIT_S):
        if settings.only is None:
            dubs, reports = _dub_languages(job, targets)
            tracks = [
                SoundTrack(
                    _Samples(_mix_of(job, dub)),
                    SAMPLE_RATE,
                    language,
                    f"{display_name(language)} (synthetic dub)",
                    role="dub",
                    codec=settings.codec,
                    tags=tags_of(dub),
                )
                for language, dub in sorted(dubs.items())
            ]
            record = record_of(job, separator, [*dubs.values()])
            written = _write_film(job, "", RECORD, tracks, record)
        else:
            track = SoundTrack(
                _Samples(stems.background),
                SAMPLE_RATE,
                None,
                "Background (speech removed)",
                role="background",
                codec=settings.codec,
            )
            written = _write_film(job, ".background", _BACKGROUND, [track], record_of(job, separator, []))
    backends = {
        f"backend {step}": seconds - seconds_before.get(step, 0.0) for step, seconds in pool.seconds.items()
    }
    return DubReport(
        source=str(path),
        folder=str(job.folder),
        film=str(written) if settings.only or any(one.ok for one in reports) else "",
        languages=tuple(reports),
        flags=tuple(job.flags),
        made=dict(workspace.made),
        kept=dict(workspace.kept),
        seconds={**workspace.seconds, **backends},
    )


def _separate(film: Film, pool: BackendPool, workspace: Workspace) -> tuple[Stems, Tool]:
    """The original track and its stems, by the first backend that can. BackendError where none can."""

    def extract(folder: Path) -> None:
        with SoundWriter(folder / "sound.npy", film.track.channels, SAMPLE_RATE) as writer:
            for piece_CS in iterate_sound(film.path, film.track.index, SAMPLE_RATE):
                writer.write(piece_CS)

    of = {"track": film.track_id, "starts_s": film.track.start_s, "rate": SAMPLE_RATE, "version": _VERSION}
    extracted = workspace.step("extract", of, extract)
    sound = Sound(extracted.folder / "sound.npy", SAMPLE_RATE)
    if not sound.length:
        raise BackendError(f"{film.path}: track {film.track.index} holds no sample")
    reasons = []
    for tool in pool.tools("separation", more={"name": film.path.stem}):

        def separate(folder: Path, tool: Tool = tool) -> None:
            parts = folder / "speech.npy", folder / "background.npy"
            pool.call(tool, "separate", sound, *parts, minutes=sound.duration_s / 60)

        try:
            made = workspace.step("separate", {"of": extracted.key, "by": tool.identity}, separate)
        except BackendError as error:
            reasons.append(f"{tool.name}: {error}")
            continue
        speech, background = made.folder / "speech.npy", made.folder / "background.npy"
        return Stems(sound, Sound(speech, SAMPLE_RATE), Sound(background, SAMPLE_RATE), made.key), tool
    raise BackendError(f"{film.path} cannot be separated: {'; '.join(reasons)}")


def _dub_languages(
    job: Job, targets: Sequence[str]
) -> tuple[dict[str, LanguageRecord], list[LanguageReport]]:
    """The records of all languages that have a track, old ones included, and a report on each target."""
    path = job.folder / SCRIPT
    as_read = path.read_bytes() if path.exists() else None
    script = _choose_script(job, path)
    dubs = _standing_dubs(job)
    reports = []
    for target in targets:
        try:
            if target == job.film.language:
                raise ItemError(
                    f"{display_name(target)} is what the original speaks; there is nothing to dub"
                )
            if not script.utterances:
                raise ItemError("nobody speaks; there is nothing to dub")
            script = with_words(job, script, target)
            as_read = _write_script(job, script, path, as_read)
            dub = dub_track(job, script, target)
        except ItemError as error:
            reports.append(LanguageReport(target, len(script.utterances), reason=str(error)))
            continue
        dubs[target] = dub.record
        reports.append(dub.report)
        write_srt(job.folder / f"{job.film.path.stem}.{target}.srt", dub.record.lines())
    return dubs, reports


def _choose_script(job: Job, path: Path) -> Script:
    """The script found now, or the one that stands at `path` if it was edited or is the same.

    ItemError for lines that no film can have.
    """
    script = find_script(job)
    if path.exists():
        standing = Script.read(path)
        if standing.by_hand and standing.of != script.of:
            job.flags.append(f"{path} was edited and stands, though other lines would be found now")
        if standing.by_hand or standing.of == script.of:
            script = standing
    if not script.utterances:
        job.flags.append("nobody speaks: silence, or music and noises alone")
    duration_s = job.stems.original.duration_s
    last: dict[str, Utterance] = {}
    for one in script.utterances:
        if one.end_s > duration_s + LATE_S:
            raise ItemError(
                f"{job.film.path}: line {one.id} ends at {one.end_s:.2f} s, after the film at "
                f"{duration_s:.2f} s; do its subtitles belong to another film?"
            )
        other = last.get(one.speaker)
        if other is not None and one.start_s < other.end_s:
            raise ItemError(f"{path}: lines {other.id} and {one.id}, both of {one.speaker}, overlap")
        last[one.speaker] = one
    return script


def _standing_dubs(job: Job) -> dict[str, LanguageRecord]:
    """The records of languages that were dubbed before and whose mixes are still in the cache."""
    about = job.folder / RECORD
    rows = read_record(about)["dubs"] if about.exists() else {}
    records = {language: LanguageRecord.from_row(language, row) for language, row in rows.items()}
    gone = sorted(one for one, record in records.items() if not _mix_of(job, record).path.exists())
    if gone:
        job.flags.append(f"the tracks in {', '.join(gone)} are no longer in the cache: dub them again")
    return {one: record for one, record in records.items() if one not in gone}


def _write_script(job: Job, script: Script, path: Path, as_read: bytes | None) -> bytes:
    """Write the script, unless the file was edited since it was read. Returns the bytes that then stand."""
    now = path.read_bytes() if path.exists() else None
    if now is not None and now != as_read:
        job.flags.append(f"{path} was edited meanwhile and is left as it is; run again")
        return now
    script.write(path)
    return path.read_bytes()


class _Samples:
    """A sound on disk as a track's samples (C, S), read a piece at a time."""

    def __init__(self, sound: Sound) -> None:
        self._sound = sound
        self.shape = (sound.channels, sound.length)

    def __getitem__(self, key: tuple[slice, slice], /) -> Any:
        start, stop, _ = key[1].indices(self.shape[1])
        return self._sound.read(start, max(start, stop))


def _mix_of(job: Job, record: LanguageRecord) -> Sound:
    return Sound(job.workspace.folder_of("remix", record.key) / "mix.npy", SAMPLE_RATE)


def _write_film(
    job: Job, suffix: str, record_name: str, tracks: Sequence[SoundTrack], record: dict[str, Any]
) -> Path | None:
    """Write the film with its new tracks, and its record, unless both stand. None where there is no track."""
    path, record_path = job.folder / f"{job.film.path.stem}{suffix}.mkv", job.folder / record_name
    before = read_record(record_path) if record_path.exists() else {}
    key = hash_json(record)
    if path.exists() and before.get("key") == key:
        return path
    if not tracks:
        return None
    # Without a key for as long as the film is not the record's: a kill in between is then seen.
    write_json(record_path, {**(before or record), "key": ""})
    tags = {"SYNTHETIC_MEDIA": f"yes, in the tracks that say so; see {record_name}"}
    add_tracks(job.film.path, path, tracks, tags)
    write_json(record_path, {**record, "key": key})
    # Mixes that no record names any more are by far the largest of what edits leave behind.
    in_use = {row["key"] for row in record["dubs"].values()}
    for row in before.get("dubs", {}).values():
        if row["key"] not in in_use:
            shutil.rmtree(job.workspace.folder_of("remix", row["key"]), ignore_errors=True)
    return path
