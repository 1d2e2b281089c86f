"""Mono at 16 kHz, the input of segmentation, transcription and diarisation, read a piece at a time."""

from collections.abc import Iterator

import numpy as np

from lssd.dubbing.sound import Sound
from lssd.media import resample
from lssd.media.resampling import resampled

RATE = 16000
_LFE = 3  # its place among the six channels of 5.1
_MARGIN_S = 0.05  # read beside a piece, so that its ends do not ring


def mono(samples_CS: np.ndarray) -> np.ndarray:
    """One channel (S,): the sum over the root of the number of channels, without the LFE.

    That keeps a voice within 8 dB of its level, whether it is in the centre alone or in all channels.
    """
    heard_CS = np.delete(samples_CS, _LFE, axis=0) if len(samples_CS) == 6 else samples_CS
    return heard_CS.sum(axis=0) / np.float32(np.sqrt(len(heard_CS)))


def read_mono(sound: Sound, start_s: float, end_s: float) -> np.ndarray:
    """Samples (S,) float32 at 16 kHz between two times; zeros where the sound has none."""
    first_s = start_s - _MARGIN_S
    first, last = round(first_s * sound.sample_rate), round((end_s + _MARGIN_S) * sound.sample_rate)
    piece = resample(mono(sound.read(first, last))[None], sound.sample_rate, RATE)[0]
    begin = round(start_s * RATE - first / sound.sample_rate * RATE)
    return piece[begin : begin + round((end_s - start_s) * RATE)]


def mono_frames(sound: Sound, size: int) -> Iterator[np.ndarray]:
    """The whole sound at 16 kHz in blocks (n, size) of frames; the last frame is filled with zeros."""
    held = np.zeros(0, np.float32)
    blocks = (mono(block_CS)[None] for block_CS in sound.blocks())
    for block in resampled(blocks, sound.sample_rate, RATE):
        held = np.concatenate([held, block[0]])
        count = len(held) // size
        if count:
            yield held[: count * size].reshape(count, size)
            held = held[count * size :]
    if len(held):
        yield np.pad(held, (0, size - len(held)))[None]
