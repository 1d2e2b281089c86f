"""Windows cut out of a clip's sound: to the bit what the plain way gives."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lssd.corpus import Catalog
from lssd.views import Decoder, ViewSettings, Window


def plainly(whole_CS: np.ndarray, start: int, samples: int) -> torch.Tensor:
    """Convert, divide, and pad with zeros, one after the other."""
    part_CS = torch.from_numpy(whole_CS[:, start : start + samples].astype(np.float32) / 32768.0)
    return torch.nn.functional.pad(part_CS, (0, samples - part_CS.shape[1]))


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
@pytest.mark.parametrize("frame", [0, 7, 24, 30, 100])
def test_a_window_is_the_scaled_samples_and_zeros_behind_the_end(
    catalog: Catalog, tmp_path: Path, channels: int, rate: int, frame: int
) -> None:
    """Of 4 s at 25 frames a second: whole windows, cut ones, and one behind the end of a clip."""
    settings = ViewSettings(sample_rate=rate, channels=channels)
    rng = np.random.default_rng(rate)
    whole_CS = rng.integers(-32768, 32768, (channels, 4 * rate), dtype=np.int16)
    whole_CS[0, :2] = -32768, 32767
    np.save(tmp_path / "cached.npy", whole_CS)
    expected = plainly(whole_CS, round(frame / 25 * rate), 3 * rate)
    assert torch.count_nonzero(expected) == 0 or frame < 100
    for given in (whole_CS, np.load(tmp_path / "cached.npy", mmap_mode="r")):
        found = Decoder(settings, catalog)._cut(given, Window(frame, 1.0, 0.0, 0.0))
        assert found.dtype == torch.float32 and found.shape == (channels, 3 * rate)
        assert torch.equal(found, expected)
    found += 1.0  # its memory is its own, not the cache's
    assert np.array_equal(np.load(tmp_path / "cached.npy"), whole_CS)
