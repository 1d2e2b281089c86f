import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from lssd.errors import InputError
from lssd.models import MViT, MViTConfig, architectures, create
from lssd.models.mvit.blocks import draw_depth
from lssd.models.mvit.config import pooled_grid
from lssd.models.mvit.pooling import FASTEST, TokenPool, convolve_3d, convolve_frames
from lssd.models.mvit.positions import AbsolutePositions, RelativePositions, distance_index, resize_table
from lssd.models.sizes import encoder_size

TINY = {"input_size": (4, 32, 32), "depth": 2, "width": 8, "stage_starts": (1,), "kv_stride": 2}


def tiny(**dials) -> MViT:
    torch.manual_seed(0)
    return MViT(MViTConfig(**{**TINY, **dials})).eval()


FIRST_FAMILY = {
    "positions": "absolute",
    "residual_pooling": False,
    "widen_in": "mlp",
    "pool_queries": "strided",
}

# With a 400-way classification layer and a class token, on 224 x 224: millions of parameters and 10^9
# multiply-adds as published for Kinetics-400 (16x4; v2-B 32x3). The paper of v1-S leaves its strides of
# keys and values open, and its settings were never released: its multiply-adds are not held to 32.9.
PUBLISHED = [
    ("mvit_v1_s", 16, 26.1, None),
    ("mvit_v1_b", 16, 36.6, 70.5),
    ("mvit_v2_s", 16, 34.5, 64.0),
    ("mvit_v2_b", 32, 51.2, 225.0),
]


@pytest.mark.parametrize(("name", "frames", "millions", "billions"), PUBLISHED)
def test_published_sizes(name, frames, millions, billions):
    size = encoder_size(name, classes=400, class_token=True, input_size=(frames, 224, 224))
    assert size.parameters / 1e6 == pytest.approx(millions, rel=0.01)
    if billions is not None:
        assert size.multiply_adds / 1e9 == pytest.approx(billions, rel=0.03)


# torchvision's own counts for its models' weights, to the last parameter and three digits.
@pytest.mark.parametrize(
    ("name", "parameters", "billions"), [("mvit_v1_b", 36610672, 70.599), ("mvit_v2_s", 34537744, 64.224)]
)
def test_sizes_equal_torchvision(name, parameters, billions):
    size = encoder_size(name, classes=400, class_token=True)
    assert size.parameters == parameters
    assert size.multiply_adds / 1e9 == pytest.approx(billions, abs=6e-4)


@pytest.mark.parametrize("modality", ["video", "audio"])
@pytest.mark.parametrize("name", [name for name in architectures() if name.startswith("mvit_")])
def test_presets_build_for_both_modalities(name, modality):
    with torch.device("meta"):
        model = create(name, modality)
        assert model(torch.zeros(2, model.config.in_channels, *model.config.input_size)).shape == (
            2,
            model.embedding_size,
        )
    assert model.embedding_size == (512 if name == "mvit_v1_s" else 768)
    assert model.config.in_channels == (1 if modality == "audio" else 3)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("family", [{}, FIRST_FAMILY])
def test_spectrograms_of_one_and_two_channels(family, channels):
    shape = {"patch_kernel": (1, 4, 8), "patch_stride": (1, 4, 8), "patch_padding": (0, 0, 0)}
    model = create(
        "mvit", "audio", **{**TINY, **family, **shape, "input_size": (1, 24, 32)}, in_channels=channels
    )
    x = torch.randn(2, channels, 1, 24, 32)
    with torch.no_grad():
        a, b = model.eval()(x), model(x.flip(0))
    assert a.shape == (2, 16)
    torch.testing.assert_close(a, b.flip(0), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(a[0], a[1], atol=1e-3)


def both_paths(**dials) -> tuple[MViT, MViT]:
    """The same weights with fast and with plain attention; nothing left at zero or one."""
    fast, plain = tiny(**dials, attention="fast"), tiny(**dials, attention="plain")
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in fast.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.2)
    plain.load_state_dict(fast.state_dict())
    return fast, plain


PATHS = [
    {},
    {"class_token": True},
    {"pool_kernel": (1, 3, 3), "heads": 2},
    {"patch_kernel": (2, 8, 8), "patch_stride": (2, 8, 8), "patch_padding": (0, 0, 0)},
    {**FIRST_FAMILY, "class_token": True, "readout": "class"},
    {**FIRST_FAMILY, "kv_adaptive": False, "readout": "mean_then_norm"},
]


@pytest.mark.parametrize("size", [(4, 32, 32), (6, 40, 28)])
@pytest.mark.parametrize("dials", PATHS)
def test_fast_equals_plain_with_gradients(dials, size):
    fast, plain = both_paths(**dials)
    x = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(3))
    direction = torch.randn(2, 16, generator=torch.Generator().manual_seed(4))
    gradients = []
    for model in (fast, plain):
        own = x.clone().requires_grad_()
        (model(own) * direction).sum().backward()
        gradients.append([own.grad, *(parameter.grad for parameter in model.parameters())])
    with torch.no_grad():
        torch.testing.assert_close(fast(x), plain(x), rtol=1e-5, atol=1e-5)
    names = ["input", *(name for name, _ in fast.named_parameters())]
    for name, a, b in zip(names, *gradients, strict=True):
        scale = max(float(b.abs().max()), 1.0)
        assert float((a - b).abs().max()) <= 1e-5 * scale, name


@pytest.mark.parametrize("dials", PATHS[1::3])
def test_half_precision_of_both_paths_stays_near_full_precision(dials):
    fast, plain = both_paths(**dials)
    x = torch.randn(2, 3, 4, 32, 32, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        exact = plain(x)
        for model in (fast, plain):
            with torch.autocast("cpu", torch.bfloat16):
                half = model(x).float()
            # bfloat16 keeps 8 bits; the bound is 3 % of the output's length.
            assert ((half - exact).norm(dim=1) / exact.norm(dim=1)).max() < 0.03
            assert F.cosine_similarity(exact, half).min() > 0.999


@pytest.mark.parametrize("dials", PATHS[:2])
def test_plain_attention_is_softmax_of_scaled_products_plus_bias(dials):
    """One layer against a loop over queries and keys, in float64."""
    model = both_paths(**dials)[1].double()
    attention, grid = model.blocks[1].attention, (2, 4, 4)
    top = 1 if dials else 0
    x = torch.randn(1, top + 32, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    q, k, v = attention.qkv(x).chunk(3, dim=-1)
    q, k, v = (
        pool(part, grid, bool(top))[0]
        for pool, part in ((attention.pool_q, q), (attention.pool_k, k), (attention.pool_v, v))
    )
    q_grid, k_grid = pooled_grid(grid, attention.q_stride), pooled_grid(grid, attention.kv_stride)
    tables = [attention.positions.time, attention.positions.rows, attention.positions.columns]
    out = torch.zeros_like(q)
    for head in range(attention.heads):
        for i in range(q.shape[1]):
            scores = (q[head, i] * k[head]).sum(dim=1) / q.shape[-1] ** 0.5
            for j in range(top, k.shape[1] if i >= top else 0):
                a, b = np.unravel_index(i - top, q_grid), np.unravel_index(j - top, k_grid)
                for axis in range(3):
                    rows = distance_index(q_grid[axis], k_grid[axis])
                    table = resize_table(tables[axis], 2 * max(q_grid[axis], k_grid[axis]) - 1)
                    scores[j] += q[head, i] @ table[rows[a[axis], b[axis]]]
            out[head, i] = scores.softmax(dim=0) @ v[head] + (q[head, i] if i >= top else 0)
    expected = attention.project(out.transpose(0, 1).flatten(1))
    torch.testing.assert_close(attention(x, grid)[0], expected)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("shape", [(1, 5, 6), (2, 7, 4), (5, 6, 6)])
@pytest.mark.parametrize("kernel", [(1, 3, 3), (3, 3, 3), (5, 3, 1)])
def test_all_variants_of_pooling_agree(kernel, shape, stride):
    torch.manual_seed(1)
    x = torch.randn(2, *shape, 6, dtype=torch.float64)
    weight = torch.randn(6, 1, *kernel, dtype=torch.float64)
    expected = convolve_3d(x, weight, stride)
    variants = {*FASTEST.values()} | ({convolve_frames} if 1 in (kernel[0], shape[0]) else set())
    for variant in variants:
        torch.testing.assert_close(variant(x, weight, stride), expected)


@pytest.mark.parametrize("grid", [(2, 4, 4), (3, 4, 4), (2, 6, 3), (1, 2, 5)])
def test_absolute_positions_stretch_as_their_sum_would(grid):
    positions = AbsolutePositions(6, (2, 4, 4), class_token=True).double()
    whole = (positions.time[:, None] + positions.space[None]).view(1, 2, 4, 4, 6).permute(0, 4, 1, 2, 3)
    stretched = F.interpolate(whole, size=grid, mode="trilinear").flatten(2)[0].t()
    expected = torch.cat([positions.class_token, stretched])
    torch.testing.assert_close(positions(grid), expected)


def test_the_width_grows_before_or_in_a_stage_s_first_block():
    first, second = (
        [(p.width, p.attention_width, p.width_out) for p in MViTConfig(**TINY, **d).blocks()]
        for d in (FIRST_FAMILY, {})
    )
    assert first == [(8, 8, 16), (16, 16, 16)]
    assert second == [(8, 8, 8), (8, 16, 16)]


def test_keys_keep_their_grid_where_strides_adapt():
    for adaptive, expected in ((True, [8, 4, 4, 2, 1]), (False, [8] * 5)):
        config = MViTConfig(depth=5, stage_starts=(1, 3, 4), kv_adaptive=adaptive)
        assert [plan.kv_stride for plan in config.blocks()] == expected


@pytest.mark.parametrize("kernel", [(1, 3, 3), (3, 3, 3)])
@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("stride", [1, 2, 4])
def test_pooling_is_a_depthwise_convolution_a_head(kernel, frames, stride):
    torch.manual_seed(1)
    pool = TokenPool(4, kernel, stride).double()
    grid, heads = (frames, 7, 6), 3
    x = torch.randn(2, 1 + frames * 42, 12, dtype=torch.float64)
    pooled = pool(x, grid, class_token=True)
    for head in range(heads):
        own = x[:, :, 4 * head : 4 * head + 4]
        expected = pool.conv(own[:, 1:].reshape(2, *grid, 4).permute(0, 4, 1, 2, 3))
        assert tuple(expected.shape[2:]) == pooled_grid(grid, stride)
        expected = torch.cat([own[:, :1], expected.flatten(2).transpose(1, 2)], dim=1)
        torch.testing.assert_close(pooled[:, head], F.layer_norm(expected, (4,), eps=1e-6))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40))
def test_distances_stay_inside_their_table_and_follow_the_formula(queries, keys):
    index = distance_index(queries, keys).numpy()
    assert index.min() >= 0
    assert index.max() <= 2 * max(queries, keys) - 2
    for q in range(queries):
        for k in range(keys):
            # MViTv2's released definition, read literally.
            distance = q * max(keys / queries, 1) - k * max(queries / keys, 1)
            shifted = distance + (keys - 1) * max(queries / keys, 1)
            assert abs(index[q, k] - shifted) < 1 + 1e-9


def test_position_channels_give_the_bias_of_a_literal_loop():
    torch.manual_seed(0)
    q_grid, k_grid = (2, 4, 3), (2, 2, 3)
    positions = RelativePositions(5, q_grid, k_grid).double()
    q = torch.randn(1, 2, 24, 5, dtype=torch.float64)
    extra_q, extra_k = positions(q, q_grid, k_grid, class_token=False)
    assert (5 + extra_q.shape[-1]) % 8 == 0
    bias = extra_q @ extra_k.double().t()
    tables = [positions.time, positions.rows, positions.columns]
    for i, q_place in enumerate(np.ndindex(*q_grid)):
        for j, k_place in enumerate(np.ndindex(*k_grid)):
            vector = sum(
                table[distance_index(nq, nk)[a, b]]
                for table, nq, nk, a, b in zip(tables, q_grid, k_grid, q_place, k_place, strict=True)
            )
            torch.testing.assert_close(bias[0, :, i, j], q[0, :, i] @ vector)


def test_plain_patches_equal_the_convolution():
    patches = {"patch_kernel": (2, 8, 8), "patch_stride": (2, 8, 8), "patch_padding": (0, 0, 0)}
    model = tiny(**patches)
    x = torch.randn(2, 3, 5, 36, 33)  # the rests at the far edges belong to no patch
    tokens = model.patches(x, model.config.patch_grid((5, 36, 33)))
    expected = model.patches.conv(x).flatten(2).transpose(1, 2)
    torch.testing.assert_close(tokens, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", [{}, FIRST_FAMILY])
@pytest.mark.parametrize("class_token", [False, True])
def test_every_parameter_learns(class_token, family):
    model = tiny(class_token=class_token, **family).train()
    model(torch.randn(2, 3, 4, 32, 32)).square().sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_mean_readout_averages_the_grid_without_the_class_token():
    model = tiny(class_token=True)
    kept = []
    model.norm.register_forward_hook(lambda module, inputs, output: kept.append(output))
    out = model(torch.randn(2, 3, 4, 32, 32))
    torch.testing.assert_close(out, kept[0][:, 1:].mean(dim=1))


def test_the_mean_can_come_before_the_last_norm():
    model = tiny(class_token=True, readout="mean_then_norm")
    kept = []
    model.blocks[-1].register_forward_hook(lambda module, inputs, output: kept.append(output[0]))
    out = model(torch.randn(2, 3, 4, 32, 32))
    torch.testing.assert_close(out, F.layer_norm(kept[0][:, 1:].mean(dim=1), (16,), eps=1e-6))


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([{}, FIRST_FAMILY]), st.integers(1, 7), st.integers(5, 60), st.integers(5, 60))
def test_any_size_embeds_to_finite_numbers(family, frames, rows, columns):
    with torch.no_grad():
        out = tiny(**family)(torch.randn(1, 3, frames, rows, columns))
    assert out.shape == (1, 16)
    assert out.isfinite().all()


def test_items_of_a_batch_do_not_see_each_other():
    model, x = tiny(), torch.randn(3, 3, 4, 32, 32)
    with torch.no_grad():
        alone = torch.cat([model(item[None]) for item in x])
        torch.testing.assert_close(model(x), alone, rtol=1e-4, atol=1e-5)


class TestStochasticDepth:
    def test_drops_items_with_the_block_s_probability_and_keeps_the_mean(self):
        plans = tiny(drop_path=0.5).config.blocks()
        factors = draw_depth(plans, torch.ones(4000, 2, 3), torch.Generator().manual_seed(0))
        assert factors[0] is None and plans[0].drop_path == 0
        for plan, factor in zip(plans[1:], factors[1:], strict=True):
            p = plan.drop_path
            assert factor.shape == (2, 4000)
            assert factor.unique().tolist() == pytest.approx([0.0, 1 / (1 - p)])
            # Four standard errors of a binomial share, in attention and in the MLP.
            shares = (factor == 0).float().mean(1)
            assert shares.tolist() == pytest.approx([p, p], abs=4 * (p * (1 - p) / 4000) ** 0.5)
            assert not torch.equal(factor[0], factor[1])

    def test_an_item_left_out_passes_by_the_block(self):
        block, x = tiny(drop_path=0.5).blocks[0], torch.randn(2, 2 * 8 * 8, 8)
        assert block.plan.q_stride == 1 and block.widen is None, "the skip path is the identity"
        out, _ = block(x, block.plan.grid, torch.tensor([[0.0, 1.0], [0.0, 1.0]]))
        whole, _ = block(x, block.plan.grid)
        assert torch.equal(out[0], x[0]) and torch.equal(out[1], whole[1])

    def test_draws_from_the_generator_alone_and_only_in_training(self):
        model, x = tiny(drop_path=0.9), torch.randn(8, 3, 4, 32, 32)

        def run(seed: int) -> torch.Tensor:
            return model(x, torch.Generator().manual_seed(seed))

        with torch.no_grad():
            assert torch.equal(run(1), run(2))
            model.train()
            state = torch.random.get_rng_state()
            assert torch.equal(run(1), run(1))
            assert not torch.equal(run(1), run(2))
            assert torch.equal(state, torch.random.get_rng_state())


class TestCreate:
    def test_the_seed_alone_draws_the_weights(self):
        dials = {**TINY, "input_size": [4, 32, 32], "stage_starts": [1]}
        torch.manual_seed(5)
        state = torch.random.get_rng_state()
        first = create("mvit", **dials, seed=1).state_dict()
        assert torch.equal(state, torch.random.get_rng_state())
        torch.manual_seed(6)
        again, other = (create("mvit", **dials, seed=seed).state_dict() for seed in (1, 2))
        assert all(torch.equal(first[name], again[name]) for name in first)
        assert not torch.equal(first["patches.conv.weight"], other["patches.conv.weight"])

    @pytest.mark.parametrize(
        ("name", "options", "message"),
        [
            ("mvit_v9", {}, "mvit_v9.*mvit_v2_s"),
            ("mvit", {"modality": "smell"}, "smell"),
            ("mvit", {"widht": 32}, "widht.*width"),
            ("mvit", {"width": 96, "heads": 5}, "96.*5"),
            ("mvit", {"depth": 3, "stage_starts": [1, 3]}, "stage_starts"),
            ("mvit", {"pool_kernel": [2, 3, 3]}, "pool_kernel"),
            ("mvit", {"readout": "class"}, "class_token"),
            ("mvit", {"positions": "polar"}, "positions.*relative, absolute"),
            ("mvit", {"attention": "slow"}, "attention.*fast, plain"),
            ("mvit", {"kv_stride": 0}, "kv_stride"),
            ("mvit", {"depth": 0, "stage_starts": []}, "depth"),
            ("mvit", {"drop_path": 1.0}, "drop_path"),
            ("mvit", {"input_size": [1, 2, 2], "patch_padding": [0, 0, 0]}, "patch"),
        ],
    )
    def test_a_wrong_request_is_named(self, name, options, message):
        with pytest.raises(InputError, match=message):
            create(name, **options)


@pytest.mark.parametrize("shape", [(3, 4, 32, 32), (1, 1, 4, 32, 32), (1, 3, 4, 32, 0)])
def test_a_wrong_shape_is_named(shape):
    with pytest.raises(InputError, match=r"not \(|smaller than one patch"):
        tiny(patch_padding=(0, 0, 0))(torch.zeros(shape))


def test_too_few_frames_and_integers_are_named():
    model = tiny(patch_kernel=(2, 8, 8), patch_stride=(2, 8, 8), patch_padding=(0, 0, 0))
    with pytest.raises(InputError, match=r"1 x 32 x 32 .*smaller than one patch of 2 x 8 x 8"):
        model(torch.zeros(1, 3, 1, 32, 32))
    with pytest.raises(InputError, match=r"floating-point.*uint8"):
        model(torch.zeros(1, 3, 4, 32, 32, dtype=torch.uint8))
