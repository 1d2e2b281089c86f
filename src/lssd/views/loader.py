"""Batches ahead of time, in worker processes, in the order of their steps."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from torch.utils.data import DataLoader, Dataset

from lssd.corpus import Catalog
from lssd.errors import LssdError
from lssd.views.batches import Batch, read_batch
from lssd.views.clip_cache import ClipCache
from lssd.views.index import ClipIndex
from lssd.views.sampling import ViewSettings, epoch_steps, plan_batch


@dataclass(frozen=True)
class CacheSettings:
    """Where decoded clips are kept, and how many bytes of them."""

    folder: str
    limit_bytes: int


class _Steps(Dataset[Batch | LssdError]):
    """Global step -> batch, or the error that prevents it, as a value: raised in a worker it would come
    with that process' traceback. Opens the catalog once in each worker, at first use."""

    def __init__(
        self,
        index: ClipIndex,
        settings: ViewSettings,
        seed: int,
        rank: int,
        processes: int,
        cache: CacheSettings | None,
    ) -> None:
        self.index, self.settings, self.seed, self.rank = index, settings, seed, rank
        self.steps_per_epoch = epoch_steps(index, settings, processes)
        self._cache_settings = cache
        self._catalog: Catalog | None = None
        self._cache: ClipCache | None = None

    def __getitem__(self, step: int) -> Batch | LssdError:
        try:
            return self._read(step)
        except LssdError as error:
            return error

    def _read(self, step: int) -> Batch:
        if self._catalog is None:
            self._catalog = Catalog.open(self.index.root)
            if self._cache_settings is not None:
                self._cache = ClipCache(self._cache_settings.folder, self._cache_settings.limit_bytes)
        epoch, step_of_epoch = divmod(step, self.steps_per_epoch)
        plan = plan_batch(self.index, self.settings, self.seed, epoch, step_of_epoch, self.rank)
        return read_batch(plan, self.settings, self._catalog, self._cache)


class Loader:
    """Iterate over the batches of steps [first_step, last_step).

    `workers` 0 reads in this process; the batches are the same for any number. `wait_s` is the time
    spent waiting for data so far.
    """

    def __init__(
        self,
        index: ClipIndex,
        settings: ViewSettings,
        *,
        seed: int,
        first_step: int,
        last_step: int,
        rank: int = 0,
        processes: int = 1,
        workers: int = 0,
        cache: CacheSettings | None = None,
    ) -> None:
        self._batches: DataLoader[Batch | LssdError] = DataLoader(
            _Steps(index, settings, seed, rank, processes, cache),
            sampler=range(first_step, last_step),
            batch_size=None,
            num_workers=workers,
            prefetch_factor=4 if workers else None,
            # Spawned: the parent's threads do not survive a fork.
            multiprocessing_context="spawn" if workers else None,
        )
        self.wait_s = 0.0

    def __iter__(self) -> Iterator[Batch]:
        batches = iter(self._batches)
        while True:
            begun = time.perf_counter()
            try:
                batch = next(batches)
            except StopIteration:
                return
            except RuntimeError as error:
                raise LssdError(
                    "a loader process died (out of memory, or too little shared memory); "
                    "run again with machine.workers=0, which goes on from the last checkpoint"
                ) from error
            if isinstance(batch, LssdError):
                raise batch
            self.wait_s += time.perf_counter() - begun
            yield batch
