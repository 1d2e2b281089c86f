"""Files embedded by the workers of a Ray cluster, each with a copy of the model."""

import copy
import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from lssd.embedding.batching import TIME_LIMIT, Embedder, Modality, Value, checked, windows_of
from lssd.embedding.cache import EmbeddingCache, rows_of
from lssd.embedding.file_hashes import FileHashes
from lssd.embedding.sampling import Sampling
from lssd.embedding.table import Failure
from lssd.engine import Progress, TimeLimit
from lssd.engine.ray import run_stage
from lssd.errors import InputError
from lssd.media import spelled
from lssd.models import Model
from lssd.store import hash_file

# Workers are given files in chunks, whose windows share batches. Chunks follow from the files alone, so the
# number of workers changes no vector.
_CHUNK_FILES = 32
_CHUNK_BYTES = 64 << 20

Chunk = tuple[tuple[int, Path], ...]  # files with their numbers
Found = tuple[int, str, Value | None]  # number, SHA-256 of the data, value; None: the cache has it


@dataclass
class EmbedChunk:
    """What a worker does with a chunk of files. `known`: hashes of data that is embedded already."""

    model: Model
    modality: Modality
    language: str | None
    sampling: Sampling
    batch_size: int
    hashed: bool
    known: frozenset[str] = frozenset()
    time_limit: TimeLimit | None = TIME_LIMIT
    _on_device: bool = field(default=False, repr=False)

    def __call__(self, chunk: Chunk) -> list[Found]:
        """The vectors or the failure of each file."""
        if not self._on_device and torch.cuda.is_available():
            self.model.to("cuda")
        self._on_device = True
        kept = {index: data for index, path in chunk if (data := self._hash_if_known(path))}
        files = [(index, path) for index, path in chunk if index not in kept]
        embedder = Embedder(
            self.model,
            self.modality,
            self.language,
            sampling=self.sampling,
            batch_size=self.batch_size,
            hashed=self.hashed,
            time_limit=self.time_limit,
        )
        values = list(embedder.run([path for _, path in files]))
        found: list[Found] = [(index, data, None) for index, data in kept.items()]
        return found + [(files[number][0], embedder.data.get(number, ""), value) for number, value in values]

    def _hash_if_known(self, path: Path) -> str:
        if not self.known or not path.is_file():
            return ""
        try:
            data = hash_file(path)
        except OSError:
            return ""  # the embedder will say why
        return data if data in self.known else ""


class ClusterEmbedder:
    """As `Embedder`, on a Ray cluster. Every machine must see the files under the same paths.

    The cache stays with the calling process, which alone reads and writes it, whole files at a time.

    workers: None takes one a GPU, or one a core where there is none.
    Raises InputError for a batch size or workers below 1, and for a modality that the model lacks.
    """

    def __init__(
        self,
        model: Model,
        modality: Modality,
        language: str | None = None,
        *,
        sampling: Sampling = Sampling(),  # noqa: B008 - frozen
        batch_size: int = 32,
        workers: int | None = None,
        cache: EmbeddingCache | None = None,
        hashes: FileHashes | None = None,
        progress: Progress | None = None,
        time_limit: TimeLimit | None = TIME_LIMIT,
    ) -> None:
        windows_of(model, modality, language)
        if batch_size < 1:
            raise InputError(f"batch_size must be at least 1, not {batch_size}")
        if workers is not None and workers < 1:
            raise InputError(f"workers of a cluster must be at least 1, not {workers}")
        self.data: dict[int, str] = {}  # SHA-256 of the files, where they are hashed
        self._workers, self._cache, self._progress = workers, cache, progress
        self._hashes = FileHashes() if hashes is None else hashes
        on_cpu = model if next(model.parameters()).device.type == "cpu" else copy.deepcopy(model).cpu()
        known = frozenset() if cache is None else cache.whole()
        hashed = cache is not None
        self._embed = EmbedChunk(on_cpu, modality, language, sampling, batch_size, hashed, known, time_limit)

    def run(self, files: Sequence[Path]) -> Iterator[tuple[int, Value]]:
        """Yield each file's index with its windows' vectors or its failure, as they become known."""
        for done, (index, data, value) in enumerate(self._values(files), start=1):
            if data:
                self.data[index] = data
            if self._progress is not None:
                self._progress.update(done, total=len(files))
            yield index, value

    def _values(self, files: Sequence[Path]) -> Iterator[tuple[int, str, Value]]:
        """Each file's number, the hash of its data, and its vectors or failure."""
        missing = []
        for index, path in enumerate(files):
            data = (self._hashes.known(path) or "") if self._cache is not None else ""
            kept = self._kept(data, path)
            if kept is None:
                missing.append((index, path))
            else:
                yield index, data, kept
        again: list[Chunk] = []
        yield from self._run_chunks(_chunks(missing), self._embed, again)
        # A file that crashes a worker takes its chunk along; kept vectors may turn out to be damaged.
        yield from self._run_chunks(again, dataclasses.replace(self._embed, known=frozenset()), None)

    def _run_chunks(
        self, chunks: Sequence[Chunk], embed: EmbedChunk, again: list[Chunk] | None
    ) -> Iterator[tuple[int, str, Value]]:
        """Embed chunks. Those that fail are added to `again`, file by file; without it, their files fail."""
        for outcome in run_stage(embed, chunks, self._workers) if chunks else ():
            paths = dict(outcome.item)
            if outcome.value is None and again is None:
                yield from (
                    (index, "", Failure(spelled(path), outcome.reason or "")) for index, path in outcome.item
                )
            elif outcome.value is None and again is not None:
                again += [(file,) for file in outcome.item]
            for index, data, value in outcome.value or ():
                if value is None:
                    value = self._kept(data, paths[index])
                elif self._cache is not None and not isinstance(value, Failure):
                    self._cache.put(rows_of(data, value))
                if value is not None:
                    yield index, data, value
                elif again is not None:
                    again.append(((index, paths[index]),))

    def _kept(self, data: str, path: Path) -> Value | None:
        """The value that the cache holds, if it holds all windows."""
        kept = self._cache.get(data) if self._cache is not None and data else None
        return None if kept is None or len(kept[0]) < kept[1] else checked(path, kept[0])


def _chunks(files: Sequence[tuple[int, Path]]) -> list[Chunk]:
    """The files in runs of at most 32, and of about 64 MB."""
    chunks: list[Chunk] = []
    chunk: list[tuple[int, Path]] = []
    size = 0
    for index, path in files:
        chunk.append((index, path))
        size += path.stat().st_size if path.is_file() else 0
        if len(chunk) == _CHUNK_FILES or size >= _CHUNK_BYTES:
            chunks.append(tuple(chunk))
            chunk, size = [], 0
    return [*chunks, tuple(chunk)] if chunk else chunks
