"""Which clips of a catalog take part, found on its tables as they are: no row of millions becomes an object.

Clips and titles are numbered by their position in sorted lists, and all lookups are of numbers: `positions`
turns a column of names into positions in a list, -1 where a name is not in it.

Letters of shapes: N clips of the selected titles, M members (of the catalog, or of those clips).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lssd import languages
from lssd.corpus import SPLITS, Catalog, Member, rows_of
from lssd.errors import CorpusError
from lssd.text import counted
from lssd.views.columns import ClipColumns, Codes, MemberColumns, Texts, positions, starts_of
from lssd.views.duplicates import group_duplicates

# The roles of a clip's members, in the order in which they are listed; of all but dubs there is one.
_PICTURE, _ORIGINAL, _DUB, _BACKGROUND = range(4)
_KINDS = pa.array(["picture", "sound"])
_TRACK_ROLES = pa.array(["original", "dub", "background"])  # _ORIGINAL and on, in their order


@dataclass(frozen=True)
class Selection:
    """Which clips of a corpus take part.

    splits: of titles, among train, valid and test.
    original_languages: of titles; empty means all. except_original_languages: those of the others alone. A
    title whose original language nobody knows is in neither.
    require_dub: only clips that have a dub in one of the languages from which secondary sounds are drawn
    (`ViewSettings.languages`, `secondary_languages`).
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
        require_splits(self.splits)
        for name in ("original_languages", "except_original_languages", "require_languages"):
            require_codes(name, getattr(self, name))


@dataclass(frozen=True)
class LeftOut:
    """What of the selected titles is passed over without anybody having asked for that.

    dubs: languages that are not known, and how many clips have a dub in each. titles: those of an original
    language that nobody knows, where titles are selected by theirs.
    """

    dubs: tuple[tuple[str, int], ...] = ()
    titles: int = 0

    @classmethod
    def sum(cls, parts: Iterable["LeftOut"]) -> "LeftOut":
        """What several corpora leave out together."""
        parts = tuple(parts)
        dubs: Counter[str] = Counter()
        for part in parts:
            dubs.update(dict(part.dubs))
        return cls(tuple(sorted(dubs.items())), sum(part.titles for part in parts))

    def lines(self) -> Iterator[str]:
        """What is left out, in words."""
        if self.titles:
            yield f"{counted(self.titles, 'title')} whose original language is not known"
        for code, clips in self.dubs:
            yield f"dubs in {code} ({counted(clips, 'clip')}), which views.languages does not name"


def require_splits(splits: Sequence[str]) -> None:
    """Raise ValueError unless at least one is named, and each is one that titles can have."""
    if not splits or not {*splits} <= {*SPLITS}:
        raise ValueError(f"splits must name at least one of {', '.join(SPLITS)}, and nothing else")


def require_codes(name: str, codes: Sequence[str]) -> None:
    """Raise ValueError unless each is a language code as the catalog writes it (`lssd.languages`)."""
    for code in codes:
        meant = languages.normalise(code)
        if meant != code:
            hint = f"; write {meant}" if meant else ""
            raise ValueError(f"{name}: '{code}' is no language code of the catalog's kind{hint}")


def select(
    catalog: Catalog,
    selection: Selection,
    known: tuple[str, ...],
    drawn: tuple[str, ...],
    near_duplicates: bool,
) -> tuple[ClipColumns, LeftOut]:
    """The clips of a catalog that fit a selection, and what is left out of it (`ClipIndex.read`).

    known: the languages of dubs; drawn: those of them that `require_dub` asks for. Empty means all.
    """
    title_ids, unknown = _title_ids(catalog, selection)
    found = _find(catalog, title_ids)
    if not found.complete_N.any():
        raise CorpusError(
            f"{catalog.root} has no clip with a picture and an original sound in the selected titles; "
            f"see lssd inspect {catalog.root}"
        )
    found, dubs = found.without_dubs_beside(known)
    left_out = LeftOut(dubs, unknown)
    criteria = _clip_criteria(selection, found, drawn)
    kept_N = _narrow(found.complete_N, criteria, "clip", catalog.root, left_out)
    return found.columns(catalog, kept_N, near_duplicates), left_out


# A key of the recipe's `data`, its value as shown to the user (empty: not asked for), and what fits it.
_Criteria = list[tuple[str, str, Callable[[], np.ndarray]]]


def unknown_originals(catalog: Catalog) -> np.ndarray:
    """Which titles of a catalog have an original language that nobody knows: bool (titles,)."""
    column = catalog.titles["original_language"]
    known = [code for code in pc.unique(column).to_pylist() if languages.normalise(code) is not None]
    return positions(column, pa.array(known, pa.string())) < 0


def _title_ids(catalog: Catalog, wanted: Selection) -> tuple[list[str], int]:
    """The ids of the titles that fit, sorted; and how many do not since nobody knows their language."""
    split, language = catalog.titles["split"], catalog.titles["original_language"]

    def is_among(column: pa.ChunkedArray, values: tuple[str, ...]) -> np.ndarray:
        return positions(column, pa.array(values, pa.string())) >= 0

    chosen, others = wanted.original_languages, wanted.except_original_languages
    in_split = _narrow(
        np.ones(len(split), dtype=bool),
        [("splits", _shown(wanted.splits), lambda: is_among(split, wanted.splits))],
        "title",
        catalog.root,
    )
    unknown = unknown_originals(catalog) & in_split if chosen or others else np.zeros(len(split), dtype=bool)
    if unknown.any() and (unknown == in_split).all():
        key = "original_languages" if chosen else "except_original_languages"
        raise CorpusError(
            f"{catalog.root} cannot be selected by data.{key}: the original language of none of its "
            f"{counted(int(unknown.sum()), 'title')} is known; name it in the column original_language of a "
            "titles table, and give that to lssd ingest --titles"
        )
    criteria: _Criteria = [
        ("original_languages", _shown(chosen), lambda: is_among(language, chosen)),
        ("except_original_languages", _shown(others), lambda: ~is_among(language, others) & ~unknown),
    ]
    kept = _narrow(in_split, criteria, "title", catalog.root, LeftOut(titles=int(unknown.sum())))
    ids = sorted(catalog.titles["title_id"].filter(pa.array(kept)).to_pylist())
    return ids, int(unknown.sum())


def _clip_criteria(wanted: Selection, found: "_Found", drawn: tuple[str, ...]) -> _Criteria:
    spoken = wanted.require_languages
    return [
        ("require_dub", _shown(wanted.require_dub), lambda: found.dubbed(drawn)),
        (
            "require_languages",
            _shown(spoken),
            lambda: np.logical_and.reduce([found.speak(code) for code in spoken]),
        ),
        ("require_background", _shown(wanted.require_background), lambda: found.have(_BACKGROUND)),
    ]


def _shown(value: tuple[str, ...] | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else ""
    return f"[{', '.join(value)}]" if value else ""


def _narrow(
    kept: np.ndarray, criteria: _Criteria, what: str, root: str, left_out: LeftOut | None = None
) -> np.ndarray:
    """Which fit every criterion asked for too; CorpusError that names the first that leaves none."""
    for key, value, fits in criteria:
        if value:
            before, kept = np.count_nonzero(kept), kept & fits()
            if not kept.any():
                beside = "; ".join(left_out.lines()) if left_out is not None else ""
                raise CorpusError(
                    f"{root} has no {what} for data.{key}={value} among the {before} that fit all before it"
                    f"{beside and f' (left out: {beside})'}; see lssd inspect {root}"
                )
    return kept


@dataclass(frozen=True)
class _Found:
    """The clips of the selected titles, sorted by title and id, and their members, sorted by clip and role.

    titles_N: the number of each clip's title, a position in `title_ids`; rows_N: the clip's row in the
    catalog. complete_N: whether there are a picture and an original sound. clips_M: the number of each
    member's clip; roles_M: the member's role in it.

    For example, clip 0 with a dub and clip 1 without have clips_M [0, 0, 0, 1, 1] and roles_M [_PICTURE,
    _ORIGINAL, _DUB, _PICTURE, _ORIGINAL].
    """

    title_ids: list[str]
    titles_N: np.ndarray
    rows_N: np.ndarray
    clip_ids: Texts
    complete_N: np.ndarray
    clips_M: np.ndarray
    roles_M: np.ndarray
    members: MemberColumns

    def have(self, role: int) -> np.ndarray:
        """Which clips have a member of this role: bool (N,)."""
        return self._owners(self.roles_M == role)

    def dubbed(self, languages: tuple[str, ...]) -> np.ndarray:
        """Which clips have a dub in any of these languages; none named: in any. bool (N,)."""
        dubs_M = self.roles_M == _DUB
        return self._owners(dubs_M & self._among(languages) if languages else dubs_M)

    def without_dubs_beside(self, known: tuple[str, ...]) -> tuple["_Found", tuple[tuple[str, int], ...]]:
        """The same without dubs in languages that are not known, and how many complete clips have such."""
        if not known:
            return self, ()
        beside_M = (self.roles_M == _DUB) & ~self._among(known)
        tracks = self.members.languages
        counts = Counter(
            tracks.names[code] or "an undetermined language"
            for code in tracks.codes[beside_M & self.complete_N[self.clips_M]].tolist()
        )
        rows = np.flatnonzero(~beside_M)
        kept = replace(
            self, clips_M=self.clips_M[rows], roles_M=self.roles_M[rows], members=self.members.take(rows)
        )
        return (kept if len(rows) < len(beside_M) else self), tuple(sorted(counts.items()))

    def _among(self, languages: tuple[str, ...]) -> np.ndarray:
        """Which members are in any of these languages: bool (M,)."""
        tracks = self.members.languages
        named = np.array([name in languages for name in tracks.names])
        return named[tracks.codes]

    def speak(self, language: str) -> np.ndarray:
        """Which clips have a spoken sound in this language: bool (N,)."""
        spoken_M = (self.roles_M == _ORIGINAL) | (self.roles_M == _DUB)
        tracks = self.members.languages
        # A language that no member has gets a code that none has.
        code = tracks.names.index(language) if language in tracks.names else len(tracks.names)
        return self._owners(spoken_M & (tracks.codes == code))

    def _owners(self, chosen_M: np.ndarray) -> np.ndarray:
        """Which clips have any of the chosen members: bool (N,)."""
        owners_N = np.zeros(len(self.rows_N), dtype=bool)
        owners_N[self.clips_M[chosen_M]] = True
        return owners_N

    def columns(self, catalog: Catalog, kept_N: np.ndarray, near_duplicates: bool) -> ClipColumns:
        """The columns of the clips that are kept, of titles of which any is."""
        kept = np.flatnonzero(kept_N)
        rows, titles = self.rows_N[kept], self.titles_N[kept]
        # Clips of each title; titles without any are dropped.
        counts = np.bincount(titles, minlength=len(self.title_ids))
        names = [name for name, count in zip(self.title_ids, counts, strict=True) if count]
        # Members of each kept clip.
        sizes = np.bincount(self.clips_M, minlength=len(kept_N))[kept]
        numbers = np.arange(len(rows))
        if near_duplicates:
            numbers = group_duplicates(_fingerprints(catalog, rows))
        return ClipColumns(
            title_ids=tuple(names),
            clip_starts=starts_of(counts[counts > 0]),
            clip_ids=self.clip_ids.take(kept),
            durations_N=catalog.clips["duration_s"].to_numpy()[rows],
            duplicates_N=numbers,
            backgrounds_N=self.have(_BACKGROUND)[kept],
            member_starts=starts_of(sizes),
            members=self.members.take(np.flatnonzero(kept_N[self.clips_M])),
        )


def _find(catalog: Catalog, title_ids: list[str]) -> _Found:
    """The clips of these titles, sorted, and their members.

    For example, the catalog lists the clips c of title 1, x of none of these titles, a of title 0 and b of
    title 1. The rows of the sorted clips a, b, c are [2, 3, 0]; the clips' numbers by row are [2, -1, 0, 1].
    """
    # The catalog's rows of clips of these titles, sorted by title, then by id.
    titles = positions(catalog.clips["title_id"], pa.array(title_ids, pa.string()))
    rows = np.flatnonzero(titles >= 0)
    clip_ids = Texts.pack(catalog.clips["clip_id"])
    rows = rows[np.lexsort((clip_ids.data[rows], titles[rows]))]

    # The inverse: the number of the clip in each row, -1 for other clips. There is one entry more, so that
    # position -1, which stands for a clip that the catalog lacks, gives -1 too.
    numbers = np.full(len(titles) + 1, -1)
    numbers[rows] = np.arange(len(rows))

    # Each member's clip and that clip's title, then its role; members without one take no part.
    clips = numbers[positions(catalog.members["clip_id"], catalog.clips["clip_id"])]
    members = MemberColumns.pack(catalog.members)
    owners = np.where(clips >= 0, titles[rows][clips] if len(rows) else -1, -1)
    roles = _member_roles(catalog, owners, members.tracks, title_ids)
    chosen = _sorted_members(clips, roles, members.languages)
    clips, roles = clips[chosen], roles[chosen]

    # A clip is complete with one picture and one original: no other role comes before dubs.
    single = np.bincount(clips[roles < _DUB], minlength=len(rows))
    return _Found(
        title_ids=title_ids,
        titles_N=titles[rows],
        rows_N=rows,
        clip_ids=clip_ids.take(rows),
        complete_N=single == 2,
        clips_M=clips,
        roles_M=roles,
        members=members.take(chosen),
    )


def _member_roles(catalog: Catalog, titles_M: np.ndarray, tracks: Codes, title_ids: list[str]) -> np.ndarray:
    """The role of each member of the catalog in its clip: (M,); -1 for those of other titles and of no role.

    A picture's role is its kind. A sound's is that of its track in its title: the pair is looked up as one
    number, the key title * T + track, where T counts the names of tracks, None included. For example, let y
    be the original of title 0 and x a dub of title 1, with x, y, None for tracks and so T = 3. The known
    keys are 0 * 3 + 1 = 1 and 1 * 3 + 0 = 3, with the roles [_ORIGINAL, _DUB]. A sound of x in title 1 has
    key 3, which is the second, so it is a dub; one of x in title 0 has key 0, which is not among them, and
    is an error.

    titles_M: the number of each member's title, -1 for others. Raises CorpusError for a sound of no kept
    track.
    """
    # The kept tracks of these titles by key, sorted. A track that repeats another one shares its id: the kept
    # one says what the role is. Of two rows with one key the last one counts, so they are read backwards.
    kept = catalog.tracks.filter(catalog.tracks["kept"])
    title = positions(kept["title_id"], pa.array(title_ids, pa.string()))
    track = positions(kept["track_id"], pa.array(tracks.names[:-1], pa.string()))
    known = np.flatnonzero((title >= 0) & (track >= 0))[::-1]
    keys, first = np.unique(
        title[known].astype(np.int64) * len(tracks.names) + track[known], return_index=True
    )
    track_roles = positions(kept["role"], _TRACK_ROLES)[known][first]

    # The key of each sound of these titles, and where it is among the known ones.
    kinds = np.where(titles_M >= 0, positions(catalog.members["kind"], _KINDS), -1)
    sounds = np.flatnonzero(kinds == 1)
    wanted = titles_M[sounds].astype(np.int64) * len(tracks.names) + tracks.codes[sounds]
    found = np.searchsorted(keys, wanted)

    # A sound whose key is unknown (beyond the last, or another's position), or that names no track.
    astray = (found == len(keys)) | (np.append(keys, -1)[found] != wanted) | (tracks.codes[sounds] < 0)
    if astray.any():
        (member,) = rows_of(Member, catalog.members.slice(int(sounds[astray][0]), 1))
        raise CorpusError(
            f"{catalog.root}: clip {member.clip_id} has a sound of track {member.track_id}, which is no "
            f"kept track of its title; run lssd verify {catalog.root}"
        )

    # Roles of tracks count from the original; a commentary, say, has none here.
    roles_M = np.where(kinds == 0, _PICTURE, -1)
    roles_M[sounds] = np.where(track_roles[found] >= 0, track_roles[found] + _ORIGINAL, -1)
    return roles_M


def _sorted_members(clips_M: np.ndarray, roles_M: np.ndarray, languages: Codes) -> np.ndarray:
    """The rows of the members that take part, sorted by clip and role, and dubs by language.

    Of several pictures, originals or backgrounds of one clip only the first is taken. For example, rows 0
    to 4 are of one clip, with the roles [_DUB, _ORIGINAL, _DUB, _ORIGINAL, _PICTURE] and dubs in fr and de.
    The result is [4, 1, 2, 0]: row 3, a second original, takes no part.
    """
    rows = np.flatnonzero(roles_M >= 0)
    roles = roles_M[rows]

    # Each name's rank among the sorted names: None counts as the text "None", as `sorted(key=str)` has it.
    shown = [str(name) for name in languages.names]
    ranks = np.array([sorted(shown).index(name) for name in shown])

    # One number to sort by: clip, then role, then the language's rank, which counts for dubs alone.
    keys = clips_M[rows] * 4 + roles
    ranked = np.where(roles == _DUB, ranks[languages.codes[rows]], 0)
    order = np.argsort(keys * len(shown) + ranked, kind="stable")

    # After sorting, a member repeats a role where its clip and role are those of the one before.
    keys, roles = keys[order], roles[order]
    repeated = np.append(False, keys[1:] == keys[:-1]) & (roles != _DUB)
    return rows[order][~repeated]


def _fingerprints(catalog: Catalog, rows: np.ndarray) -> pa.ChunkedArray:
    """The fingerprints of clips by their rows in the catalog; null where there is none."""
    labels = catalog.labels.filter(pc.equal(catalog.labels["name"], "fingerprint"))
    if not labels.num_rows:
        raise CorpusError(
            f"{catalog.root} has no fingerprints of its pictures, by which near-duplicates are told; ingest "
            "its films again into a new folder, or choose another objective.mask"
        )
    # The label's row for each row of clips, -1 where there is none; the last entry takes labels of no clip.
    clips = positions(labels["clip_id"], catalog.clips["clip_id"])
    label_rows = np.full(catalog.clips.num_rows + 1, -1)
    label_rows[clips] = np.arange(len(clips))
    label_rows[-1] = -1
    return labels["value"].take(pa.array(label_rows[rows], mask=label_rows[rows] < 0))
