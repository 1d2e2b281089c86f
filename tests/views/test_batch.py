"""Reading: the right instants and sounds, with and without a cache."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from lssd.corpus import Catalog
from lssd.views import (
    ClipCache,
    ClipIndex,
    Decoder,
    GlobalBatch,
    ViewSettings,
    centre_window,
    read_groups,
)

SETTINGS = ViewSettings(batch_size=6, frames=5, size=32, short_side=(32, 40))
TONES_HZ = {"en": 440.0, "de": 660.0, "fr": 880.0}


def pitch(sound_CS: torch.Tensor) -> float:
    """Which tone is heard, read off the samples themselves."""
    return float(np.abs(np.fft.rfft(sound_CS[0].numpy())).argmax()) / 3.0


def test_shapes_ranges_and_languages(catalog: Catalog, index: ClipIndex) -> None:
    drawn = GlobalBatch(index, SETTINGS, 0, 0, 0)
    batch = read_groups(drawn, [0], catalog)
    assert batch.frames_BWTCHW is not None
    assert batch.frames_BWTCHW.shape == (6, 2, 5, 3, 32, 32)
    assert batch.frames_BWTCHW.dtype == torch.uint8
    assert batch.waveform_BKCS.shape == (6, 2, 1, 144_000)
    assert batch.waveform_BKCS.dtype == torch.float32
    assert batch.waveform_BKCS.abs().amax() <= 1
    assert batch.present_BK.tolist() == [[True, True]] * 6
    assert batch.duplicates_B.dtype == torch.int64
    assert batch.duplicates_B.tolist() == [index.clips.index(item.clip) for item in drawn.plan(0)]
    assert batch.replaced == ()
    assert {spoken[1] for spoken in batch.languages} > {"en"}
    for item, spoken in zip(batch.waveform_BKCS, batch.languages, strict=True):
        assert spoken[0] == "en"
        assert [pitch(sound_CS) for sound_CS in item] == pytest.approx([TONES_HZ[x] for x in spoken], abs=1)


def test_all_languages_of_one_window(catalog: Catalog, index: ClipIndex) -> None:
    settings = dataclasses.replace(SETTINGS, batch_size=14, windows=1, secondary="all", pictures=False)
    batch = read_groups(GlobalBatch(index, settings, 0, 0, 0), [0], catalog)
    assert batch.frames_BWTCHW is None
    assert batch.waveform_BKCS.shape == (14, 3, 1, 144_000)
    assert sorted(batch.languages, key=str) == [("en", "de", "fr")] * 12 + [("en", "en", None)] * 2
    for item, spoken, present in zip(batch.waveform_BKCS, batch.languages, batch.present_BK, strict=True):
        assert present.tolist() == [language is not None for language in spoken]
        for sound_CS, language in zip(item, spoken, strict=True):
            if language is None:
                assert not sound_CS.any()
            else:
                assert pitch(sound_CS) == pytest.approx(TONES_HZ[language], abs=1)


def test_one_window_serves_picture_and_sounds(catalog: Catalog, index: ClipIndex) -> None:
    one = dataclasses.replace(SETTINGS, windows=1, secondary="original")
    batch = read_groups(GlobalBatch(index, one, 0, 0, 0), [0], catalog)
    assert batch.frames_BWTCHW is not None
    assert batch.frames_BWTCHW.shape == (6, 1, 5, 3, 32, 32)
    assert torch.equal(batch.waveform_BKCS[:, 0], batch.waveform_BKCS[:, 1])
    two = dataclasses.replace(one, windows=2)
    apart = read_groups(GlobalBatch(index, two, 0, 0, 0), [0], catalog)
    assert apart.frames_BWTCHW is not None
    assert torch.equal(apart.frames_BWTCHW[:, :1], batch.frames_BWTCHW)
    assert torch.equal(apart.waveform_BKCS[:, 0], batch.waveform_BKCS[:, 0])
    assert not torch.equal(apart.waveform_BKCS[:, 1], batch.waveform_BKCS[:, 1])
    alone = dataclasses.replace(one, secondary="none")
    single = read_groups(GlobalBatch(index, alone, 0, 0, 0), [0], catalog)
    assert torch.equal(single.waveform_BKCS, batch.waveform_BKCS[:, :1])
    assert single.languages == (("en",),) * 6


def test_windows_show_the_frames_of_their_time(catalog: Catalog, index: ClipIndex) -> None:
    """The test films have a dot that moves one pixel a frame: its place tells the frame."""
    settings = ViewSettings(batch_size=6, frames=5, size=48, short_side=(48, 48))
    compared = 0
    for item in GlobalBatch(index, settings, 0, 0, 1).plan(0):
        instance = Decoder(settings, catalog).read(item)
        assert instance.frames_WTCHW is not None
        for number, window in enumerate(item.windows):
            left = round(window.left * (64 - 48))
            wanted = window.start_frame + np.linspace(0, 74, 5).astype(int)
            band_TW = instance.frames_WTCHW[number, :, :, 1:7].float().mean(dim=(1, 2))
            for band_W, ordinal in zip(band_TW, wanted, strict=True):
                first = int(ordinal % 64) - left
                if 0 <= first <= 44 and ordinal % 64 <= 60:
                    assert int(band_W.unfold(0, 4, 1).sum(dim=1).argmax()) == first
                    compared += 1
    assert compared > 10


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_cache_changes_nothing(catalog: Catalog, index: ClipIndex, tmp_path: Path, rate: int) -> None:
    settings = dataclasses.replace(SETTINGS, sample_rate=rate)
    drawn = GlobalBatch(index, settings, 0, 0, 2)
    plain = read_groups(drawn, [0], catalog)
    cache = ClipCache(tmp_path / "cache", 1 << 30)
    for _ in range(2):
        cached = read_groups(drawn, [0], catalog, cache)
        assert torch.equal(cached.frames_BWTCHW, plain.frames_BWTCHW)
        assert torch.equal(cached.waveform_BKCS, plain.waveform_BKCS)
    assert list((tmp_path / "cache").glob("*.npy"))


def test_cache_is_bounded(catalog: Catalog, index: ClipIndex, tmp_path: Path) -> None:
    limit = 3_000_000
    cache = ClipCache(tmp_path / "cache", limit)
    for step in range(3):
        read_groups(GlobalBatch(index, SETTINGS, 0, 0, step), [0], catalog, cache)
    assert 0 < sum(file.stat().st_size for file in (tmp_path / "cache").iterdir()) <= limit + 10_000


def test_centre_windows(catalog: Catalog, index: ClipIndex) -> None:
    clip = next(clip for clip in index.clips if clip.dubs)
    decoder, window = Decoder(SETTINGS, catalog), centre_window(clip, SETTINGS)
    frames_TCHW = decoder.frames(clip, window)
    assert frames_TCHW.shape == (5, 3, 32, 32) and frames_TCHW.dtype == torch.uint8
    assert window.start_frame == (round(25 * clip.duration_s) - 75) // 2
    assert (window.side, window.top, window.left) == (32 / 36, 0.5, 0.5)
    for member, hertz in ((clip.original, 440.0), (clip.dubs[1], 880.0)):
        sound_CS = decoder.sound(member, window)
        assert sound_CS.shape == (1, 144_000) and pitch(sound_CS) == pytest.approx(hertz, abs=1)
