"""Converted weights against their owners' networks, whose outputs are recorded in `converters.json`.

The recording holds the peers' versions, the names and shapes of their state dicts, and what full-depth
networks answer to small pictures and to one spectrogram. Weights and inputs come from NumPy's frozen
stream. To record again, in an environment with torchvision, fvcore, pytest and a checkout of the authors'
code: `PYTHONPATH=src python tests/models/test_converters.py CHECKOUT`. Everything runs in float64.
"""

import json
import pickle
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor

from lssd.config import to_mapping
from lssd.errors import CheckpointError, InputError
from lssd.models import build_model, load_model
from lssd.models.converters import authors, convert, torchvision

RECORDED = Path(__file__).with_name("converters.json")
CASES = ("torchvision mvit_v1_b", "torchvision mvit_v2_s", "authors S")
SIZES = {"video": (3, 4, 64, 64), "audio": (1, 1, 96, 288)}


def drawn(shapes: Mapping[str, list[int]]) -> dict[str, Tensor]:
    """A state dict of these shapes: one frozen stream, laid into each tensor from another start."""
    stream = np.random.RandomState(20240618).randn(10007).astype(np.float32)
    state = {}
    for index, (name, shape) in enumerate(sorted(shapes.items())):
        values = np.resize(np.roll(stream, 37 * index), shape)
        if name.endswith("num_batches_tracked"):
            values = np.array(7)
        elif name.endswith("running_var"):
            values = np.abs(values) + 0.5
        else:
            norm = ("norm" in name and name.endswith("weight")) and "patch_embed" not in name
            values = (0.05 if len(shape) > 1 else 0.1) * values + (1.0 if norm else 0.0)
        state[name] = torch.from_numpy(np.ascontiguousarray(values))
    return state


def item(modality: str) -> Tensor:
    """An input of the peers' networks as they take it after their own scaling."""
    shape = SIZES[modality]
    return torch.from_numpy(np.random.RandomState(5).randn(1, *shape))


@pytest.fixture(scope="module")
def recorded() -> dict:
    return json.loads(RECORDED.read_text())


@pytest.fixture(scope="module")
def states(recorded) -> dict[str, dict[str, Tensor]]:
    return {case: drawn(recorded["shapes"][case]) for case in CASES}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_outputs_equal_the_owners(case, recorded, states):
    towers = (authors if case == "authors S" else torchvision).convert(states[case])
    assert set(towers) == set(recorded["answers"][case])
    for modality, expected in recorded["answers"][case].items():
        config = to_mapping(towers[modality].config)
        tower = getattr(build_model(**{modality: config}), modality)
        tower.load_state_dict(towers[modality].tensors)
        x = item(modality)
        if case == "authors S":  # their normalisation lies inside the network
            statistics = (tower.front.stem.running_mean, tower.front.stem.running_var)
            x = F.batch_norm(x, *(value.double() for value in statistics))
        with torch.no_grad():
            out = tower.encoder.double().eval()(x)[0]
        np.testing.assert_allclose(out.numpy(), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ["safetensors", "pth"])
def test_a_file_becomes_a_folder_that_loads_alike(kind, states, tmp_path):
    path = tmp_path / f"last.{kind}"
    state = {name: tensor for name, tensor in states["authors S"].items() if ".audio." in name}
    if kind == "pth":
        torch.save(wrapped(state), path)
    else:
        safetensors.torch.save_file(state, path)
    model = convert(path, "authors", tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert not loaded.training
    assert (loaded.config, loaded.video) == (model.config, None)
    waveform = torch.from_numpy(np.random.RandomState(1).randn(1, 1, 144000).astype(np.float32)) * 0.1
    assert torch.equal(loaded.embed_audio(waveform), model.embed_audio(waveform))


def wrapped(state: Mapping[str, Tensor]) -> dict:
    """As training scripts save: nested, under DistributedDataParallel's prefix, with other values."""
    return {"epoch": 3, "model": {f"module.{name}": tensor for name, tensor in state.items()}}


class TestAuthors:
    def test_wrappers_and_heads_do_not_matter(self, states):
        state = states["authors S"]
        wraps = {f"module.backbone.{name}": tensor for name, tensor in state.items() if "video" in name} | {
            "module.heads.video.0.weight": torch.zeros(3, 3)
        }
        towers = authors.convert(wraps)
        assert set(towers) == {"video"}
        name = "encoder.blocks.3.attention.qkv.weight"
        assert torch.equal(towers["video"].tensors[name], state["net.video.blocks.3.attn.qkv.weight"])

    def test_preprocessing_is_theirs(self, states):
        towers = authors.convert(states["authors S"])
        sound = towers["audio"].config.preprocessing
        assert (sound["sample_rate"], sound["n_fft"], sound["hop"], sound["mels"]) == (48000, 1024, 501, 96)
        assert sound["channels"] == 1
        assert towers["video"].config.preprocessing == {"frames": 4, "size": 64, "window_s": 3.0}
        stem = towers["audio"].tensors["front.stem.running_var"]
        assert torch.equal(stem, states["authors S"]["net.audio.patch_embed.norm.running_var"])
        assert towers["video"].config.dials["readout"] == "class"
        assert towers["audio"].config.dials["readout"] == "mean"
        assert authors.convert(states["authors S"], "mean_then_norm")["video"].config.dials["class_token"]

    def test_overlapping_patches_are_told_by_their_kernel(self, states):
        state = dict(states["authors S"])
        state = {name: tensor for name, tensor in state.items() if ".video." in name}
        state["net.video.patch_embed.proj.weight"] = torch.zeros(96, 3, 3, 7, 7)
        config = authors.convert(state)["video"].config
        assert config.dials["patch_stride"] == (2, 4, 4)
        assert config.preprocessing["size"] == 32

    def test_another_length_of_table_is_refused(self, states):
        state = dict(states["authors S"])
        name = "net.audio.blocks.0.attn.rel_pos_h"
        state[name] = state[name][:47]
        with pytest.raises(CheckpointError, match=r"blocks\.0\.attn\.rel_pos_h.*\(47, 96\).*\(59, 96\)"):
            authors.convert(state)
        state[name] = states["authors S"][name]
        name = "net.audio.blocks.9.attn.rel_pos_w"
        state[name] = state[name][:-1]
        with pytest.raises(CheckpointError, match=r"blocks\.9\.attn\.rel_pos_w.*\(13, 96\).*\(14, 96\)"):
            authors.convert(state)


class TestTorchvision:
    def test_the_classifier_is_dropped_and_normalisation_is_theirs(self, states):
        state = states["torchvision mvit_v2_s"]
        assert "head.1.weight" in state
        tower = torchvision.convert(state)["video"]
        assert not [name for name in tower.tensors if "head" in name]
        assert tower.config.preprocessing["mean"] == [0.45] * 3
        assert tower.config.preprocessing["deviation"] == [0.225] * 3
        assert tower.config.name == "mvit_v2_s"

    def test_the_mean_can_be_read_out_instead(self, states):
        tower = torchvision.convert(states["torchvision mvit_v1_b"], "mean")["video"]
        assert tower.config.dials == {"class_token": True, "readout": "mean"}


class TestFaults:
    @pytest.mark.parametrize(
        ("case", "change", "message"),
        [
            ("torchvision mvit_v2_s", {"norm.weight": None}, r"lacks 'norm\.weight' \(768,\)"),
            ("torchvision mvit_v2_s", {"norm.weight": (96,)}, r"'norm\.weight' has shape \(96,\).*\(768,\)"),
            ("torchvision mvit_v2_s", {"extra": (3,)}, r"holds 'extra' \(3,\)"),
            (
                "torchvision mvit_v2_s",
                {"conv_proj.weight": (64, 3, 1, 7, 7)},
                r"\(64, 3, 1, 7, 7\), expected",
            ),
            ("torchvision mvit_v2_s", {"blocks.16.norm1.weight": (8,)}, "expected 16 blocks.*found 17"),
            ("torchvision mvit_v1_b", {"pos_encoding.spatial_pos": (15, 96)}, "15 rows.*square"),
            ("authors S", {"net.audio.blocks.16.norm1.weight": (8,)}, "16 or 24 blocks.*found 17"),
            ("authors S", {"net.video.cls_token": None}, r"lacks 'video\.cls_token'"),
            (
                "authors S",
                {"net.audio.patch_embed.norm.running_mean": None},
                "expected 'audio.patch_embed.norm",
            ),
            ("authors S", {"net.audio.patch_embed.norm.weight": (1,)}, "without affine"),
            ("authors S", {"net.audio.cls_token": (1, 1, 96)}, r"holds 'audio\.cls_token'"),
        ],
    )
    def test_another_architecture_is_named(self, case, change, message, states):
        state = dict(states[case])
        for name, shape in change.items():
            state.pop(name, None)
            if shape is not None:
                state[name] = torch.zeros(shape)
        with pytest.raises(CheckpointError, match=message) as caught:
            (authors if case.startswith("authors") else torchvision).convert(state)
        assert "\n" not in str(caught.value)

    def test_the_other_source_is_refused(self, states):
        with pytest.raises(CheckpointError, match=r"expected 'conv_proj\.weight'.*found '"):
            torchvision.convert(states["authors S"])
        with pytest.raises(CheckpointError, match=r"expected 'net\.video\.patch_embed.*found '"):
            authors.convert(states["torchvision mvit_v2_s"])

    def test_files_that_hold_no_weights(self, tmp_path):
        with pytest.raises(CheckpointError, match="no checkpoint at"):
            convert(tmp_path / "nowhere.pth", "authors")
        torch.save({"epoch": 1}, tmp_path / "empty.pth")
        with pytest.raises(CheckpointError, match="no tensors by name"):
            convert(tmp_path / "empty.pth", "authors")
        with pytest.raises(InputError, match=r"unknown source 'zoo'; known: authors, .*torchvision"):
            convert(tmp_path / "empty.pth", "zoo")

    @pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
    @pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors", "old.pth"])
    def test_truncated_files(self, name, share, tmp_path):
        state, path = {"conv_proj.weight": torch.randn(96, 3, 3, 7, 7)}, tmp_path / name
        if name.endswith("pth"):
            torch.save(state, path, _use_new_zipfile_serialization=not name.startswith("old"))
        else:
            safetensors.torch.save_file(state, path)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(CheckpointError, match="truncated") as caught:
            convert(path, "torchvision")
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("saved", ["torch", "pickle"])
    def test_code_in_a_file_is_never_run(self, saved, tmp_path):
        path = tmp_path / "trap.pth"
        if saved == "torch":
            torch.save({"model": {}, "trap": Trap()}, path)
        else:
            path.write_bytes(pickle.dumps({"trap": Trap()}, protocol=2))
        with pytest.raises(CheckpointError, match=r"pickled objects|truncated or no torch"):
            convert(path, "authors")


class Trap:
    def __reduce__(self):
        return pytest.fail, ("unpickled",)


def record(code: Path) -> None:
    """Write `converters.json` with what torchvision and the authors' code answer."""
    import torchvision as peer
    from torchvision.models.video import mvit

    sys.path.insert(0, str(code / "src"))
    from models.build import build_backbone
    from utils import config

    cfg = config._C.clone()
    cfg.VIDEO.N_FRAMES, cfg.VIDEO.CROP_SIZE = SIZES["video"][1], list(SIZES["video"][2:])
    small = {"spatial_size": SIZES["video"][2:], "temporal_size": SIZES["video"][1]}
    build = mvit._mvit  # the public builders fix the input's size; everything else stays theirs
    mvit._mvit = lambda *arguments, **dials: build(*arguments, **{**dials, **small})
    networks = {
        CASES[0]: mvit.mvit_v1_b(),
        CASES[1]: mvit.mvit_v2_s(),
        CASES[2]: build_backbone(cfg),
    }
    shapes, answers = {}, {}
    for case, network in networks.items():
        shapes[case] = {name: list(tensor.shape) for name, tensor in network.state_dict().items()}
        network.load_state_dict(drawn(shapes[case]))
        network.double().eval()
        if case == CASES[2]:
            with torch.no_grad():
                out = network({"video": item("video"), "audio": item("audio")[:, :, 0]})
            answers[case] = {modality: out[modality][0].tolist() for modality in ("audio", "video")}
        else:
            network.head = torch.nn.Identity()
            with torch.no_grad():
                answers[case] = {"video": network(item("video"))[0].tolist()}
    for by_modality in answers.values():
        for modality, values in by_modality.items():
            by_modality[modality] = [round(value, 8) for value in values]
    recorded = {"torchvision": peer.__version__, "shapes": shapes, "answers": answers}
    RECORDED.write_text(json.dumps(recorded, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    record(Path(sys.argv[1]))
