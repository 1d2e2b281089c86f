"""Weights from elsewhere as our models. Nothing is unpickled but tensors.

files         tensors of safetensors files and of `torch.save` files
carrying      their tensors into one of our encoders, every name and shape checked
torchvision   MViT v1-B and v2-S for pictures
x3d           PyTorchVideo's X3D-M for pictures
authors       the audio and video MViTv2 of the authors' released checkpoints
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, get_args

from torch import Tensor

from lssd.config import to_mapping
from lssd.errors import InputError
from lssd.models.checkpoint import save_model
from lssd.models.converters import authors, torchvision, x3d
from lssd.models.converters.carrying import Carried
from lssd.models.converters.files import read_tensors
from lssd.models.model import Model, build_model

Source = Literal["authors", "pytorchvideo", "torchvision"]
_CONVERTERS: dict[str, Callable[[Mapping[str, Tensor], str | None], dict[str, Carried]]] = {
    "authors": authors.convert,
    "pytorchvideo": x3d.convert,
    "torchvision": torchvision.convert,
}

__all__ = ["Carried", "Source", "convert"]


def convert(
    path: str | Path, source: Source, out: str | Path | None = None, readout: str | None = None
) -> Model:
    """Read a checkpoint from elsewhere as a `Model`, and write it as a model folder where asked.

    Args:
        path: a safetensors file, or a `torch.save` file that holds tensors and plain values.
        source: "authors" for the checkpoints released with the paper (B.3, B.5, C.2), "torchvision" for
            the state dicts of its `mvit_v1_b` and `mvit_v2_s`, "pytorchvideo" for its `x3d_m`.
        out: the folder to write (`save_model`); without it nothing is written.
        readout: the dial of that name, for all towers; by default as the source's own code reads out.

    Returns the model in evaluation mode. Raises CheckpointError when the file is missing, truncated, or
    of another architecture: the message names the tensor, what was expected and what was found.
    """
    if source not in get_args(Source):
        raise InputError(f"unknown source '{source}'; known: {', '.join(get_args(Source))}")
    carried = _CONVERTERS[source](read_tensors(path), readout)
    settings = {modality: to_mapping(tower.config) for modality, tower in carried.items()}
    model = build_model(settings.get("audio"), settings.get("video"))
    for modality, tower in carried.items():
        model.get_submodule(modality).load_state_dict(tower.tensors)
    if out is not None:
        save_model(model, out)
    return model.eval()
