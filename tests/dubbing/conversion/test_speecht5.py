"""SpeechT5 from local folders: tiny models with random weights go the whole way."""

from pathlib import Path

import numpy as np
import pytest

from lssd.dubbing.conversion import SpeechT5
from lssd.errors import InputError

transformers = pytest.importorskip("transformers")
pytest.importorskip("python_stretch")
import torch  # noqa: E402

RATE = 48_000


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("speecht5")
    torch.manual_seed(0)
    config = transformers.SpeechT5Config(
        vocab_size=10,
        hidden_size=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        conv_dim=(8,) * 7,
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
        speech_decoder_prenet_units=8,
        speech_decoder_postnet_units=8,
        speaker_embedding_dim=12,
    )
    transformers.SpeechT5ForSpeechToSpeech(config).save_pretrained(root / "model")
    transformers.SpeechT5FeatureExtractor().save_pretrained(root / "model")
    vocoder = transformers.SpeechT5HifiGanConfig(
        upsample_initial_channel=16, resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1]]
    )
    transformers.SpeechT5HifiGan(vocoder).save_pretrained(root / "vocoder")
    for name, size in (("embedder", 12), ("other", 20)):
        embedder = transformers.Wav2Vec2Config(
            vocab_size=10,
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            conv_dim=(8,) * 7,
            num_conv_pos_embeddings=8,
            num_conv_pos_embedding_groups=2,
            tdnn_dim=(8,) * 5,
            xvector_output_dim=size,
        )
        transformers.Wav2Vec2ForXVector(embedder).save_pretrained(root / name)
    return {name: str(root / name) for name in ("model", "vocoder", "embedder", "other")}


def load(folders: dict[str, str], **other: str) -> SpeechT5:
    names = ("model", "vocoder", "embedder")
    return SpeechT5(SpeechT5.Settings(**{name: folders[other.get(name, name)] for name in names}))


def noise(seconds: float, seed: int) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE)).astype(np.float32)


def test_length_and_level_stay_and_results_repeat(folders: dict[str, str]) -> None:
    converter = load(folders)
    reference = converter.reference(noise(2.0, 1), RATE)
    assert reference["xvector"].shape == (12,) and abs(np.linalg.norm(reference["xvector"]) - 1) < 1e-5
    line = noise(1.0, 2)
    first = converter.convert(line, RATE, reference)
    assert first.shape == line.shape and first.dtype == np.float32 and np.abs(first).max() <= 0.991
    torch.manual_seed(5)
    assert np.array_equal(first, converter.convert(line, RATE, reference))


def test_wrong_folders_are_one_line(folders: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="option `model`"):
        SpeechT5()
    with pytest.raises(InputError, match=r"20 values.*12"):
        load(folders, embedder="other")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match="cannot be loaded") as caught:
        load({**folders, "vocoder": str(tmp_path)})
    assert "\n" not in str(caught.value)


def test_the_hash_follows_the_weights(folders: dict[str, str]) -> None:
    assert load(folders).weights_hash() == load(folders).weights_hash()
