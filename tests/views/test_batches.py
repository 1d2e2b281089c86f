"""Reading: the right instants, the same tensors with and without cache or workers."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from lssd.corpus import Catalog
from lssd.errors import CorpusError
from lssd.views import (
    CacheSettings,
    ClipCache,
    ClipIndex,
    Loader,
    Selection,
    ViewSettings,
    plan_batch,
    read_batch,
    read_centre,
)

SETTINGS = ViewSettings(batch_size=6, frames=5, size=32, short_side=(32, 40))


@pytest.fixture(scope="module")
def catalog(corpus: Path) -> Catalog:
    return Catalog.open(corpus)


@pytest.fixture(scope="module")
def index(catalog: Catalog) -> ClipIndex:
    return ClipIndex.read(catalog, Selection())


def test_selection(catalog: Catalog, index: ClipIndex) -> None:
    assert len(index.titles) == 5
    assert (len(index.clips), index.dubbed) == (14, 12)
    dubbed = ClipIndex.read(catalog, Selection(require_dub=True))
    assert (len(dubbed.titles), len(dubbed.clips)) == (4, 12)
    assert len(ClipIndex.read(catalog, Selection(splits=("test",))).titles) == 1
    with pytest.raises(CorpusError, match="no clip for"):
        ClipIndex.read(catalog, Selection(original_languages=("ko",)))


def test_shapes_ranges_and_languages(catalog: Catalog, index: ClipIndex) -> None:
    batch = read_batch(plan_batch(index, SETTINGS, 0, 0, 0), SETTINGS, catalog)
    assert batch.frames_B2TCHW.shape == (6, 2, 5, 3, 32, 32)
    assert batch.frames_B2TCHW.dtype == torch.uint8
    assert batch.waveform_B2CS.shape == (6, 2, 1, 144_000)
    assert batch.waveform_B2CS.dtype == torch.float32
    assert batch.waveform_B2CS.abs().amax() <= 1
    tones = {"en": 440.0, "de": 660.0, "fr": 880.0}
    for item, spoken in zip(batch.waveform_B2CS, batch.languages, strict=True):
        assert spoken[0] == "en"
        for sound_CS, language in zip(item, spoken, strict=True):
            # Which language is heard is read off the samples themselves.
            spectrum = np.abs(np.fft.rfft(sound_CS[0].numpy()))
            assert spectrum.argmax() / 3.0 == pytest.approx(tones[language], abs=1)


def test_windows_show_the_frames_of_their_time(catalog: Catalog, index: ClipIndex) -> None:
    """The test films have a dot that moves one pixel a frame: its place tells the frame."""
    settings = ViewSettings(batch_size=6, frames=5, size=48, short_side=(48, 48))
    compared = 0
    for item in plan_batch(index, settings, 0, 0, 1):
        batch = read_batch([item], settings, catalog)
        left = round(item.primary.left * (64 - 48))
        wanted = item.primary.start_frame + np.linspace(0, 74, 5).astype(int)
        band_TW = batch.frames_B2TCHW[0, 0, :, :, 1:7].float().mean(dim=(1, 2))
        for band_W, ordinal in zip(band_TW, wanted, strict=True):
            first = int(ordinal % 64) - left
            if 0 <= first <= 44 and ordinal % 64 <= 60:
                assert int(band_W.unfold(0, 4, 1).sum(dim=1).argmax()) == first
                compared += 1
    assert compared > 5


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_cache_changes_nothing(catalog: Catalog, index: ClipIndex, tmp_path: Path, rate: int) -> None:
    settings = dataclasses.replace(SETTINGS, sample_rate=rate)
    plan = plan_batch(index, settings, 0, 0, 2)
    plain = read_batch(plan, settings, catalog)
    cache = ClipCache(tmp_path / "cache", 1 << 30)
    for _ in range(2):
        cached = read_batch(plan, settings, catalog, cache)
        assert torch.equal(cached.frames_B2TCHW, plain.frames_B2TCHW)
        assert torch.equal(cached.waveform_B2CS, plain.waveform_B2CS)
    assert list((tmp_path / "cache").glob("*.npy"))


def test_cache_is_bounded(catalog: Catalog, index: ClipIndex, tmp_path: Path) -> None:
    limit = 3_000_000
    cache = ClipCache(tmp_path / "cache", limit)
    for step in range(3):
        read_batch(plan_batch(index, SETTINGS, 0, 0, step), SETTINGS, catalog, cache)
    assert 0 < sum(file.stat().st_size for file in (tmp_path / "cache").iterdir()) <= limit + 10_000


def test_workers_change_nothing(index: ClipIndex, tmp_path: Path) -> None:
    cache = CacheSettings(str(tmp_path / "cache"), 1 << 30)
    alone = list(Loader(index, SETTINGS, seed=4, first_step=1, last_step=5))
    helped = list(Loader(index, SETTINGS, seed=4, first_step=1, last_step=5, workers=2, cache=cache))
    assert len(alone) == len(helped) == 4
    for one, other in zip(alone, helped, strict=True):
        assert one.clip_ids == other.clip_ids
        assert torch.equal(one.frames_B2TCHW, other.frames_B2TCHW)
        assert torch.equal(one.waveform_B2CS, other.waveform_B2CS)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_lost_shard_is_one_line_also_from_a_worker(corpus: Path, tmp_path: Path, workers: int) -> None:
    shutil.copytree(corpus, tmp_path / "c")
    index = ClipIndex.read(Catalog.open(tmp_path / "c"), Selection())
    shutil.rmtree(tmp_path / "c/shards")
    with pytest.raises(CorpusError, match="cannot read shard") as caught:
        list(Loader(index, SETTINGS, seed=0, first_step=0, last_step=2, workers=workers))
    assert "Traceback" not in str(caught.value)


def test_centre_windows(catalog: Catalog, index: ClipIndex) -> None:
    frames_BTCHW, waveform_BCS = read_centre(index.clips[:3], SETTINGS, catalog)
    assert frames_BTCHW.shape == (3, 5, 3, 32, 32)
    assert waveform_BCS.shape == (3, 1, 144_000)
