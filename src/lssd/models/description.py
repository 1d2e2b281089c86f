"""What a model folder holds, in numbers, without its weights."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch

from lssd.errors import CheckpointError, InputError
from lssd.models.checkpoint import read_config
from lssd.models.folders import as_checkpoint
from lssd.models.hub import CONFIG_FILE
from lssd.models.model import Tower, build_model
from lssd.models.registry import Modality
from lssd.models.sizes import encoder_size


@dataclass(frozen=True)
class EncoderDescription:
    """An encoder: its architecture, its parameters, and its multiply-adds for one window of 3 s (or as long
    as it was made for)."""

    name: str
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class ModelDescription:
    """A model folder. step: of the run, where the folder is a checkpoint. sample_rate: in Hz, None without an
    audio encoder. weights_sha256: None where the config does not record it."""

    kind: ClassVar[Literal["model"]] = "model"

    path: str
    step: int | None
    embedding_size: int
    sample_rate: int | None
    encoders: dict[str, EncoderDescription]
    weights_sha256: str | None

    def to_json(self) -> dict[str, Any]:
        """The form that `lssd inspect MODEL --json` prints."""
        return asdict(self)


def describe_model(path: str | Path) -> ModelDescription:
    """Describe a model folder by its config. Raises CheckpointError where that is missing or damaged."""
    folder = Path(path)
    settings = read_config(folder / CONFIG_FILE)
    try:
        with torch.device("meta"):  # shapes alone
            model = build_model(settings.get("audio"), settings.get("video"))
    except InputError as error:
        raise CheckpointError(f"{folder / CONFIG_FILE}: {error}") from error
    towers: dict[Modality, Tower | None] = {"audio": model.audio, "video": model.video}
    checkpoint = as_checkpoint(folder.resolve())
    recorded = settings.get("weights_sha256")
    return ModelDescription(
        path=str(path),
        step=None if checkpoint is None else checkpoint.step,
        embedding_size=model.embedding_size,
        sample_rate=model.sample_rate,
        encoders={key: _describe(tower, key) for key, tower in towers.items() if tower is not None},
        weights_sha256=recorded if isinstance(recorded, str) else None,
    )


def _describe(tower: Tower, modality: Modality) -> EncoderDescription:
    size = encoder_size(tower.name, modality, **tower.config.dials)
    return EncoderDescription(tower.name, size.parameters, size.multiply_adds)
