"""The kinds of scene: how each looks, moves and sounds. One file a kind.

A kind's picture and sound share the scene's clock: a car that is seen to pass is heard to pass at the
same moment. Each kind's file defines its `KIND`; `SCENES` holds them all. Random
choices depend on their order: add a new kind at the end.
"""

from filmset.scenes import (
    cafe,
    cave,
    church,
    crowd,
    dance,
    farm,
    fire,
    forest,
    kitchen,
    laboratory,
    machine,
    night,
    office,
    rain,
    river,
    sea,
    snow,
    storm,
    traffic,
    train,
)
from filmset.scenes.scene import PaintedScene, PaintMotion, Scene, SceneKind, sample_scene

_ALL = (
    *(rain, sea, traffic, forest, snow, fire, crowd, machine, kitchen, office),
    *(train, river, cave, night, church, cafe, dance, farm, storm, laboratory),
)
SCENES: dict[str, SceneKind] = {module.KIND.name: module.KIND for module in _ALL}
KINDS: tuple[str, ...] = tuple(SCENES)

__all__ = ["KINDS", "SCENES", "PaintMotion", "PaintedScene", "Scene", "SceneKind", "sample_scene"]
