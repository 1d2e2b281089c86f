import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from lssd.config import build
from lssd.errors import InputError
from lssd.models import create
from lssd.models.batch_norm import BatchNorm, span_processes
from lssd.models.x3d import X3D, Block, Pointwise, Stem, X3DConfig

SMALL = {"stem_width": 8, "widths": (8, 16), "depths": (1, 2), "strides": (2, 2), "head_width": 12}


def small(norm=nn.BatchNorm3d, **dials) -> X3D:
    torch.manual_seed(0)
    return X3D(X3DConfig(**{**SMALL, **dials}), norm)


def wake(model: nn.Module) -> nn.Module:
    """Give the closing norms a gain, which they start without, so that the blocks do something."""
    for block in model.blocks:
        nn.init.ones_(block.norm3.weight)
    return model


class TestPublished:
    """X3D-M: 3.8 M parameters; 4.73 GFLOPs at 224 (SlowFast's model zoo), 6.2 a view at 256 (the paper)."""

    @pytest.mark.parametrize(("size", "published"), [(224, 4.73e9), (256, 6.2e9)])
    def test_multiply_adds(self, size, published):
        with torch.device("meta"):
            model = X3D(X3DConfig(head_width=2048)).eval()
            x = torch.empty(1, 3, 16, size, size)
        with FlopCounterMode(display=False) as counter:
            model(x)
        classifier = 2048 * 400
        assert counter.get_total_flops() / 2 + classifier == pytest.approx(published, rel=0.01)

    def test_parameters_with_a_400_way_classifier(self):
        with torch.device("meta"):
            model = X3D(X3DConfig(head_width=2048))
        assert sum(p.numel() for p in model.parameters()) + 2048 * 400 + 400 == 3_794_274

    def test_squeezed_widths(self):
        config = X3DConfig()
        inner = [config.inner_width(width) for width in config.widths]
        assert inner == [54, 108, 216, 432]
        assert [config.squeeze_width(width) for width in inner] == [8, 8, 16, 32]
        assert X3DConfig(squeeze=0.0).squeeze_width(54) == 0
        model = small()
        assert [block.excitation is not None for block in model.blocks] == [True, True, False]


@given(st.integers(1, 4000))
def test_squeezed_width_is_a_near_multiple_of_8(inner):
    squeezed = X3DConfig().squeeze_width(inner)
    assert squeezed % 8 == 0
    assert squeezed >= max(8, 0.9 * inner / 16)
    assert squeezed <= max(8, inner / 16 + 8)


def test_the_preset_gives_1024_from_16_frames_of_224():
    with torch.device("meta"):
        model = create("x3d_m")
        assert model(torch.empty(2, 3, 16, 224, 224)).shape == (2, 1024)
    assert model.embedding_size == model.config.embedding_size == 1024
    assert model.config.input_size == (16, 224, 224)
    with torch.device("meta"):
        assert create("x3d_m", head_width=None).embedding_size == 432
    with pytest.raises(InputError, match="x3d_m is for video"):
        create("x3d_m", "audio")


def test_what_a_cpu_runs_is_the_convolution_and_has_its_gradients():
    torch.manual_seed(0)
    stem = Stem(X3DConfig(**SMALL), nn.BatchNorm3d)
    points = [Pointwise(6, 10), Pointwise(6, 10, stride=2)]
    pairs = [
        (stem._convolve, lambda x: stem.temporal(stem.spatial(x)), 3, [stem.spatial, stem.temporal]),
        *[(p, lambda x, p=p: nn.Conv3d.forward(p, x), 6, [p]) for p in points],
    ]
    for fast, plain, channels, convolutions in pairs:
        for batch in (1, 2):
            results = []
            for run in (fast, plain):
                x = torch.randn(batch, channels, 4, 7, 6, generator=torch.Generator().manual_seed(1))
                x = x.contiguous(memory_format=torch.channels_last_3d).requires_grad_()
                y = run(x)
                weights = [c.weight for c in convolutions]
                results.append((y, *torch.autograd.grad(y.square().sum(), [x, *weights])))
            for ours, theirs in zip(*results, strict=True):
                torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_memory_stays_channels_last_from_end_to_end():
    model = wake(small()).eval()
    seen = []
    for module in model.modules():
        if isinstance(module, Block | Stem):
            module.register_forward_hook(lambda _, __, y: seen.append(y))
    for batch in (1, 2):
        model(torch.randn(batch, 3, 3, 16, 16))
    assert len(seen) == 8
    assert all(y.is_contiguous(memory_format=torch.channels_last_3d) for y in seen)


def test_blocks_start_as_their_skip_path():
    model = small().eval()
    x = torch.rand(2, 16, 3, 4, 4)
    torch.testing.assert_close(model.blocks[2](x), x)
    assert not torch.allclose(wake(model).blocks[2](x), x)


def test_every_weight_learns():
    model = wake(small()).train()
    loss = model(torch.randn(4, 3, 4, 16, 16)).square().sum()
    loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name


def test_items_do_not_see_each_other_in_evaluation_and_the_generator_goes_unused():
    model = wake(small()).eval()
    x = torch.randn(3, 3, 5, 18, 21)
    together = model(x, torch.Generator().manual_seed(1))
    apart = torch.cat([model(item[None]) for item in x])
    torch.testing.assert_close(together, apart, rtol=1e-4, atol=1e-5)
    assert together.shape == (3, 12)
    assert not torch.allclose(together[0], together[1])


def test_norms_can_be_exchanged():
    count = sum(isinstance(m, nn.BatchNorm3d) for m in small().modules())
    spanning = small(norm=BatchNorm)
    assert sum(isinstance(m, BatchNorm) for m in spanning.modules()) == count
    assert not any(isinstance(m, nn.BatchNorm3d) for m in spanning.modules())
    converted, plain = span_processes(small()), small()
    x = torch.randn(4, 3, 2, 8, 8)
    torch.testing.assert_close(converted(x), plain(x))
    torch.testing.assert_close(spanning(x), plain(x))
    assert set(converted.state_dict()) == set(plain.state_dict())


def test_initial_outputs_are_of_moderate_size():
    out = create("x3d_m", input_size=(4, 64, 64)).train()(torch.randn(4, 3, 4, 64, 64))
    assert 0.05 < float(out.detach().std()) < 5.0
    assert (out >= 0).all()


@pytest.mark.parametrize(
    ("shape", "parts"),
    [
        ((3, 4, 32, 32), ["(batch, 3, frames, rows, columns)", "(3, 4, 32, 32)"]),
        ((1, 4, 4, 32, 32), ["(batch, 3, frames", "(1, 4, 4, 32, 32)"]),
        ((1, 3, 0, 32, 32), ["0 x 32 x 32", "1 x 8 x 8"]),
        ((1, 3, 4, 32, 7), ["4 x 32 x 7", "1 x 8 x 8"]),
    ],
)
def test_wrong_input_is_named(shape, parts):
    with pytest.raises(InputError) as caught:
        small()(torch.zeros(shape))
    assert "\n" not in str(caught.value)
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("dials", "message"),
    [
        ({"widths": (24, 48)}, "2, 4 and 4"),
        ({"depths": (3, 5, 0, 7)}, "at least 1"),
        ({"kernel": (3, 3, 2)}, "odd"),
        ({"squeeze": 1.5}, "squeeze 1.5"),
        ({"expansion": 0.01}, "expansion 0.01"),
        ({"input_size": (16, 31, 224)}, "31"),
        ({"head_with": 3}, "head_width"),
        ({"head_width": 0}, "at least 1"),
    ],
)
def test_impossible_dials_are_named(dials, message):
    with pytest.raises(InputError, match=message):
        build(X3DConfig, dials, "architecture x3d_m")
