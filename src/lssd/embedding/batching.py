"""One model over many files: windows in, vectors out, in batches that are filled across files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch

from lssd.embedding.cache import EmbeddingCache, WindowRow, WindowVectors
from lssd.embedding.file_hashes import FileHashes
from lssd.embedding.memory import lacks_memory
from lssd.embedding.reading.plan import Block, Plan, Unreadable, Wanted, read_windows
from lssd.embedding.reading.worker import Job, Look
from lssd.embedding.table import Failure
from lssd.embedding.windows import PictureWindows, SoundWindows, Windows, span_s
from lssd.engine import Progress, reason_of
from lssd.errors import InputError
from lssd.media import spelled
from lssd.models import Model, window_starts

Modality = Literal["audio", "video"]
Value = WindowVectors | Failure


def windows_of(model: Model, modality: Modality, language: str | None) -> Windows:
    """The windows that a model takes. InputError when it has no encoder of the modality."""
    if modality == "audio" and model.audio is not None:
        sound = model.audio.front.config
        return SoundWindows(sound.sample_rate, sound.samples, sound.channels, language)
    if modality == "video" and model.video is not None:
        picture = model.video.front.config
        places = round(picture.window_s * PictureWindows.rate)
        return PictureWindows(picture.frames, picture.size, places)
    raise InputError(f"this model has no {modality} encoder; embed the other modality")


@dataclass(eq=False)
class _Pending:
    """A file on its way: the windows it has, and the vectors known so far, first to last."""

    index: int
    data: str
    spans: list[tuple[float, float]]
    vectors: list[np.ndarray] = field(default_factory=list)
    followers: list[int] = field(default_factory=list)  # later files of the same content

    @property
    def whole(self) -> bool:
        return len(self.vectors) == len(self.spans)

    def value(self) -> WindowVectors:
        start_s, end_s = np.array(self.spans, dtype=np.float64).T
        return WindowVectors(start_s, end_s, np.stack(self.vectors))


class _Embedded(NamedTuple):
    """A window that the model is done with: the file it is of, its number there, its vector (D,)."""

    pending: _Pending
    number: int
    vector: np.ndarray


class Embedder:
    """Embeds files in order.

    Which windows share a batch follows from the files and from what the cache held at the start: it does
    not depend on who reads, nor on when a run before was killed.
    """

    def __init__(
        self,
        model: Model,
        modality: Modality,
        language: str | None = None,
        *,
        batch_size: int = 32,
        workers: int | None = 0,
        hashed: bool = False,
        cache: EmbeddingCache | None = None,
        hashes: FileHashes | None = None,
        progress: Progress | None = None,
    ) -> None:
        if batch_size < 1:
            raise InputError(f"batch_size must be at least 1, not {batch_size}")
        if workers is not None and workers < 0:
            raise InputError(f"workers must be at least 0, not {workers}")
        self.windows = windows_of(model, modality, language)
        self.data: dict[int, str] = {}  # SHA-256 of the files, where they are hashed
        self._workers, self._cache, self._progress = workers, cache, progress
        self._done = self._computed = 0  # files, windows
        self._hashes = FileHashes() if hashes is None else hashes
        self._job = Job(self.windows, hashed or cache is not None)
        self._batch = _Batch(model, modality, self.windows, batch_size)
        self._files: Sequence[Path] = ()
        self._pending: dict[int, _Pending] = {}
        self._leaders: dict[str, _Pending] = {}
        self._broken: dict[str, Failure] = {}  # by hash: what broke on the way
        self._ready: list[tuple[int, Value]] = []

    def run(self, files: Sequence[Path]) -> Iterator[tuple[int, Value]]:
        """Yield each file's index with its windows' vectors or its failure, as they become known."""
        self._files = files
        plan = Plan(self._job, files, self._known, self._decide)
        for index in range(len(files)):
            kept = self._look_up(index)
            if kept is None:
                plan.looks.append(index)
            else:
                self._ready.append((index, checked(files[index], kept)))
                yield from self._take_ready()
        plan.count = len(plan.looks)
        for found in read_windows(plan, self._workers):
            if isinstance(found, Unreadable):
                self._fail(found.index, found.reason)
            else:
                self._add(found)
            yield from self._take_ready()
        self._settle(self._batch.flush())
        yield from self._take_ready()

    def _look_up(self, index: int) -> WindowVectors | None:
        """What the cache holds of a file whose hash need not be computed, if it holds all."""
        data = self._known(index) if self._cache is not None else ""
        kept = self._cache.get(data) if self._cache is not None and data else None
        if kept is None or len(kept[0]) < kept[1]:
            return None
        self.data[index] = data
        return kept[0]

    def _known(self, index: int) -> str:
        return (self._hashes.known(self._files[index]) or "") if self._job.hashed else ""

    def _decide(self, index: int, seen: Look) -> Wanted | None:
        """What to read of a file that was looked at: all, what the cache lacks, or nothing."""
        if seen.data:
            self.data[index] = seen.data
            self._hashes.record(self._files[index], seen.signature, seen.data)
        if seen.extent is None:
            self._ready.append((index, Failure(spelled(self._files[index]), seen.reason)))
            return None
        if seen.data in self._broken:
            self._ready.append((index, self._as_other(self._broken[seen.data], index)))
            return None
        if seen.data in self._leaders:
            self._leaders[seen.data].followers.append(index)
            return None
        starts = window_starts(seen.extent.length, self.windows.size)
        spans = [span_s(self.windows, seen.extent, start) for start in starts]
        pending = self._pending[index] = _Pending(index, seen.data, spans)
        if self._cache is not None:
            kept = self._cache.get(seen.data)
            if kept is not None and kept[1] == len(starts):
                pending.vectors = list(kept[0].vectors)
            self._leaders[seen.data] = pending
        self._finish(pending)
        return Wanted(starts, len(pending.vectors))

    def _add(self, block: Block) -> None:
        pending = self._pending[block.index]
        for number, window in enumerate(block.windows, start=block.first):
            self._settle(self._batch.add(pending, number, window))

    def _settle(self, embedded: list[_Embedded]) -> None:
        """Keep vectors, and finish the files whose last they were."""
        if not embedded:
            return
        if self._cache is not None:
            self._cache.put([_row(one) for one in embedded if np.isfinite(one.vector).all()])
        self._computed += len(embedded)
        self._report()
        for one in embedded:
            one.pending.vectors.append(one.vector)
        for pending in dict.fromkeys(one.pending for one in embedded):
            if pending.index in self._pending:
                self._finish(pending)

    def _finish(self, pending: _Pending) -> None:
        if not pending.whole:
            return
        self._forget(pending)
        value = pending.value()
        for index in (pending.index, *pending.followers):
            self._ready.append((index, checked(self._files[index], value)))

    def _fail(self, index: int, reason: str) -> None:
        pending = self._pending[index]
        self._forget(pending)
        self._batch.drop(pending)
        failure = Failure(spelled(self._files[index]), reason)
        if self._cache is not None:
            self._broken[pending.data] = failure
        for other in (index, *pending.followers):
            self._ready.append((other, self._as_other(failure, other)))

    def _as_other(self, failure: Failure, index: int) -> Failure:
        """The same failure of a file of the same content."""
        path = spelled(self._files[index])
        return Failure(path, failure.reason.replace(failure.path, path))

    def _forget(self, pending: _Pending) -> None:
        del self._pending[pending.index]
        if self._leaders.get(pending.data) is pending:
            del self._leaders[pending.data]

    def _take_ready(self) -> Iterator[tuple[int, Value]]:
        ready, self._ready = self._ready, []
        self._done += len(ready)
        if ready:
            self._report()
        yield from ready

    def _report(self) -> None:
        if self._progress is not None:
            note = f"{self._computed} windows"
            self._progress.update(self._done, total=len(self._files), note=note)


class _Batch:
    """Windows that wait until there are enough of them for the model.

    On an accelerator a batch's vectors are fetched only once the next batch is on its way.
    """

    def __init__(self, model: Model, modality: Modality, windows: Windows, size: int) -> None:
        self._encode = model.embed_audio if modality == "audio" else model.embed_video
        self._waiting = torch.empty((size, *windows.shape), dtype=getattr(torch, windows.dtype))
        self._owners: list[tuple[_Pending, int]] = []
        self._behind: tuple[list[tuple[_Pending, int]], torch.Tensor] | None = None
        self._at_once = size  # windows that the device's memory is known, or hoped, to have room for

    def add(self, pending: _Pending, number: int, window: np.ndarray) -> list[_Embedded]:
        """Take one window, and return those that were embedded on the occasion."""
        self._waiting[len(self._owners)] = torch.from_numpy(window)
        self._owners.append((pending, number))
        return self._forward() if len(self._owners) == len(self._waiting) else []

    def drop(self, pending: _Pending) -> None:
        """Take back the windows of a file that turned out to be broken."""
        kept = [place for place, (owner, _) in enumerate(self._owners) if owner is not pending]
        self._waiting[: len(kept)] = self._waiting[kept]
        self._owners = [self._owners[place] for place in kept]

    def flush(self) -> list[_Embedded]:
        """Embed what waits, and fetch everything."""
        embedded = self._forward() if self._owners else []
        return embedded + self._fetch()

    def _forward(self) -> list[_Embedded]:
        owners, self._owners = self._owners, []
        vectors_BD = self._embed(self._waiting[: len(owners)])
        before = self._fetch() if vectors_BD.device.type != "cpu" else []
        self._behind = owners, vectors_BD
        return before if vectors_BD.device.type != "cpu" else self._fetch()

    def _embed(self, windows: torch.Tensor) -> torch.Tensor:
        """Vectors (B, D); from now on fewer windows at once when memory does not suffice for so many."""
        while True:
            try:
                return self._encode(windows, batch=min(self._at_once, len(windows)))
            except RuntimeError as error:
                if not lacks_memory(error):
                    raise
                if min(self._at_once, len(windows)) == 1:
                    raise InputError(
                        f"one window does not fit the device's memory ({reason_of(error)}); free some, or "
                        "choose another device"
                    ) from error
            # Out of the handler, whose traceback holds on to the memory that is wanted.
            self._at_once = (min(self._at_once, len(windows)) + 1) // 2
            torch.cuda.empty_cache()

    def _fetch(self) -> list[_Embedded]:
        if self._behind is None:
            return []
        (owners, vectors_BD), self._behind = self._behind, None
        found = zip(owners, vectors_BD.float().cpu().numpy(), strict=True)
        return [_Embedded(pending, number, vector) for (pending, number), vector in found]


def _row(one: _Embedded) -> WindowRow:
    pending = one.pending
    return WindowRow(pending.data, one.number, len(pending.spans), *pending.spans[one.number], one.vector)


def checked(path: Path, value: WindowVectors) -> Value:
    """The vectors, or the failure that they are when one of them is not finite."""
    finite = np.isfinite(value.vectors).all()
    return value if finite else Failure(spelled(path), "its embedding is not finite")
