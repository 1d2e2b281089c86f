"""Clips and their members as columns: about 300 bytes a clip of four members, where objects take thousands.

Clips lie title after title and members clip after clip, so a list of starts says what belongs together. Two
titles of 2 and 1 clips, with 4, 3 and 2 members:

    clip_starts    [0, 2, 3]       clips 0 and 1 are of title 0, clip 2 is of title 1
    member_starts  [0, 4, 7, 9]    clip 1 has members 4, 5 and 6: its picture, its original and a dub, or its
                                   background where `backgrounds_N` says so

Letters of shapes: T titles, N clips, M members.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lssd.corpus.schema import Member, to_table

_BLOCK = 1 << 16  # rows that are packed at once
# The value of each hexadecimal digit as the catalog writes it; 255 for what is none.
_NIBBLES = np.full(256, 255, dtype=np.uint8)
_NIBBLES[np.frombuffer(b"0123456789abcdef", dtype=np.uint8)] = np.arange(16, dtype=np.uint8)


@dataclass(frozen=True)
class ClipEntry:
    """A clip with its picture and its sounds as the catalog lists them.

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
        return next((track for track in (self.original, *self.dubs) if track.language == language), None)

    @property
    def members(self) -> tuple[Member, ...]:
        """The picture, the original sound, the dubs and the background, if there is one."""
        background = () if self.background is None else (self.background,)
        return (self.picture, self.original, *self.dubs, *background)


class _Columns:
    """Equal where all fields are, by value; hashed without reading them."""

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(
            _same(getattr(self, one.name), getattr(other, one.name))
            for one in fields(self)  # type: ignore[arg-type]
        )

    def __hash__(self) -> int:
        return hash(type(self))


def _same(one: Any, other: Any) -> bool:
    if not isinstance(one, np.ndarray):
        return bool(one == other)
    # Raw bytes are compared as such: NumPy would take zeros at their end for padding.
    raw = one.dtype.kind == "V" and one.dtype == other.dtype
    return np.array_equal(one.view(np.uint8), other.view(np.uint8)) if raw else np.array_equal(one, other)


@dataclass(frozen=True, eq=False)
class Texts(_Columns):
    """Texts of about one length in as many bytes each: UTF-8, or the half where all are hexadecimal.

    data: bytes (dtype S, zeros at the end mean nothing), or the raw bytes of hexadecimal digits (dtype V).
    """

    data: np.ndarray

    @classmethod
    def pack(cls, column: pa.ChunkedArray) -> "Texts":
        """Pack a text column; a null becomes the empty text."""
        column = pc.fill_null(column, "")
        width = max(1, pc.max(pc.binary_length(column)).as_py() or 0)
        # Digits first: texts of another kind are told by the first block, so the try costs nothing.
        raw = None if width % 2 else _pack_digits(column, width)
        if raw is not None:
            return cls(raw)
        data = np.zeros(len(column), dtype=f"S{width}")
        for start, letters in _letters(column, width):
            data[start : start + len(letters)] = letters.view(data.dtype)[:, 0]
        return cls(data)

    def read(self, span: slice) -> list[str]:
        """The texts of these rows."""
        if self.data.dtype.kind == "S":
            return [text.decode() for text in self.data[span].tolist()]
        return [raw.hex() for raw in self.data[span].tolist()]

    def take(self, rows: np.ndarray) -> "Texts":
        return Texts(self.data[rows])


def _letters(column: pa.ChunkedArray, width: int) -> Iterator[tuple[int, np.ndarray]]:
    """The first row and the bytes (rows, width) of each block of a text column, padded with zeros."""
    start = 0
    for chunk in column.chunks:
        for first in range(0, len(chunk), _BLOCK):
            block = chunk.slice(first, _BLOCK)
            # Texts of one length lie side by side in one buffer, which is viewed as an array without a copy.
            padded = pc.ascii_rpad(block, width, padding="\0").cast(pa.binary()).cast(pa.binary(width))
            skipped = padded.offset * width
            letters = np.frombuffer(padded.buffers()[1], np.uint8, len(block) * width, skipped)
            yield start, letters.reshape(-1, width)
            start += len(block)


def _pack_digits(column: pa.ChunkedArray, width: int) -> np.ndarray | None:
    """The raw bytes of `width` hexadecimal digits a row; None where a row is anything else."""
    data = np.zeros((len(column), width // 2), dtype=np.uint8)
    for start, letters in _letters(column, width):
        nibbles = _NIBBLES[letters]
        if nibbles.max() == 255:
            return None
        # Two digits a byte, the first of them the higher half.
        data[start : start + len(letters)] = nibbles[:, ::2] << 4 | nibbles[:, 1::2]
    return data.view(f"V{width // 2}")[:, 0]


@dataclass(frozen=True, eq=False)
class Codes(_Columns):
    """Texts of which there are few different ones: names[codes] gives them.

    names: sorted, then None, which the code -1 therefore means. codes: of the smallest signed type.
    For example, fr, None, de is names ("de", "fr", None) and codes [1, -1, 0]; of its first two rows, `take`
    leaves names ("fr", None) and codes [0, -1].
    """

    names: tuple[str | None, ...]
    codes: np.ndarray

    @classmethod
    def pack(cls, column: pa.ChunkedArray) -> "Codes":
        names = sorted(name for name in pc.unique(column).to_pylist() if name is not None)
        codes = positions(column, pa.array(names, pa.string()))
        return cls((*names, None), codes.astype(np.min_scalar_type(-len(names) - 1)))

    def take(self, rows: np.ndarray) -> "Codes":
        """These rows' texts, and no names beside them: equal texts then have equal codes."""
        codes = self.codes[rows]
        # Which names still occur; codes are counted from 1, so that 0 counts the Nones and is left out.
        used = np.bincount(codes + np.intp(1), minlength=len(self.names))[1:] > 0
        names = [name for name, kept in zip(self.names, used, strict=False) if kept]
        # The new code of each old one: how many used names come before it. The last entry keeps -1 as it is.
        renamed = np.append(np.cumsum(used) - 1, -1).astype(np.min_scalar_type(-len(names) - 1))
        return Codes((*names, None), renamed[codes])

    def read(self, span: slice) -> list[str | None]:
        """The texts of these rows."""
        return [self.names[code] for code in self.codes[span].tolist()]


def positions(column: pa.ChunkedArray, values: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Where each row's value stands among `values`: integers (rows,), -1 where it does not or is null.

    The column b, null, c, a among the values a, b gives [1, -1, -1, 0].
    """
    return pc.fill_null(pc.index_in(column, value_set=values, skip_nulls=True), -1).to_numpy()


@dataclass(frozen=True, eq=False)
class MemberColumns(_Columns):
    """Rows of the catalog's table of members, without clip and kind, which follow from the order of clips.

    offsets_M: of the first byte in the shard; lengths_M in bytes.
    """

    tracks: Codes
    languages: Codes
    shards: Codes
    offsets_M: np.ndarray
    lengths_M: np.ndarray
    hashes: Texts

    @classmethod
    def pack(cls, table: pa.Table) -> "MemberColumns":
        return cls(
            tracks=Codes.pack(table["track_id"]),
            languages=Codes.pack(table["language"]),
            shards=Codes.pack(table["shard"]),
            offsets_M=pc.fill_null(table["offset"], 0).to_numpy(),
            lengths_M=pc.fill_null(table["length"], 0).to_numpy(),
            hashes=Texts.pack(table["sha256"]),
        )

    def take(self, rows: np.ndarray) -> "MemberColumns":
        return MemberColumns(
            tracks=self.tracks.take(rows),
            languages=self.languages.take(rows),
            shards=self.shards.take(rows),
            offsets_M=self.offsets_M[rows],
            lengths_M=self.lengths_M[rows],
            hashes=self.hashes.take(rows),
        )

    def read(self, span: slice, clip_id: str) -> list[Member]:
        """The members of a clip, of which the first is the picture."""
        count = span.stop - span.start
        columns = (
            [clip_id] * count,
            ["picture", *["sound"] * (count - 1)],
            self.tracks.read(span),
            self.languages.read(span),
            self.shards.read(span),
            self.offsets_M[span].tolist(),
            self.lengths_M[span].tolist(),
            self.hashes.read(span),
        )
        return list(map(Member._make, zip(*columns, strict=True)))


@dataclass(frozen=True, eq=False)
class ClipColumns(_Columns):
    """Clips by title, and each clip's members: picture, original, dubs, background.

    clip_starts: the first clip of each title and N; int64 (T + 1,).
    member_starts: the first member of each clip and M; int64 (N + 1,).
    durations_N: in seconds, float64. duplicates_N: int64. backgrounds_N: whether there is one, bool.
    """

    title_ids: tuple[str, ...]
    clip_starts: np.ndarray
    clip_ids: Texts
    durations_N: np.ndarray
    duplicates_N: np.ndarray
    backgrounds_N: np.ndarray
    member_starts: np.ndarray
    members: MemberColumns

    @classmethod
    def pack(cls, titles: Sequence[Sequence[ClipEntry]]) -> "ClipColumns":
        """Entries as columns."""
        clips = [clip for title in titles for clip in title]
        rows = [member for clip in clips for member in clip.members]
        return cls(
            title_ids=tuple(next((clip.title_id for clip in title), "") for title in titles),
            clip_starts=starts_of([len(title) for title in titles]),
            clip_ids=Texts.pack(pa.chunked_array([[clip.clip_id for clip in clips]], pa.string())),
            durations_N=np.array([clip.duration_s for clip in clips], dtype=np.float64),
            duplicates_N=np.array([clip.duplicates for clip in clips], dtype=np.int64),
            backgrounds_N=np.array([clip.background is not None for clip in clips], dtype=bool),
            member_starts=starts_of([len(clip.members) for clip in clips]),
            members=MemberColumns.pack(to_table(Member, rows)),
        )

    def __len__(self) -> int:
        return len(self.durations_N)

    def entry(self, number: int) -> ClipEntry:
        """The entry of a clip."""
        (clip_id,) = self.clip_ids.read(slice(number, number + 1))
        start, stop = self.member_starts[number : number + 2].tolist()
        picture, original, *sounds = self.members.read(slice(start, stop), clip_id)
        return ClipEntry(
            clip_id=clip_id,
            title_id=self.title_ids[self.clip_starts.searchsorted(number, "right") - 1],
            duration_s=self.durations_N.item(number),
            picture=picture,
            original=original,
            background=sounds.pop() if self.backgrounds_N[number] else None,
            dubs=tuple(sounds),
            duplicates=self.duplicates_N.item(number),
        )

    def hashes(self) -> Iterator[list[str]]:
        """Each clip's id and the hashes of its members."""
        for start in range(0, len(self), _BLOCK):
            stop = min(start + _BLOCK, len(self))
            # All hashes of a block of clips at once, then shared out by where each clip's members end.
            first, *ends = self.member_starts[start : stop + 1].tolist()
            hashes = self.members.hashes.read(slice(first, ends[-1]))
            begun = 0
            for clip_id, end in zip(self.clip_ids.read(slice(start, stop)), ends, strict=True):
                yield [clip_id, *hashes[begun : end - first]]
                begun = end - first

    def count_dubs(self) -> np.ndarray:
        """The number of each clip's dubs: int64 (N,), all but picture, original, background."""
        return np.diff(self.member_starts) - 2 - self.backgrounds_N

    @property
    def original_languages(self) -> frozenset[str | None]:
        codes = self.members.languages.codes[self.member_starts[:-1] + 1]  # the original follows the picture
        return frozenset(self.members.languages.names[code] for code in np.unique(codes))

    @cached_property
    def dub_languages(self) -> Counter[tuple[str | None, ...]]:
        """The different sets of languages into which clips are dubbed, and how many clips have each."""
        names, codes = self.members.languages.names, self.members.languages.codes
        found: Counter[tuple[str | None, ...]] = Counter()
        dubs_N = self.count_dubs()
        for count in np.unique(dubs_N).tolist():
            if not count:
                found[()] = int(np.count_nonzero(dubs_N == 0))
                continue
            # The languages of the dubs of all clips that have so many, one row per clip.
            starts = self.member_starts[:-1][dubs_N == count] + 2
            rows = np.stack([codes[starts + number] for number in range(count)], axis=1)
            # Equal rows are counted as bytes, since Arrow does that by hashing, where NumPy would sort rows.
            width = pa.binary(rows.dtype.itemsize * count)
            raw = pa.Array.from_buffers(width, len(rows), [None, pa.py_buffer(rows.tobytes())])
            for pair in pc.value_counts(raw).to_pylist():
                languages = np.frombuffer(pair["values"], codes.dtype).tolist()
                found[tuple(names[code] for code in languages)] = pair["counts"]
        return found


def starts_of(lengths: Sequence[int] | np.ndarray) -> np.ndarray:
    """Where each of consecutive stretches of these lengths starts, and the end: int64 (lengths + 1,).

    The lengths 4, 3, 2 give [0, 4, 7, 9].
    """
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


class Clips(Sequence[ClipEntry]):
    """A stretch of the clips of columns; an entry is made when it is asked for, and not kept."""

    __slots__ = ("_columns", "_numbers")

    def __init__(self, columns: ClipColumns, numbers: range) -> None:
        self._columns, self._numbers = columns, numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> ClipEntry: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[ClipEntry, ...]: ...
    def __getitem__(self, index: int | slice) -> ClipEntry | tuple[ClipEntry, ...]:
        if isinstance(index, slice):
            return tuple(self._columns.entry(number) for number in self._numbers[index])
        return self._columns.entry(self._numbers[index])
