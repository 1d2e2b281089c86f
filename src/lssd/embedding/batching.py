"""One model over many files: windows in, vectors out, in batches that are filled across files."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch

from lssd.embedding.cache import EmbeddingCache, WindowRow, WindowVectors
from lssd.embedding.file_hashes import FileHashes
from lssd.embedding.reading import read_windows
from lssd.embedding.reading.plan import Plan, Unreadable, WindowRange
from lssd.embedding.reading.worker import FileExamination, Job
from lssd.embedding.sampling import Sampling
from lssd.embedding.table import Failure
from lssd.embedding.windows import PictureWindows, SoundWindows, Windows, span_s
from lssd.engine import Progress, TimeLimit, reason_of
from lssd.engine.memory import lacks_memory
from lssd.errors import InputError
from lssd.media import spelled
from lssd.models import Model

Modality = Literal["audio", "video"]
Value = WindowVectors | Failure


def windows_of(model: Model, modality: Modality, language: str | None, crops: int = 1) -> Windows:
    """The windows that a model takes of a file, with so many squares of its pictures.

    InputError when it has no encoder of the modality.
    """
    if modality == "audio" and model.audio is not None:
        sound = model.audio.front.config
        return SoundWindows(sound.sample_rate, sound.samples, sound.channels, language)
    if modality == "video" and model.video is not None:
        picture = model.video.front.config
        places = max(1, round(picture.window_s * PictureWindows.rate))
        return PictureWindows(picture.frames, picture.size, places, picture.judged_short_side, crops)
    raise InputError(f"this model has no {modality} encoder; embed the other modality")


TIME_LIMIT = TimeLimit()


@dataclass(eq=False)
class _PartlyEmbedded:
    """A file with the spans of its windows in seconds, and the vectors known so far, first to last.

    data: SHA-256 of the file, "" where it is not hashed. duplicates: later files of the same content.
    """

    index: int
    data: str
    spans: list[tuple[float, float]]
    vectors: list[np.ndarray] = field(default_factory=list)
    duplicates: list[int] = field(default_factory=list)


class _EmbeddedWindow(NamedTuple):
    """Window `number` of a file, and its vector (D,)."""

    file: _PartlyEmbedded
    number: int
    vector: np.ndarray

    def row(self) -> WindowRow:
        """The window as the cache keeps it."""
        file = self.file
        return WindowRow(file.data, self.number, len(file.spans), *file.spans[self.number], self.vector)


class Embedder:
    """Embeds files in order with one model, in this process.

    Which windows share a batch follows from the files and from what the cache held at the start, not from
    the number of workers or from where an earlier run was killed.

    sampling: which windows of a file, and which squares of its pictures; a window's vector is the mean over
    these.
    workers: as for `lssd.embedding.reading.read_windows`.
    time_limit: for examining a file and for reading some of its windows; one that takes longer has failed.
    hashed: whether to hash the files (into `data`) also without a cache.
    Raises InputError for a batch size below 1, workers below 0, and a modality that the model lacks.
    """

    def __init__(
        self,
        model: Model,
        modality: Modality,
        language: str | None = None,
        *,
        sampling: Sampling = Sampling(),  # noqa: B008 - frozen
        batch_size: int = 32,
        workers: int | None = 0,
        hashed: bool = False,
        cache: EmbeddingCache | None = None,
        hashes: FileHashes | None = None,
        progress: Progress | None = None,
        time_limit: TimeLimit | None = TIME_LIMIT,
    ) -> None:
        if batch_size < 1:
            raise InputError(f"batch_size must be at least 1, not {batch_size}")
        if workers is not None and workers < 0:
            raise InputError(f"workers must be at least 0, not {workers}")
        self.windows = windows_of(model, modality, language, sampling.crops)
        self._sampling = sampling
        self.data: dict[int, str] = {}  # SHA-256 of the files, where they are hashed
        self._workers, self._cache, self._progress = workers, cache, progress
        self._time_limit = time_limit
        self._files_done = self._windows_embedded = 0
        self._hashes = FileHashes() if hashes is None else hashes
        self._job = Job(self.windows, hashed or cache is not None)
        self._batch = _Batch(model, modality, self.windows, batch_size)
        self._files: Sequence[Path] = ()
        self._open: dict[int, _PartlyEmbedded] = {}  # by file number
        self._open_by_data: dict[str, _PartlyEmbedded] = {}  # where there is a cache
        self._failed_by_data: dict[str, Failure] = {}  # those that failed after they were examined
        self._results: list[tuple[int, Value]] = []  # not handed out yet

    def run(self, files: Sequence[Path]) -> Iterator[tuple[int, Value]]:
        """Yield each file's index with its windows' vectors or its failure, as they become known."""
        self._files = files
        plan = Plan(self._job, files, self._known_hash, self._choose, time_limit=self._time_limit)
        for index in range(len(files)):
            kept = self._look_up(index)
            if kept is None:
                plan.unexamined.append(index)
            else:
                self._results.append((index, checked(files[index], kept)))
                yield from self._take_results()
        plan.count = len(plan.unexamined)
        for found in read_windows(plan, self._workers):
            if isinstance(found, Unreadable):
                self._fail(found.index, found.reason)
            else:
                file = self._open[found.index]
                for number, window in enumerate(found.windows, start=found.first):
                    self._store(self._batch.add(file, number, window))
            yield from self._take_results()
        self._store(self._batch.flush())
        yield from self._take_results()

    def _look_up(self, index: int) -> WindowVectors | None:
        """What the cache holds of a file whose hash need not be computed, if it holds all."""
        data = self._known_hash(index) if self._cache is not None else ""
        kept = self._cache.get(data) if self._cache is not None and data else None
        if kept is None or len(kept[0]) < kept[1]:
            return None
        self.data[index] = data
        return kept[0]

    def _known_hash(self, index: int) -> str:
        return (self._hashes.known(self._files[index]) or "") if self._job.hashed else ""

    def _choose(self, index: int, examined: FileExamination) -> WindowRange | None:
        """What to read of a file that was examined: all windows, those the cache lacks, or nothing."""
        path, data = self._files[index], examined.data
        if data:
            self.data[index] = data
            self._hashes.record(path, examined.signature, data)
        if examined.extent is None:
            self._results.append((index, Failure(spelled(path), examined.reason)))
            return None
        if data in self._failed_by_data:
            self._results.append((index, _renamed(self._failed_by_data[data], path)))
            return None
        if data in self._open_by_data:
            self._open_by_data[data].duplicates.append(index)
            return None
        starts = self._sampling.starts(examined.extent.length, self.windows.size)
        spans = [span_s(self.windows, examined.extent, start) for start in starts]
        file = self._open[index] = _PartlyEmbedded(index, data, spans)
        if self._cache is not None:
            kept = self._cache.get(data)
            if kept is not None and kept[1] == len(starts):
                file.vectors = list(kept[0].vectors)
            self._open_by_data[data] = file
        self._finish(file)
        return WindowRange(starts, len(file.vectors))

    def _store(self, embedded: list[_EmbeddedWindow]) -> None:
        """Keep vectors, and finish the files that they complete."""
        if not embedded:
            return
        if self._cache is not None:
            self._cache.put([one.row() for one in embedded if np.isfinite(one.vector).all()])
        self._windows_embedded += len(embedded)
        self._report()
        for one in embedded:
            one.file.vectors.append(one.vector)
        for file in dict.fromkeys(one.file for one in embedded):
            if file.index in self._open:
                self._finish(file)

    def _finish(self, file: _PartlyEmbedded) -> None:
        """Hand out a file, and its duplicates, if all of its windows are embedded."""
        if len(file.vectors) < len(file.spans):
            return
        self._close(file)
        start_s, end_s = np.array(file.spans, dtype=np.float64).T
        vectors = WindowVectors(start_s, end_s, np.stack(file.vectors))
        for index in (file.index, *file.duplicates):
            self._results.append((index, checked(self._files[index], vectors)))

    def _fail(self, index: int, reason: str) -> None:
        """Give up a file that cannot be read any further, and its duplicates."""
        file = self._open[index]
        self._close(file)
        self._batch.drop(file)
        failure = Failure(spelled(self._files[index]), reason)
        if self._cache is not None:
            self._failed_by_data[file.data] = failure
        for other in (index, *file.duplicates):
            self._results.append((other, _renamed(failure, self._files[other])))

    def _close(self, file: _PartlyEmbedded) -> None:
        del self._open[file.index]
        if self._open_by_data.get(file.data) is file:
            del self._open_by_data[file.data]

    def _take_results(self) -> Iterator[tuple[int, Value]]:
        results, self._results = self._results, []
        self._files_done += len(results)
        if results:
            self._report()
        yield from results

    def _report(self) -> None:
        if self._progress is not None:
            note = f"{self._windows_embedded} windows"
            self._progress.update(self._files_done, total=len(self._files), note=note)


def _renamed(failure: Failure, path: Path) -> Failure:
    """The failure of another file of the same content."""
    name = spelled(path)
    return Failure(name, failure.reason.replace(failure.path, name))


class _Batch:
    """Windows that wait until there are enough of them for the model.

    On an accelerator a batch's vectors are copied to the host only once the next batch has been started, so
    that the device never waits.
    """

    def __init__(self, model: Model, modality: Modality, windows: Windows, size: int) -> None:
        self._encode = model.embed_audio if modality == "audio" else _embed_crops(model, windows)
        self._waiting = torch.empty((size, *windows.shape), dtype=getattr(torch, windows.dtype))
        self._owners: list[tuple[_PartlyEmbedded, int]] = []  # file and number of each waiting window
        self._in_flight: tuple[list[tuple[_PartlyEmbedded, int]], torch.Tensor] | None = None
        self._at_once = size  # windows that fit the device's memory, as far as is known

    def add(self, file: _PartlyEmbedded, number: int, window: np.ndarray) -> list[_EmbeddedWindow]:
        """Take one window; returns those that a batch which it filled brought back."""
        self._waiting[len(self._owners)] = torch.from_numpy(window)
        self._owners.append((file, number))
        return self._forward() if len(self._owners) == len(self._waiting) else []

    def drop(self, file: _PartlyEmbedded) -> None:
        """Take back the waiting windows of a file that turned out to be unreadable."""
        kept = [index for index, (owner, _) in enumerate(self._owners) if owner is not file]
        self._waiting[: len(kept)] = self._waiting[kept]
        self._owners = [self._owners[index] for index in kept]

    def flush(self) -> list[_EmbeddedWindow]:
        """Embed what waits, and return all that is not returned yet."""
        embedded = self._forward() if self._owners else []
        return embedded + self._fetch()

    def _forward(self) -> list[_EmbeddedWindow]:
        owners, self._owners = self._owners, []
        vectors_BD = self._embed(self._waiting[: len(owners)])
        before = self._fetch() if vectors_BD.device.type != "cpu" else []
        self._in_flight = owners, vectors_BD
        return before if vectors_BD.device.type != "cpu" else self._fetch()

    def _embed(self, windows: torch.Tensor) -> torch.Tensor:
        """Vectors (B, D). Where memory does not suffice, fewer windows at once from now on.

        InputError when it does not suffice for one window.
        """
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
            # Outside the handler: the traceback keeps the memory alive that is wanted.
            self._at_once = (min(self._at_once, len(windows)) + 1) // 2
            torch.cuda.empty_cache()

    def _fetch(self) -> list[_EmbeddedWindow]:
        if self._in_flight is None:
            return []
        (owners, vectors_BD), self._in_flight = self._in_flight, None
        vectors = zip(owners, vectors_BD.float().cpu().numpy(), strict=True)
        return [_EmbeddedWindow(file, number, vector) for (file, number), vector in vectors]


def _embed_crops(model: Model, windows: Windows) -> Callable[..., torch.Tensor]:
    """`model.embed_video` of windows whose crops follow each other: the mean over these."""
    crops = windows.crops if isinstance(windows, PictureWindows) else 1

    def encode(frames_BTCHW: torch.Tensor, batch: int) -> torch.Tensor:
        each = frames_BTCHW.unflatten(1, (crops, -1)).flatten(0, 1)
        return model.embed_video(each, batch=batch).unflatten(0, (-1, crops)).mean(dim=1)

    return model.embed_video if crops == 1 else encode


def checked(path: Path, vectors: WindowVectors) -> Value:
    """A file's vectors, or its failure when one of them is not finite."""
    finite = np.isfinite(vectors.vectors).all()
    return vectors if finite else Failure(spelled(path), "its embedding is not finite")
