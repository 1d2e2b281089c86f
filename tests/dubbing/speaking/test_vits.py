"""VITS from a local folder: a tiny model with random weights goes the whole way."""

import json
from pathlib import Path

import numpy as np
import pytest

from lssd.dubbing.declaration import BackendError
from lssd.dubbing.lines import VoiceChoice
from lssd.dubbing.speaking import BACKENDS, Vits
from lssd.errors import InputError

transformers = pytest.importorskip("transformers")
import torch  # noqa: E402

LETTERS = "_ abcdefghijklmnopqrstuvwxyz'"


def save_tiny(folder: Path, speakers: int = 1) -> Path:
    config = transformers.VitsConfig(
        vocab_size=len(LETTERS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        window_size=2,
        ffn_dim=16,
        flow_size=16,
        spectrogram_bins=9,
        upsample_initial_channel=16,
        upsample_rates=(8, 8),
        upsample_kernel_sizes=(16, 16),
        resblock_kernel_sizes=(3,),
        resblock_dilation_sizes=((1,),),
        prior_encoder_num_flows=1,
        prior_encoder_num_wavenet_layers=1,
        posterior_encoder_num_wavenet_layers=1,
        duration_predictor_num_flows=1,
        duration_predictor_filter_channels=8,
        depth_separable_num_layers=1,
        wavenet_dilation_rate=1,
        num_speakers=speakers,
        speaker_embedding_size=8 if speakers > 1 else 0,
        sampling_rate=16_000,
    )
    torch.manual_seed(0)
    model = transformers.VitsModel(config)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    vocabulary = folder / "vocab.json"
    vocabulary.write_text(json.dumps({letter: number for number, letter in enumerate(LETTERS)}))
    tokenizer = transformers.VitsTokenizer(str(vocabulary), pad_token="_", unk_token="_", phonemize=False)
    tokenizer.save_pretrained(folder)
    return folder


def speak(vits: Vits, text: str, seconds: float = 0.0, key: str = "S1", language: str = "es") -> np.ndarray:
    samples, rate = vits.speak(text, language, VoiceChoice(None, key), seconds)
    assert rate == 16_000 and samples.dtype == np.float32 and samples.ndim == 1
    return samples


def test_a_model_speaks_and_repeats_itself(tmp_path: Path) -> None:
    vits = Vits(Vits.Settings(folder=str(save_tiny(tmp_path / "model"))))
    torch.manual_seed(1)
    first, state = speak(vits, "hola a todos"), torch.get_rng_state()
    speak(vits, "otra cosa")
    assert torch.equal(torch.get_rng_state(), state)  # nobody else's draws have moved
    torch.manual_seed(2)
    assert np.array_equal(first, speak(vits, "hola a todos"))
    assert not np.array_equal(first, speak(vits, "hola a todos", key="S2"))


def test_the_pace_follows_the_time(tmp_path: Path) -> None:
    vits = Vits(Vits.Settings(folder=str(save_tiny(tmp_path / "model")), slowest=0.5, fastest=2.0))
    text = "una frase bastante larga para medir el tiempo"
    natural = speak(vits, text)
    slower = speak(vits, text, seconds=1.6 * len(natural) / 16_000)
    assert 1.3 < len(slower) / len(natural) < 1.9


def test_one_model_a_language(tmp_path: Path) -> None:
    save_tiny(tmp_path / "es")
    vits = Vits(Vits.Settings(folder=str(tmp_path)))
    assert speak(vits, "hola").size
    with pytest.raises(BackendError, match="'fr'"):
        speak(vits, "salut", language="fr")


def test_speakers_of_one_model_differ(tmp_path: Path) -> None:
    vits = Vits(Vits.Settings(folder=str(save_tiny(tmp_path / "model", speakers=4))))
    assert len({speak(vits, "hola", key=f"S{n}").tobytes() for n in range(6)}) >= 4


def test_bad_folders_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="folder"):
        Vits()
    folder = save_tiny(tmp_path / "model")
    first = Vits(Vits.Settings(folder=str(folder))).weights_hash()
    (folder / "model.safetensors").write_bytes(b"broken")
    vits = Vits(Vits.Settings(folder=str(folder)))
    assert vits.weights_hash() != first
    with pytest.raises(InputError, match="cannot be loaded") as caught:
        speak(vits, "hola")
    assert "\n" not in str(caught.value)


def test_the_declaration_is_honest() -> None:
    assert Vits in BACKENDS and Vits.declaration.weights_license == "CC-BY-NC-4.0"
