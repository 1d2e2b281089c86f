from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import REAL

from lssd.errors import InputError
from lssd.media import probe, read_frames, read_sound
from lssd.models import Model, ProjectionHead, build_model, window_starts


def waveform(seconds: float, batch: int = 2, channels: int = 1) -> torch.Tensor:
    samples = round(seconds * 48000)
    return torch.from_numpy(np.random.RandomState(1).randn(batch, channels, samples).astype(np.float32)) * 0.1


def frames(batch: int = 2, count: int = 4) -> torch.Tensor:
    return torch.from_numpy(
        np.random.RandomState(1).randint(0, 256, (batch, count, 3, 32, 32), dtype=np.uint8)
    )


@pytest.mark.parametrize(
    ("seconds", "starts"),
    [
        (0.5, [0]),
        (3, [0]),
        (4.5, [0]),
        (4.6, [0, 1.6]),
        (6, [0, 3]),
        (7.5, [0, 3]),
        (7.51, [0, 3, 4.51]),
        (10, [0, 3, 6]),
        (11, [0, 3, 6, 8]),
    ],
)
def test_windows_by_hand(seconds, starts):
    assert window_starts(round(seconds * 48000), 144000) == [round(start * 48000) for start in starts]


@given(st.integers(1, 5000), st.integers(1, 300))
def test_windows_fit_and_leave_at_most_half_a_window(samples, window):
    starts = window_starts(samples, window)
    assert starts == sorted(set(starts))
    if samples >= window:
        assert starts[-1] + window <= samples
        assert samples - (starts[-1] + window) <= window / 2


class TestEmbedAudio:
    def test_long_sound_is_the_mean_of_its_windows(self, model):
        x = waveform(11)
        parts = [model.embed_audio(x[..., s : s + 144000]) for s in (0, 144000, 288000, 384000)]
        torch.testing.assert_close(model.embed_audio(x), torch.stack(parts).mean(dim=0), rtol=1e-4, atol=1e-5)
        windows = model.embed_audio_windows(x, batch=3)
        torch.testing.assert_close(windows, torch.stack(parts, dim=1), rtol=1e-4, atol=1e-5)

    def test_short_sound_is_padded_with_zeros(self, model):
        x = waveform(1.2)
        padded = torch.nn.functional.pad(x, (0, 144000 - x.shape[-1]))
        assert torch.equal(model.embed_audio(x), model.embed_audio(padded))
        assert model.embed_audio(x[..., :1]).isfinite().all()

    def test_silence_and_full_scale_are_finite(self, model):
        for value in (0.0, 1.0, -1.0):
            assert model.embed_audio(torch.full((1, 1, 144000), value)).isfinite().all()

    def test_training_mode_changes_nothing_and_is_kept(self, model):
        x = waveform(3)
        expected = model.embed_audio(x)
        model.train()
        assert torch.equal(model.embed_audio(x), expected)
        assert model.training
        assert model.audio.training
        assert not model.embed_audio(x).requires_grad

    def test_different_sounds_differ(self, model):
        a, b = model.embed_audio(waveform(3))
        assert not torch.allclose(a, b)

    @pytest.mark.parametrize(
        ("bad", "message"),
        [
            (torch.zeros(2, 144000), r"\(2, 144000\)"),
            (torch.zeros(1, 1, 0), r"\(1, 1, 0\)"),
            (torch.zeros(0, 1, 10), r"\(0, 1, 10\)"),
            (torch.zeros(1, 1, 10, dtype=torch.int16), "int16"),
            (np.zeros((1, 1, 10)), "float64"),
            ([0.0], "list"),
            (torch.tensor([[[0.0]], [[float("nan")]]]), "item 1"),
            (torch.tensor([[[float("inf")]]]), "item 0"),
        ],
    )
    def test_wrong_input_is_named(self, model, bad, message):
        with pytest.raises(InputError, match=message):
            model.embed_audio(bad)


class TestEmbedVideo:
    def test_batches_do_not_matter(self, model):
        x = frames(3)
        torch.testing.assert_close(model.embed_video(x, batch=1), model.embed_video(x), rtol=1e-4, atol=1e-5)

    def test_other_sizes_embed(self, model):
        x = torch.zeros(1, 6, 3, 48, 40, dtype=torch.uint8)
        assert model.embed_video(x).shape == (1, model.embedding_size)

    @pytest.mark.parametrize(
        ("bad", "message"),
        [
            (frames().float(), "float32"),
            (frames()[0], r"\(4, 3, 32, 32\)"),
            (frames().movedim(2, -1), r"\(2, 4, 32, 32, 3\)"),
            (frames()[:0], r"\(0, 4, 3, 32, 32\)"),
            (frames()[:, :1], "smaller than one patch"),
        ],
    )
    def test_wrong_input_is_named(self, model, bad, message):
        with pytest.raises(InputError, match=message):
            model.embed_video(bad)


class TestPrecision:
    def test_bf16_is_near_float32_and_comes_back_as_float32(self, model):
        for embed, x in ((model.embed_audio, waveform(3)), (model.embed_video, frames())):
            exact, rounded = embed(x), embed(x, precision="bf16")
            assert rounded.dtype == torch.float32
            assert not torch.equal(rounded, exact)
            assert (rounded - exact).norm() < 0.03 * exact.norm()  # bfloat16 keeps 8 bits
            assert torch.equal(embed(x), exact)

    def test_weights_in_bfloat16_keep_the_way_in_exact(self, model):
        x = waveform(3)
        exact, entering = model.embed_audio(x), model.audio.front(x)
        model.to(torch.bfloat16)
        assert model.audio.encoder.norm.weight.dtype == torch.bfloat16
        assert torch.equal(model.audio.front(x), entering)
        assert (model.embed_audio(x) - exact).norm() < 0.05 * exact.norm()
        assert model.embed_video(frames()).dtype == torch.float32

    def test_an_unknown_precision_is_named(self, model):
        with pytest.raises(InputError, match="'fp4'"):
            model.embed_audio(waveform(3), precision="fp4")


def test_surround_for_a_stereo_model_is_refused(settings):
    settings["audio"]["preprocessing"] = {"channels": 2}
    with pytest.raises(InputError, match=r"1 or 2 channels for this model, not 6"):
        build_model(audio=settings["audio"]).embed_audio(torch.zeros(1, 6, 100))


def test_towers_name_wrong_input_in_training_too(model):
    with pytest.raises(InputError, match=r"\(batch, channels, samples\), not torch.float32 \(2, 10\)"):
        model.audio(torch.zeros(2, 10))
    with pytest.raises(InputError, match=r"uint8 .* not torch.float32 \(1, 4, 3, 8, 8\)"):
        model.video(torch.zeros(1, 4, 3, 8, 8))


def test_other_architectures_are_towers_too():
    audio = {"name": "acoustic_resnet50", "preprocessing": {"channels": 2}}
    video = {"name": "x3d_m", "preprocessing": {"frames": 4, "size": 64}}
    model = build_model(audio, video).eval()
    assert model.embed_audio(waveform(1, channels=2)).shape == (2, model.embedding_size)
    z_v = model.embed_video(torch.zeros(1, 4, 3, 64, 64, dtype=torch.uint8))
    assert z_v.shape == (1, model.embedding_size)


SHOTS, EPISODE = REAL / "paper_clips", REAL / "angel_one" / "angel_one_5lang_480p.mkv"


def real_window(path: Path, track: int, start_s: float, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    sound = read_sound(path, track, start_s, 3.0, 48000, 1)
    times_s = [start_s + (n + 0.5) / 25 for n in (0, 16, 32, 48)]
    pictures = read_frames(path, times_s, short_side=size)[:, :size, :size]
    return torch.from_numpy(sound.copy())[None], torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy())[None]


@pytest.mark.skipif(not SHOTS.exists(), reason="the shots of real films are not here")
def test_real_shots_embed(model):
    names = ["80114859_228_en", "80114859_228_ja", "80145138_114_en"]
    windows = [real_window(SHOTS / f"{name}.mp4", 0, 0.0, 32) for name in names]
    z_a = model.embed_audio(torch.cat([sound for sound, _ in windows]))
    z_v = model.embed_video(torch.cat([pictures for _, pictures in windows]))
    for z in (z_a, z_v):
        assert z.shape == (3, model.embedding_size)
        assert z.isfinite().all()
    # Files of one shot hold the same picture; their sound differs by its language.
    assert torch.equal(z_v[0], z_v[1])
    assert not torch.allclose(z_v[0], z_v[2])
    assert not torch.allclose(z_a[0], z_a[1])


@pytest.mark.skipif(not EPISODE.exists(), reason="the television clip is not here")
def test_a_real_episode_embeds_in_all_its_languages(model):
    windows = [real_window(EPISODE, track.index, 20.0, 32) for track in probe(EPISODE).tracks]
    z_a = model.embed_audio(torch.cat([sound for sound, _ in windows]))
    assert z_a.isfinite().all()
    assert len(torch.unique(z_a, dim=0)) == 5
    assert model.embed_video(windows[0][1]).isfinite().all()


class TestBuild:
    def test_one_tower_is_a_model_too(self, settings):
        sound = build_model(audio=settings["audio"])
        assert sound.video is None
        assert sound.sample_rate == 48000
        with pytest.raises(InputError, match="no video encoder"):
            sound.embed_video(frames())
        picture = build_model(video=settings["video"])
        assert picture.sample_rate is None
        with pytest.raises(InputError, match="no audio encoder"):
            picture.embed_audio(waveform(3))

    def test_no_tower_and_unequal_towers_are_refused(self, settings):
        with pytest.raises(InputError, match="none is given"):
            Model()
        settings["audio"]["dials"]["width"] = 16
        with pytest.raises(InputError, match="32 and 16"):
            build_model(**settings)

    def test_preprocessing_sets_the_encoder_s_sizes(self, settings):
        settings["audio"]["preprocessing"] = {"channels": 2, "mels": 64, "hop": 480}
        model = build_model(**settings)
        assert model.audio.encoder.config.in_channels == 2
        assert model.audio.encoder.config.input_size == (1, 64, 301)
        assert model.video.encoder.config.input_size == (4, 32, 32)
        assert model.embed_audio(waveform(3)).shape == (2, 16)

    @pytest.mark.parametrize(
        ("modality", "key", "value", "message"),
        [
            ("audio", "dials", {"in_channels": 2}, "in_channels"),
            ("video", "dials", {"in_channels": 1}, "in_channels"),
            ("audio", "preprocessing", {"n_mels": 64}, "n_mels"),
            ("audio", "name", "resnet", "resnet"),
        ],
    )
    def test_contradictions_are_named(self, settings, modality, key, value, message):
        settings[modality][key] = value
        with pytest.raises(InputError, match=message):
            build_model(**settings)

    def test_seeds(self, settings):
        first, again, other = (build_model(**settings, seed=seed).state_dict() for seed in (0, 0, 1))
        name = "audio.encoder.patches.conv.weight"
        assert torch.equal(first[name], again[name])
        assert not torch.equal(first[name], other[name])


def test_projection_head_gives_unit_vectors():
    head = ProjectionHead(16)
    x = torch.randn(5, 16) * 100
    z = head(x)
    assert z.shape == (5, 512)
    hidden = torch.relu(x @ head.layers[0].weight.t() + head.layers[0].bias)
    raw = (hidden @ head.layers[2].weight.t() + head.layers[2].bias).detach().numpy()
    np.testing.assert_allclose(
        z.detach().numpy(), raw / np.linalg.norm(raw, axis=1, keepdims=True), rtol=1e-4, atol=1e-6
    )
    with torch.autocast("cpu", torch.bfloat16):
        assert head(x).dtype == torch.float32
    assert sum(p.numel() for p in ProjectionHead(16, 8, 4).parameters()) == 16 * 4 + 4 + 4 * 8 + 8
