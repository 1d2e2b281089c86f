"""Sounds on disk: float32, read and written a piece at a time, so that memory does not grow with length."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np

_HEADER = 128  # bytes; room for any number of samples
_BLOCK = 1 << 20  # samples of each channel


@dataclass(frozen=True)
class Sound:
    """Samples float32 (S, C) in a `.npy` file, which NumPy reads as well."""

    path: Path
    sample_rate: int

    @property
    def length(self) -> int:
        return self._shape()[0]

    @property
    def channels(self) -> int:
        return self._shape()[1]

    @property
    def duration_s(self) -> float:
        return self.length / self.sample_rate

    def read(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Samples (C, stop - start), zeros where the sound has none."""
        length, channels = self._shape()
        stop = length if stop is None else stop
        if stop < start:
            raise ValueError(f"stop {stop} lies before start {start}")
        piece_CN = np.zeros((channels, stop - start), dtype=np.float32)
        first, last = min(max(start, 0), length), min(max(stop, 0), length)
        if last > first:
            with self.path.open("rb") as file:
                offset = _HEADER + 4 * channels * first
                flat = np.fromfile(file, np.float32, (last - first) * channels, offset=offset)
            piece_CN[:, first - start : last - start] = flat.reshape(-1, channels).T
        return piece_CN

    def blocks(self, size: int = _BLOCK, overlap: int = 0) -> Iterator[np.ndarray]:
        """Pieces (C, <= size) in order, each beginning `overlap` samples before the previous one's end."""
        if size <= overlap:
            raise ValueError(f"blocks of {size} cannot overlap by {overlap}")
        length, start = self.length, 0
        while start < length:
            stop = min(start + size, length)
            yield self.read(start, stop)
            if stop == length:
                return
            start = stop - overlap

    def _shape(self) -> tuple[int, int]:
        with self.path.open("rb") as file:
            np.lib.format.read_magic(file)
            (length, channels), _, _ = np.lib.format.read_array_header_1_0(file)
        return length, channels


class SoundWriter:
    """Writes a `Sound` a piece at a time; `sound` is whole once the context has been left."""

    def __init__(self, path: str | Path, channels: int, sample_rate: int) -> None:
        self.sound = Sound(Path(path), sample_rate)
        self._channels, self._length = channels, 0
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        self._file = self.sound.path.open("wb")
        self._file.write(_header(0, self._channels))
        return self

    def write(self, samples_CS: np.ndarray) -> None:
        """Append samples (C, S) in [-1, 1]; ValueError for another number of channels."""
        if self._file is None or samples_CS.ndim != 2 or len(samples_CS) != self._channels:
            raise ValueError(f"samples must be ({self._channels}, S), not {samples_CS.shape}")
        self._file.write(np.ascontiguousarray(samples_CS.T, dtype=np.float32).data)
        self._length += samples_CS.shape[1]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.seek(0)
            self._file.write(_header(self._length, self._channels))
            self._file.close()


def write_sound(path: str | Path, samples_CS: np.ndarray, sample_rate: int) -> Sound:
    """Write a whole sound, samples (C, S) in [-1, 1]."""
    with SoundWriter(path, len(samples_CS), sample_rate) as writer:
        writer.write(samples_CS)
    return writer.sound


def _header(length: int, channels: int) -> bytes:
    """An `.npy` header of version 1.0, always of the same size."""
    magic = b"\x93NUMPY\x01\x00"
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({length}, {channels}), }}"
    space = _HEADER - len(magic) - 2
    return magic + space.to_bytes(2, "little") + text.ljust(space - 1).encode() + b"\n"
