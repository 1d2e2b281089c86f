"""Speed and memory of the MViT encoders beside torchvision's, in one run, with equal work for all.

    PYTHONPATH=src PEERS/bin/python benchmarks/encoders.py --device cpu --threads 1 --batch 1
    PYTHONPATH=src PEERS/bin/python benchmarks/encoders.py --device cuda --batch 32 --compile

PEERS is an environment with torchvision (and safetensors); without it only ours is timed, and that is said.
Every network has a class token, no stochastic depth and no classification layer, and ours has as many
parameters as torchvision's (but for position tables of spectrograms, which are square there). Rounds are
interleaved and each variant's fastest round counts; "x peer" is the median, over the rounds, of
torchvision's time to ours at the same precision (above 1: ours is faster; beside both of its forms, the
lower). On one CPU thread, time is that thread's processor time, which other jobs disturb least.
Utilisation is the floating-point operations of the definition (PyTorch's counter) over time,
against 790 TFLOP/s for bf16 on a GPU (an H200's dense matrix products, measured), 52 TFLOP/s for float32
there, and on a CPU against this run's own matrix products of the same precision.
"""

import argparse
import ctypes
import dataclasses
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from lssd.models import MViT, create
from lssd.models.acceleration import AccelerationConfig, accelerate, autocast

GPU_PEAK = {"float32": 52e12, "bf16": 790e12}
MODELS = {
    "v2-S video": ("mvit_v2_s", "video"),
    "v1-B video": ("mvit_v1_b", "video"),
    "v2-S audio": ("mvit_v2_s", "audio"),
    "v2-B audio": ("mvit_v2_b", "audio"),
}
SMALL_SIZES = {"video": (4, 64, 64), "audio": (1, 32, 96)}


def build(name: str, modality: str, small: bool) -> MViT:
    """Our encoder with the class token that torchvision always has."""
    size = {"input_size": SMALL_SIZES[modality]} if small else {}
    encoder = create(name, modality, class_token=True, readout="class", drop_path=0.0, **size)
    assert isinstance(encoder, MViT)
    return encoder


def torchvision_twin(ours: MViT) -> nn.Module:
    """torchvision's network of the same dials. Raises ImportError or OSError where it does not import."""
    # Its compiled operators are often built for another torch; importing it needs two names of them.
    library = torch.library.Library("torchvision", "DEF")
    try:
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    except RuntimeError:
        pass  # defined already, by torchvision itself or by an earlier call
    from torchvision.models.video.mvit import MSBlockConfig
    from torchvision.models.video.mvit import MViT as Peer

    c = ours.config
    kernel = list(c.pool_kernel)
    blocks = [
        MSBlockConfig(
            plan.heads,
            plan.width,
            plan.width_out,
            kernel if c.pool_queries == "all" or plan.q_stride > 1 else [],
            kernel,
            [1, plan.q_stride, plan.q_stride] if c.pool_queries == "all" or plan.q_stride > 1 else [],
            [1, plan.kv_stride, plan.kv_stride],
        )
        for plan in c.blocks()
    ]
    peer = Peer(
        spatial_size=c.input_size[1:],
        temporal_size=c.input_size[0],
        block_setting=blocks,
        residual_pool=c.residual_pooling,
        residual_with_cls_embed=False,
        rel_pos_embed=c.positions == "relative",
        proj_after_attn=c.widen_in == "attention",
        stochastic_depth_prob=0.0,
        patch_embed_kernel=c.patch_kernel,
        patch_embed_stride=c.patch_stride,
        patch_embed_padding=c.patch_padding,
    )
    if c.in_channels != 3:
        peer.conv_proj = nn.Conv3d(c.in_channels, c.width, c.patch_kernel, c.patch_stride, c.patch_padding)
    grid = c.patch_grid(c.input_size)
    peer.pos_encoding.temporal_size, peer.pos_encoding.spatial_size = grid[0], grid[1:]
    peer.head = nn.Identity()
    return peer


def operations(name: str, modality: str, small: bool) -> dict[str, float]:
    """Floating-point operations of one clip: forward, and with a backward of twice as many.

    The usual convention; PyTorch's counter overstates the backward of depthwise convolutions.
    """
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        network = build(name, modality, small)
        network.use_attention("plain")
        network(torch.empty(1, network.config.in_channels, *network.config.input_size))
    return {"forward": counter.get_total_flops(), "both": 3 * counter.get_total_flops()}


@dataclasses.dataclass
class Variant:
    """One way to run one network, and what it took."""

    name: str
    network: nn.Module
    precision: str
    seconds: dict[str, list[float]] = dataclasses.field(default_factory=lambda: {"forward": [], "both": []})
    peak_bytes: int = 0


def variants(name: str, modality: str, options: argparse.Namespace, precisions: list[str]) -> list[Variant]:
    """Ours and the peer's, in all the forms that were asked for, with float32 weights on the device."""
    found: list[Variant] = []
    for precision in precisions:
        forms = {"ours, fast": AccelerationConfig(), "ours, plain": AccelerationConfig(attention="plain")}
        if options.compile:
            forms["ours, fast, compiled"] = AccelerationConfig(compile="block")
        for label, config in forms.items():
            network = accelerate(build(name, modality, options.small), config)
            found.append(Variant(label, network.to(options.device), precision))
        try:
            twin = torchvision_twin(build(name, modality, options.small)).to(options.device)
        except (ImportError, OSError) as error:
            print(f"torchvision is left out: {error}", file=sys.stderr)
            continue
        if abs(count(twin) / count(found[-1].network) - 1) > (0 if modality == "video" else 1e-3):
            raise SystemExit(f"{name}: not the same network: {count(twin)} and {count(found[-1].network)}")
        found.append(Variant("torchvision", twin, precision))
        if options.compile:
            compiled = torchvision_twin(build(name, modality, options.small)).to(options.device)
            compiled.compile(dynamic=False)
            found.append(Variant("torchvision, compiled", compiled, precision))
    return found


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def run(variant: Variant, x: Tensor, mode: str) -> float:
    """Seconds of one forward in evaluation, or of one forward and backward in training."""
    network = variant.network.train(mode == "both")
    clock = time.thread_time if not x.is_cuda and torch.get_num_threads() == 1 else time.perf_counter
    synchronise(x)
    start = clock()
    with torch.set_grad_enabled(mode == "both"), autocast(variant.precision, x.device):
        y = network(x)
    if mode == "both":
        y.float().square().mean().backward()
        network.zero_grad()
    synchronise(x)
    return clock() - start


def synchronise(x: Tensor) -> None:
    if x.is_cuda:
        torch.cuda.synchronize()


def peak_memory(device: str, call: Callable[[], object]) -> int:
    """Bytes that a call takes at its worst, beyond what is held before it."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        call()
        return torch.cuda.max_memory_allocated() - before
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from what is held now
    before = resident("VmRSS")
    call()
    return resident("VmHWM") - before


def resident(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith(field)))


def matmul_peak(precision: str) -> float:
    """Operations a second of a matrix product on this CPU with this run's threads: the fastest of 20."""
    a = torch.randn(1024, 1024, dtype=torch.bfloat16 if precision == "bf16" else torch.float32)
    times = []
    clock = time.thread_time if torch.get_num_threads() == 1 else time.perf_counter
    for _ in range(20):
        start = clock()
        a @ a
        times.append(clock() - start)
    return 2 * 1024**3 / min(times)


def measure(title: str, options: argparse.Namespace, precisions: list[str], peaks: dict[str, float]) -> bool:
    """Print one network's rows; true when ours, at its best, is nowhere slower than torchvision at its."""
    name, modality = MODELS[title]
    flops = operations(name, modality, options.small)
    found = variants(name, modality, options, precisions)
    config = found[0].network.config
    x = torch.randn(options.batch, config.in_channels, *config.input_size, device=options.device)
    modes = ("forward",) if options.forward_only else ("forward", "both")
    for variant in found:
        for mode in modes:
            run(variant, x, mode)  # warm-up: compiles, and fills the allocator
        variant.peak_bytes = peak_memory(options.device, lambda v=variant: run(v, x, modes[-1]))
    for _ in range(options.rounds):
        if options.device == "cpu":  # again, since what else runs on the machine changes
            peaks |= {precision: max(peaks[precision], matmul_peak(precision)) for precision in precisions}
        for mode in modes:
            for variant in found:
                variant.seconds[mode].append(run(variant, x, mode))
    held = True
    for variant in found:
        cells = []
        for mode in modes:
            peers = [
                v for v in found if v.name.startswith("torchvision") and v.precision == variant.precision
            ]
            ratio = min((against(variant, peer, mode) for peer in peers), default=float("nan"))
            best = min(variant.seconds[mode])
            used = flops[mode] * options.batch / best / peaks[variant.precision]
            own = "" if variant.name.startswith("torchvision") else f"{ratio:.2f}"
            cells += [f"{options.batch / best:.3g}", own, f"{used:.0%}"]
        label = f"{variant.name} | {variant.precision}"
        print(f"| {title} | {label} | {' | '.join(cells)} | {variant.peak_bytes / 2**20:.0f} |", flush=True)
    for precision in precisions:
        for mode in modes:
            ours = [v for v in found if v.name.startswith("ours, fast") and v.precision == precision]
            peers = [v for v in found if v.name.startswith("torchvision") and v.precision == precision]
            if peers:
                held &= max(min(against(one, peer, mode) for peer in peers) for one in ours) >= 1
    return held


def against(ours: Variant, peer: Variant, mode: str) -> float:
    """The median over the rounds of the peer's time to ours."""
    pairs = zip(peer.seconds[mode], ours.seconds[mode], strict=True)
    return statistics.median(theirs / own for theirs, own in pairs)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1, help="of the CPU")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--small", action="store_true", help="few and small pictures, to try the script")
    parser.add_argument(
        "--compile", action="store_true", help="compiled forms as well; minutes each on a CPU"
    )
    parser.add_argument("--forward-only", action="store_true")
    parser.add_argument("--float32-only", action="store_true")
    parser.add_argument("--only", nargs="*", choices=tuple(MODELS), default=tuple(MODELS))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    precisions = ["float32"] if options.float32_only else ["float32", "bf16"]
    if options.device == "cuda":
        if not torch.cuda.is_available():
            print("no GPU here: run this with --device cpu", file=sys.stderr)
            return 2
        peaks, place = GPU_PEAK, torch.cuda.get_device_name()
    else:
        if "bf16" in precisions and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
            print("bf16 is left out: this CPU would emulate it", file=sys.stderr)
            precisions.remove("bf16")
        peaks = {precision: matmul_peak(precision) for precision in precisions}
        place = f"CPU, {options.threads} thread(s)"
    print(f"torch {torch.__version__}; {place}; batch {options.batch}{', small' * options.small}")
    head = ["encoder", "variant", "precision", "forward clips/s", "x peer", "utilisation"]
    if not options.forward_only:
        head += ["forward + backward clips/s", "x peer", "utilisation"]
    print(f"| {' | '.join([*head, 'peak MiB'])} |\n{'|---' * (len(head) + 1)}|")
    held = [measure(title, options, precisions, peaks) for title in options.only]
    speeds = ", ".join(f"{name} {value / 1e9:.0f} GFLOP/s" for name, value in peaks.items())
    print(f"\n100 % of utilisation: {speeds}")
    print(f"bar, ours never slower than torchvision: {'held' if all(held) else 'MISSED'}")
    return int(not all(held))


if __name__ == "__main__":
    sys.exit(main())
