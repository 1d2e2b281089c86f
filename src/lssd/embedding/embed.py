"""Files to vectors: `embed`."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lssd.embedding.batching import TIME_LIMIT, Embedder, Modality, windows_of
from lssd.embedding.cache import EmbeddingCache, WindowVectors, encoder_identity
from lssd.embedding.cluster import ClusterEmbedder
from lssd.embedding.file_hashes import FileHashes
from lssd.embedding.sampling import Sampling
from lssd.embedding.table import Embeddings, Failure, check_suffix, read_about
from lssd.engine import Progress, TimeLimit
from lssd.errors import InputError
from lssd.languages import code_of
from lssd.media import find_media, is_text, spelled
from lssd.models import Model, weights_hash
from lssd.store import hash_json

__all__ = ["Embeddings", "Engine", "Failure", "Modality", "embed", "find_media"]

Engine = Literal["local", "ray"]
Pool = Literal["file", "window"]
_NAME = "its name is not UTF-8, so that no table holds it; rename it"
_EMBEDDERS: Mapping[str, Callable[..., Embedder | ClusterEmbedder]] = {
    "local": Embedder,
    "ray": ClusterEmbedder,
}


def embed(
    model: Model,
    paths: Sequence[str | Path],
    out: str | Path | None = None,
    *,
    modality: Modality = "audio",
    pool: Pool = "file",
    language: str | None = None,
    views: str = "all",
    cache: str | Path | None = None,
    batch_size: int = 32,
    workers: int | None = None,
    engine: Engine = "local",
    progress: Progress | None = None,
    time_limit: TimeLimit | None = TIME_LIMIT,
) -> Embeddings:
    """Embed sounds or films, by windows of 3 s; `pool="file"` gives each file the mean of its windows.

    `views` says which: "all" of them, end to end; a number, such as "5", of windows spread evenly over the
    file ("1": the middle one); and how many squares of each picture, 1 or 3, as in "10x3". A window's vector
    is the mean over its squares.

    `paths` are files, or folders searched for media. `language` picks the sound track of that
    language; without it the original track is taken (else the default one, else the first).

    With `out`, the rows are also written there (`.parquet` or `.npz`). A run that was killed goes on when it
    is started again: until `out` is written, what is done is kept in a hidden folder beside it. An `out` that
    was made by the same request of the same data is read and not made again. A `cache` folder stays, and
    keeps what is embedded for any later request with the same weights and preprocessing.

    `workers` processes read files ahead of the model; 0: this process reads; None: this process reads, and
    starts others where reading holds up the model in a long job. With `engine="ray"`, that many workers of a
    Ray cluster read and compute, each with a copy of the model; None takes one a GPU, or one a core where
    there is none.

    `time_limit`: how long a file may take to be examined, and any block of its windows to be read, before the
    file has failed; it grows with the duration. None: for ever.

    Memory does not grow with the length of a file. A file that cannot be read is listed in `failed`.
    InputError when no file can be read, when the model lacks the modality, and for a wrong option.
    """
    if out is not None:
        check_suffix(Path(out))
    if modality not in ("audio", "video") or pool not in ("file", "window"):
        raise InputError(f"modality is audio or video and pool is file or window, not {modality} and {pool}")
    if engine not in _EMBEDDERS:
        raise InputError(f"engine is local or ray, not {engine}")
    code = None if language is None else code_of(language)
    windows_of(model, modality, code)
    sampling = Sampling.read(views)
    if modality == "audio":
        sampling = sampling.of_sound
    found = find_media(paths)
    files = [path for path in found if is_text(path)]
    unwritable = tuple(Failure(spelled(path), _NAME) for path in found if not is_text(path))
    embedder = partial(
        _EMBEDDERS[engine],
        model,
        modality,
        code,
        sampling=sampling,
        batch_size=batch_size,
        workers=workers,
        progress=progress,
        time_limit=time_limit,
    )
    if out is None and cache is None:
        return _collect(_Request(files, modality, pool, unwritable), embedder())
    settings = model.config[modality]
    identity = encoder_identity(weights_hash(model), settings, modality, code, str(sampling))
    request = _Request(files, modality, pool, unwritable, identity)
    # Without a cache, what is done is kept beside `out` until that is written.
    folder = Path(cache if cache is not None else Path(str(out)).with_name(f".{Path(str(out)).name}.parts"))
    with closing(FileHashes(folder / "files")) as hashes:
        result = None if out is None else request.read_finished(Path(out), hashes)
        if result is None:
            with closing(EmbeddingCache(folder, identity, model.embedding_size)) as kept:
                result = _collect(request, embedder(cache=kept, hashes=hashes))
            if out is not None:
                result.write(out)
    if cache is None:
        shutil.rmtree(folder, ignore_errors=True)
    return result


@dataclass(frozen=True)
class _Request:
    """What was asked for.

    unwritable: files whose names cannot be written to Parquet and JSON. identity: of the encoder
    (`encoder_identity`); None where nothing is kept.
    """

    files: Sequence[Path]
    modality: Modality
    pool: Pool
    unwritable: tuple[Failure, ...] = ()
    identity: dict[str, Any] | None = None

    def about(self, data: Sequence[str | None]) -> dict[str, Any]:
        """What a file of embeddings says of how it was made. `data`: hashes of the files, in order."""
        if self.identity is None:
            return {}
        names = [*map(spelled, self.files), *(failure.path for failure in self.unwritable)]
        return {
            "pool": self.pool,
            "language": self.identity["language"],
            "views": self.identity["views"],
            "weights_sha256": self.identity["weights"],
            "encoder": hash_json(self.identity),
            "files": len(names),
            "data_sha256": hash_json([names, list(data)]),
        }

    def read_finished(self, out: Path, hashes: FileHashes) -> Embeddings | None:
        """The embeddings in `out` if they answer this request: whole, of the same encoder and data.

        None as well when a file failed in them for a reason that may have passed.
        """
        found = read_about(out) if out.is_file() else None
        if found is None or any(
            found.get(key) != value for key, value in self.about([]).items() if key != "data_sha256"
        ):
            return None
        data = [hashes.hash_readable(path) for path in self.files]
        if found.get("data_sha256") != self.about(data)["data_sha256"]:
            return None
        try:
            embeddings = Embeddings.read(out)
        except InputError:
            return None
        return None if any(failure.temporary for failure in embeddings.failed) else embeddings


def _collect(request: _Request, embedder: Embedder | ClusterEmbedder) -> Embeddings:
    """Embed the files; InputError when none of them can be."""
    done: dict[int, WindowVectors] = {}
    failures: dict[int, Failure] = {}
    for index, value in embedder.run(request.files):
        if isinstance(value, Failure):
            failures[index] = value
        else:
            done[index] = value if request.pool == "window" else value.pooled()
    if len(done) + len(failures) != len(request.files):
        lost = len(request.files) - len(done) - len(failures)
        raise RuntimeError(f"{lost} of {len(request.files)} files were neither embedded nor left out")
    failed = (*(failures[index] for index in sorted(failures)), *request.unwritable)
    if not done:
        raise InputError(
            f"none of {len(failed)} files could be embedded; the first, {failed[0].path}: {failed[0].reason}"
        )
    order = sorted(done)
    return Embeddings(
        tuple(spelled(request.files[index]) for index in order for _ in range(len(done[index]))),
        np.concatenate([done[index].start_s for index in order]),
        np.concatenate([done[index].end_s for index in order]),
        request.modality,
        np.concatenate([done[index].vectors for index in order]),
        failed,
        request.about([embedder.data.get(index) for index in range(len(request.files))]),
    )
