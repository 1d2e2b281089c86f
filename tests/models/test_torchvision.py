"""The encoder against torchvision's MViT and MViTv2, whose outputs are recorded in `torchvision_mvit.json`.

torchvision is no dependency of this project. To record again, in an environment that has it and pytest:
`PYTHONPATH=src python tests/models/test_torchvision.py`. Weights and inputs come from a frozen NumPy
stream, so that only outputs need keeping. Everything is float64.
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
FIRST_FAMILY = {
    "positions": "absolute",
    "residual_pooling": False,
    "widen_in": "mlp",
    "pool_queries": "strided",
}
PLAIN = {"patch_kernel": (2, 4, 4), "patch_stride": (2, 4, 4), "patch_padding": (0, 0, 0)}

# name: (dials, input size); sizes other than SMALL's stretch the relative positions.
CASES = {
    "overlapping patches": ({}, (8, 32, 32)),
    "plain patches": (PLAIN, (8, 32, 32)),
    "pooling within frames": ({"pool_kernel": (1, 3, 3)}, (8, 32, 32)),
    "larger input": ({}, (12, 48, 40)),
    "smaller, odd input": ({}, (4, 26, 31)),
    "first family": (FIRST_FAMILY, (8, 32, 32)),
    "first family, plain patches": ({**FIRST_FAMILY, **PLAIN}, (8, 32, 32)),
}


def prepare(dials: dict, size: tuple[int, int, int], attention: str = "fast") -> tuple[MViT, torch.Tensor]:
    """The network of a case with weights and an input drawn from NumPy's frozen legacy stream."""
    stream = np.random.RandomState(20240617)
    model = MViT(MViTConfig(**{**SMALL, **dials, "attention": attention})).double().eval()
    with torch.no_grad():
        for _, parameter in sorted(model.named_parameters()):
            parameter.copy_(torch.from_numpy(0.3 * stream.randn(*parameter.shape)))
    return model, torch.from_numpy(stream.randn(2, 3, *size))


@pytest.mark.parametrize("attention", ["fast", "plain"])
@pytest.mark.parametrize("case", CASES)
def test_equals_torchvision(case, attention):
    model, x = prepare(*CASES[case], attention)
    expected = np.array(json.loads(RECORDED.read_text())["answers"][case])
    with torch.no_grad():
        np.testing.assert_allclose(model(x).numpy(), expected, rtol=1e-9, atol=1e-9)


def torchvision_state(model: MViT) -> dict[str, torch.Tensor]:
    """Our weights under torchvision's names, without its classification layer."""
    pairs = [
        ("patches.conv.", "conv_proj."),
        ("positions.space", "pos_encoding.spatial_pos"),
        ("positions.class_token", "pos_encoding.class_pos"),
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
        name = {"class_token": "pos_encoding.class_token", "positions.time": "pos_encoding.temporal_pos"}.get(
            ours, ours
        )
        for old, new in pairs if name == ours else ():
            name = name.replace(old, new)
        state[name] = tensor.flatten() if "class" in ours else tensor
    return state


def record() -> None:
    """Write `torchvision_mvit.json` with what torchvision answers to every case."""
    import torchvision
    from torchvision.models.video.mvit import MSBlockConfig
    from torchvision.models.video.mvit import MViT as TorchvisionMViT

    answers = {}
    for case, (dials, size) in CASES.items():
        model, x = prepare(dials, size)
        c, first = model.config, model.config.positions == "absolute"
        blocks = []
        for plan in c.blocks():
            kernel, q, kv = list(c.pool_kernel), plan.q_stride, plan.kv_stride
            pooled = not first or q > 1
            blocks.append(
                MSBlockConfig(
                    plan.heads,
                    plan.width,
                    plan.width_out,
                    kernel if pooled else [],
                    kernel,
                    [1, q, q] if pooled else [],
                    [1, kv, kv],
                )
            )
        peer = TorchvisionMViT(
            spatial_size=c.input_size[1:],
            temporal_size=c.input_size[0],
            block_setting=blocks,
            residual_pool=not first,
            residual_with_cls_embed=False,
            rel_pos_embed=not first,
            proj_after_attn=not first,
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
    RECORDED.write_text(
        json.dumps({"torchvision": torchvision.__version__, "answers": answers}, indent=1) + "\n"
    )


if __name__ == "__main__":
    record()
