"""The mean of several models, against NumPy."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from lssd.errors import InputError
from lssd.models import Model, build_model, load_model, save_model, weights_hash
from lssd.models.average import average


@pytest.fixture
def folders(model: Model, tmp_path: Path) -> list[Path]:
    """Three models that differ in every number."""
    folders = [tmp_path / f"m{number}" for number in range(3)]
    generator = torch.Generator().manual_seed(0)
    for number, folder in enumerate(folders):
        other = copy.deepcopy(model)
        with torch.no_grad():
            for tensor in other.state_dict().values():
                if tensor.is_floating_point():
                    tensor += torch.randn(tensor.shape, generator=generator)
                else:
                    tensor.fill_(10 * number)
        save_model(other, folder)
    return folders


def test_it_is_numpys_mean_and_stands(folders: list[Path], tmp_path: Path) -> None:
    made = average(folders, tmp_path / "out")
    states = [load_model(folder).state_dict() for folder in folders]
    found = load_model(tmp_path / "out").state_dict()
    for name, tensor in found.items():
        arrays = [state[name].numpy() for state in states]
        if tensor.is_floating_point():
            expected = np.mean(np.stack(arrays).astype(np.float64), axis=0)
            np.testing.assert_allclose(tensor.numpy(), expected, rtol=1e-6, atol=1e-6, err_msg=name)
        else:
            assert tensor == 20
    assert weights_hash(made) == weights_hash(load_model(tmp_path / "out"))
    before = (tmp_path / "out/config.json").stat().st_mtime_ns
    average(folders, tmp_path / "out")
    assert (tmp_path / "out/config.json").stat().st_mtime_ns == before


def test_what_cannot_be_averaged_is_named(folders: list[Path], settings: dict, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least 2 models, not 1"):
        average(folders[:1], tmp_path / "out")
    save_model(build_model(audio=settings["audio"]), tmp_path / "sound")
    with pytest.raises(InputError, match=r"sound and .*m0 differ in their video settings"):
        average([folders[0], tmp_path / "sound"], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    for taken in (folders[0], tmp_path):
        with pytest.raises(InputError, match="is there already"):
            average(folders, taken)
    assert weights_hash(load_model(folders[0])) != weights_hash(load_model(folders[1]))
