"""The clips of a corpus that a recipe may use, by title."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np

from lssd.corpus import Catalog
from lssd.errors import CorpusError
from lssd.store import hash_json_rows
from lssd.views.columns import ClipColumns, ClipEntry, Clips
from lssd.views.corpora import Corpora, Shards, join
from lssd.views.selection import LeftOut, Selection, select
from lssd.views.settings import ViewSettings


@dataclass(frozen=True)
class ClipIndex:
    """The selected clips, grouped by title; titles and clips in the order of their ids.

    root: of the corpus, or of all of several for messages; roots: of each. Of several corpora, the titles of
    each follow those of the one before; title_starts says where each corpus' titles start, and the end.
    Arrays without open files, so that it travels to worker processes; entries are made as they are asked for.
    left_out: what the corpus has beside them, that nobody asked to leave out.
    """

    root: str
    columns: ClipColumns
    roots: tuple[str, ...] = ()
    title_starts: tuple[int, ...] = ()
    left_out: LeftOut = field(default_factory=LeftOut, compare=False)

    @classmethod
    def of(cls, root: str, titles: Sequence[Sequence[ClipEntry]]) -> "ClipIndex":
        """The index of these entries, in their order; members become whole rows (`ClipColumns.pack`)."""
        return cls(root, ClipColumns.pack(titles))

    @cached_property
    def titles(self) -> tuple[Clips, ...]:
        """The clips of each title."""
        bounds = pairwise(self.columns.clip_starts.tolist())
        return tuple(Clips(self.columns, range(start, stop)) for start, stop in bounds)

    def open_shards(self) -> Shards:
        """A reader of the clips' members. CorpusError when a corpus is gone."""
        return Shards(self.roots or (self.root,))

    @property
    def clips(self) -> Clips:
        """The clips of all titles, one after the other."""
        return Clips(self.columns, range(len(self.columns)))

    @property
    def clip_count(self) -> int:
        """The number of clips."""
        return len(self.columns)

    @property
    def dubbed(self) -> int:
        """How many clips have at least one dub."""
        return sum(count for languages, count in self.dub_counts.items() if languages)

    @property
    def dub_languages(self) -> frozenset[tuple[str | None, ...]]:
        """The different sets of languages into which clips are dubbed: few, however many clips there are."""
        return frozenset(self.columns.dub_languages)

    @property
    def dub_counts(self) -> Mapping[tuple[str | None, ...], int]:
        """How many clips have each of `dub_languages`."""
        return self.columns.dub_languages

    @property
    def languages(self) -> frozenset[str]:
        """The languages in which any clip has a sound."""
        spoken = self.columns.original_languages.union(*self.dub_languages)
        return frozenset(code for code in spoken if code is not None)

    def digest(self) -> str:
        """A hash of the clips and of every byte of their pictures and sounds."""
        return hash_json_rows(self.columns.hashes())

    @classmethod
    def read_all(
        cls,
        corpora: Corpora,
        selection: Selection,
        views: ViewSettings | None = None,
        near_duplicates: bool = False,
        held_out: Sequence[str] = (),
        every: bool = True,
    ) -> "ClipIndex":
        """Index several catalogs as one; of a single one the same as `read`.

        A title that stands in several counts once, and one that any of them names in a split of `held_out` is
        left out; warnings say how many. Near-duplicates are told within each corpus. Raises what `read` does,
        for a corpus that has nothing to select only if `every` must have, or if none has.
        """
        if len(corpora.catalogs) == 1:
            return cls.read(corpora.catalogs[0], selection, views, near_duplicates)
        views = views or ViewSettings()
        parts: list[ClipColumns | None] = []
        left_out = []
        for catalog in corpora.catalogs:
            try:
                columns, beside = _select(catalog, selection, views, near_duplicates)
                parts.append(columns)
                left_out.append(beside)
            except CorpusError:
                if every or (catalog is corpora.catalogs[-1] and not any(parts)):
                    raise
                parts.append(None)
        held_out = [split for split in held_out if split not in selection.splits]
        columns, corpus_T = join(corpora, parts, held_out)
        starts = np.searchsorted(corpus_T, range(len(parts) + 1)).tolist()
        return cls(corpora.root, columns, corpora.roots, tuple(starts), LeftOut.sum(left_out))

    @classmethod
    def read(
        cls,
        catalog: Catalog,
        selection: Selection,
        views: ViewSettings | None = None,
        near_duplicates: bool = False,
    ) -> "ClipIndex":
        """Index a catalog.

        views: says which languages count as dubs (`languages`, `secondary_languages`); None: the defaults.
        near_duplicates: whether clips that look alike get one number (`group_duplicates` of their
        fingerprints), or every clip its own.
        Raises CorpusError when nothing in it fits the selection, naming the key that leaves nothing, when
        near-duplicates are asked of a corpus without fingerprints, and for a sound of no kept track.
        """
        columns, left_out = _select(catalog, selection, views or ViewSettings(), near_duplicates)
        return cls(catalog.root, columns, left_out=left_out)


def _select(
    catalog: Catalog, selection: Selection, views: ViewSettings, near_duplicates: bool
) -> tuple[ClipColumns, LeftOut]:
    return select(catalog, selection, views.known_languages, views.drawn_languages, near_duplicates)
