"""Which clips of a catalog take part, found on its tables as they are: no row of millions becomes an object.

Letters of shapes: N clips, M members.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lssd import languages
from lssd.corpus import SPLITS, Catalog, Member, rows_of
from lssd.errors import CorpusError
from lssd.views.columns import ClipColumns, Codes, MemberColumns, Texts, positions, starts_of
from lssd.views.duplicates import group_duplicates

# The places of a clip's members, in their order; of all but dubs there is one.
_PICTURE, _ORIGINAL, _DUB, _BACKGROUND = range(4)
_KINDS = pa.array(["picture", "sound"])
_ROLES = pa.array(["original", "dub", "background"])  # of sounds, by their place


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
        require_splits(self.splits)
        for name in ("original_languages", "except_original_languages", "require_languages"):
            require_codes(name, getattr(self, name))


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


def select(catalog: Catalog, selection: Selection, near_duplicates: bool) -> ClipColumns:
    """The clips of a catalog that fit a selection (`ClipIndex.read`)."""
    found = _find(catalog, _title_ids(catalog, selection))
    if not found.complete_N.any():
        raise CorpusError(
            f"{catalog.root} has no clip with a picture and an original sound in the selected titles; "
            f"see lssd inspect {catalog.root}"
        )
    kept_N = _narrow(found.complete_N, _clip_criteria(selection, found), "clip", catalog.root)
    return found.columns(catalog, kept_N, near_duplicates)


# A key of the recipe's `data`, its value as shown to the user (empty: not asked for), and what fits it.
_Criteria = list[tuple[str, str, Callable[[], np.ndarray]]]


def _title_ids(catalog: Catalog, wanted: Selection) -> list[str]:
    """The ids of the titles that fit, sorted."""
    split, language = catalog.titles["split"], catalog.titles["original_language"]

    def is_among(column: pa.ChunkedArray, values: tuple[str, ...]) -> np.ndarray:
        return positions(column, pa.array(values, pa.string())) >= 0

    chosen, others = wanted.original_languages, wanted.except_original_languages
    criteria: _Criteria = [
        ("splits", _shown(wanted.splits), lambda: is_among(split, wanted.splits)),
        ("original_languages", _shown(chosen), lambda: is_among(language, chosen)),
        ("except_original_languages", _shown(others), lambda: ~is_among(language, others)),
    ]
    kept = _narrow(np.ones(len(split), dtype=bool), criteria, "title", catalog.root)
    return sorted(catalog.titles["title_id"].filter(pa.array(kept)).to_pylist())


def _clip_criteria(wanted: Selection, found: "_Found") -> _Criteria:
    spoken = wanted.require_languages
    return [
        ("require_dub", _shown(wanted.require_dub), lambda: found.have(_DUB)),
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


def _narrow(kept: np.ndarray, criteria: _Criteria, what: str, root: str) -> np.ndarray:
    """Which fit every criterion asked for too; CorpusError that names the first that leaves none."""
    for key, value, fits in criteria:
        if value:
            before, kept = np.count_nonzero(kept), kept & fits()
            if not kept.any():
                raise CorpusError(
                    f"{root} has no {what} for data.{key}={value} among the {before} that fit all before it; "
                    f"see lssd inspect {root}"
                )
    return kept


@dataclass(frozen=True)
class _Found:
    """The clips of titles, in the order of both ids, and their members, by clip and place.

    titles_N: the number of each clip's title; rows_N: the clip's row in the catalog. complete_N: whether
    there are a picture and an original sound. clips_M: the number of each member's clip.
    """

    title_ids: list[str]
    titles_N: np.ndarray
    rows_N: np.ndarray
    clip_ids: Texts
    complete_N: np.ndarray
    clips_M: np.ndarray
    places_M: np.ndarray
    members: MemberColumns

    def have(self, place: int) -> np.ndarray:
        """Which clips have a member in this place: bool (N,)."""
        return self._with(self.places_M == place)

    def speak(self, language: str) -> np.ndarray:
        """Which clips have a spoken sound in this language: bool (N,)."""
        spoken_M = (self.places_M == _ORIGINAL) | (self.places_M == _DUB)
        tracks = self.members.languages
        code = tracks.names.index(language) if language in tracks.names else len(tracks.names)
        return self._with(spoken_M & (tracks.codes == code))

    def _with(self, chosen_M: np.ndarray) -> np.ndarray:
        having = np.zeros(len(self.rows_N), dtype=bool)
        having[self.clips_M[chosen_M]] = True
        return having

    def columns(self, catalog: Catalog, kept_N: np.ndarray, near_duplicates: bool) -> ClipColumns:
        """The columns of the clips that are kept, of titles of which any is."""
        kept = np.flatnonzero(kept_N)
        rows, titles = self.rows_N[kept], self.titles_N[kept]
        counts = np.bincount(titles, minlength=len(self.title_ids))
        names = [name for name, count in zip(self.title_ids, counts, strict=True) if count]
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
    """The clips of these titles, sorted, and their members."""
    titles = positions(catalog.clips["title_id"], pa.array(title_ids, pa.string()))
    rows = np.flatnonzero(titles >= 0)
    clip_ids = Texts.pack(catalog.clips["clip_id"])
    rows = rows[np.lexsort((clip_ids.data[rows], titles[rows]))]
    numbers = np.full(len(titles) + 1, -1)  # of the clips by row; the last is for members of none
    numbers[rows] = np.arange(len(rows))

    clips = numbers[positions(catalog.members["clip_id"], catalog.clips["clip_id"])]
    members = MemberColumns.pack(catalog.members)
    owners = np.where(clips >= 0, titles[rows][clips] if len(rows) else -1, -1)
    places = _places(catalog, owners, members.tracks, title_ids)
    chosen = _in_order(clips, places, members.languages)
    clips, places = clips[chosen], places[chosen]
    single = np.bincount(clips[places < _DUB], minlength=len(rows))
    return _Found(
        title_ids=title_ids,
        titles_N=titles[rows],
        rows_N=rows,
        clip_ids=clip_ids.take(rows),
        complete_N=single == 2,
        clips_M=clips,
        places_M=places,
        members=members.take(chosen),
    )


def _places(catalog: Catalog, titles_M: np.ndarray, tracks: Codes, title_ids: list[str]) -> np.ndarray:
    """The place of each member in its clip; -1 for members of other titles and for what has no place.

    titles_M: the number of the title, -1 for others. Raises CorpusError for a sound of no kept track.
    """
    # A track that repeats another one shares its id; the kept one says what the role is.
    kept = catalog.tracks.filter(catalog.tracks["kept"])
    title = positions(kept["title_id"], pa.array(title_ids, pa.string()))
    track = positions(kept["track_id"], pa.array(tracks.names[:-1], pa.string()))
    known = np.flatnonzero((title >= 0) & (track >= 0))[::-1]  # of two rows, the last one counts
    keys, first = np.unique(
        title[known].astype(np.int64) * len(tracks.names) + track[known], return_index=True
    )
    roles = positions(kept["role"], _ROLES)[known][first]

    kinds = np.where(titles_M >= 0, positions(catalog.members["kind"], _KINDS), -1)
    sounds = np.flatnonzero(kinds == 1)
    wanted = titles_M[sounds].astype(np.int64) * len(tracks.names) + tracks.codes[sounds]
    found = np.searchsorted(keys, wanted)
    astray = (found == len(keys)) | (np.append(keys, -1)[found] != wanted) | (tracks.codes[sounds] < 0)
    if astray.any():
        (member,) = rows_of(Member, catalog.members.slice(int(sounds[astray][0]), 1))
        raise CorpusError(
            f"{catalog.root}: clip {member.clip_id} has a sound of track {member.track_id}, which is no "
            f"kept track of its title; run lssd verify {catalog.root}"
        )
    places = np.where(kinds == 0, _PICTURE, -1)
    places[sounds] = np.where(roles[found] >= 0, roles[found] + _ORIGINAL, -1)
    return places


def _in_order(clips_M: np.ndarray, places_M: np.ndarray, spoken: Codes) -> np.ndarray:
    """The rows of members that take part: by clip and place, dubs by language, each place but theirs once."""
    rows = np.flatnonzero(places_M >= 0)
    places = places_M[rows]
    shown = [str(name) for name in spoken.names]
    ranks = np.array([sorted(shown).index(name) for name in shown])
    keys = clips_M[rows] * 4 + places
    order = np.argsort(
        keys * len(shown) + np.where(places == _DUB, ranks[spoken.codes[rows]], 0), kind="stable"
    )
    keys, places = keys[order], places[order]
    repeated = np.append(False, keys[1:] == keys[:-1]) & (places != _DUB)
    return rows[order][~repeated]


def _fingerprints(catalog: Catalog, rows: np.ndarray) -> pa.ChunkedArray:
    """The fingerprints of clips by their rows in the catalog; null where there is none."""
    labels = catalog.labels.filter(pc.equal(catalog.labels["name"], "fingerprint"))
    if not labels.num_rows:
        raise CorpusError(
            f"{catalog.root} has no fingerprints of its pictures, by which near-duplicates are told; ingest "
            "its films again into a new folder, or choose another objective.mask"
        )
    clips = positions(labels["clip_id"], catalog.clips["clip_id"])
    places = np.full(catalog.clips.num_rows + 1, -1)
    places[clips] = np.arange(len(clips))
    places[-1] = -1  # of labels of no clip
    return labels["value"].take(pa.array(places[rows], mask=places[rows] < 0))
