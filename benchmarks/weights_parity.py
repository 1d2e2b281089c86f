"""Converted weights against the projects they come from, full size, from raw input to embedding.

    python benchmarks/weights_parity.py torchvision
    python benchmarks/weights_parity.py authors --code DIR      # a checkout of nikhilsinghmus/lssd

Needs an environment with the peer: torchvision, or the authors' requirements. Networks get random weights
(all of them, statistics of the stem included), are saved as their owners save them, converted to a model
folder, loaded, and fed the same frames or waveform. Prints the largest difference over the largest output
of the peer, for both ways of attention. The bar: 1e-4 in float32.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lssd.models import Model, build_model, load_model
from lssd.models.converters import Source, convert

BAR = 1e-4


def randomise(module: nn.Module, seed: int) -> None:
    """Move every parameter away from its initial value, the stems' statistics too."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.03)
        for name, buffer in module.named_buffers():
            if name.endswith("running_mean"):
                buffer.copy_(torch.rand(buffer.shape, generator=generator) - (40 if "audio" in name else 0))
            elif name.endswith("running_var"):
                buffer.copy_(torch.rand(buffer.shape, generator=generator) * (600 if "audio" in name else 1))


def carried(state: dict[str, Any], source: Source) -> tuple[Model, Model]:
    """The model of a saved checkpoint by way of a model folder, with fast and with plain attention."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "checkpoint.pth"
        torch.save(state, checkpoint)
        convert(checkpoint, source, Path(folder) / "model")
        fast = load_model(Path(folder) / "model")
    settings = {name: fast.config[name] for name in ("audio", "video")}
    for tower in settings.values():
        if tower is not None:
            tower["dials"]["attention"] = "plain"
    plain = build_model(**settings).eval()
    plain.load_state_dict(fast.state_dict())
    return fast, plain


def frames_like(batch: int) -> Tensor:
    return torch.randint(0, 256, (batch, 16, 3, 224, 224), dtype=torch.uint8)


def torchvision_cases() -> Iterator[tuple[str, Tensor, Callable[[Model], Tensor], tuple[Model, Model]]]:
    # Wheels without their compiled operators import once these two are declared.
    library = torch.library.Library("torchvision", "FRAGMENT")
    for operator in ("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
                     "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"):  # fmt: skip
        if not hasattr(torch.ops.torchvision, operator.split("(")[0]):
            library.define(operator)
    import torchvision
    from torchvision.models import video

    for name in ("mvit_v1_b", "mvit_v2_s"):
        peer = getattr(video, name)().eval()
        randomise(peer, 1)
        models = carried(peer.state_dict(), "torchvision")
        peer.head = nn.Identity()
        frames = frames_like(2)
        with torch.no_grad():
            expected = peer((frames.movedim(2, 1) / 255.0 - 0.45) / 0.225)
        title = f"torchvision {torchvision.__version__} {name}"
        yield title, expected, lambda model, frames=frames: model.embed_video(frames), models


def authors_cases(code: Path) -> Iterator[tuple[str, Tensor, Callable[[Model], Tensor], tuple[Model, Model]]]:
    import torchaudio

    sys.path.insert(0, str(code / "src"))
    from models.build import build_backbone
    from utils import config

    to_mel = nn.Sequential(
        torchaudio.transforms.MelSpectrogram(sample_rate=48000, n_fft=1024, hop_length=501, n_mels=96),
        torchaudio.transforms.AmplitudeToDB(),
    )
    for size, overlap in (("S", False), ("B", False), ("S", True)):
        cfg = config._C.clone()
        cfg.MVIT.SIZE, cfg.MVIT.PATCH_OVERLAP = size, overlap
        peer = build_backbone(cfg).eval()
        randomise(peer, 2)
        saved = {f"backbone.{name}": tensor for name, tensor in peer.state_dict().items()}
        models = carried({"model": saved, "epoch": 12}, "authors")
        frames, waveform = frames_like(1), torch.randn(2, 1, 144000) * 0.1
        with torch.no_grad():
            video = peer({"video": frames.movedim(2, 1) / 255.0})["video"]
            audio = peer({"audio": to_mel(waveform)})["audio"]
        title = f"authors' {size}{' overlapping' if overlap else ''}"
        yield f"{title} video", video, lambda model, frames=frames: model.embed_video(frames), models
        yield f"{title} audio", audio, lambda model, sound=waveform: model.embed_audio(sound), models


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("source", choices=("torchvision", "authors"))
    parser.add_argument("--code", type=Path, help="checkout of the authors' code")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    if arguments.source == "authors" and arguments.code is None:
        parser.error("authors needs --code DIR")
    cases = torchvision_cases() if arguments.source == "torchvision" else authors_cases(arguments.code)
    worst = 0.0
    print(f"{'network':44} {'largest':>9} {'fast':>9} {'plain':>9}")
    for title, expected, embed, models in cases:
        differences = [float((embed(model) - expected).abs().max()) for model in models]
        worst = max(worst, *differences)
        print(f"{title:44} {float(expected.abs().max()):9.3f}" + "".join(f" {d:9.1e}" for d in differences))
    print(f"largest difference {worst:.1e}, bar {BAR:.0e}: {'holds' if worst <= BAR else 'MISSED'}")
    return int(worst > BAR)


if __name__ == "__main__":
    sys.exit(main())
