"""Encoders of recipes side by side: what they take, their tokens, parameters and compute.

    python benchmarks/recipe_sizes.py                      # paper/ beside released/
    python benchmarks/recipe_sizes.py demo controlled/EN

Prints a Markdown table. Parameters are those of the whole network, heads included; an instance is two windows
of picture and of sound (or what the recipe says), forward and backward. Nothing is computed and no corpus is
needed.
"""

import sys

from lssd.models.mvit.config import MViTConfig
from lssd.pretraining import load_recipe
from lssd.pretraining.forecast import forecast
from lssd.pretraining.network import Network

BESIDE = tuple(f"{kind}/{name}" for name in ("B.3", "C.1") for kind in ("paper", "released"))
HEAD = ("recipe", "pictures", "class token", "sound", "drop path", "parameters", "an instance")


def row(name: str) -> list[str]:
    recipe = load_recipe(name)
    found = forecast(recipe, None, measure=False, obstacle="no corpus")
    network = Network.create(recipe)
    towers = [tower for tower in (network.video, network.audio) if tower is not None]
    grids, drops = [], []
    for tower in towers:
        config = tower.encoder.config
        is_mvit = isinstance(config, MViTConfig)
        size = config.patch_grid(config.input_size) if is_mvit else config.input_size
        grids.append(" x ".join(map(str, size)))
        drops.append(f"{config.drop_path:g}" if is_mvit else "none")
    pictures = grids[0] if network.video is not None else "none"
    token = network.video is not None and getattr(network.video.encoder.config, "class_token", False)
    return [
        f"`{name}`",
        pictures,
        "yes" if token else "no",
        grids[-1],
        ", ".join(drops),
        f"{found.parameters / 1e6:.1f} M",
        f"{found.flops / 1e9:,.0f} GFLOP",
    ]


def main() -> None:
    for cells in (HEAD, ["---"] * len(HEAD), *map(row, sys.argv[1:] or BESIDE)):
        print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
