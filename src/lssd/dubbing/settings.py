"""The settings of `dub`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from lssd import config
from lssd.dubbing.matching import MatchingSettings
from lssd.dubbing.placing import PlacingSettings
from lssd.dubbing.remixing import RemixingSettings
from lssd.engine import TimeLimit

SAMPLE_RATE = 48000  # Hz, throughout


@dataclass(frozen=True)
class DubSettings:
    """How films are dubbed; every value has a default.

    preset         a packaged preset, or a YAML file: names of backends by step, best first
    source         the language that the original speaks, where its track does not say or says it wrongly
    track          which sound track is the original; None: as ingest chooses
    only           "separate": the background track alone
    subtitles      files or folders of SRT or WebVTT, `FILM.LANGUAGE.srt`: words of the original, or of a dub
    speakers       files or folders of RTTM, `FILM.rttm`: who speaks when
    consent        what is known about the speakers' consent; written into the record
    license_policy any, or permissive: refuse backends whose licences bind or forbid
    backends       settings of backends, by their name
    codec          of the new tracks
    timeout_s      how long a backend may take for one call
    time_limit     how long a film may take, once for itself and once for each language, before its process is
                   killed and the film reported. None: no limit, and a single worker is then the calling
                   process itself, which a crash in a codec would end
    """

    preset: str = "best"
    source: str | None = None
    track: int | None = None
    only: str | None = None
    subtitles: tuple[str, ...] = ()
    speakers: tuple[str, ...] = ()
    consent: str = "not stated"
    license_policy: str = "any"
    backends: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    codec: str = "flac24"
    timeout_s: float = 600.0
    time_limit: TimeLimit | None = field(default_factory=TimeLimit)
    placing: PlacingSettings = field(default_factory=PlacingSettings)
    remixing: RemixingSettings = field(default_factory=RemixingSettings)
    matching: MatchingSettings = field(default_factory=MatchingSettings)

    @classmethod
    def build(cls, overrides: Iterable[str] = (), **given: Any) -> Self:
        """Settings from `KEY=VALUE` overrides: `placing.fastest=1.3`, `codec=aac`, or `BACKEND.KEY=VALUE`.

        `given` are other fields by name. InputError for an unknown key or a wrong value.
        """
        mapping = config.override({}, overrides)
        names = {one.name for one in fields(cls)} - {"backends"}
        own = {key: value for key, value in mapping.items() if key in names}
        backends = {key: value for key, value in mapping.items() if key not in names}
        return replace(config.build(cls, {**given, **own}, "dub"), backends=backends)
