import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from lssd.errors import InputError
from lssd.models import MViT, MViTConfig, architectures, create
from lssd.models.mvit import TokenPool, drop_path, pooled_grid
from lssd.models.positions import RelativePositions, distance_index

TINY = {"input_size": (4, 32, 32), "depth": 2, "width": 8, "stage_starts": (1,), "kv_stride": 2}


def tiny(**dials) -> MViT:
    torch.manual_seed(0)
    return MViT(MViTConfig(**{**TINY, **dials})).eval()


# Parameters in millions with a 400-way classification layer and a class token. S and B: the
# MViTv2 paper on Kinetics-400, 16x4 and 32x3. It has no T for video.
@pytest.mark.parametrize(("name", "frames", "published"), [("mvit_v2_s", 16, 34.5), ("mvit_v2_b", 32, 51.2)])
def test_published_parameter_counts(name, frames, published):
    with torch.device("meta"):
        model = create(name, class_token=True, input_size=(frames, 224, 224))
    count = sum(parameter.numel() for parameter in model.parameters()) + 400 * (model.embedding_size + 1)
    assert count / 1e6 == pytest.approx(published, abs=0.06)


@pytest.mark.parametrize("modality", ["video", "audio"])
@pytest.mark.parametrize("name", [name for name in architectures() if name != "mvit"])
def test_presets_build_for_both_modalities(name, modality):
    with torch.device("meta"):
        model = create(name, modality)
    assert model.embedding_size == 768
    assert model.config.in_channels == (1 if modality == "audio" else 3)


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


@pytest.mark.parametrize("class_token", [False, True])
def test_every_parameter_learns(class_token):
    model = tiny(class_token=class_token, pool_kernel=(3, 3, 3)).train()
    model(torch.randn(2, 3, 4, 32, 32)).square().sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_mean_readout_averages_the_grid_without_the_class_token():
    model = tiny(class_token=True)
    kept = []
    model.norm.register_forward_hook(lambda module, inputs, output: kept.append(output))
    out = model(torch.randn(2, 3, 4, 32, 32))
    torch.testing.assert_close(out, kept[0][:, 1:].mean(dim=1))


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 7), st.integers(5, 60), st.integers(5, 60))
def test_any_size_embeds_to_finite_numbers(frames, rows, columns):
    with torch.no_grad():
        out = tiny()(torch.randn(1, 3, frames, rows, columns))
    assert out.shape == (1, 16)
    assert out.isfinite().all()


def test_items_of_a_batch_do_not_see_each_other():
    model, x = tiny(), torch.randn(3, 3, 4, 32, 32)
    with torch.no_grad():
        alone = torch.cat([model(item[None]) for item in x])
        torch.testing.assert_close(model(x), alone, rtol=1e-4, atol=1e-5)


def test_half_precision_autocast_stays_near_full_precision():
    model, x = tiny(), torch.randn(2, 3, 4, 32, 32)
    with torch.no_grad():
        exact = model(x)
        with torch.autocast("cpu", torch.bfloat16):
            half = model(x)
    assert F.cosine_similarity(exact, half.float()).min() > 0.999


class TestDropPath:
    def test_drops_whole_items_and_keeps_the_mean(self):
        x = torch.ones(4000, 2, 3)
        out = drop_path(x, 0.25, torch.Generator().manual_seed(0))
        item = out[:, 0, 0]
        assert item.unique().tolist() == pytest.approx([0.0, 4 / 3])
        assert (out == item[:, None, None]).all()
        # Four standard errors of a binomial share.
        assert (item == 0).float().mean() == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / 4000) ** 0.5)

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
