"""Files to vectors: `embed`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from lssd.engine import Progress
from lssd.errors import InputError, LssdError
from lssd.evaluation.cache import EmbeddingCache, WindowVectors, cache_key
from lssd.evaluation.windows import Window, iterate_picture, iterate_sound
from lssd.languages import normalise
from lssd.media import find_files
from lssd.models import Model, weights_hash
from lssd.store import atomic_path, hash_file

Modality = Literal["audio", "video"]

# What a folder is searched for; a file that is named itself is tried whatever its suffix.
_SOUND = {".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".mka", ".aiff", ".aif", ".wma"}
_FILM = {".mp4", ".mkv", ".mov", ".m4v", ".avi", ".webm", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".mxf"}


@dataclass(frozen=True)
class Failure:
    """A file that could not be embedded, and why in one line."""

    path: str
    reason: str


@dataclass(frozen=True)
class Embeddings:
    """Vectors of files or of their windows, one row each, in the order of the files asked for.

    `path`: N texts; `start_s`, `end_s`: float64 (N,), the span of the row in its file; `modality`:
    "audio" or "video"; `vectors`: float32 (N, D). `failed` names the files left out.
    """

    path: tuple[str, ...]
    start_s: np.ndarray
    end_s: np.ndarray
    modality: str
    vectors: np.ndarray
    failed: tuple[Failure, ...] = ()

    def __len__(self) -> int:
        return len(self.path)

    def write(self, out: str | Path) -> None:
        """Write to a `.parquet` (columns path, start_s, end_s, modality, vector) or `.npz` file, atomically.

        Raises InputError for another suffix.
        """
        out = Path(out)
        _check_suffix(out)
        modality = [self.modality] * len(self)
        with atomic_path(out) as partial, partial.open("wb") as file:
            if out.suffix == ".npz":
                np.savez(
                    file,
                    path=np.array(self.path, dtype=np.str_),
                    start_s=self.start_s,
                    end_s=self.end_s,
                    modality=np.array(modality, dtype=np.str_),
                    vector=self.vectors,
                )
                return
            flat = pa.array(self.vectors.reshape(-1), type=pa.float32())
            columns = {
                "path": pa.array(self.path, type=pa.string()),
                "start_s": pa.array(self.start_s, type=pa.float64()),
                "end_s": pa.array(self.end_s, type=pa.float64()),
                "modality": pa.array(modality, type=pa.string()),
                "vector": pa.FixedSizeListArray.from_arrays(flat, self.vectors.shape[1]),
            }
            pq.write_table(pa.table(columns), file)


def embed(
    model: Model,
    paths: Sequence[str | Path],
    out: str | Path | None = None,
    *,
    modality: Modality = "audio",
    pool: Literal["file", "window"] = "file",
    language: str | None = None,
    cache: str | Path | None = None,
    batch_size: int = 32,
    progress: Progress | None = None,
) -> Embeddings:
    """Embed sounds or films, by windows of 3 s; `pool="file"` gives each file the mean of its windows.

    `paths` are files, or folders searched for media. `language` picks the sound track of that
    language; without it the original track is taken (else the default one, else the first). With
    `out`, the rows are also written there (`.parquet` or `.npz`). With a `cache` folder, what was
    embedded before with the same weights and preprocessing is not computed again.

    Memory does not grow with the length of a file. A file that cannot be read is listed in `failed`;
    InputError when no file can be, or when the model lacks the modality.
    """
    if out is not None:
        _check_suffix(Path(out))
    code = _language_code(language)
    if modality not in ("audio", "video") or pool not in ("file", "window"):
        raise InputError(f"modality is audio or video and pool is file or window, not {modality} and {pool}")
    if (model.audio if modality == "audio" else model.video) is None:
        raise InputError(f"this model has no {modality} encoder; embed the other modality")
    files = find_media(paths)
    embedder = _Embedder(model, modality, code, EmbeddingCache(cache) if cache else None, batch_size)
    done: dict[int, WindowVectors] = {}
    failures: dict[int, Failure] = {}
    for index, value in embedder.run(files):
        if isinstance(value, Failure):
            failures[index] = value
        else:
            done[index] = value
        if progress is not None:
            progress.update(len(done) + len(failures), total=len(files))
    failed = tuple(failures[index] for index in sorted(failures))
    if not done:
        first = failed[0]
        raise InputError(
            f"none of {len(files)} files could be embedded; the first, {first.path}: {first.reason}"
        )
    result = _collect(files, done, modality, pool, failed)
    if out is not None:
        result.write(out)
    return result


def find_media(paths: Sequence[str | Path]) -> list[Path]:
    """The files behind paths: a file itself, a folder's media files sorted by name, each file once.

    InputError when there is none.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if not path.is_dir():
            found[path] = None
            continue
        found.update(dict.fromkeys(find_files(path, _SOUND | _FILM)))
    if not found:
        named = ", ".join(str(path) for path in paths) or "no path"
        raise InputError(f"no sound or film in {named}; name files, or folders that hold some")
    return list(found)


def _check_suffix(out: Path) -> None:
    if out.suffix not in (".parquet", ".npz"):
        raise InputError(f"{out} must end in .parquet or .npz")


def _language_code(language: str | None) -> str | None:
    code = normalise(language)
    if language is not None and code is None:
        raise InputError(f"'{language}' is no language; use a code such as en, fr or ja")
    return code


def _collect(
    files: list[Path],
    done: dict[int, WindowVectors],
    modality: Modality,
    pool: str,
    failed: tuple[Failure, ...],
) -> Embeddings:
    order = sorted(done)
    if pool == "file":
        names = tuple(str(files[index]) for index in order)
        ends = np.array([done[index].end_s[-1] for index in order])
        means = np.stack([done[index].mean() for index in order])
        return Embeddings(names, np.zeros(len(order)), ends, modality, means, failed)
    return Embeddings(
        tuple(str(files[index]) for index in order for _ in range(len(done[index].start_s))),
        np.concatenate([done[index].start_s for index in order]),
        np.concatenate([done[index].end_s for index in order]),
        modality,
        np.concatenate([done[index].vectors for index in order]),
        failed,
    )


@dataclass
class _Pending:
    """A file on its way: the spans read so far, the vectors they became, and whether it was read whole."""

    index: int
    path: Path
    key: str = ""
    spans: list[tuple[float, float]] = field(default_factory=list)
    vectors: list[np.ndarray] = field(default_factory=list)
    whole: bool = False

    @property
    def ready(self) -> bool:
        return self.whole and len(self.vectors) == len(self.spans)

    def value(self) -> WindowVectors:
        start_s, end_s = np.array(self.spans, dtype=np.float64).T
        return WindowVectors(start_s, end_s, np.stack(self.vectors))


class _Embedder:
    """Fills batches with windows across files, so that many short files cost few model calls."""

    def __init__(
        self,
        model: Model,
        modality: Modality,
        language: str | None,
        cache: EmbeddingCache | None,
        batch_size: int,
    ) -> None:
        self.model, self.modality, self.language, self.cache = model, modality, language, cache
        self.batch_size = max(1, batch_size)
        self.weights = weights_hash(model) if cache else ""
        self._queue: list[tuple[_Pending, Window]] = []
        self._pending: list[_Pending] = []

    def run(self, files: list[Path]) -> Iterator[tuple[int, WindowVectors | Failure]]:
        """Yield each file's index with its windows' vectors or its failure, as they become known."""
        for index, path in enumerate(files):
            pending = _Pending(index, path)
            try:
                known = self._look_up(pending)
                if known is not None:
                    yield index, known
                    continue
                self._pending.append(pending)
                for window in self._windows(path):
                    self._queue.append((pending, window))
                    pending.spans.append((window.start_s, window.end_s))
                    if len(self._queue) >= self.batch_size:
                        self._forward()
                pending.whole = True
            except (LssdError, OSError) as error:
                self._queue = [item for item in self._queue if item[0] is not pending]
                self._pending = [item for item in self._pending if item is not pending]
                yield index, Failure(str(path), _reason(error))
            yield from self._finished()
        self._forward()
        yield from self._finished()

    def _look_up(self, pending: _Pending) -> WindowVectors | None:
        if not pending.path.is_file():
            raise InputError("no such file")
        if self.cache is None:
            return None
        data = hash_file(pending.path)
        pending.key = cache_key(
            self.weights, self.model.config[self.modality], data, self.modality, self.language
        )
        return self.cache.get(pending.key)

    def _windows(self, path: Path) -> Iterator[Window]:
        audio, video = self.model.audio, self.model.video
        if self.modality == "audio" and audio is not None:
            return iterate_sound(path, audio.front.config, self.language)
        if self.modality == "video" and video is not None:
            return iterate_picture(path, video.front.config)
        raise InputError(f"this model has no {self.modality} encoder")

    def _finished(self) -> Iterator[tuple[int, WindowVectors | Failure]]:
        ready = [item for item in self._pending if item.ready]
        self._pending = [item for item in self._pending if not item.ready]
        for item in ready:
            value = item.value()
            if not np.isfinite(value.vectors).all():
                yield item.index, Failure(str(item.path), "its embedding is not finite")
                continue
            if self.cache is not None:
                self.cache.put(item.key, value)
            yield item.index, value

    def _forward(self) -> None:
        queue, self._queue = self._queue, []
        if not queue:
            return
        batch = torch.stack([window.data for _, window in queue])
        encode = self.model.embed_audio if self.modality == "audio" else self.model.embed_video
        vectors = encode(batch, batch=self.batch_size).float().cpu().numpy()
        for (pending, _), vector in zip(queue, vectors, strict=True):
            pending.vectors.append(vector)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
