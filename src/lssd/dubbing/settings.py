"""What a request for dubs consists of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from lssd import config
from lssd.dubbing.matching import Matching
from lssd.dubbing.placing import Placing
from lssd.dubbing.remixing import Remixing

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
    consent        what is known of the speakers' consent; written into the record
    license_policy any, or permissive: refuse backends whose licences bind or forbid
    options        dials of backends by their name
    codec          of the new tracks
    timeout_s      how long a backend may take for one call
    """

    preset: str = "best"
    source: str | None = None
    track: int | None = None
    only: str | None = None
    subtitles: tuple[str, ...] = ()
    speakers: tuple[str, ...] = ()
    consent: str = "not stated"
    license_policy: str = "any"
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    codec: str = "flac24"
    timeout_s: float = 600.0
    placing: Placing = field(default_factory=Placing)
    remixing: Remixing = field(default_factory=Remixing)
    matching: Matching = field(default_factory=Matching)

    @classmethod
    def build(cls, overrides: Iterable[str] = (), **given: Any) -> Self:
        """Settings from `KEY=VALUE` overrides: `placing.fastest=1.3`, `codec=aac`, or `BACKEND.KEY=VALUE`.

        `given` are other fields by name. InputError for an unknown key or a wrong value.
        """
        mapping = config.override({}, overrides)
        names = {one.name for one in fields(cls)} - {"options"}
        own = {key: value for key, value in mapping.items() if key in names}
        options = {key: value for key, value in mapping.items() if key not in names}
        return replace(config.build(cls, {**given, **own}, "dub"), options=options)
