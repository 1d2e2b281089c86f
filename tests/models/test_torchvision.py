"""The encoder against torchvision's MViTv2, whose outputs are recorded in `torchvision_mvit.json`.

torchvision is no dependency of this project. To record again, in an environment that has it:
`python tests/models/test_torchvision.py`. Weights and inputs come from a frozen NumPy stream, so that
only outputs need keeping. Everything is float64.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from lssd.models import MViT, MViTConfig

RECORDED = Path(__file__).with_name("torchvision_mvit.json")

SMALL = {
    "input_size": (8, 32, 32),
    "depth": 4,
    "width": 8,
    "stage_starts": (1, 3),
    "kv_stride": 4,
    "drop_path": 0.0,
    "class_token": True,
    "readout": "class",
}
PLAIN = {"patch_kernel": (2, 4, 4), "patch_stride": (2, 4, 4), "patch_padding": (0, 0, 0)}

# name: (dials, input size); sizes other than SMALL's stretch the relative positions.
CASES = {
    "overlapping patches": ({}, (8, 32, 32)),
    "plain patches": (PLAIN, (8, 32, 32)),
    "pooling within frames": ({"pool_kernel": (1, 3, 3)}, (8, 32, 32)),
    "larger input": ({}, (12, 48, 40)),
    "smaller, odd input": ({}, (4, 26, 31)),
}


def prepare(dials: dict, size: tuple[int, int, int]) -> tuple[MViT, torch.Tensor]:
    """The network of a case with weights and an input drawn from NumPy's frozen legacy stream."""
    stream = np.random.RandomState(20240617)
    model = MViT(MViTConfig(**{**SMALL, **dials})).double().eval()
    with torch.no_grad():
        for _, parameter in sorted(model.named_parameters()):
            parameter.copy_(torch.from_numpy(0.3 * stream.randn(*parameter.shape)))
    return model, torch.from_numpy(stream.randn(2, 3, *size))


@pytest.mark.parametrize("case", CASES)
def test_equals_torchvision(case):
    model, x = prepare(*CASES[case])
    expected = np.array(json.loads(RECORDED.read_text())[case])
    with torch.no_grad():
        np.testing.assert_allclose(model(x).numpy(), expected, rtol=1e-9, atol=1e-9)


def torchvision_state(model: MViT) -> dict[str, torch.Tensor]:
    """Our weights under torchvision's names, without its classification layer."""
    pairs = [
        ("patches.conv.", "conv_proj."),
        ("class_token", "pos_encoding.class_token"),
        ("attention.positions.rows", "attn.rel_pos_h"),
        ("attention.positions.columns", "attn.rel_pos_w"),
        ("attention.positions.time", "attn.rel_pos_t"),
        ("attention.project.", "attn.project.0."),
        ("attention.", "attn."),
        ("widen.", "project."),
        ("mlp.2.", "mlp.3."),
    ]
    for letter in "qkv":
        pairs.append((f"pool_{letter}.conv.", f"pool_{letter}.pool."))
        pairs.append((f"pool_{letter}.norm.", f"pool_{letter}.norm_act.0."))
    state = {}
    for ours, tensor in model.state_dict().items():
        name = ours
        for old, new in pairs:
            name = name.replace(old, new)
        state[name] = tensor.flatten() if ours == "class_token" else tensor
    return state


def record() -> None:
    """Write `torchvision_mvit.json` with what torchvision answers to every case."""
    from torchvision.models.video.mvit import MSBlockConfig
    from torchvision.models.video.mvit import MViT as TorchvisionMViT

    answers = {}
    for case, (dials, size) in CASES.items():
        model, x = prepare(dials, size)
        c = model.config
        blocks, width, heads = [], c.width, c.heads
        for index in range(c.depth):
            starts = index in c.stage_starts
            stage = sum(index >= start for start in c.stage_starts)
            width_out, heads = (2 * width, 2 * heads) if starts else (width, heads)
            q, kv = (2 if starts else 1), max(c.kv_stride // 2**stage, 1)
            kernel = list(c.pool_kernel)
            blocks.append(MSBlockConfig(heads, width, width_out, kernel, kernel, [1, q, q], [1, kv, kv]))
            width = width_out
        peer = TorchvisionMViT(
            spatial_size=c.input_size[1:],
            temporal_size=c.input_size[0],
            block_setting=blocks,
            residual_pool=True,
            residual_with_cls_embed=False,
            rel_pos_embed=True,
            proj_after_attn=True,
            stochastic_depth_prob=0.0,
            patch_embed_kernel=c.patch_kernel,
            patch_embed_stride=c.patch_stride,
            patch_embed_padding=c.patch_padding,
        )
        peer.head = torch.nn.Identity()
        peer.double().eval().load_state_dict(torchvision_state(model))
        grid = c.patch_grid(size)
        peer.pos_encoding.temporal_size, peer.pos_encoding.spatial_size = grid[0], grid[1:]
        with torch.no_grad():
            answers[case] = peer(x).tolist()
    RECORDED.write_text(json.dumps(answers) + "\n")


if __name__ == "__main__":
    record()
