"""The interface of separators, and what they share: speech is estimated in blocks, background is the rest."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from lssd.dubbing.declaration import Backend, BackendError
from lssd.dubbing.sound import Sound, SoundWriter
from lssd.store import atomic_path

Estimate = Callable[[np.ndarray], np.ndarray]  # a mix (C, S) -> the speech in it (C, S)


class Separator(Backend, ABC):
    """Splits a track into speech and background."""

    @abstractmethod
    def separate(self, sound: Sound, speech: Path, background: Path) -> None:
        """Write two sounds of the input's channels, length and rate, which add up to it.

        Each file appears when it is whole. Raises BackendError where this sound cannot be separated.
        """


def channel_groups(channels: int) -> list[tuple[int, ...]]:
    """Groups of channels to process together, front pair first; the low-frequency one is in none.

    6 and 8 channels are in FFmpeg's order: FL FR FC LFE, then pairs.
    """
    if channels == 2:
        return [(0, 1)]
    if channels in (6, 8):
        return [(0, 1), (2,), *((left, left + 1) for left in range(4, channels, 2))]
    return [(channel,) for channel in range(channels)]


def crossfaded(sound: Sound, estimate: Estimate, size: int, context: int, fade: int) -> Iterator[np.ndarray]:
    """What `estimate` makes of a sound, in blocks (C, <= size) from its first sample on.

    Each call is given a block with `context` samples on both sides, zeros beyond the sound's ends, and
    knows nothing of other calls; over the first `fade` samples of a block, the one before fades out. So
    any sample depends on the sound around it alone, and memory on the size of a block.
    """
    rising_S = ((np.arange(fade) + 0.5) / max(fade, 1)).astype(np.float32)
    length, tail_CS = sound.length, np.zeros((sound.channels, 0), np.float32)
    for start in range(0, length, size):
        stop = min(start + size, length)
        whole_CS = estimate(sound.read(start - context, stop + context))
        if not np.isfinite(whole_CS).all():
            raise BackendError(f"separation made samples that are no numbers after {start} samples")
        made_CS = whole_CS[:, context : context + stop - start].copy()
        both = min(tail_CS.shape[1], made_CS.shape[1])
        made_CS[:, :both] += (tail_CS[:, :both] - made_CS[:, :both]) * (1 - rising_S[:both])
        tail_CS = whole_CS[:, context + stop - start :][:, :fade].copy()
        yield made_CS


def write_parts(sound: Sound, pieces: Iterable[np.ndarray], speech: Path, background: Path) -> None:
    """Write speech from its pieces (C, S), in order, and as background what they leave of the sound.

    BackendError when the pieces are not as long as the sound.
    """
    with ExitStack() as stack:
        speech_writer, background_writer = (
            stack.enter_context(
                SoundWriter(stack.enter_context(atomic_path(path)), sound.channels, sound.sample_rate)
            )
            for path in (speech, background)
        )
        position = 0
        for piece_CS in pieces:
            mix_CS = sound.read(position, position + piece_CS.shape[1])
            speech_writer.write(piece_CS)
            background_writer.write(mix_CS - piece_CS)
            position += piece_CS.shape[1]
        if position != sound.length:
            raise BackendError(f"speech of {position} samples was found in a sound of {sound.length}")
