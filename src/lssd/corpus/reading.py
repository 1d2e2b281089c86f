"""Read the stored bytes of a corpus by byte range, without its tables."""

import re
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from lssd.corpus.schema import Member
from lssd.errors import CorpusError, MissingExtraError

MANIFEST = "catalog/manifest.json"
SHARD_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")  # a file of its folder, never a path


class LostShardError(CorpusError):
    """A shard that is missing, cannot be read, or is shorter than its catalog says; `shard` is its name."""

    def __init__(self, message: str, shard: str) -> None:
        super().__init__(message, shard)  # both, so that it can be pickled
        self.shard = shard

    def __str__(self) -> str:
        return str(self.args[0])


class ShardReader:
    """Reads members of a corpus, given their rows; a `Catalog` reads the rows too.

    Opens no table, so it costs the same however large the corpus is. The corpus may lie on any file
    system that fsspec knows (`s3://...`). Raises CorpusError when there is none.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = str(root).rstrip("/")
        self._sizes: dict[str, int] = {}  # of shards, in bytes
        try:
            self._files, self._base = fsspec.core.url_to_fs(self.root)
        except ImportError as error:
            raise MissingExtraError(f"{self.root} needs a package that is not installed: {error}") from error
        except ValueError as error:
            raise CorpusError(f"{self.root} is no place that can be read: {error}") from error
        try:
            self._files.info(f"{self._base}/{MANIFEST}")
        except OSError as error:
            raise self._no_corpus() from error

    def read(self, member: Member) -> bytes:
        """The stored bytes of one row of the table of members, by byte range.

        Raises LostShardError when the shard cannot be read or is shorter than the catalog says, CorpusError
        when the row names no file of the corpus or no possible byte range.
        """
        shard, offset, length = member.shard, member.offset, member.length
        # A catalog from elsewhere may hold anything, nulls among it.
        if not (isinstance(shard, str) and SHARD_NAME.fullmatch(shard)):
            raise CorpusError(f"{shard!r} in the catalog of {self.root} is no name of a shard")
        if not (isinstance(offset, int) and isinstance(length, int) and offset >= 0 and length >= 0):
            raise CorpusError(f"the catalog of {self.root} has {length} bytes at {offset} of shard {shard}")
        hint = f"run lssd verify {self.root}"
        try:
            path = self.shard_path(shard)
            if offset + length > self._sizes.get(shard, -1):
                self._sizes[shard] = self._size(path, shard)
            # Checked before anything is read: a length of terabytes must not become a buffer of that size.
            if offset + length > self._sizes[shard]:
                raise LostShardError(f"shard {shard} is shorter than its catalog says; {hint}", shard)
            data: bytes = self._files.cat_file(path, start=offset, end=offset + length)
        except OSError as error:
            raise LostShardError(
                f"cannot read shard {shard}: {error.strerror or error}; {hint}", shard
            ) from error
        if len(data) != length:
            raise LostShardError(f"shard {shard} is shorter than its catalog says; {hint}", shard)
        return data

    def _size(self, path: str, shard: str) -> int:
        """The size of a shard in bytes. CorpusError for a link that leads out of the corpus."""
        local = isinstance(self._files, LocalFileSystem)
        if local and not Path(path).resolve().is_relative_to(Path(self._base).resolve()):
            raise CorpusError(f"shard {shard} of {self.root} is a link that leads out of the corpus")
        return int(self._files.info(path)["size"])

    def shard_path(self, shard: str) -> str:
        """Where a shard lies: in `shards`, or in staging when its writer was killed before the move."""
        final = f"{self._base}/shards/{shard}"
        staged = f"{self._base}/.staging/{shard.rpartition('-')[0]}/shards/{shard}"
        return staged if not self._files.exists(final) and self._files.exists(staged) else final

    def _no_corpus(self) -> CorpusError:
        return CorpusError(f"{self.root} is not a corpus (no {MANIFEST}); make one: lssd ingest")
