"""The stored bytes of a corpus by their place, without its tables."""

from pathlib import Path

import fsspec

from lssd.corpus.schema import Row
from lssd.errors import CorpusError, MissingExtraError

MANIFEST = "catalog/manifest.json"


class LostShardError(CorpusError):
    """A shard that is missing, cannot be read, or is shorter than its catalog says; `shard` is its name."""

    def __init__(self, message: str, shard: str) -> None:
        super().__init__(message, shard)  # both, so that it can be pickled
        self.shard = shard

    def __str__(self) -> str:
        return str(self.args[0])


class ShardReader:
    """Reads members of a corpus whose rows are at hand; a `Catalog` brings the rows as well.

    Opens no table, so it costs the same however large the corpus is. The corpus may lie on any file
    system that fsspec knows (`s3://...`). Raises CorpusError when there is none.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = str(root).rstrip("/")
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

    def read(self, member: Row) -> bytes:
        """The stored bytes of one row of the table of members, by byte range.

        Raises LostShardError when the shard cannot be read or is shorter than the catalog says.
        """
        shard = str(member["shard"])
        offset, length = int(member["offset"]), int(member["length"])  # type: ignore[call-overload]
        hint = f"run lssd verify {self.root}"
        try:
            data = self._files.cat_file(self.shard_path(shard), start=offset, end=offset + length)
        except OSError as error:
            raise LostShardError(
                f"cannot read shard {shard}: {error.strerror or error}; {hint}", shard
            ) from error
        if len(data) != length:
            raise LostShardError(f"shard {shard} is shorter than its catalog says; {hint}", shard)
        return data

    def shard_path(self, shard: str) -> str:
        """Where a shard lies: its final place, or staging when its committer was killed just then."""
        final = f"{self._base}/shards/{shard}"
        staged = f"{self._base}/.staging/{shard.rpartition('-')[0]}/shards/{shard}"
        return staged if not self._files.exists(final) and self._files.exists(staged) else final

    def _no_corpus(self) -> CorpusError:
        return CorpusError(f"{self.root} is not a corpus (no {MANIFEST}); make one: lssd ingest")
