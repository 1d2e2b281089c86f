"""Spoken lines of two people."""

from collections.abc import Callable

import numpy as np
import pytest

from lssd.media import resample

RATE = 48_000
Say = Callable[[str, str, str], np.ndarray]


@pytest.fixture(scope="session")
def say() -> Say:
    """(text, language, voice's name) -> samples (S,) at 48 kHz."""
    pytest.importorskip("espeakng_loader")
    from lssd.speech import Synthesiser, voices

    synthesiser = Synthesiser()
    by_name = {voice.name: voice for voice in voices("en")}

    def speak(text: str, language: str, name: str) -> np.ndarray:
        spoken = synthesiser.utter(text, language, by_name[name]).trimmed()
        return resample(spoken.samples[None], spoken.sample_rate, RATE)[0]

    return speak


@pytest.fixture(scope="session")
def man(say: Say) -> np.ndarray:
    return say("Hay que salir antes de la lluvia.", "es", "en-m3-middle")


@pytest.fixture(scope="session")
def woman(say: Say) -> np.ndarray:
    return say("We should have left long before it began to rain.", "en", "en-f2-high")
