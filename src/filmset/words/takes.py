"""Takes from utterances: at the film's rate, a bounded store of them."""

from collections import OrderedDict
from collections.abc import Callable, Hashable

import numpy as np

from filmset.settings import SAMPLE_RATE
from filmset.words.protocol import Take
from lssd.media import resample
from lssd.speech import Utterance

SLOWEST, FASTEST = 0.8, 1.25  # paces at which speech still sounds natural
_LOUDEST = 0.99


def take_of(utterance: Utterance) -> Take:
    """An utterance as a take: without the silence around it, at 48 kHz. Words keep their times."""
    trimmed = utterance.trimmed()
    samples = resample(trimmed.samples[None], trimmed.sample_rate, SAMPLE_RATE)[0]
    peak = float(np.abs(samples).max(initial=0.0))
    if peak > _LOUDEST:  # peaks between the samples of the lower rate
        samples = samples * np.float32(_LOUDEST / peak)
    samples.setflags(write=False)  # the store hands the same samples out again
    return Take(samples, trimmed.words)


class TakeStore:
    """The last takes asked for, so that mixing does not speak again what planning has heard."""

    def __init__(self, limit: int = 256) -> None:
        self._limit = limit
        self._takes: OrderedDict[Hashable, Take] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Take]) -> Take:
        """The take of a key, made where it is not held; the one unused for longest gives way."""
        if key in self._takes:
            self._takes.move_to_end(key)
            return self._takes[key]
        take = self._takes[key] = make()
        if len(self._takes) > self._limit:
            self._takes.popitem(last=False)
        return take
