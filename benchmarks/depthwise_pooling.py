"""Which exact variant of the depthwise pooling over time is fastest on a device.

    python benchmarks/depthwise_pooling.py                              # this machine's processor, float32
    python benchmarks/depthwise_pooling.py --device cuda --dtype bfloat16 --batch 64

Shapes are those of MViTv2-S on 16 frames of 224 x 224. Prints milliseconds of a forward pass without
gradients, and of forward plus backward, each the fastest of a few repeats; the fastest variant carries a
star. What wins over the whole network belongs into `lssd.models.mvit.pooling.FASTEST`.
"""

import argparse
import time

import torch
from torch import Tensor

from lssd.models.mvit.pooling import Convolution, convolve_3d, convolve_3d_channels_last, convolve_taps

VARIANTS: tuple[Convolution, ...] = (convolve_3d, convolve_3d_channels_last, convolve_taps)
# Grid side, channels, stride, and how often it runs in the network: queries first, then keys and values.
LAYERS = (
    (56, 96, 1, 1),
    (56, 192, 2, 1),
    (28, 192, 1, 1),
    (28, 384, 2, 1),
    (14, 384, 1, 10),
    (14, 768, 2, 1),
    (7, 768, 1, 1),
    (56, 96, 8, 2),
    (56, 192, 4, 2),
    (28, 192, 4, 2),
    (28, 384, 2, 2),
    (14, 384, 2, 20),
    (14, 768, 1, 2),
    (7, 768, 1, 2),
)


def milliseconds(variant: Convolution, x_BTHWC: Tensor, weight: Tensor, stride: int, train: bool) -> float:
    """The fastest of a few runs, after a warm-up; with a backward pass where `train`."""
    best = float("inf")
    for _ in range(4):
        x, w = (tensor.detach().requires_grad_(train) for tensor in (x_BTHWC, weight))
        wait(x)
        begun = time.perf_counter()
        with torch.set_grad_enabled(train):
            y = variant(x, w, stride)
        if train:
            y.backward(torch.ones_like(y))
        wait(x)
        best = min(best, time.perf_counter() - begun)
    return best * 1e3


def wait(x: Tensor) -> None:
    if x.device.type == "cuda":
        torch.cuda.synchronize(x.device)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    place = {"device": arguments.device, "dtype": getattr(torch, arguments.dtype)}
    totals = {(variant, train): 0.0 for variant in VARIANTS for train in (False, True)}
    names = [variant.__name__ for variant in VARIANTS]
    print(f"{'side channels stride x times':30}" + "".join(f"{name:>28}" for name in names))
    for side, channels, stride, times in LAYERS:
        x = torch.randn(arguments.batch, 8, side, side, channels, **place)
        weight = torch.randn(channels, 1, 3, 3, 3, **place)
        cells = []
        for variant in VARIANTS:
            pair = [milliseconds(variant, x, weight, stride, train) for train in (False, True)]
            for train, value in zip((False, True), pair, strict=True):
                totals[variant, train] += times * value
            cells.append(f"{pair[0]:13.2f} / {pair[1]:10.2f}  ")
        print(f"{side:4} {channels:8} {stride:6} x {times:<8}" + "".join(f"{cell:>28}" for cell in cells))
    for train in (False, True):
        best = min(VARIANTS, key=lambda variant: totals[variant, train])
        cells = [f"{totals[v, train]:.1f} ms{' *' if v is best else '  '}" for v in VARIANTS]
        title = "network, with backward" if train else "network, forward alone"
        print(f"{title:30}" + "".join(f"{cell:>28}" for cell in cells))


if __name__ == "__main__":
    main()
