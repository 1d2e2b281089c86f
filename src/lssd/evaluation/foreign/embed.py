"""Whole files through a function of batches of equally long sounds: what HEAR's API asks for."""

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lssd.embedding.cache import EmbeddingCache, WindowRow
from lssd.embedding.file_hashes import FileHashes, Signature, check_unchanged, signature
from lssd.embedding.table import Failure
from lssd.embedding.windows import pick_track
from lssd.engine import Progress, reason_of
from lssd.engine.memory import lacks_memory
from lssd.errors import InputError, MediaError
from lssd.media import probe, read_sound, spelled

_READERS = 2  # threads that read; together they may be two files each ahead
_WAITING_S = 300.0  # of sound that may wait for more of its length


@dataclass(frozen=True)
class _Sound:
    path: Path
    data: str
    samples: np.ndarray


class SoundEmbedder:
    """Embeds files in batches of equal length, and keeps the results in a cache where one is given.

    scenes    maps mono sounds at `rate` (Hz), float32 (N, S), to embeddings, float32 (N, `size`)
    about     what identifies the embeddings in the cache
    workers   threads that read files ahead; InputError below 0
    """

    def __init__(
        self,
        scenes: Callable[[np.ndarray], np.ndarray],
        rate: int,
        size: int,
        about: dict[str, Any],
        workers: int | None = None,
    ) -> None:
        if workers is not None and workers < 0:
            raise InputError(f"workers must be at least 0, not {workers}")
        self.scenes, self.rate, self.size, self.about = scenes, rate, size, about
        self._readers = _READERS if workers is None else max(workers, 1)
        self._max_samples = math.inf  # in a batch, as far as memory is known to suffice
        self._vectors: dict[str, np.ndarray] = {}
        self._failed: dict[str, Failure] = {}
        self._cache: EmbeddingCache | None = None

    def embed(
        self, paths: Sequence[Path], cache: str | Path | None, progress: Progress | None
    ) -> tuple[dict[str, np.ndarray], tuple[Failure, ...]]:
        """Vectors (size,) by path, and the files left out. InputError when all are."""
        paths = list(dict.fromkeys(paths))
        with ExitStack() as opened:
            hashes = None
            if cache is not None:
                hashes = opened.enter_context(closing(FileHashes(Path(cache) / "files")))
                self._cache = opened.enter_context(closing(EmbeddingCache(cache, self.about, self.size)))
            waiting: dict[int, list[_Sound]] = {}
            for sound in self._sounds(paths, hashes):
                length = len(sound.samples)
                waiting.setdefault(length, []).append(sound)
                if len(waiting[length]) >= self._batch(length):
                    self._forward(waiting.pop(length))
                elif sum(length * len(sounds) for length, sounds in waiting.items()) > _WAITING_S * self.rate:
                    self._forward(waiting.pop(max(waiting, key=lambda length: length * len(waiting[length]))))
                self._report(progress, len(paths))
            for sounds in waiting.values():
                self._forward(sounds)
                self._report(progress, len(paths))
        failed = tuple(self._failed[spelled(path)] for path in paths if spelled(path) in self._failed)
        if not self._vectors and failed:
            first = failed[0]
            raise InputError(
                f"none of {len(paths)} files could be embedded; the first, {first.path}: {first.reason}"
            )
        names = map(spelled, paths)
        return {name: self._vectors[name] for name in names if name in self._vectors}, failed

    def _sounds(self, paths: Sequence[Path], hashes: FileHashes | None) -> Iterator[_Sound]:
        """The sounds that have to be embedded, read ahead; cached vectors and failures are recorded here."""
        with ThreadPoolExecutor(self._readers) as pool:
            reading: deque[tuple[Path, str, Future[np.ndarray]]] = deque()
            for path in paths:
                try:
                    if not path.is_file():
                        raise MediaError("no such file")
                    seen = signature(path)  # taken before it is hashed, and compared once it is read
                    data = hashes.hash(path) if hashes is not None else ""
                except (OSError, MediaError) as error:
                    self._fail(path, reason_of(error))
                    continue
                kept = self._cache.get(data) if self._cache is not None and data else None
                if kept is not None:
                    self._vectors[spelled(path)] = kept[0].vectors[0]
                    continue
                reading.append((path, data, pool.submit(_read, path, self.rate, seen)))
                if len(reading) >= 2 * self._readers:
                    yield from self._read_one(*reading.popleft())
            for one in reading:
                yield from self._read_one(*one)

    def _read_one(self, path: Path, data: str, reading: "Future[np.ndarray]") -> Iterator[_Sound]:
        try:
            samples = reading.result()
        except Exception as error:  # noqa: BLE001 - a file's failure is a value, whatever its kind
            self._fail(path, reason_of(error))
        else:
            yield _Sound(path, data, samples)

    def _batch(self, length: int) -> int:
        """How many sounds of this length go into a batch: as in heareval, or fewer once memory ran out."""
        seconds = length / self.rate
        return max(1, int(min(0.7 * 120 / seconds * 16000 / self.rate, self._max_samples / length)))

    def _forward(self, sounds: Sequence[_Sound]) -> None:
        """Embed sounds of one length; in halves when memory is short, alone when one of them fails."""
        try:
            vectors = self.scenes(np.stack([sound.samples for sound in sounds]))
        except InputError:
            raise
        except Exception as error:  # noqa: BLE001 - a foreign function may raise anything
            if len(sounds) == 1:
                self._fail(sounds[0].path, reason_of(error))
                return
            short = lacks_memory(error)
        else:
            self._keep(sounds, vectors)
            return
        # Out of the handler, whose traceback holds on to the memory that is wanted.
        size = (len(sounds) + 1) // 2 if short else 1
        if short:
            self._max_samples = size * len(sounds[0].samples)
            torch.cuda.empty_cache()
        for first in range(0, len(sounds), size):
            self._forward(sounds[first : first + size])

    def _keep(self, sounds: Sequence[_Sound], vectors: np.ndarray) -> None:
        rows = []
        for sound, vector in zip(sounds, vectors, strict=True):
            if not np.isfinite(vector).all():
                self._fail(sound.path, "its embedding is not finite")
                continue
            self._vectors[spelled(sound.path)] = vector
            rows.append(WindowRow(sound.data, 0, 1, 0.0, len(sound.samples) / self.rate, vector))
        if self._cache is not None:
            self._cache.put(rows)

    def _fail(self, path: Path, reason: str) -> None:
        self._failed[spelled(path)] = Failure(spelled(path), reason)

    def _report(self, progress: Progress | None, total: int) -> None:
        if progress is not None:
            progress.update(len(self._vectors) + len(self._failed), total=total)


def _read(path: Path, rate: int, seen: Signature) -> np.ndarray:
    """A file's whole sound, mono, float32 (S,); MediaError for a file that is not what was `seen`."""
    track = pick_track(probe(path), None)
    samples = read_sound(path, track, sample_rate=rate, channels=1)[0]
    check_unchanged(path, seen)
    if not len(samples):
        raise MediaError(f"{path} holds no sound sample")
    if not np.isfinite(samples).all():
        raise MediaError(f"{path} holds samples that are NaN or infinite")
    return samples
