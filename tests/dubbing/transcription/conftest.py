"""Real English prompts one after the other, where they are here; else a tone and its echo."""

import numpy as np
import pytest
from tests.conftest import REAL

from lssd.dubbing.lines import Segment
from lssd.dubbing.sound import Sound, write_sound

PROMPTS = REAL / "prompts5" / "en"
SPOKEN = ("vm-nobodyavail", "conf-locked", "please-try-again")


@pytest.fixture(scope="session")
def tones(tmp_path_factory) -> Sound:
    time_s = np.arange(6 * 48000) / 48000
    samples = 0.3 * np.sin(2 * np.pi * 200 * time_s) * (1 + np.sin(2 * np.pi * 3 * time_s))
    return write_sound(tmp_path_factory.mktemp("tones") / "a.npy", np.stack([samples, samples]), 48000)


@pytest.fixture(scope="session")
def prompts(tmp_path_factory) -> tuple[Sound, list[Segment]]:
    from lssd.media import read_sound

    if not PROMPTS.is_dir():
        pytest.skip("the recorded prompts are not here")
    pieces, segments, reached = [np.zeros((1, 24000), np.float32)], [], 0.5
    for name in SPOKEN:
        samples = read_sound(PROMPTS / f"{name}.opus", channels=1)
        segments.append(Segment(reached, reached + samples.shape[1] / 48000))
        pieces += [samples, np.zeros((1, 24000), np.float32)]
        reached = segments[-1].end_s + 0.5
    samples = np.repeat(np.concatenate(pieces, axis=1), 2, axis=0)
    return write_sound(tmp_path_factory.mktemp("prompts") / "a.npy", samples, 48000), segments
