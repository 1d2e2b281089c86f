"""X3D and Acoustic ResNet against PyTorchVideo 0.1.5, whose answers are in `pytorchvideo_encoders.json`.

PyTorchVideo is no dependency of this project. To record again, in an environment that has it:
`PYTHONPATH=src python tests/models/test_pytorchvideo.py`; the argument "full" compares at full size
instead. Weights and inputs come from a frozen NumPy stream, drawn in the order of PyTorchVideo's names,
so that only outputs need keeping, and X3D-M's names and shapes for the converter. All is float64.
"""

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lssd.errors import CheckpointError, InputError
from lssd.models import create
from lssd.models.acoustic_resnet import AcousticResNet, AcousticResNetConfig
from lssd.models.converters import convert
from lssd.models.converters import x3d as converter
from lssd.models.converters.carrying import Names
from lssd.models.x3d import X3D, X3DConfig

RECORDED = Path(__file__).with_name("pytorchvideo_encoders.json")

X3D_M = {"head_width": 2048}
X3D_SMALL = {
    "stem_width": 8,
    "widths": (8, 16, 32, 64),
    "depths": (1, 2, 3, 2),
    "expansion": 3.0,
    "squeeze": 0.25,
    "head_width": 24,
}
AVSLOWFAST: dict[str, Any] = {}
ACOUSTIC_SMALL = {"width": 4, "in_channels": 1}
ACOUSTIC_OWN = {**ACOUSTIC_SMALL, "stem_stride": (3, 1), "entry_kernel": 3}

# name: (our class, dials, input, training mode)
CASES: dict[str, tuple[type[nn.Module], dict[str, Any], tuple[int, ...], bool]] = {
    "x3d small": (X3D, X3D_SMALL, (2, 3, 6, 64, 64), False),
    "x3d small, odd sizes": (X3D, X3D_SMALL, (1, 3, 5, 75, 75), False),
    "x3d small, training": (X3D, X3D_SMALL, (3, 3, 4, 64, 64), True),
    "x3d_m": (X3D, X3D_M, (1, 3, 4, 64, 64), False),
    "avslowfast small": (AcousticResNet, ACOUSTIC_SMALL, (2, 1, 1, 33, 50), False),
    "avslowfast small, training": (AcousticResNet, ACOUSTIC_SMALL, (3, 1, 1, 24, 40), True),
    "create_acoustic_resnet small": (AcousticResNet, ACOUSTIC_OWN, (2, 1, 1, 40, 41), False),
    "acoustic_resnet50": (AcousticResNet, AVSLOWFAST, (1, 2, 1, 24, 32), False),
}

# Our names of the Acoustic ResNet's tensors as theirs; axes are turned apart from it.
ACOUSTIC_RULES = (
    (r"\.reduce\.", ".branch2.conv_a."),
    (r"\.norm1\.", ".branch2.norm_a."),
    (r"\.middle\.along_mels\.", ".branch2.conv_b.0."),
    (r"\.middle\.mels_norm\.", ".branch2.norm_b.0."),
    (r"\.middle\.along_frames\.", ".branch2.conv_b.1."),
    (r"\.middle\.frames_norm\.", ".branch2.norm_b.1."),
    (r"\.middle\.conv\.", ".branch2.conv_b."),
    (r"\.middle\.norm\.", ".branch2.norm_b."),
    (r"\.restore\.", ".branch2.conv_c."),
    (r"\.norm3\.", ".branch2.norm_c."),
    (r"\.skip\.", ".branch1_conv."),
    (r"\.skip_norm\.", ".branch1_norm."),
    (r"^stages\.", "blocks."),
    (r"^stem\.along_frames\.", "blocks.0.conv.convs.0."),
    (r"^stem\.along_mels\.", "blocks.0.conv.convs.1."),
    (r"^stem\.norm\.", "blocks.0.norm."),
)


def draw(shapes: Mapping[str, Sequence[int]], seed: int = 20241121) -> dict[str, torch.Tensor]:
    """Tensors of these names and shapes from NumPy's frozen legacy stream, in the order of the names."""
    stream = np.random.RandomState(seed)
    state = {}
    for name, shape in sorted(shapes.items()):
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(0)
            continue
        values = stream.randn(*shape)
        if name.endswith("running_var"):
            values = np.exp(0.3 * values)
        elif len(shape) > 1:
            values *= math.sqrt(2.0 / math.prod(shape[1:]))
        else:
            values = 0.2 * values + (1.0 if name.endswith("weight") else 0.0)
        state[name] = torch.from_numpy(values)
    return state


def their_names(model: nn.Module) -> dict[str, str]:
    """PyTorchVideo's name of each tensor of ours."""
    names = converter.names(model.config.depths)
    if isinstance(model, AcousticResNet):
        stages = tuple(rule for rule in names.rules if rule[1].startswith("stages."))
        names = Names("theirs", "", stages + ACOUSTIC_RULES)
    return {ours: names.theirs(ours) for ours in model.state_dict()}


def make(case: str) -> nn.Module:
    network, dials, _, _ = CASES[case]
    return network((X3DConfig if network is X3D else AcousticResNetConfig)(**dials))


def prepare(case: str, size: Sequence[int], seed: int = 20241121) -> tuple[nn.Module, torch.Tensor]:
    """The network of a case with drawn weights, and an input."""
    model = make(case).double()
    names = their_names(model)
    drawn = draw({names[ours]: tensor.shape for ours, tensor in model.state_dict().items()}, seed)
    model.load_state_dict({ours: drawn[names[ours]] for ours in names})
    return model.train(CASES[case][3]), torch.from_numpy(np.random.RandomState(1).randn(*size))


def answer(output: torch.Tensor, model: nn.Module) -> dict[str, list]:
    """What is kept of a forward: up to 64 values an item, evenly spread, and a late running mean."""
    values = output.detach().flatten(1)
    kept = values[:, :: max(1, values.shape[1] // 64)]
    means = [b for name, b in model.named_buffers() if name.endswith("norm_c.running_mean")]
    means += [b for name, b in model.named_buffers() if name.endswith("norm3.running_mean")]
    return {"output": kept.tolist(), "running_mean": means[-1][:32].tolist()}


@pytest.mark.parametrize("case", CASES)
def test_equals_pytorchvideo(case):
    recorded = json.loads(RECORDED.read_text())[case]
    model, x = prepare(case, CASES[case][2])
    found = answer(model(x), model)
    for key in ("output", "running_mean"):
        np.testing.assert_allclose(found[key], recorded[key], rtol=1e-9, atol=1e-10)
    assert np.std(recorded["output"]) > 0.01


@pytest.mark.parametrize("case", ["x3d_m", "acoustic_resnet50"])
def test_parameter_counts_equal_pytorchvideo(case):
    ours = sum(parameter.numel() for parameter in make(case).parameters())
    assert ours == json.loads(RECORDED.read_text())[case]["parameters"]


class TestConverter:
    """PyTorchVideo's X3D-M as a model of ours."""

    @pytest.fixture
    def state(self) -> dict[str, torch.Tensor]:
        shapes = json.loads(RECORDED.read_text())["x3d_m"]["shapes"]
        state = {name: tensor.float() for name, tensor in draw(shapes).items()}
        return {name: tensor if "tracked" not in name else tensor.long() for name, tensor in state.items()}

    def test_a_checkpoint_becomes_a_model(self, state, tmp_path):
        path = tmp_path / "X3D_M.pyth"
        torch.save({"model_state": state, "epoch": 3}, path)
        model = convert(path, "pytorchvideo")
        assert model.embedding_size == 2048
        assert model.audio is None
        recorded = json.loads(RECORDED.read_text())["x3d_m"]
        x = torch.from_numpy(np.random.RandomState(1).randn(1, 3, 4, 64, 64)).float()
        found = answer(model.video.encoder(x), model)
        np.testing.assert_allclose(found["output"], recorded["output"], rtol=1e-4, atol=1e-4)
        front = model.video.front.config
        assert (front.frames, front.size) == (16, 224)

    def test_the_pooled_features_are_a_readout(self, state):
        tower = converter.convert(state, "conv5")["video"]
        encoder = create("x3d_m", **tower.config.dials)
        encoder.load_state_dict({name.removeprefix("encoder."): t for name, t in tower.tensors.items()})
        assert encoder.embedding_size == 432
        with pytest.raises(InputError, match="unknown readout 'class'"):
            converter.convert(state, "class")

    def test_other_checkpoints_are_named(self, state):
        key = "blocks.3.res_blocks.10.branch2.conv_b.weight"
        for change, parts in [
            ({key: None}, [f"lacks '{key}'", "(216, 1, 3, 3, 3)"]),
            ({key: torch.zeros(216, 1, 5, 3, 3)}, [key, "(216, 1, 5, 3, 3)", "(216, 1, 3, 3, 3)"]),
            ({"blocks.3.res_blocks.11.branch2.conv_b.weight": torch.zeros(2)}, ["res_blocks.11", "unknown"]),
            ({"blocks.0.conv.conv_t.weight": torch.zeros(32, 3, 1, 3, 3)}, ["(32, 3, 1", "(24, 3, 1"]),
        ]:
            changed = {name: t for name, t in {**state, **change}.items() if t is not None}
            with pytest.raises(CheckpointError) as caught:
                converter.convert(changed)
            assert "\n" not in str(caught.value)
            for part in parts:
                assert part in str(caught.value)


def make_peer(case: str, size: tuple[int, ...]) -> nn.Module:
    """PyTorchVideo's network of a case, up to what ours gives."""
    network, dials, _, _ = CASES[case]
    if network is X3D:
        from pytorchvideo.models.x3d import create_x3d

        small = {
            "stem_dim_in": 4,
            "width_factor": 2.0,
            "depth_factor": 0.6,
            "bottleneck_factor": 3.0,
            "se_ratio": 0.25,
            "head_dim_out": 24,
        }
        extra = small if dials is X3D_SMALL else {}
        peer = create_x3d(
            input_clip_length=size[2],
            input_crop_size=size[3],
            head_activation=None,
            dropout_rate=0.0,
            **extra,
        )
        peer.blocks[-1].proj = nn.Identity()
        return peer
    from pytorchvideo.models.resnet import create_acoustic_resnet

    config = AcousticResNetConfig(**dials)
    peer = create_acoustic_resnet(
        input_channel=config.in_channels,
        stem_dim_out=config.width,
        stem_conv_stride=(config.stem_stride[1], 1, config.stem_stride[0]),
        stage_conv_a_kernel_size=(config.entry_kernel, 1, 1),
    )
    peer.blocks[-1] = nn.AdaptiveAvgPool3d(1)
    return peer


def ask(peer: nn.Module, x: torch.Tensor, sound: bool) -> torch.Tensor:
    """Their answer to our input: a spectrogram is (B, C, time, 1, frequency) there."""
    with torch.no_grad():
        return peer(x.permute(0, 1, 4, 2, 3) if sound else x).flatten(1)


def hand_over(model: nn.Module, peer: nn.Module) -> None:
    """Give the peer our weights: sizes of 1 put back, (frequency, time) turned to (time, 1, frequency)."""
    names, blanks, state = their_names(model), peer.state_dict(), {}
    for ours, tensor in model.state_dict().items():
        if isinstance(model, AcousticResNet) and tensor.ndim == 4:
            tensor = tensor.transpose(2, 3)
        state[names[ours]] = tensor.reshape(blanks[names[ours]].shape)
    peer.load_state_dict(state)


def record() -> None:
    """Write `pytorchvideo_encoders.json` with what PyTorchVideo answers to every case."""
    answers: dict[str, Any] = {}
    for case, (network, _, size, training) in CASES.items():
        peer = make_peer(case, size).double().train(training)
        model, x = prepare(case, size)
        hand_over(model, peer)
        answers[case] = answer(ask(peer, x, network is AcousticResNet), peer)
        answers[case]["parameters"] = sum(parameter.numel() for parameter in peer.parameters())
        if case == "x3d_m":
            answers[case]["shapes"] = {name: list(t.shape) for name, t in peer.state_dict().items()}
    RECORDED.write_text(json.dumps(answers, separators=(",", ":")) + "\n")


def compare_full_size() -> None:
    """Print the largest difference over the largest value at full size, in float64 and float32."""
    for case, size in (("x3d_m", (2, 3, 16, 224, 224)), ("acoustic_resnet50", (2, 2, 1, 96, 288))):
        peer = make_peer(case, size).double().eval()
        model, x = prepare(case, size, seed=7)
        hand_over(model, peer)
        for dtype in (torch.float64, torch.float32):
            expected = ask(peer.to(dtype), x.to(dtype), CASES[case][0] is AcousticResNet)
            with torch.no_grad():
                found = model.to(dtype)(x.to(dtype))
            error = ((found - expected).abs().max() / expected.abs().max()).item()
            print(f"{case} {size} {dtype}: {error:.1e}")


if __name__ == "__main__":
    shim = torch.library.Library("torchvision", "DEF")
    shim.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    shim.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    if sys.argv[1:] == ["full"]:
        compare_full_size()
    else:
        record()
