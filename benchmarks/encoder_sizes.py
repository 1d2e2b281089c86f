"""Parameters and multiply-adds of all architectures, beside what their papers print.

    python benchmarks/encoder_sizes.py

Video networks are counted with the class token and the 400-way classification layer that published figures
include, at 224 x 224. Nothing is computed: the networks have no memory for their weights.
The paper of v1-S does not say its strides of keys and values, and its settings were not released: here
they follow v1-B's rule (a grid of 7 x 7), with which the multiply-adds stay 9 % below the published.
Published: MViT (Fan et al. 2021, Tables 3 and 4), MViTv2 (Li et al. 2022, Table 9).
"""

from typing import Any

from lssd.errors import InputError
from lssd.models import architectures
from lssd.models.sizes import encoder_size

# Millions of parameters and 10^9 multiply-adds; v2-B is published for 32 frames.
PUBLISHED: dict[str, tuple[float, float]] = {
    "mvit_v1_s": (26.1, 32.9),
    "mvit_v1_b": (36.6, 70.5),
    "mvit_v2_s": (34.5, 64.0),
    "mvit_v2_b": (51.2, 225.0),
}
DIALS: dict[str, dict[str, Any]] = {"mvit_v2_b": {"input_size": (32, 224, 224)}}


def row(name: str, modality: str, dials: dict[str, Any], published: tuple[float, float] | None) -> str:
    classes = 400 if modality == "video" else 0
    size = encoder_size(name, modality, classes, **dials)  # type: ignore[arg-type]
    millions, billions = size.parameters / 1e6, size.multiply_adds / 1e9
    text = f"{name:18} {modality:6} {millions:9.2f} M {billions:9.2f} G"
    if published is None:
        return text
    (p, g) = published
    return f"{text} {p:9.1f} M {g:7.1f} G {millions / p - 1:+7.1%} {billions / g - 1:+7.1%}"


def main() -> None:
    print(f"{'':25} {'ours':>22}  {'published':>20} {'difference':>15}")
    for name in architectures():
        if name == "mvit":
            continue
        for modality in ("video", "audio"):
            dials = dict(DIALS.get(name, {}) if modality == "video" else {})
            if name.startswith("mvit") and modality == "video":
                dials |= {"class_token": True, "readout": "class"}
            try:
                print(row(name, modality, dials, PUBLISHED.get(name) if modality == "video" else None))
            except InputError as error:  # an architecture for the other modality alone
                print(f"{name:18} {modality:6} {error}")


if __name__ == "__main__":
    main()
