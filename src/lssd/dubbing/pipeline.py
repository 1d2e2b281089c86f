"""One film's way through all steps. What was made before is found again; what fails is flagged."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lssd.dubbing.bench import Bench, Tool
from lssd.dubbing.declaration import BackendError
from lssd.dubbing.film import RECORD, Film, companions, folder_of, open_film
from lssd.dubbing.job import Job, Stems
from lssd.dubbing.provenance import record_of, tags_of
from lssd.dubbing.reports import DubReport, LanguageReport
from lssd.dubbing.script import Script
from lssd.dubbing.settings import SAMPLE_RATE, DubSettings
from lssd.dubbing.sound import Sound, SoundWriter
from lssd.dubbing.tracks import Dub, dub_track
from lssd.dubbing.transcript import SUBTITLES, TURNS, find_script
from lssd.dubbing.workspace import Workspace
from lssd.errors import LssdError
from lssd.languages import display_name
from lssd.media import SoundTrack, add_tracks, iterate_sound
from lssd.store import hash_json, read_json, write_json

SCRIPT, CACHE = "utterances.json", ".cache"
_VERSION = 1  # of what is done here; part of every key


def dub_film(
    path: str | Path, targets: Sequence[str], out: Path, settings: DubSettings, bench: Bench, alone: bool
) -> DubReport:
    """Dub one film into `out`. A language that cannot be dubbed is reported, and the others are done.

    `alone`: no other film is dubbed in this call, so that all subtitles named are its own. MediaError and
    InputError as of `open_film`; LssdError where no backend can separate the film or find its lines.
    """
    film = open_film(path, settings)
    workspace = Workspace(out / CACHE)
    beside = companions(film.path, [*settings.subtitles, *settings.speakers], (*SUBTITLES, *TURNS), alone)
    before = dict(bench.seconds)
    stems, separator = _separated(film, bench, workspace)
    job = Job(film, folder_of(film, out), stems, beside, settings, bench, workspace)
    flags: list[str] = []
    dubs: list[Dub] = []
    reports: list[LanguageReport] = []
    if settings.only is None:
        dubs, reports, flags = _dubbed(job, targets)
        tracks = [_dub_track(dub, settings) for dub in dubs]
    else:
        tracks = [_background_track(job)]
    record = record_of(film, separator, [dub.record for dub in dubs], settings, stems.key)
    written = _mux(job, tracks, record) if tracks else ""
    backends = {f"backend {step}": seconds - before.get(step, 0.0) for step, seconds in bench.seconds.items()}
    return DubReport(
        source=str(path),
        folder=str(job.folder),
        film=str(written),
        languages=tuple(reports),
        flags=tuple(flags),
        made=dict(workspace.made),
        kept=dict(workspace.kept),
        seconds={**workspace.seconds, **backends},
    )


def _dubbed(job: Job, targets: Sequence[str]) -> tuple[list[Dub], list[LanguageReport], list[str]]:
    """The languages asked for, and those dubbed before: a film has all its dubs, made alike."""
    script, flags = _script(job)
    before = read_json(job.folder / RECORD)["dubs"] if (job.folder / RECORD).exists() else {}
    dubs, reports = [], []
    for target in sorted({*targets, *before}):
        try:
            script, dub = dub_track(job, script, target)
        except LssdError as error:
            reports.append(LanguageReport(target, len(script.utterances), reason=str(error)))
            continue
        dubs.append(dub)
        reports.append(dub.report)
        script.write(job.folder / SCRIPT)
    return dubs, reports, flags


def _separated(film: Film, bench: Bench, workspace: Workspace) -> tuple[Stems, Tool]:
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
    for tool in bench.tools("separation", options={"name": film.path.stem}):

        def separate(folder: Path, tool: Tool = tool) -> None:
            parts = folder / "speech.npy", folder / "background.npy"
            bench.call(tool, "separate", sound, *parts, minutes=sound.duration_s / 60)

        try:
            made = workspace.step("separate", {"of": extracted.key, "by": tool.identity}, separate)
        except BackendError as error:
            reasons.append(f"{tool.name}: {error}")
            continue
        speech, background = made.folder / "speech.npy", made.folder / "background.npy"
        return Stems(sound, Sound(speech, SAMPLE_RATE), Sound(background, SAMPLE_RATE), made.key), tool
    raise BackendError(f"{film.path} cannot be separated: {'; '.join(reasons)}")


def _script(job: Job) -> tuple[Script, list[str]]:
    """The film's utterances, and flags. What was edited by hand stands."""
    flags = []
    script, path = find_script(job), job.folder / SCRIPT
    if path.exists():
        standing = Script.read(path)
        if standing.by_hand and standing.of != script.of:
            flags.append(f"{path} was edited and stands, though other lines would be found now")
        if standing.by_hand or standing.of == script.of:
            script = standing
    if not script.utterances:
        flags.append("nobody speaks: silence, or music and noises alone")
    late = [one.id for one in script.utterances if one.start_s >= job.stems.original.duration_s]
    if late:
        raise LssdError(
            f"{job.film.path}: line {late[0]} begins after the end at {job.stems.original.duration_s:.2f} s; "
            "do its subtitles belong to another film?"
        )
    return script, flags


class _Pieces:
    """A sound on disk as the samples of a track, read a piece at a time."""

    def __init__(self, sound: Sound) -> None:
        self._sound = sound
        self.shape = (sound.channels, sound.length)

    def __getitem__(self, key: tuple[slice, slice], /) -> Any:
        start, stop, _ = key[1].indices(self.shape[1])
        return self._sound.read(start, max(start, stop))


def _dub_track(dub: Dub, settings: DubSettings) -> SoundTrack:
    return SoundTrack(
        _Pieces(dub.sound),
        SAMPLE_RATE,
        dub.report.language,
        f"{display_name(dub.report.language)} (synthetic dub)",
        role="dub",
        codec=settings.codec,
        tags=tags_of(settings, dub.record),
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


def _mux(job: Job, tracks: Sequence[SoundTrack], record: dict[str, Any]) -> Path:
    """The film with its new tracks, written only where film and record do not stand already."""
    path, about = job.folder / f"{job.film.path.stem}.mkv", job.folder / RECORD
    key = hash_json(record)
    if path.exists() and about.exists() and read_json(about)["key"] == key:
        return path
    tags = {"SYNTHETIC_MEDIA": f"yes, in the tracks that say so; see {RECORD}"}
    add_tracks(job.film.path, path, tracks, tags)
    write_json(about, {**record, "key": key})
    return path
