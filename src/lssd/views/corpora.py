"""Several corpora as one: their catalogs, their members, and the clips that a recipe selects of them all.

A member's shard is then named NUMBER/SHARD, by the number of its corpus, so that rows of all corpora lie in
one set of columns. A single corpus is itself: nothing of it is renamed.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lssd.corpus import Catalog, LostShardError, Member, ShardReader
from lssd.errors import CorpusError, InputError
from lssd.text import counted
from lssd.views.columns import ClipColumns, Codes, MemberColumns, Texts, starts_of

_logger = logging.getLogger(__name__)


class MemberReader(Protocol):
    """What gives the stored bytes of members: a corpus' `ShardReader`, or several corpora's `Shards`."""

    def read(self, member: Member) -> bytes: ...


class Shards:
    """Reads members of several corpora, given by their roots or as their readers.

    InputError when none is named, or one twice; CorpusError when one is no corpus.
    """

    def __init__(self, corpora: Sequence[str | Path | ShardReader]) -> None:
        self.readers = tuple(one if isinstance(one, ShardReader) else ShardReader(one) for one in corpora)
        self.roots = tuple(reader.root for reader in self.readers)
        if not self.roots:
            raise InputError("no corpus is named; give one or more")
        places = [str(Path(root).resolve()) if Path(root).exists() else root for root in self.roots]
        repeated = next((root for n, root in enumerate(self.roots) if places[n] in places[:n]), None)
        if repeated is not None:
            raise InputError(f"{repeated} is named twice; name each corpus once")

    @property
    def root(self) -> str:
        """Which corpora, for messages."""
        return ", ".join(self.roots)

    def read(self, member: Member) -> bytes:
        """The stored bytes of a member; raises what `ShardReader.read` raises."""
        if len(self.readers) == 1:
            return self.readers[0].read(member)
        number, _, shard = member.shard.partition("/")
        try:
            return self.readers[int(number)].read(member._replace(shard=shard))
        except LostShardError as error:
            raise LostShardError(str(error), member.shard) from error


class Corpora(Shards):
    """The catalogs of several corpora, given by their roots or as they are, and what their shards hold."""

    def __init__(self, corpora: Sequence[str | Path | Catalog]) -> None:
        self.catalogs = tuple(one if isinstance(one, Catalog) else Catalog.open(one) for one in corpora)
        super().__init__(self.catalogs)


def join(
    corpora: Corpora, parts: Sequence[ClipColumns | None], held_out: Sequence[str]
) -> tuple[ClipColumns, np.ndarray]:
    """The clips of all corpora, one corpus after the other, and the number of each title's corpus: (T,).

    parts: the selected clips of each, None where a corpus has none. A title that stands in several counts
    once, in the first that has it; one that any corpus has in a split of `held_out` is left out. Both are
    said in a warning. CorpusError when nothing is left.
    """
    seen: set[str] = set()
    withheld = _titles_of(corpora, held_out)
    kept_parts, numbers = [], []
    for number, columns in enumerate(parts):
        if columns is None:
            continue
        again = [title for title in columns.title_ids if title in seen]
        lost = [title for title in columns.title_ids if title in withheld and title not in seen]
        for titles, why in ((again, "a corpus before it has them"), (lost, "another corpus holds them out")):
            if titles:
                left_out, first = counted(len(titles), "title"), titles[0]
                root = corpora.roots[number]
                _logger.warning("%s: %s left out, since %s; the first is %s", root, left_out, why, first)
        dropped = {*again, *lost}
        keep_T = np.array([title not in dropped for title in columns.title_ids], dtype=bool)
        kept_parts.append(_numbered(_titles(columns, keep_T), number))
        numbers.append(np.full(np.count_nonzero(keep_T), number))
        seen.update(columns.title_ids)
    if not sum(map(len, kept_parts)):
        raise CorpusError(f"every title of {corpora.root} is held out in another; name fewer corpora")
    return _concatenate(kept_parts), np.concatenate(numbers).astype(np.int64)


def _titles_of(corpora: Corpora, splits: Sequence[str]) -> set[str]:
    """The titles that any corpus has in these splits."""
    wanted = pa.array(list(splits), pa.string())
    tables = [catalog.titles for catalog in corpora.catalogs]
    found = (table.filter(pc.is_in(table["split"], value_set=wanted)) for table in tables)
    return {title for table in found for title in table["title_id"].to_pylist()}


def _titles(columns: ClipColumns, keep_T: np.ndarray) -> ClipColumns:
    """The clips of these titles alone."""
    if keep_T.all():
        return columns
    counts = np.diff(columns.clip_starts)
    clips = np.flatnonzero(np.repeat(keep_T, counts))
    sizes = np.diff(columns.member_starts)
    members = np.flatnonzero(np.repeat(np.repeat(keep_T, counts), sizes))
    return ClipColumns(
        title_ids=tuple(title for title, kept in zip(columns.title_ids, keep_T, strict=True) if kept),
        clip_starts=starts_of(counts[keep_T]),
        clip_ids=columns.clip_ids.take(clips),
        durations_N=columns.durations_N[clips],
        duplicates_N=columns.duplicates_N[clips],
        backgrounds_N=columns.backgrounds_N[clips],
        member_starts=starts_of(sizes[clips]),
        members=columns.members.take(members),
    )


def _numbered(columns: ClipColumns, number: int) -> ClipColumns:
    """The same with the corpus' number in the names of shards."""
    members = columns.members
    names = tuple(None if name is None else f"{number}/{name}" for name in members.shards.names)
    shards = Codes(names, members.shards.codes)
    return replace(columns, members=replace(members, shards=shards))


def _concatenate(parts: Sequence[ClipColumns]) -> ClipColumns:
    """Columns one after the other. Near-duplicates are told within a corpus: their numbers do not meet."""
    duplicates, first = [], 0
    for part in parts:
        duplicates.append(part.duplicates_N + first)
        first += int(part.duplicates_N.max(initial=-1)) + 1
    members = [part.members for part in parts]
    return ClipColumns(
        title_ids=tuple(title for part in parts for title in part.title_ids),
        clip_starts=starts_of(np.concatenate([np.diff(part.clip_starts) for part in parts])),
        clip_ids=_texts([part.clip_ids for part in parts]),
        durations_N=np.concatenate([part.durations_N for part in parts]),
        duplicates_N=np.concatenate(duplicates),
        backgrounds_N=np.concatenate([part.backgrounds_N for part in parts]),
        member_starts=starts_of(np.concatenate([np.diff(part.member_starts) for part in parts])),
        members=MemberColumns(
            tracks=_codes([one.tracks for one in members]),
            languages=_codes([one.languages for one in members]),
            shards=_codes([one.shards for one in members]),
            offsets_M=np.concatenate([one.offsets_M for one in members]),
            lengths_M=np.concatenate([one.lengths_M for one in members]),
            hashes=_texts([one.hashes for one in members]),
        ),
    )


def _texts(parts: Sequence[Texts]) -> Texts:
    if len({part.data.dtype for part in parts}) == 1:
        return Texts(np.concatenate([part.data for part in parts]))
    texts = [text for part in parts for text in part.read(slice(0, len(part.data)))]
    return Texts.pack(pa.chunked_array([texts], pa.string()))


def _codes(parts: Sequence[Codes]) -> Codes:
    names = sorted({name for part in parts for name in part.names if name is not None})
    place = {name: position for position, name in enumerate(names)} | {None: -1}
    dtype = np.min_scalar_type(-len(names) - 1)
    # The last name of each part is None, which its code -1 means: it comes last here too.
    renamed = [np.array([place[name] for name in part.names], dtype=dtype)[part.codes] for part in parts]
    return Codes((*names, None), np.concatenate(renamed))
