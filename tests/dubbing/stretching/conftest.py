"""A spoken line."""

import numpy as np
import pytest

from lssd.media import resample


@pytest.fixture(scope="session")
def spoken() -> np.ndarray:
    """Two seconds of speech at 48 kHz (S,)."""
    pytest.importorskip("espeakng_loader")
    from lssd.speech import Synthesiser

    with Synthesiser() as synthesiser:
        utterance = synthesiser.utter("We were all on our way home when it began to rain.", "en").trimmed()
    return resample(utterance.samples[None], utterance.sample_rate, 48_000)[0]
