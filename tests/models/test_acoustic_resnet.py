import pytest
import torch
from torch import nn

from lssd.config import build
from lssd.errors import InputError
from lssd.models import build_model, create, load_model, save_model
from lssd.models.acoustic_resnet import AcousticResNet, AcousticResNetConfig, Middle, SeparableMiddle
from lssd.models.batch_norm import BatchNorm, span_processes

SMALL = {"width": 4, "depths": (1, 1, 2), "strides": (1, 2, 2)}


def small(norm=nn.BatchNorm2d, **dials) -> AcousticResNet:
    torch.manual_seed(0)
    return AcousticResNet(AcousticResNetConfig(**{**SMALL, **dials}), norm)


def wake(model: nn.Module) -> nn.Module:
    """Give the closing norms a gain, which they start without, so that the blocks do something."""
    for block in model.blocks:
        nn.init.ones_(block.norm3.weight)
    return model


def test_the_preset_is_a_50_layer_network_of_1024_for_stereo():
    with torch.device("meta"):
        model = create("acoustic_resnet50", "audio")
        assert model(torch.empty(2, 2, 1, 96, 288)).shape == (2, 1024)
    assert model.embedding_size == model.config.embedding_size == 1024
    # Layers along the deepest path: stem, 3 a block, and the classifier that is left out.
    assert 1 + 3 * len(model.blocks) + 1 == 50
    middles = [type(block.middle) for block in model.blocks]
    assert middles == [SeparableMiddle] * 7 + [Middle] * 9
    with pytest.raises(InputError, match="acoustic_resnet50 is for audio"):
        create("acoustic_resnet50", "video")


def test_grids_of_avslowfast():
    """Xiao et al. 2020: 80 bands x 128 frames stay whole through res2, then halve to 10 x 16."""
    with torch.device("meta"):
        model = create("acoustic_resnet50", "audio", in_channels=1, input_size=(1, 80, 128))
        x, shapes = model.stem(torch.empty(1, 1, 80, 128)), []
        for block in model.blocks:
            x = block(x)
            shapes.append(tuple(x.shape[1:]))
    assert [shapes[i] for i in (2, 6, 12, 15)] == [
        (128, 80, 128),
        (256, 40, 64),
        (512, 20, 32),
        (1024, 10, 16),
    ]


def test_the_early_stages_keep_mels_and_frames_apart():
    """One loud point: with every stage separable and one block, nothing off its row and column moves."""
    model = wake(small(depths=(1,), strides=(1,), separable_stages=1, stem_kernel=1)).eval()
    middle = model.blocks[0].middle
    x = torch.zeros(1, 4, 9, 9)
    quiet = middle(x)
    x[..., 4, 4] = 1.0
    moved = (middle(x) - quiet).abs().amax(dim=(0, 1)) > 0
    expected = torch.zeros(9, 9, dtype=torch.bool)
    expected[3:6, 4] = expected[4, 3:6] = True
    assert not (moved & ~expected).any()
    assert moved[3, 4] or moved[5, 4]
    assert moved[4, 3] or moved[4, 5]


def test_blocks_start_as_their_skip_path():
    model = small().eval()
    x = torch.rand(2, 64, 5, 6)
    torch.testing.assert_close(model.blocks[-1](x), x)
    assert not torch.allclose(wake(model).blocks[-1](x), x)


def test_every_weight_learns():
    model = wake(small()).train()
    model(torch.randn(4, 2, 1, 16, 24)).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name


def test_items_do_not_see_each_other_in_evaluation_and_the_generator_goes_unused():
    model = wake(small()).eval()
    x = torch.randn(3, 2, 1, 17, 22)
    together = model(x, torch.Generator().manual_seed(1))
    torch.testing.assert_close(together, torch.cat([model(item[None]) for item in x]), rtol=1e-4, atol=1e-5)
    assert together.shape == (3, 64)
    assert not torch.allclose(together[0], together[1])


def test_the_two_channels_are_told_apart():
    model = wake(small()).eval()
    x = torch.randn(1, 2, 1, 16, 16)
    assert not torch.allclose(model(x), model(x.flip(1)))


def test_norms_can_be_exchanged():
    plain, converted, spanning = small(), span_processes(small()), small(norm=BatchNorm)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in [*converted.modules(), *spanning.modules()])
    x = torch.randn(4, 2, 1, 16, 16)
    torch.testing.assert_close(converted(x), plain(x))
    torch.testing.assert_close(spanning(x), plain(x))


def test_the_controlled_pair_is_a_model(tmp_path):
    """Stereo sound and small pictures: both towers 1024-d, saved and loaded."""
    model = build_model(
        audio={"name": "acoustic_resnet50", "preprocessing": {"channels": 2, "window_s": 0.5}},
        video={"name": "x3d_m", "preprocessing": {"frames": 4, "size": 64}},
        seed=1,
    )
    assert model.embedding_size == 1024
    assert model.audio.encoder.config.in_channels == 2
    assert model.audio.encoder.config.input_size == (1, 96, 48)
    mono = torch.randn(2, 1, 30000, generator=torch.Generator().manual_seed(0)) * 0.1
    sound = model.embed_audio(mono)
    assert sound.shape == (2, 1024)
    torch.testing.assert_close(model.embed_audio(mono.expand(-1, 2, -1)), sound)
    frames = torch.randint(0, 256, (2, 4, 3, 64, 64), dtype=torch.uint8)
    picture = model.embed_video(frames)
    assert picture.shape == (2, 1024)
    assert sound.isfinite().all()
    assert picture.isfinite().all()
    save_model(model, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert torch.equal(loaded.embed_audio(mono), sound)
    assert torch.equal(loaded.embed_video(frames), picture)


@pytest.mark.parametrize(
    ("shape", "parts"),
    [
        ((2, 96, 288), ["(batch, 2, 1, mels, frames)", "(2, 96, 288)"]),
        ((1, 1, 1, 96, 288), ["(batch, 2, 1, mels", "(1, 1, 1, 96, 288)"]),
        ((1, 2, 3, 96, 288), ["one picture", "(1, 2, 3, 96, 288)"]),
        ((1, 2, 0, 96, 288), ["0 x 96 x 288", "1 x 4 x 4"]),
        ((1, 2, 1, 3, 288), ["1 x 3 x 288", "1 x 4 x 4"]),
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
        ({"depths": (3, 4)}, "2 and 4"),
        ({"strides": (1, 2, 0, 2)}, "at least 1"),
        ({"stem_kernel": 8}, "stem_kernel 8"),
        ({"entry_kernel": 2}, "entry_kernel 2"),
        ({"separable_stages": 5}, "separable_stages 5"),
        ({"input_size": (1, 96, 7)}, "7"),
        ({"widht": 64}, "width"),
    ],
)
def test_impossible_dials_are_named(dials, message):
    with pytest.raises(InputError, match=message):
        build(AcousticResNetConfig, dials, "architecture acoustic_resnet50")
