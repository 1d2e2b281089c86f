"""The record of where a dub comes from: backends, versions, weights, licences, consent.

It holds no dates, and no paths but the film's name, so that the same input gives the same record.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lssd.dubbing.backend_pool import Tool
from lssd.dubbing.film import Job
from lssd.dubbing.lines import Line
from lssd.dubbing.placing import Place
from lssd.dubbing.script import Said, Script
from lssd.dubbing.settings import SAMPLE_RATE
from lssd.errors import ItemError
from lssd.media import track_hash
from lssd.store import hash_json

_FORMAT = 1


@dataclass(frozen=True)
class LanguageRecord:
    """The record of one dub. `changed` are sample ranges of the track, times are in seconds."""

    language: str
    backends: tuple[dict[str, Any], ...]
    translated: int
    other_words: int
    utterances: tuple[dict[str, Any], ...]
    changed: tuple[tuple[int, int], ...]
    key: str
    consent: str = ""

    def lines(self) -> list[Line]:
        """The lines that are heard in the track, with their times."""
        heard = [row for row in self.utterances if "spoken_s" in row]
        spans = [(*row["spoken_s"], row["text"], row["speaker"]) for row in heard]
        return [Line(start, end, text, speaker=speaker) for start, end, text, speaker in spans]

    @classmethod
    def from_row(cls, language: str, row: Mapping[str, Any]) -> "LanguageRecord":
        """The record of a dub as `record_of` wrote it."""
        lists = {name: tuple(row[name]) for name in ("backends", "utterances")}
        changed = tuple((start, stop) for start, stop in row["changed"])
        return cls(**{**row, **lists, "language": language, "changed": changed})

    @classmethod
    def of(
        cls,
        script: Script,
        language: str,
        tools: Sequence[Tool],
        places: Sequence[Place | None],
        key: str,
        changed: Sequence[tuple[int, int]],
        flags: Sequence[tuple[str, str]],
        consent: str,
    ) -> "LanguageRecord":
        rows = []
        for one, found in zip(script.utterances, places, strict=True):
            said = one.said.get(language)
            row: dict[str, Any] = {
                "id": one.id,
                "start_s": one.start_s,
                "end_s": one.end_s,
                "speaker": one.speaker,
            }
            if said is not None:
                by = "hand" if said.by_hand else said.by
                row |= {"text": said.text, "is_translation": _translated(said), "by": by}
            if found is not None:
                row |= {"spoken_s": [round(found.start_s, 4), round(found.start_s + found.kept_s, 4)]}
                row |= {"speed": round(found.speed, 4)}
            row["flags"] = sorted(flag for which, flag in flags if which == one.id)
            rows.append(row)
        said_all = [one.said[language] for one in script.utterances if language in one.said]
        return cls(
            language,
            tuple(about(tool) for tool in tools),
            sum(_translated(said) for said in said_all if said.text),
            sum(not _translated(said) for said in said_all if said.text),
            tuple(rows),
            tuple(changed),
            key,
            consent,
        )


def _translated(said: Said) -> bool:
    """Whether the words are a translation; what people write is taken for one."""
    return said.is_translation or said.by_hand


def about(tool: Tool) -> dict[str, Any]:
    """A backend as a record names it."""
    declaration = tool.backend.declaration
    return {
        "step": declaration.step,
        "backend": declaration.name,
        "version": declaration.version,
        "options": asdict(tool.process.settings),
        "weights": tool.process.weights_hash(),
        "code_license": declaration.code_license,
        "weights_license": declaration.weights_license,
    }


def record_of(job: Job, separator: Tool, dubs: Sequence[LanguageRecord]) -> dict[str, Any]:
    """The whole record, as a JSON value."""
    film, settings = job.film, job.settings
    alike = [about(tool) for tool in (separator, *job.script_tools)]
    used = [*alike, *(one for dub in dubs for one in dub.backends)]
    licences = sorted({one[kind] for one in used for kind in ("code_license", "weights_license")} - {"none"})
    return {
        "format": _FORMAT,
        "made_by": f"lssd {version('lssd')}",
        "synthetic": True,
        "film": {
            "name": film.path.name,
            "id": film.film_id,
            "track": film.track.index,
            "track_id": film.track_id,
            "language": film.language,
            "tracks": [
                [track_hash(film.path, one.index), one.language, one.role, one.title]
                for one in film.info.tracks
            ],
        },
        "sample_rate": SAMPLE_RATE,
        "codec": settings.codec,
        "licences": licences,
        "backends": alike,
        "stems": job.stems.key,
        "dials": {name: vars(getattr(settings, name)) for name in ("placing", "remixing", "matching")},
        "dubs": {dub.language: _row(dub) for dub in sorted(dubs, key=lambda dub: dub.language)},
    }


def read_record(path: Path) -> dict[str, Any]:
    """A record that was written. ItemError where the file is damaged."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        record["key"], record["dubs"].items()  # what later steps look for
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ItemError(f"{path} is damaged; remove it and run again") from error
    return dict(record)


def tags_of(record: LanguageRecord) -> dict[str, str]:
    """The tags of a track that say where it comes from."""
    by = ", ".join(sorted({one["backend"] for one in record.backends}))
    words = (
        "translated"
        if not record.other_words
        else "other words"
        if not record.translated
        else "partly translated"
    )
    return {
        "SYNTHETIC_MEDIA": "yes",
        "SYNTHETIC_BY": f"lssd {version('lssd')}: {by}",
        "SYNTHETIC_WORDS": words,
        "CONSENT": record.consent,
        "PROVENANCE": hash_json(_row(record), 32),
    }


def _row(dub: LanguageRecord) -> dict[str, Any]:
    row = asdict(dub)
    del row["language"]
    row["changed"] = [list(one) for one in dub.changed]
    return row
