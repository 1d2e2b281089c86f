"""One model from several: the mean of their weights."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from lssd.errors import InputError
from lssd.models.checkpoint import load_model, save_model, weights_hash
from lssd.models.model import Model


def average(models: Sequence[str | Path], out: str | Path) -> Model:
    """Write the mean of models of one architecture, such as the last checkpoints of a run, to a model folder.

    Weights and running statistics are averaged in float64; what counts steps is the last model's. Checkpoints
    of one run lie close enough for their mean to be a good network, often a better one (Izmailov et al.,
    "Averaging Weights Leads to Wider Optima and Better Generalization", 2018); networks that were trained
    apart do not. Statistics of batch norms are those of each, averaged: approximate in X3D and the Acoustic
    ResNet, exact for the stems.

    Args:
        models: model folders, runs, checkpoints or hub ids, as `load_model` takes them; at least two.
        out: where to write. A folder that holds this very mean is left as it is.

    Returns the mean, in evaluation mode. Raises InputError for fewer than two models, for models of several
    architectures, which it names, and when `out` is another thing already; CheckpointError as `load_model`.
    """
    if len(models) < 2:
        raise InputError(f"averaging needs at least 2 models, not {len(models)}")
    first = load_model(models[0])
    means = {name: _wide(tensor) for name, tensor in first.state_dict().items()}
    for number, path in enumerate(models[1:], 2):
        model = load_model(path)
        _check_same(first, models[0], model, path)
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                means[name] += (_wide(tensor) - means[name]) / number
            else:
                means[name].copy_(tensor)
    kinds = {name: tensor.dtype for name, tensor in first.state_dict().items()}
    first.load_state_dict({name: tensor.to(kinds[name]) for name, tensor in means.items()})
    if Path(out).exists():
        if not _holds(Path(out), first):
            raise InputError(
                f"{out} is there already, and is not the mean of these models; choose another --out"
            )
    else:
        save_model(first, out)
    return first


def _wide(tensor: Tensor) -> Tensor:
    return tensor.to(torch.float64 if tensor.is_floating_point() else tensor.dtype, copy=True)


def _check_same(first: Model, first_path: str | Path, other: Model, path: str | Path) -> None:
    for key, value in first.config.items():
        if other.config[key] != value:
            raise InputError(
                f"{path} and {first_path} differ in their {key} settings; only models of one architecture "
                "and preprocessing can be averaged"
            )


def _holds(out: Path, model: Model) -> bool:
    """Whether a folder is a model already, and this one."""
    if not (out / "config.json").is_file():
        return False
    there = load_model(out)
    return there.config == model.config and weights_hash(there) == weights_hash(model)
