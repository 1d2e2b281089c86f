"""The clips of a corpus that a recipe may use, by title."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lssd.corpus import Catalog
from lssd.errors import CorpusError
from lssd.store import hash_json

Member = dict[str, Any]


@dataclass(frozen=True)
class Selection:
    """Which clips of a corpus take part.

    splits: of titles, among train, valid and test.
    original_languages: of titles; empty means all.
    require_dub: only clips that have a sound in another language than the original's.
    """

    splits: tuple[str, ...] = ("train",)
    original_languages: tuple[str, ...] = ()
    require_dub: bool = False


@dataclass(frozen=True)
class ClipEntry:
    """A clip with the catalog's rows of its picture, its original sound, and its dubs by language."""

    clip_id: str
    title_id: str
    duration_s: float
    picture: Member
    original: Member
    dubs: tuple[Member, ...]  # in the order of their languages, one each


@dataclass(frozen=True)
class ClipIndex:
    """The selected clips, grouped by title; titles and clips in the order of their ids.

    Plain data without open files, so that it travels to worker processes.
    """

    root: str
    titles: tuple[tuple[ClipEntry, ...], ...]

    @cached_property
    def clips(self) -> tuple[ClipEntry, ...]:
        return tuple(clip for title in self.titles for clip in title)

    @property
    def dubbed(self) -> int:
        """How many clips have at least one dub."""
        return sum(bool(clip.dubs) for clip in self.clips)

    def digest(self) -> str:
        """A hash of the clips and of every byte of their pictures and sounds."""
        return hash_json(
            [
                [clip.clip_id, *(member["sha256"] for member in (clip.picture, clip.original, *clip.dubs))]
                for clip in self.clips
            ]
        )

    @classmethod
    def read(cls, catalog: Catalog, selection: Selection) -> "ClipIndex":
        """Index a catalog. CorpusError when nothing in it fits the selection."""
        titles = {row["title_id"]: row for row in catalog.titles.to_pylist() if _fits(row, selection)}
        # A track that repeats another one shares its id; the kept one says what the role is.
        kept = [row for row in catalog.tracks.to_pylist() if row["kept"]]
        roles = {(row["title_id"], row["track_id"]): row["role"] for row in kept}
        members: dict[str, list[Member]] = defaultdict(list)
        for member in catalog.members.to_pylist():
            members[member["clip_id"]].append(member)
        grouped: dict[str, list[ClipEntry]] = defaultdict(list)
        for clip in sorted(catalog.clips.to_pylist(), key=lambda row: row["clip_id"]):
            if clip["title_id"] not in titles:
                continue
            entry = _entry(clip, members[clip["clip_id"]], roles)
            if entry is not None and (entry.dubs or not selection.require_dub):
                grouped[clip["title_id"]].append(entry)
        if not grouped:
            raise CorpusError(f"{catalog.root} has no clip for {selection}; see lssd inspect {catalog.root}")
        return cls(catalog.root, tuple(tuple(grouped[title_id]) for title_id in sorted(grouped)))


def _fits(title: dict[str, Any], selection: Selection) -> bool:
    wanted = selection.original_languages
    return title["split"] in selection.splits and (not wanted or title["original_language"] in wanted)


def _entry(
    clip: dict[str, Any], members: list[Member], roles: dict[tuple[str, str], str]
) -> ClipEntry | None:
    """The entry of a clip; None when its picture or its original sound is not stored."""
    title_id = clip["title_id"]
    picture = next((member for member in members if member["kind"] == "picture"), None)
    sounds = [member for member in members if member["kind"] == "sound"]
    by_role = defaultdict(list)
    for sound in sounds:
        by_role[roles[title_id, sound["track_id"]]].append(sound)
    if picture is None or not by_role["original"]:
        return None
    original = by_role["original"][0]
    dubs = sorted(by_role["dub"], key=lambda member: str(member["language"]))
    return ClipEntry(
        clip_id=clip["clip_id"],
        title_id=title_id,
        duration_s=clip["duration_s"],
        picture=picture,
        original=original,
        dubs=tuple(dubs),
    )
