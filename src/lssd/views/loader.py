"""Batches read ahead in worker processes, in the order of their steps."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import active_children, get_context, resource_tracker
from multiprocessing.process import BaseProcess
from multiprocessing.util import Finalize

from torch.utils.data import DataLoader, Dataset, get_worker_info

from lssd.errors import LssdError
from lssd.threads import for_children
from lssd.views.batch import Batch, read_groups
from lssd.views.batch_plan import GlobalBatch, epoch_steps
from lssd.views.clip_cache import ClipCache
from lssd.views.corpora import Shards
from lssd.views.index import ClipIndex
from lssd.views.settings import ViewSettings

_GO_ON = (
    "give it more (docker run --shm-size 8g; Kubernetes: an emptyDir of medium Memory at /dev/shm), or run "
    "again with machine.workers=0, which needs none and goes on from the last checkpoint"
)


@dataclass(frozen=True)
class CacheSettings:
    """Where decoded clips are kept, and how many bytes of them."""

    folder: str
    limit_bytes: int


class _Steps(Dataset[Batch | LssdError]):
    """Global step -> batch, or the error that prevents it, which is returned and not raised: raised in a
    worker it would carry that process's traceback. Opens the corpus once in each worker, at first use."""

    def __init__(
        self,
        index: ClipIndex,
        settings: ViewSettings,
        seed: int,
        groups: range,
        total_groups: int,
        cache: CacheSettings | None,
    ) -> None:
        self.index, self.settings, self.seed, self.groups = index, settings, seed, groups
        self.total_groups = total_groups
        self.steps_per_epoch = epoch_steps(index, settings, total_groups)
        self._cache_settings = cache
        self._shards: Shards | None = None
        self._cache: ClipCache | None = None

    def __getitem__(self, step: int) -> Batch | LssdError:
        try:
            batch = self._read(step)
            if get_worker_info() is not None:
                _share(batch)
        except LssdError as error:
            return error
        except OSError as error:
            return LssdError(
                f"the batch of step {step} cannot be read: {error}; mend that and run again, which goes on "
                "from the last checkpoint"
            )
        return batch

    def _read(self, step: int) -> Batch:
        if self._shards is None:
            self._shards = self.index.open_shards()
            if self._cache_settings is not None:
                self._cache = ClipCache(self._cache_settings.folder, self._cache_settings.limit_bytes)
        epoch, step_of_epoch = divmod(step, self.steps_per_epoch)
        drawn = GlobalBatch(self.index, self.settings, self.seed, epoch, step_of_epoch, self.total_groups)
        return read_groups(drawn, self.groups, self._shards, self._cache)


def _share(batch: Batch) -> None:
    """Move a batch into shared memory, to be sent to the main process.

    The queue's own thread would do it later, and abort the worker when the run ends in the middle of it.
    """
    for tensor in (batch.frames_BWTCHW, batch.waveform_BKCS, batch.present_BK, batch.duplicates_B):
        if tensor is not None:
            try:
                tensor.share_memory_()
            except (OSError, RuntimeError) as error:  # torch gives the system's errors either way
                reason = str(error).partition("\n")[0]
                raise LssdError(
                    f"a loader process cannot put a batch into shared memory (/dev/shm): {reason}; {_GO_ON}"
                ) from error


def _end_without_teardown(_: int) -> None:
    """Let a worker exit once its queues are closed, before native libraries are torn down: on a busy machine,
    their threads sometimes abort it there, with a message on stderr."""
    Finalize(None, os._exit, args=(0,), exitpriority=-1000)


def _kill(workers: set[BaseProcess]) -> None:
    """End workers that are left when this process ends, as after an error that keeps hold of the iterator:
    `multiprocessing` would send them SIGTERM, which they do not listen to, and wait for ever."""
    for worker in workers:
        worker.kill()


class Loader:
    """Iterate over the batches of steps [first_step, last_step), counted over all epochs.

    Each holds the given `groups`, one after the other, of the `total_groups` of a step's global batch
    (`Recipe.groups`). `workers` 0 reads in this process; the batches are the same for any number of workers,
    however the groups are shared among processes. `wait_s` is the time spent waiting for data so far.
    """

    def __init__(
        self,
        index: ClipIndex,
        settings: ViewSettings,
        *,
        seed: int,
        first_step: int,
        last_step: int,
        groups: range = range(1),
        total_groups: int = 1,
        workers: int = 0,
        cache: CacheSettings | None = None,
    ) -> None:
        self._batches: DataLoader[Batch | LssdError] = DataLoader(
            _Steps(index, settings, seed, groups, total_groups, cache),
            sampler=range(first_step, last_step),
            batch_size=None,
            num_workers=workers,
            # Up to four groups ahead a worker: a batch of many groups is gigabytes.
            prefetch_factor=max(1, 4 // len(groups)) if workers else None,
            # Spawned: the parent's threads do not survive a fork.
            multiprocessing_context="spawn" if workers else None,
            worker_init_fn=_end_without_teardown,
        )
        self.wait_s = 0.0

    def __iter__(self) -> Iterator[Batch]:
        batches = self._start()
        while True:
            begun = time.perf_counter()
            try:
                batch = next(batches)
            except StopIteration:
                return
            except RuntimeError as error:
                # Torch's words for a worker that ended; an error that was raised in one comes under others.
                if not (self._batches.num_workers and str(error).startswith("DataLoader worker (pid")):
                    raise
                raise LssdError(
                    f"a loader process died: out of memory, or of shared memory (/dev/shm); {_GO_ON}"
                ) from error
            if isinstance(batch, LssdError):
                raise batch
            self.wait_s += time.perf_counter() - begun
            yield batch

    def _start(self) -> Iterator[Batch | LssdError]:
        """Start the workers with Ctrl-C and SIGTERM blocked: terminals and schedulers send them to all
        processes of a job, and this one ends its workers itself.

        They inherit the blocked signals, so that not even their start ends in a traceback; for this
        process they are only held back meanwhile.
        """
        if not self._batches.num_workers:
            return iter(self._batches)
        # Started by the first worker otherwise, and it unblocks the signal again.
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            # What the queues between processes are made of. Where it cannot be had, torch's iterator would
            # leave a traceback behind on its way out.
            get_context("spawn").Lock()
            others = set(active_children())
            with for_children(1):  # they share the machine with the process that trains
                batches = iter(self._batches)
            Finalize(batches, _kill, args=(set(active_children()) - others,), exitpriority=0)
            return batches
        except OSError as error:
            raise LssdError(
                f"loader processes cannot start without shared memory (/dev/shm): {error.strerror}; {_GO_ON}"
            ) from error
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
