"""The small convolutional encoders beside literal computations, and what they take and refuse."""

import multiprocessing
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from lssd.config import build
from lssd.errors import InputError
from lssd.models import BatchNorm, build_model, create, encoder_size, load_model, save_model, span_processes
from lssd.models.convnets import TDNN, FrameCNN, FrameCNNConfig, TDNNConfig

SOUND = {"in_channels": 2, "input_size": (1, 12, 40), "width": 6, "kernels": (5, 3, 1), "strides": (2, 1, 3)}
PICTURE = {"in_channels": 3, "input_size": (5, 20, 28), "widths": (4, 6, 5)}
MAKERS = {"tdnn": lambda: TDNN(TDNNConfig(**SOUND)), "frame_cnn": lambda: FrameCNN(FrameCNNConfig(**PICTURE))}


def make(name: str) -> nn.Module:
    """An encoder in float64, so that 1e-9 means exact; its norms have gains, offsets and statistics."""
    torch.manual_seed(0)
    encoder, generator = MAKERS[name](), torch.Generator().manual_seed(3)
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight.data, module.bias.data, module.running_mean):
                tensor.copy_(torch.randn(tensor.shape, generator=generator))
            module.running_var.copy_(0.5 + torch.rand(module.running_var.shape, generator=generator))
    return encoder.double()


def item(name: str, batch: int = 3, frames: int | None = None) -> Tensor:
    torch.manual_seed(4)
    if name == "tdnn":
        return torch.randn(batch, 2, 1, 12, frames or 40).double()
    return torch.randn(batch, 3, frames or 5, 20, 28).double()


def statistics_by_numpy(x_BCT: np.ndarray) -> np.ndarray:
    deviation = np.sqrt(x_BCT.var(axis=2) + 1e-5)
    return np.concatenate([x_BCT.mean(axis=2), deviation], axis=1)


def normed(x: Tensor, norm: nn.BatchNorm2d, training: bool) -> Tensor:
    mean, variance = None if training else norm.running_mean, None if training else norm.running_var
    return F.relu(F.batch_norm(x, mean, variance, norm.weight, norm.bias, training, eps=norm.eps))


def tdnn_by_hand(encoder: TDNN, x_BCTML: Tensor, training: bool) -> np.ndarray:
    """One-dimensional convolutions whose channels are (sound channel, mel), sound channels outermost."""
    x_BCL = x_BCTML.reshape(len(x_BCTML), -1, x_BCTML.shape[-1])
    for block, stride in zip(encoder.blocks, encoder.config.strides, strict=True):
        kernel_OIK = block.conv.weight[:, :, 0]
        x_BCL = F.conv1d(x_BCL, kernel_OIK, stride=stride, padding=kernel_OIK.shape[2] // 2)
        x_BCL = normed(x_BCL, block.norm, training)
    return statistics_by_numpy(x_BCL.detach().numpy())


def frame_cnn_by_hand(encoder: FrameCNN, x_BCTHW: Tensor, training: bool) -> np.ndarray:
    """Kernels of one frame over the whole stack: no frame sees another but through the norms."""
    for block in encoder.blocks:
        kernel_OITHW = block.conv.weight[:, :, None]
        x_BCTHW = F.conv3d(x_BCTHW, kernel_OITHW, stride=(1, 2, 2), padding=(0, 1, 1))
        x_BCTHW = normed(x_BCTHW, block.norm, training)
    return statistics_by_numpy(x_BCTHW.mean(dim=(3, 4)).detach().numpy())


BY_HAND = {"tdnn": tdnn_by_hand, "frame_cnn": frame_cnn_by_hand}
each = pytest.mark.parametrize("name", MAKERS)


@each
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("frames", [None, 1, 7])
def test_equal_to_a_literal_computation(name: str, training: bool, frames: int | None) -> None:
    encoder = make(name).train(training)
    x = item(name, frames=frames)
    expected = BY_HAND[name](encoder, x, training)  # before running statistics move
    found = encoder(x)
    assert found.shape == (3, encoder.embedding_size) == (3, encoder.config.embedding_size)
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-9, atol=1e-9)


def test_kernels_by_numpy() -> None:
    """A window at a time, so that padding and stride are those of the docstring and not of torch."""
    encoder = TDNN(TDNNConfig(in_channels=1, input_size=(1, 3, 9), width=2, kernels=(3,), strides=(2,)))
    encoder = encoder.double().eval()  # its norm begins as x / sqrt(1 + eps)
    x_ML = np.random.default_rng(0).standard_normal((3, 9))
    kernel_OMK = encoder.blocks[0].conv.weight.detach().numpy()[:, :, 0]
    padded_ML = np.pad(x_ML, ((0, 0), (1, 1)))
    out_OL = np.array(
        [
            [np.sum(padded_ML[:, start : start + 3] * kernel_MK) for start in range(0, 9, 2)]
            for kernel_MK in kernel_OMK
        ]
    )
    expected = statistics_by_numpy(np.maximum(out_OL / np.sqrt(1 + 1e-5), 0)[None])
    found = encoder(torch.from_numpy(x_ML)[None, None, None])
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-9, atol=1e-12)


@each
def test_items_do_not_see_each_other_in_evaluation_and_the_generator_goes_unused(name: str) -> None:
    encoder, x = make(name).eval(), item(name)
    together = encoder(x, torch.Generator().manual_seed(1))
    torch.testing.assert_close(together, torch.cat([encoder(one[None]) for one in x]), rtol=1e-9, atol=1e-9)
    assert not torch.allclose(together[0], together[1])


@each
def test_bands_and_frames_have_their_place(name: str) -> None:
    """The TDNN tells which band is loud; the order of frames leaves the statistics of pictures alone."""
    encoder, x = make(name).eval(), item(name)
    turned = x.flip(3) if name == "tdnn" else x.flip(2)
    assert torch.allclose(encoder(turned), encoder(x), rtol=1e-9) == (name == "frame_cnn")


@each
@pytest.mark.parametrize("frames", [None, 1])
def test_every_weight_learns_and_one_frame_has_a_finite_gradient(name: str, frames: int | None) -> None:
    """The deviation of one frame is 0, where the root's own gradient is infinite."""
    encoder, x = make(name).train(), item(name, batch=4, frames=frames).requires_grad_()
    weights = torch.linspace(-1, 2, 4 * encoder.embedding_size).double().reshape(4, -1)
    (encoder(x) * weights).sum().backward()
    assert x.grad is not None and x.grad.isfinite().all() and x.grad.abs().max() > 0
    for key, parameter in encoder.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), key
        assert parameter.grad.abs().max() > 0, key


@each
def test_the_gradient_is_that_of_finite_differences(name: str) -> None:
    encoder, x = make(name).train(), item(name, batch=2)[..., :11].requires_grad_()
    assert torch.autograd.gradcheck(lambda x: encoder(x), x, fast_mode=True)


@each
def test_silence_and_black_give_numbers(name: str) -> None:
    encoder = make(name).float().eval()
    found = encoder(torch.zeros_like(item(name)).float())
    assert found.isfinite().all() and (found >= 0).all()


@each
def test_norms_can_span_processes(name: str) -> None:
    plain, spanning = make(name).train(), span_processes(make(name)).train()
    norms = [module for module in spanning.modules() if isinstance(module, nn.BatchNorm2d | BatchNorm)]
    assert len(norms) == 3 and all(isinstance(norm, BatchNorm) for norm in norms)
    torch.testing.assert_close(spanning(item(name)), plain(item(name)), rtol=1e-9, atol=1e-9)


def _share(rank: int, folder: str) -> None:
    """One of two processes, with 1 and 3 of a batch of 4."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    found = {}
    for name in MAKERS:
        encoder = span_processes(make(name)).train()
        y = encoder(item(name, batch=4)[slice(0, 1) if rank == 0 else slice(1, 4)])
        y.square().sum().backward()
        gradients = {f"grad {key}": parameter.grad for key, parameter in encoder.named_parameters()}
        found[name] = {"y": y.detach(), **gradients, **encoder.state_dict()}
    torch.save(found, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def test_two_processes_compute_what_one_does_with_the_whole_batch(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    started = [context.Process(target=_share, args=(rank, str(tmp_path))) for rank in range(2)]
    for one in started:
        one.start()
    for one in started:
        one.join(60)
        one.kill()
        assert one.exitcode == 0
    shares = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2)]
    for name in MAKERS:
        encoder = make(name).train()
        y = encoder(item(name, batch=4))
        y.square().sum().backward()
        first, second = (share[name] for share in shares)
        torch.testing.assert_close(torch.cat([first["y"], second["y"]]), y.detach(), rtol=1e-9, atol=1e-9)
        for key, parameter in encoder.named_parameters():
            together = first[f"grad {key}"] + second[f"grad {key}"]
            torch.testing.assert_close(together, parameter.grad, rtol=1e-8, atol=1e-9, msg=key)
        for key, value in encoder.named_buffers():
            torch.testing.assert_close(first[key], value, rtol=1e-9, atol=1e-9, msg=key)
            assert torch.equal(first[key], second[key]), key


def test_sizes_are_those_of_the_layers() -> None:
    """Counted by hand: kernels x channels in x channels out, at each place where a kernel is laid."""
    tdnn = encoder_size("tdnn", "audio")
    layers = [(96, 128), (128, 128), (128, 128)]
    assert tdnn.parameters == sum(5 * a * b + 2 * b for a, b in layers)
    frames = (144, 72, 36)  # 288 halved, and halved again
    assert tdnn.multiply_adds == sum(5 * a * b * n for (a, b), n in zip(layers, frames, strict=True))
    pictures = encoder_size("frame_cnn", "video", input_size=(2, 48, 48))
    layers, sides = [(3, 16), (16, 32), (32, 64), (64, 128)], (24, 12, 6, 3)
    assert pictures.parameters == sum(9 * a * b + 2 * b for a, b in layers)
    assert pictures.multiply_adds == sum(
        2 * 9 * a * b * n * n for (a, b), n in zip(layers, sides, strict=True)
    )
    assert create("tdnn", "audio").embedding_size == create("frame_cnn").embedding_size == 256


def test_other_inputs_are_refused_in_one_line() -> None:
    tdnn, pictures = TDNN(TDNNConfig()), FrameCNN(FrameCNNConfig())
    for shape in ((2, 1, 1, 80, 20), (2, 1, 2, 96, 20), (2, 2, 1, 96, 20), (2, 1, 96, 20), (2, 1, 1, 96, 0)):
        with pytest.raises(InputError, match="the TDNN") as caught:
            tdnn(torch.zeros(shape))
        assert "\n" not in str(caught.value)
    for shape in ((2, 1, 2, 32, 32), (2, 3, 32, 32), (2, 3, 0, 32, 32), (2, 3, 2, 0, 32)):
        with pytest.raises(InputError, match="the FrameCNN"):
            pictures(torch.zeros(shape))
    with pytest.raises(InputError, match="tdnn is for audio, not for video"):
        create("tdnn", "video")
    with pytest.raises(InputError, match="frame_cnn is for video, not for audio"):
        create("frame_cnn", "audio")


@pytest.mark.parametrize(
    ("config", "dials", "words"),
    [
        (
            TDNNConfig,
            {"kernels": (5, 5)},
            "kernels and strides must hold one value a layer; they hold 2 and 3",
        ),
        (TDNNConfig, {"kernels": (), "strides": ()}, "they hold 0 and 0"),
        (TDNNConfig, {"kernels": (4, 5, 5)}, "kernels must be odd"),
        (TDNNConfig, {"strides": (0, 2, 2)}, "strides at least 1"),
        (TDNNConfig, {"width": 0}, "width and input_size must be at least 1"),
        (TDNNConfig, {"input_size": (2, 96, 288)}, r"must be \(1, mels, frames\)"),
        (FrameCNNConfig, {"widths": ()}, "widths must hold 1 to"),
        (FrameCNNConfig, {"widths": (8, 0)}, "widths and input_size must be at least 1"),
        (FrameCNNConfig, {"input_size": (0, 224, 224)}, "must be at least 1"),
    ],
)
def test_dials_that_make_no_encoder_are_named(config: type, dials: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        build(config, dials, "a test")


def test_the_pair_is_a_model(tmp_path: Path) -> None:
    """Stereo sound, saved and loaded; a tower's input size follows from its preprocessing."""
    model = build_model(
        audio={"name": "tdnn", "dials": {"width": 8}, "preprocessing": {"channels": 2, "mels": 24}},
        video={"name": "frame_cnn", "dials": {"widths": [4, 8]}, "preprocessing": {"frames": 2, "size": 20}},
        seed=1,
    )
    assert model.embedding_size == 16
    assert model.audio.encoder.config.input_size[:2] == (1, 24)
    save_model(model, tmp_path / "m")
    again = load_model(tmp_path / "m")
    sound = 0.1 * torch.randn(2, 2, 100_000, generator=torch.Generator().manual_seed(0))
    frames = torch.randint(0, 256, (2, 2, 3, 20, 20), dtype=torch.uint8)
    assert torch.equal(again.embed_audio(sound), model.embed_audio(sound))
    assert torch.equal(again.embed_video(frames), model.embed_video(frames))
