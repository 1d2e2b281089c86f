"""The kinds of scene: how each looks, moves and sounds. One file a kind.

A kind's picture and sound share the scene's clock: a car that is seen to pass is heard to pass at the
same moment. Each kind's file defines its `PLACE`; `PLACES` holds them all. What titles draw depends on
their order: a new kind goes to the end.
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
from filmset.scenes.place import Draw, Painted, Place, Scene, draw_scene

_ALL = (
    *(rain, sea, traffic, forest, snow, fire, crowd, machine, kitchen, office),
    *(train, river, cave, night, church, cafe, dance, farm, storm, laboratory),
)
PLACES: dict[str, Place] = {module.PLACE.kind: module.PLACE for module in _ALL}
KINDS: tuple[str, ...] = tuple(PLACES)

__all__ = ["KINDS", "PLACES", "Draw", "Painted", "Place", "Scene", "draw_scene"]
