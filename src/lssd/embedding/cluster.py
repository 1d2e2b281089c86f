"""Files embedded by the workers of a Ray cluster, each with a copy of the model."""

import copy
import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from lssd.embedding.batching import Embedder, Modality, Value, checked, windows_of
from lssd.embedding.cache import EmbeddingCache, rows_of
from lssd.embedding.file_hashes import FileHashes
from lssd.embedding.table import Failure
from lssd.engine import Progress
from lssd.engine.ray import run_stage
from lssd.errors import InputError
from lssd.media import spelled
from lssd.models import Model
from lssd.store import hash_file

# Files go in parcels, whose windows share batches. They follow from the files alone, so the number of
# workers changes no vector.
_FILES = 32
_BYTES = 64 << 20

Parcel = tuple[tuple[int, Path], ...]
Found = tuple[int, str, Value | None]  # number, SHA-256 of the data, vectors unless they are kept


@dataclass
class EmbedParcel:
    """What a worker does with a parcel of files. `known`: hashes of data that is embedded already."""

    model: Model
    modality: Modality
    language: str | None
    batch_size: int
    hashed: bool
    known: frozenset[str] = frozenset()
    _placed: bool = field(default=False, repr=False)

    def __call__(self, parcel: Parcel) -> list[Found]:
        """The vectors or the failure of each file."""
        if not self._placed and torch.cuda.is_available():
            self.model.to("cuda")
        self._placed = True
        kept = {index: data for index, path in parcel if (data := self._known(path))}
        left = [(index, path) for index, path in parcel if index not in kept]
        embedder = Embedder(
            self.model, self.modality, self.language, batch_size=self.batch_size, hashed=self.hashed
        )
        found = list(embedder.run([path for _, path in left]))
        values: list[Found] = [(index, data, None) for index, data in kept.items()]
        return values + [(left[place][0], embedder.data.get(place, ""), value) for place, value in found]

    def _known(self, path: Path) -> str:
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
    """

    def __init__(
        self,
        model: Model,
        modality: Modality,
        language: str | None = None,
        *,
        batch_size: int = 32,
        workers: int | None = None,
        cache: EmbeddingCache | None = None,
        hashes: FileHashes | None = None,
        progress: Progress | None = None,
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
        self._work = EmbedParcel(on_cpu, modality, language, batch_size, cache is not None, known)

    def run(self, files: Sequence[Path]) -> Iterator[tuple[int, Value]]:
        """Yield each file's index with its windows' vectors or its failure, as they become known."""
        for done, (index, data, value) in enumerate(self._found(files), start=1):
            if data:
                self.data[index] = data
            if self._progress is not None:
                self._progress.update(done, total=len(files))
            yield index, value

    def _found(self, files: Sequence[Path]) -> Iterator[tuple[int, str, Value]]:
        left = []
        for index, path in enumerate(files):
            data = (self._hashes.known(path) or "") if self._cache is not None else ""
            kept = self._kept(data, path)
            if kept is None:
                left.append((index, path))
            else:
                yield index, data, kept
        alone: list[Parcel] = []
        yield from self._round(_parcels(left), self._work, alone)
        # A file that ends a worker takes its parcel along; kept vectors may turn out to be damaged.
        yield from self._round(alone, dataclasses.replace(self._work, known=frozenset()), None)

    def _round(
        self, parcels: Sequence[Parcel], work: EmbedParcel, alone: list[Parcel] | None
    ) -> Iterator[tuple[int, str, Value]]:
        """Embed parcels. What fails as a parcel goes to `alone`, file by file, or is a failure."""
        for outcome in run_stage(work, parcels, self._workers) if parcels else ():
            paths = dict(outcome.item)
            if outcome.value is None and alone is None:
                yield from (
                    (index, "", Failure(spelled(path), outcome.reason or "")) for index, path in outcome.item
                )
            elif outcome.value is None and alone is not None:
                alone += [(file,) for file in outcome.item]
            for index, data, value in outcome.value or ():
                if value is None:
                    value = self._kept(data, paths[index])
                elif self._cache is not None and not isinstance(value, Failure):
                    self._cache.put(rows_of(data, value))
                if value is not None:
                    yield index, data, value
                elif alone is not None:
                    alone.append(((index, paths[index]),))

    def _kept(self, data: str, path: Path) -> Value | None:
        kept = self._cache.get(data) if self._cache is not None and data else None
        return None if kept is None or len(kept[0]) < kept[1] else checked(path, kept[0])


def _parcels(files: Sequence[tuple[int, Path]]) -> list[Parcel]:
    """The files in runs of at most 32, and of about 64 MB."""
    parcels: list[Parcel] = []
    parcel: list[tuple[int, Path]] = []
    size = 0
    for index, path in files:
        parcel.append((index, path))
        size += path.stat().st_size if path.is_file() else 0
        if len(parcel) == _FILES or size >= _BYTES:
            parcels.append(tuple(parcel))
            parcel, size = [], 0
    return [*parcels, tuple(parcel)] if parcel else parcels
