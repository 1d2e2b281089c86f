"""One film's way through all steps. What was made before is found again; what fails is flagged."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lssd.dubbing.backend_pool import BackendPool, Tool
from lssd.dubbing.declaration import BackendError
from lssd.dubbing.film import RECORD, Film, companions, folder_of, open_film
from lssd.dubbing.job import Job, Stems
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
_VERSION = 1  # of what is done here; part of every key
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
    before = dict(pool.seconds)
    stems, separator = _separated(film, pool, workspace)
    job = Job(film, folder_of(film, out, workspace.folder), stems, beside, settings, pool, workspace)
    reports: list[LanguageReport] = []
    with lock(job.folder, timeout_s=_WAIT_S):
        if settings.only is None:
            dubs, reports = _dubbed(job, targets)
            tracks = [_dub_track(job, dub) for _, dub in sorted(dubs.items())]
            written = _mux(job, "", RECORD, tracks, record_of(job, separator, [*dubs.values()]))
        else:
            tracks = [_background_track(job)]
            written = _mux(job, ".background", _BACKGROUND, tracks, record_of(job, separator, []))
    backends = {f"backend {step}": seconds - before.get(step, 0.0) for step, seconds in pool.seconds.items()}
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


def _dubbed(job: Job, targets: Sequence[str]) -> tuple[dict[str, LanguageRecord], list[LanguageReport]]:
    """Records of all languages that have a track, those dubbed before among them, and what came of these."""
    path = job.folder / SCRIPT
    read = path.read_bytes() if path.exists() else None
    script = _script(job, path)
    dubs = _before(job)
    reports = []
    for target in targets:
        try:
            _check(job, script, target)
            script = with_words(job, script, target)
            read = _keep(job, script, path, read)
            dub = dub_track(job, script, target)
        except ItemError as error:
            reports.append(LanguageReport(target, len(script.utterances), reason=str(error)))
            continue
        dubs[target] = dub.record
        reports.append(dub.report)
        write_srt(job.folder / f"{job.film.path.stem}.{target}.srt", dub.record.lines())
    return dubs, reports


def _before(job: Job) -> dict[str, LanguageRecord]:
    """Languages that were dubbed before, whose tracks still stand."""
    about = job.folder / RECORD
    rows = read_record(about)["dubs"] if about.exists() else {}
    records = {language: LanguageRecord.from_row(language, row) for language, row in rows.items()}
    gone = sorted(one for one, record in records.items() if not _mix(job, record).path.exists())
    if gone:
        job.flags.append(f"the tracks in {', '.join(gone)} are no longer in the cache: dub them again")
    return {one: record for one, record in records.items() if one not in gone}


def _check(job: Job, script: Script, target: str) -> None:
    if target == job.film.language:
        raise ItemError(f"{display_name(target)} is what the original speaks; there is nothing to dub")
    if not script.utterances:
        raise ItemError("nobody speaks; there is nothing to dub")


def _keep(job: Job, script: Script, path: Path, read: bytes | None) -> bytes:
    """Write the script unless somebody changed the file since it was read. Returns what then stands there."""
    now = path.read_bytes() if path.exists() else None
    if now is not None and now != read:
        job.flags.append(f"{path} was edited meanwhile and is left as it is; run again")
        return now
    script.write(path)
    return path.read_bytes()


def _separated(film: Film, pool: BackendPool, workspace: Workspace) -> tuple[Stems, Tool]:
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
    for tool in pool.tools("separation", options={"name": film.path.stem}):

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


def _script(job: Job, path: Path) -> Script:
    """The film's utterances. What was edited by hand stands. ItemError for lines that no film can have."""
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


class _Pieces:
    """A sound on disk as the samples of a track, read a piece at a time."""

    def __init__(self, sound: Sound) -> None:
        self._sound = sound
        self.shape = (sound.channels, sound.length)

    def __getitem__(self, key: tuple[slice, slice], /) -> Any:
        start, stop, _ = key[1].indices(self.shape[1])
        return self._sound.read(start, max(start, stop))


def _mix(job: Job, record: LanguageRecord) -> Sound:
    return Sound(job.workspace.folder_of("remix", record.key) / "mix.npy", SAMPLE_RATE)


def _dub_track(job: Job, record: LanguageRecord) -> SoundTrack:
    return SoundTrack(
        _Pieces(_mix(job, record)),
        SAMPLE_RATE,
        record.language,
        f"{display_name(record.language)} (synthetic dub)",
        role="dub",
        codec=job.settings.codec,
        tags=tags_of(record),
    )


def _background_track(job: Job) -> SoundTrack:
    return SoundTrack(
        _Pieces(job.stems.background),
        SAMPLE_RATE,
        None,
        "Background (speech removed)",
        role="background",
        codec=job.settings.codec,
    )


def _mux(
    job: Job, kind: str, about: str, tracks: Sequence[SoundTrack], record: dict[str, Any]
) -> Path | None:
    """The film with its new tracks, written only where film and record do not stand already."""
    path, place = job.folder / f"{job.film.path.stem}{kind}.mkv", job.folder / about
    before = read_record(place) if place.exists() else {}
    key = hash_json(record)
    if path.exists() and before.get("key") == key:
        return path
    if not tracks:
        return None
    # Without a key for as long as the film is not the record's: a kill in between is then seen.
    write_json(place, {**(before or record), "key": ""})
    tags = {"SYNTHETIC_MEDIA": f"yes, in the tracks that say so; see {about}"}
    add_tracks(job.film.path, path, tracks, tags)
    write_json(place, {**record, "key": key})
    _forget(job, before, record)
    return path


def _forget(job: Job, before: dict[str, Any], record: dict[str, Any]) -> None:
    """Remove mixes that nothing refers to any more: by far the largest of what edits leave behind."""
    kept = {row["key"] for row in record["dubs"].values()}
    for row in before.get("dubs", {}).values():
        if row["key"] not in kept:
            shutil.rmtree(job.workspace.folder_of("remix", row["key"]), ignore_errors=True)
