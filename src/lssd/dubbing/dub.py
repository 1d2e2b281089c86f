"""`dub`: films in, the same films with made dubs out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lssd import languages
from lssd.dubbing.backend_pool import BackendPool
from lssd.dubbing.backends import POLICIES, STEPS, backends, build_options, read_preset
from lssd.dubbing.pipeline import dub_film
from lssd.dubbing.reports import DubReport
from lssd.dubbing.settings import DubSettings
from lssd.engine import Outcome, Progress, ray, run_stage
from lssd.errors import InputError
from lssd.media import find_films, has_encoder
from lssd.media.encode import codec_name

Engine = Literal["local", "ray"]
ONLY = ("separate",)


@dataclass
class _Dubber:
    """Dubs a film at a time; backends stay at work between films. Picklable, for other processes."""

    targets: tuple[str, ...]
    out: Path
    settings: DubSettings
    alone: bool
    _pool: BackendPool | None = field(default=None, repr=False)

    def __call__(self, path: str) -> DubReport:
        if self._pool is None:
            one = self.settings
            self._pool = BackendPool(one.preset, one.options, one.license_policy, one.timeout_s)
        try:
            return dub_film(path, self.targets, self.out, self.settings, self._pool, self.alone)
        except InputError as error:  # in what lies beside this film: the other films are none the worse
            return DubReport(path, reason=str(error))

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
    """Make dubs of films: `OUT/FILM/FILM.mkv` with the film's picture and sound and a track a language more.

    Beside it lie `utterances.json`, which may be edited, and `provenance.json`. Steps are kept in
    `OUT/.cache`: a killed call goes on where it was, and an edit costs what depends on it. Films are only
    read. What cannot be dubbed, a film, a language or a line, is reported with the reason, and the rest done.

    Args:
        paths: films, or folders that are searched for them.
        languages_to: codes or names of languages; none with `settings.only`.
        workers: processes that each dub a film; engine: "ray" for those of a cluster.

    Raises InputError for a wrong request: no film, an unknown language, preset, backend or dial.
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
        for outcome in _stage(dubber, [str(film) for film in films], workers, engine):
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
    codes = []
    for language in given:
        code = languages.normalise(language)
        if code is None:
            raise InputError(f"'{language}' is no language; use codes such as es, fr, ja")
        codes.append(code)
    if not codes:
        raise InputError("say into which languages, as in --to es fr")
    return tuple(dict.fromkeys(codes))


def _check(settings: DubSettings) -> None:
    """InputError for a request that no film could satisfy."""
    if settings.only not in (None, *ONLY):
        raise InputError(f"'{settings.only}' cannot be done alone; {', '.join(ONLY)} can")
    if settings.source is not None and languages.normalise(settings.source) is None:
        raise InputError(f"'{settings.source}' is no language; use a code such as en")
    if settings.license_policy not in POLICIES:
        raise InputError(f"no licence policy '{settings.license_policy}'; there are {', '.join(POLICIES)}")
    read_preset(settings.preset)
    if not has_encoder(codec_name(settings.codec)):
        raise InputError(f"no encoder for the codec '{settings.codec}'; use flac24, flac, aac or opus")
    known = {name: backend for step in STEPS for name, backend in backends(step).items()}
    for name, options in settings.options.items():
        if name not in known:
            raise InputError(f"no backend '{name}' to set; there are {', '.join(sorted(known))}")
        if not isinstance(options, Mapping):
            raise InputError(f"'{name}' is a backend; set one of its dials, as in {name}.DIAL=VALUE")
        build_options(known[name], options)
    for place in map(Path, (*settings.subtitles, *settings.speakers)):
        if not place.exists():
            raise InputError(f"no such file or folder: {place}")


def _stage(
    dubber: _Dubber, films: Sequence[str], workers: int, engine: Engine
) -> Iterator[Outcome[str, DubReport]]:
    if engine == "ray":
        return ray.run_stage(dubber, films, workers)
    return run_stage(dubber, films, workers)
