"""`dub`: adds synthetic dubs to films."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lssd import languages
from lssd.dubbing.backend_pool import BackendPool
from lssd.dubbing.backends import POLICIES, STEPS, backends, build_settings, obstacle, read_preset
from lssd.dubbing.pipeline import dub_film
from lssd.dubbing.reports import DubReport
from lssd.dubbing.settings import DubSettings
from lssd.engine import Outcome, Progress, ray, run_stage
from lssd.errors import InputError
from lssd.media import find_films, has_encoder, probe
from lssd.media.encode import codec_name

Engine = Literal["local", "ray"]
ONLY = ("separate",)


@dataclass
class _Dubber:
    """Dubs one film a call, and keeps the backends loaded between films. Picklable, for other processes."""

    targets: tuple[str, ...]
    out: Path
    settings: DubSettings
    alone: bool
    _pool: BackendPool | None = field(default=None, repr=False)

    def __call__(self, path: str) -> DubReport:
        if self._pool is None:
            one = self.settings
            self._pool = BackendPool(one.preset, one.backends, one.license_policy, one.timeout_s)
        return dub_film(path, self.targets, self.out, self.settings, self._pool, self.alone)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.close()


def dub(
    paths: Sequence[str | Path],
    languages_to: Sequence[str],
    out: str | Path,
    settings: DubSettings | None = None,
    *,
    workers: int = 1,
    engine: Engine = "local",
    progress: Progress | None = None,
) -> list[DubReport]:
    """Dub films: `OUT/FILM/FILM.mkv` gets the film's picture and sound, and a new track for each language.

    Beside it lie `utterances.json`, which may be edited, and `provenance.json`. Steps are kept in
    `OUT/.cache`: a call that was killed is resumed, and after an edit only what depends on it is made again.
    Films are only read. A film, language or line that cannot be dubbed is reported with the reason, and the
    others are done.

    Args:
        paths: films, or folders that are searched for them.
        languages_to: codes or names of languages; none with `settings.only`.
        workers: processes that each dub a film; engine: "ray" for those of a cluster, which knows no
            `settings.time_limit`.

    Raises InputError for a wrong request: no film, an unknown language, preset or dial, a backend that was
    set up and cannot be used. StorageError when the disk is full.
    """
    settings, out = settings or DubSettings(), Path(out).resolve()
    targets = _targets(languages_to, settings)
    _check(settings)
    films = find_films(paths)
    # A folder that is searched may hold the output of a call before: those are no films to dub.
    films = [film for film in films if not film.is_relative_to(out)]
    if not films:
        raise InputError(f"all films named lie in the output folder {out}; name another --out")
    dubber = _Dubber(targets, out, settings, alone=len(films) == 1)
    reports = []
    if progress is not None:
        progress.update(0, len(films))
    try:
        for outcome in _outcomes(dubber, [str(film) for film in films], workers, engine):
            found = outcome.value
            failed = DubReport(outcome.item, reason=outcome.reason or "")
            reports.append(failed if found is None else found)
            if progress is not None:
                progress.advance(note=Path(outcome.item).name)
    finally:
        dubber.close()
    return sorted(reports, key=lambda report: report.source)


def _targets(given: Sequence[str], settings: DubSettings) -> tuple[str, ...]:
    """Codes of the languages. InputError for none, or for one that is no language."""
    if settings.only is not None:
        return ()
    if not given:
        raise InputError("say into which languages, as in --to es fr")
    return tuple(dict.fromkeys(map(languages.code_of, given)))


def _check(settings: DubSettings) -> None:
    """Raise InputError for a request that is wrong whatever the film."""
    if settings.only not in (None, *ONLY):
        raise InputError(f"'{settings.only}' cannot be done alone; {', '.join(ONLY)} can")
    if settings.source is not None:
        languages.code_of(settings.source)
    if settings.license_policy not in POLICIES:
        raise InputError(f"no licence policy '{settings.license_policy}'; there are {', '.join(POLICIES)}")
    steps = read_preset(settings.preset)
    if not has_encoder(codec_name(settings.codec)):
        raise InputError(f"no encoder for the codec '{settings.codec}'; use flac24, flac, aac or opus")
    known = {name: backend for step in STEPS for name, backend in backends(step).items()}
    for name, values in settings.backends.items():
        if name not in known:
            raise InputError(f"no backend '{name}' to set; there are {', '.join(sorted(known))}")
        if not isinstance(values, Mapping):
            raise InputError(f"'{name}' is a backend; set one of its dials, as in {name}.DIAL=VALUE")
        build_settings(known[name], values)
        if name not in {one for names in steps.values() for one in names}:
            raise InputError(
                f"'{name}' was set, but the preset {settings.preset} does not use it; name it in a preset of "
                "your own"
            )
        # Another backend in the place of one that was asked for would be a surprise.
        if why := obstacle(known[name], settings.license_policy, values):
            raise InputError(f"'{name}' was set and cannot be used: {why}")
    for place in map(Path, (*settings.subtitles, *settings.speakers)):
        if not place.exists():
            raise InputError(f"no such file or folder: {place}")


def _outcomes(
    dubber: _Dubber, films: Sequence[str], workers: int, engine: Engine
) -> Iterator[Outcome[str, DubReport]]:
    """The outcome of each film, in the order in which they finish."""
    limit = dubber.settings.time_limit
    if engine == "ray":
        yield from ray.run_stage(dubber, films, workers)
        return
    if limit is None:
        yield from run_stage(dubber, films, workers)
        return
    durations_s: dict[str, float] = {}
    for outcome in run_stage(probe, films, 1, lambda film: limit.base_s):
        if outcome.value is None:
            yield Outcome(outcome.item, None, outcome.reason)
        else:
            durations_s[outcome.item] = outcome.value.duration_s
    parts = 1 + len(dubber.targets)  # what is done once, and what is done for each language
    yield from run_stage(
        dubber, list(durations_s), workers, lambda film: parts * limit.seconds(durations_s[film])
    )
