"""The clips of a corpus that a recipe may use, by title."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import pyarrow.compute as pc

from lssd import languages
from lssd.corpus import Catalog
from lssd.errors import CorpusError
from lssd.store import hash_json
from lssd.views.duplicates import group_duplicates

Member = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Selection:
    """Which clips of a corpus take part.

    splits: of titles, among train, valid and test.
    original_languages: of titles; empty means all. except_original_languages: those of the others alone.
    require_dub: only clips that have a sound in another language than the original's.
    require_languages: only clips with a sound in each of these; require_background: only clips with a
    background track (music and effects, no speech).
    """

    splits: tuple[str, ...] = ("train",)
    original_languages: tuple[str, ...] = ()
    except_original_languages: tuple[str, ...] = ()
    require_dub: bool = False
    require_languages: tuple[str, ...] = ()
    require_background: bool = False

    def __post_init__(self) -> None:
        if not self.splits:
            raise ValueError("splits must name at least one of train, valid and test")
        for name in ("original_languages", "except_original_languages", "require_languages"):
            require_codes(name, getattr(self, name))


def require_codes(name: str, codes: Sequence[str]) -> None:
    """Raise ValueError unless each is a language code as the catalog writes it (`lssd.languages`)."""
    for code in codes:
        meant = languages.normalise(code)
        if meant != code:
            hint = f"; write {meant}" if meant else ""
            raise ValueError(f"{name}: '{code}' is no language code of the catalog's kind{hint}")


@dataclass(frozen=True)
class ClipEntry:
    """A clip with the catalog's rows of its picture and its sounds.

    dubs: in the order of their languages, one each. background: music and effects without speech.
    duplicates: the number of its near-duplicate group; clips that show the same have the same.
    """

    clip_id: str
    title_id: str
    duration_s: float
    picture: Member
    original: Member
    dubs: tuple[Member, ...]
    background: Member | None
    duplicates: int

    def sound(self, language: str) -> Member | None:
        """The spoken sound of a language, the original's included; None where there is none."""
        return next((track for track in (self.original, *self.dubs) if track["language"] == language), None)


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

    @cached_property
    def clip_count(self) -> int:
        """The number of clips; `clips` would list them all."""
        return sum(len(title) for title in self.titles)

    @property
    def dubbed(self) -> int:
        """How many clips have at least one dub."""
        return sum(bool(clip.dubs) for title in self.titles for clip in title)

    @cached_property
    def dub_languages(self) -> frozenset[tuple[str | None, ...]]:
        """The different sets of languages into which clips are dubbed: few, however many clips there are."""
        clips = (clip for title in self.titles for clip in title)
        return frozenset(tuple(dub["language"] for dub in clip.dubs) for clip in clips)

    @cached_property
    def languages(self) -> frozenset[str]:
        """The languages in which any clip has a sound."""
        originals = {clip.original["language"] for title in self.titles for clip in title}
        spoken: set[str | None] = originals.union(*self.dub_languages)
        return frozenset(code for code in spoken if code is not None)

    def digest(self) -> str:
        """A hash of the clips and of every byte of their pictures and sounds."""
        return hash_json([[clip.clip_id, *_hashes(clip)] for title in self.titles for clip in title])

    @classmethod
    def read(cls, catalog: Catalog, selection: Selection, near_duplicates: bool = False) -> "ClipIndex":
        """Index a catalog.

        near_duplicates: whether clips that look alike get one number (`group_duplicates` of their
        fingerprints), or every clip its own.
        Raises CorpusError when nothing in it fits the selection, naming the key that leaves nothing, and
        when near-duplicates are asked of a corpus without fingerprints.
        """
        titles = _narrow(catalog.titles.to_pylist(), _title_criteria(selection), "title", catalog.root)
        clips = _entries(catalog, {row["title_id"] for row in titles})
        if not clips:
            raise CorpusError(
                f"{catalog.root} has no clip with a picture and an original sound in the selected titles; "
                f"see lssd inspect {catalog.root}"
            )
        clips = _narrow(clips, _clip_criteria(selection), "clip", catalog.root)
        numbers: Iterable[int] = range(len(clips))
        if near_duplicates:
            numbers = group_duplicates(_fingerprints(catalog, clips)).tolist()
        grouped: dict[str, list[ClipEntry]] = defaultdict(list)
        for clip, number in zip(clips, numbers, strict=True):
            grouped[clip.title_id].append(replace(clip, duplicates=number))
        return cls(catalog.root, tuple(tuple(grouped[title_id]) for title_id in sorted(grouped)))


# A key of the recipe's `data`, its value as shown to the user (empty: not asked for), and what fits it.
_Criteria = list[tuple[str, str, Callable[[T], bool]]]


def _title_criteria(wanted: Selection) -> _Criteria[dict[str, Any]]:
    chosen, others = wanted.original_languages, wanted.except_original_languages
    return [
        ("splits", _shown(wanted.splits), lambda row: row["split"] in wanted.splits),
        ("original_languages", _shown(chosen), lambda row: row["original_language"] in chosen),
        ("except_original_languages", _shown(others), lambda row: row["original_language"] not in others),
    ]


def _clip_criteria(wanted: Selection) -> _Criteria[ClipEntry]:
    spoken = wanted.require_languages
    return [
        ("require_dub", _shown(wanted.require_dub), lambda clip: bool(clip.dubs)),
        ("require_languages", _shown(spoken), lambda clip: all(clip.sound(code) for code in spoken)),
        ("require_background", _shown(wanted.require_background), lambda clip: clip.background is not None),
    ]


def _shown(value: tuple[str, ...] | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else ""
    return f"[{', '.join(value)}]" if value else ""


def _narrow(items: Sequence[T], criteria: _Criteria[T], what: str, root: str) -> list[T]:
    """The items that fit every criterion asked for; CorpusError that names the first that leaves none."""
    kept = list(items)
    for key, value, fits in criteria:
        if value:
            before, kept = len(kept), [item for item in kept if fits(item)]
            if not kept:
                raise CorpusError(
                    f"{root} has no {what} for data.{key}={value} among the {before} that fit all before it; "
                    f"see lssd inspect {root}"
                )
    return kept


def _entries(catalog: Catalog, title_ids: set[str]) -> list[ClipEntry]:
    """The clips of these titles that have a picture and an original sound, by title and id."""
    # A track that repeats another one shares its id; the kept one says what the role is.
    kept = [row for row in catalog.tracks.to_pylist() if row["kept"]]
    roles = {(row["title_id"], row["track_id"]): row["role"] for row in kept}
    members: dict[str, list[Member]] = defaultdict(list)
    for member in catalog.members.to_pylist():
        members[member["clip_id"]].append(member)
    rows = [row for row in catalog.clips.to_pylist() if row["title_id"] in title_ids]
    rows.sort(key=lambda row: (row["title_id"], row["clip_id"]))
    entries = (_entry(row, members[row["clip_id"]], roles) for row in rows)
    return [entry for entry in entries if entry is not None]


def _entry(
    clip: dict[str, Any], members: list[Member], roles: dict[tuple[str, str], str]
) -> ClipEntry | None:
    """The entry of a clip; None when its picture or its original sound is not stored."""
    title_id = clip["title_id"]
    picture = next((member for member in members if member["kind"] == "picture"), None)
    by_role = defaultdict(list)
    for sound in (member for member in members if member["kind"] == "sound"):
        by_role[roles[title_id, sound["track_id"]]].append(sound)
    if picture is None or not by_role["original"]:
        return None
    return ClipEntry(
        clip_id=clip["clip_id"],
        title_id=title_id,
        duration_s=clip["duration_s"],
        picture=picture,
        original=by_role["original"][0],
        dubs=tuple(sorted(by_role["dub"], key=lambda member: str(member["language"]))),
        background=next(iter(by_role["background"]), None),
        duplicates=0,
    )


def _fingerprints(catalog: Catalog, clips: Sequence[ClipEntry]) -> list[str | None]:
    rows = catalog.labels.filter(pc.equal(catalog.labels["name"], "fingerprint"))
    if not rows.num_rows:
        raise CorpusError(
            f"{catalog.root} has no fingerprints of its pictures, by which near-duplicates are told; ingest "
            "its films again into a new folder, or choose another objective.mask"
        )
    known = dict(zip(rows["clip_id"].to_pylist(), rows["value"].to_pylist(), strict=True))
    return [known.get(clip.clip_id) for clip in clips]


def _hashes(clip: ClipEntry) -> list[str]:
    background = [] if clip.background is None else [clip.background]
    return [member["sha256"] for member in (clip.picture, clip.original, *clip.dubs, *background)]
