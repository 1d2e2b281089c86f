"""Models described without their weights."""

from pathlib import Path

import pytest

from lssd.errors import CheckpointError
from lssd.models import Model, describe_model, save_model


def test_a_model_is_described_by_its_config(model: Model, tmp_path: Path) -> None:
    save_model(model, tmp_path / "m")
    (tmp_path / "m/model.safetensors").unlink()
    found = describe_model(tmp_path / "m")
    assert (found.path, found.kind, found.step) == (str(tmp_path / "m"), "model", None)
    assert (found.embedding_size, found.sample_rate) == (model.embedding_size, 48_000)
    for modality, tower in (("audio", model.audio), ("video", model.video)):
        assert tower is not None
        encoder = found.encoders[modality]
        assert encoder.name == tower.name
        assert encoder.parameters == sum(parameter.numel() for parameter in tower.encoder.parameters())
        assert encoder.multiply_adds > encoder.parameters


def test_a_damaged_config_is_named(model: Model, tmp_path: Path) -> None:
    save_model(model, tmp_path / "m")
    config = tmp_path / "m/config.json"
    config.write_text(config.read_text().replace('"mels"', '"melz"'))
    with pytest.raises(CheckpointError, match=r"config\.json.*melz"):
        describe_model(tmp_path / "m")
    with pytest.raises(CheckpointError, match="is missing"):
        describe_model(tmp_path)
