"""What a corpus holds, in numbers."""

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from lssd.corpus.catalog import Catalog


def describe_corpus(path: str | Path) -> dict[str, Any]:
    """The numbers of a corpus as a JSON value.

    Keys: `path`; `titles`, `clips`, `hours` (of clips); `splits` (titles each); `languages` (for each:
    titles in it, clips in it, titles of which it is the original, hours of clips);
    `clips_by_language_count`; `background` (clips with a background track); `labels` (for each name:
    the clips that have it, and how many values it has); `shots` (kept, and rejected by reason);
    `tracks_not_kept` by reason; `quarantine` (path, stage, reason). Raises CorpusError when the folder is
    no corpus.
    """
    catalog = Catalog.open(path)
    titles = catalog.titles.to_pylist()
    duration_s = {row["clip_id"]: row["duration_s"] for row in catalog.clips.to_pylist()}
    sounds = [row for row in catalog.members.to_pylist() if row["kind"] == "sound"]
    tracks = [row for row in catalog.tracks.to_pylist() if row["kept"] and row["role"] == "background"]
    voiceless = {(row["title_id"], row["track_id"]) for row in tracks}
    spoken: dict[str, set[str]] = defaultdict(set)
    background: set[str] = set()
    for row in sounds:
        if (row["clip_id"].split("-")[0], row["track_id"]) in voiceless:
            background.add(row["clip_id"])
        else:
            spoken[row["clip_id"]].add(row["language"])
    return {
        "path": str(path),
        "titles": len(titles),
        "clips": len(duration_s),
        "hours": sum(duration_s.values()) / 3600,
        "splits": dict(sorted(Counter(row["split"] for row in titles).items())),
        "languages": _languages(titles, spoken, duration_s),
        "clips_by_language_count": dict(sorted(Counter(len(found) for found in spoken.values()).items())),
        "background": len(background),
        "labels": _labels(catalog),
        "shots": _shots(catalog),
        "tracks_not_kept": _reasons(catalog.tracks.to_pylist()),
        "quarantine": catalog.quarantine.to_pylist(),
    }


def _languages(
    titles: list[dict[str, Any]], spoken: dict[str, set[str]], duration_s: dict[str, float]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for language in sorted({code for codes in spoken.values() for code in codes}, key=str):
        clips = [clip_id for clip_id, codes in spoken.items() if language in codes]
        found[str(language)] = {
            "titles": len({clip_id.split("-")[0] for clip_id in clips}),
            "original_of": sum(row["original_language"] == language for row in titles),
            "clips": len(clips),
            "hours": sum(duration_s[clip_id] for clip_id in clips) / 3600,
        }
    return found


def _labels(catalog: Catalog) -> dict[str, dict[str, int]]:
    clips: dict[str, set[str]] = defaultdict(set)
    values: dict[str, set[str]] = defaultdict(set)
    for row in catalog.labels.to_pylist():
        clips[row["name"]].add(row["clip_id"])
        values[row["name"]].add(row["value"])
    return {name: {"clips": len(clips[name]), "values": len(values[name])} for name in sorted(clips)}


def _shots(catalog: Catalog) -> dict[str, Any]:
    rows = catalog.shots.to_pylist()
    return {"kept": sum(row["kept"] for row in rows), "rejected": _reasons(rows)}


def _reasons(rows: list[dict[str, Any]]) -> dict[str, int]:
    return dict(Counter(row["reason"] for row in rows if not row["kept"]).most_common())
