"""The weights that a run starts with: a run's checkpoint, or any model.

What a checkpoint has is taken whole, projection heads and the stems' statistics included (paper, Table 1:
"init"); a model has encoders alone, so heads are drawn anew. Encoders must be those of the recipe, dial by
dial. What their input means (mel bands, fixed mean and deviation) travels with the weights: the recipe takes
it up, or is refused where it says otherwise. Optimiser and schedule begin anew.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lssd.config import build, to_mapping
from lssd.errors import CheckpointError
from lssd.models import FrameInputConfig, Model, SoundInputConfig, TowerConfig, load_model, weights_hash
from lssd.models.folders import FINISHED_FILE, RECIPE_FILE, as_checkpoint, is_run, list_checkpoints
from lssd.models.hub import CONFIG_FILE, WEIGHTS_FILE, is_hub_id
from lssd.models.registry import Modality, encoder_config
from lssd.pretraining.checkpoint import read_weights
from lssd.pretraining.network import Network
from lssd.pretraining.recipe import Recipe, load_named, load_recipe
from lssd.store import hash_file
from lssd.text import listed

Settings = Mapping[str, Mapping[str, Any]]  # of preprocessing, by tower

_MODALITIES: tuple[Modality, ...] = ("video", "audio")
# The network's parts, by the first part of their tensors' names.
_PARTS = {
    "video": "the picture encoder",
    "audio": "the sound encoder",
    "video_head": "the pictures' projection head",
    "audio_head": "the sounds' projection head",
    "secondary_head": "the secondary sounds' projection head",
    "log_scale": "the learned temperature",
}
# Dials that leave an encoder's function as it is, or follow from its input.
_FREE_DIALS = ("attention", "drop_path", "in_channels", "input_size")
# What an encoder's input means. The rest is how much of a clip it sees, or acts in training alone.
_MEANING: Mapping[str, tuple[str, ...]] = {
    "video": ("mean", "deviation"),
    "audio": ("sample_rate", "channels", "n_fft", "hop", "mels", "f_min", "f_max", "floor", "pad_mode"),
}
_EXTENT: Mapping[str, tuple[str, ...]] = {"video": ("frames", "size", "window_s"), "audio": ("window_s",)}
_FROM_VIEWS = ("sample_rate", "channels", "frames", "size", "window_s")
_NAMED = 6  # differences that a message names


@dataclass(frozen=True)
class Start:
    """The weights that a run starts from, and where they come from.

    weights: by the network's names; heads are among them where a run made them. towers: the encoders that
    they are of, with all dials and the preprocessing. identity: SHA-256 of the weights. place: the hub id,
    the model folder, or the checkpoint's file. recipe, step: of the run that made them; None for a model,
    which does not say.
    """

    weights: Mapping[str, Tensor]
    towers: Mapping[str, TowerConfig]
    identity: str
    place: str
    recipe: str | None = None
    step: int | None = None

    @property
    def from_hub(self) -> bool:
        return self.recipe is None and is_hub_id(self.place)


@dataclass(frozen=True)
class Origin:
    """What a run folder records of its start.

    place, sha256, recipe, step: as in `Start`; hub: whether `place` is a hub id. new: the parts of the
    network that the start lacks, drawn from the recipe's seed; left_out: its parts that the network lacks.
    taken_up: preprocessing that the recipe did not state.
    """

    place: str
    sha256: str
    recipe: str | None
    step: int | None
    hub: bool
    new: tuple[str, ...]
    left_out: tuple[str, ...]
    taken_up: Settings

    def notes(self) -> Iterator[str]:
        """In words, what is not as the weights have it."""
        if self.new:
            yield f"drawn anew from the seed: {listed(self.new)}"
        if self.left_out:
            yield f"left out: {listed(self.left_out)}"
        keys = [
            f"{tower}.preprocessing.{key}={_shown(value)}"
            for tower, settings in self.taken_up.items()
            for key, value in settings.items()
        ]
        if keys:
            yield f"taken up with the weights: {', '.join(keys)}"


def load_start(path: str | Path, recipe: Recipe) -> Start:
    """Read what a run of `recipe` starts from.

    `path`: the folder of a finished run, whose last checkpoint is taken; a checkpoint's folder, also of a run
    that goes on; a model folder; or a hub's model "owner/name[@revision]".

    Raises CheckpointError when there is none of these, when a run is not finished, when its recipe is not
    the one that `recipe.parent` names, and when a file is damaged; MissingExtraError as `load_model` does.
    """
    folder = Path(path)
    is_checkpoint = as_checkpoint(folder) is not None
    run = folder.parent.parent if is_checkpoint else folder
    if is_run(run):
        return _read_run(run, folder if is_checkpoint else None, recipe)
    if not (isinstance(path, str) and is_hub_id(path)):
        _check_model_folder(folder, recipe)
    model = load_model(path)
    return Start(
        weights=model.state_dict(),
        towers=_configs(model),
        identity=weights_hash(model),
        place=str(path),
    )


def take_up(recipe: Recipe, start: Start) -> Settings:
    """The preprocessing that travels with the weights and that the recipe does not state, by tower.

    Raises CheckpointError, naming keys and both values, when the encoders' architectures or dials differ,
    or when the recipe or its views state another preprocessing; and when they have no encoder in common.
    """
    ours = _towers(recipe)
    common = [name for name in _MODALITIES if name in start.towers and name in ours]
    if not common:
        raise CheckpointError(
            f"{start.place} has {listed([_PARTS[name] for name in start.towers])} alone, which recipe "
            f"{recipe.name} does not train: nothing of it would be used"
        )
    taken: dict[str, dict[str, Any]] = {}
    differences: list[str] = []
    for name in common:
        differences += _dial_differences(name, ours[name], start.towers[name])
        stated = _stated(recipe, name)
        for key, one, other in _differing(_meaning(name, ours[name]), _meaning(name, start.towers[name])):
            if key in _FROM_VIEWS:
                differences.append(_difference(f"views.{key}", one, other))
            elif key in stated:
                differences.append(_difference(f"{name}.preprocessing.{key}", one, other))
            else:
                taken.setdefault(name, {})[key] = other
    if differences:
        more = f"; and {len(differences) - _NAMED} more" if len(differences) > _NAMED else ""
        raise CheckpointError(
            f"{start.place} does not fit recipe {recipe.name}: {'; '.join(differences[:_NAMED])}{more}; "
            "take a recipe of that network, or change these with --set"
        )
    return taken


def with_preprocessing(recipe: Recipe, settings: Settings) -> Recipe:
    """The recipe with more preprocessing stated for its towers; what it states itself stays."""
    towers = {
        name: replace(tower, preprocessing={**settings[name], **tower.preprocessing})
        for name, tower in (("video", recipe.video), ("audio", recipe.audio))
        if tower is not None and name in settings
    }
    return replace(recipe, **towers)  # type: ignore[arg-type]


def match(network: Network, start: Start, taken_up: Settings) -> Origin:
    """How a start's weights fit a network that is made with what it took up; loads nothing.

    Raises CheckpointError, naming the first tensor and both shapes, when a part that both have differs.
    """
    expected = network.state_dict()
    ours, theirs = _parts(expected), _parts(start.weights)
    _check_shapes(network, expected, start, ours & theirs)
    return Origin(
        place=start.place,
        sha256=start.identity,
        recipe=start.recipe,
        step=start.step,
        hub=start.from_hub,
        new=tuple(words for part, words in _PARTS.items() if part in ours - theirs),
        left_out=tuple(words for part, words in _PARTS.items() if part in theirs - ours),
        taken_up=taken_up,
    )


def begin_with(network: Network, start: Start, taken_up: Settings) -> Origin:
    """Put a start's weights into a network; raises as `match` does, and then leaves the network as it was."""
    origin = match(network, start, taken_up)
    own = network.state_dict()
    network.load_state_dict({name: start.weights.get(name, tensor) for name, tensor in own.items()})
    return origin


def extents(network: Network, start: Start) -> list[str]:
    """How much of a clip the encoders see here and saw before, where that differs."""
    found = []
    for name, ours in _configs(network).items():
        if name not in start.towers:
            continue
        one, other = (_extent(name, settings) for settings in (ours, start.towers[name]))
        words = "pictures" if name == "video" else "sound"
        found += [
            f"{words}: views.{key} is {_shown(here)}, trained with {_shown(there)}"
            for key, here, there in _differing(one, other)
        ]
    return found


def _read_run(run: Path, checkpoint: Path | None, recipe: Recipe) -> Start:
    made_by = load_recipe(run / RECIPE_FILE)
    expected = None if recipe.parent is None else load_named("parent", recipe.parent).name
    if expected is not None and made_by.name != expected:
        raise CheckpointError(
            f"{checkpoint or run} is of recipe {made_by.name}, but recipe {recipe.name} starts from "
            f"{expected}; give a run of that"
        )
    folder = _last_checkpoint(run) if checkpoint is None else checkpoint
    weights, file = read_weights(folder), folder / WEIGHTS_FILE
    return Start(
        weights=weights,
        towers=_towers(made_by),
        identity=hash_file(file),
        place=str(file),
        recipe=made_by.name,
        step=int(folder.name),
    )


def _towers(recipe: Recipe) -> dict[str, TowerConfig]:
    with torch.device("meta"):
        return _configs(Network.create(recipe))


def _configs(holder: Network | Model) -> dict[str, TowerConfig]:
    """All dials and the preprocessing of the encoders that there are."""
    towers = {"video": holder.video, "audio": holder.audio}
    return {name: tower.config for name, tower in towers.items() if tower is not None}


def _last_checkpoint(run: Path) -> Path:
    checkpoints = list_checkpoints(run)
    model = run / "model"
    if not checkpoints:
        way = f"give {model} to start from its encoders alone" if model.is_dir() else "train it first"
        raise CheckpointError(f"{run} has no checkpoint: {way}")
    last = checkpoints[-1]
    if not (run / FINISHED_FILE).is_file():  # a run that is made longer has the model of before
        raise CheckpointError(
            f"{run} is not finished (at step {last.step}): finish it, "
            f"or give {last.folder} to start from there"
        )
    return last.folder


def _check_model_folder(folder: Path, recipe: Recipe) -> None:
    """What `load_model` cannot say, since it does not know what else might have been meant."""
    kinds = "a run, one of its checkpoints, a model folder, or a hub id (owner/name)"
    if folder.is_file():
        raise CheckpointError(
            f"{folder} is a file, and a run starts from {kinds}; lssd.models.convert makes a model folder of "
            "weights from elsewhere"
        )
    if not folder.is_dir():
        first = f"; train {recipe.parent} first, or use --chain" if recipe.parent else ""
        raise CheckpointError(f"nothing at {folder}: a run starts from {kinds}{first}")
    if not (folder / CONFIG_FILE).is_file():
        raise CheckpointError(
            f"{folder} is neither a run (it has no recipe.yaml) nor a model (it has no {CONFIG_FILE}); a run "
            f"starts from {kinds}"
        )


def _dial_differences(name: Modality, ours: TowerConfig, theirs: TowerConfig) -> list[str]:
    """In words; none where two names stand for one network."""
    one, other = (encoder_config(tower.name, name, tower.dials) for tower in (ours, theirs))
    named = [] if ours.name == theirs.name else [_difference(f"{name}.name", ours.name, theirs.name)]
    if type(one) is not type(other):
        return named
    dials = [
        _difference(f"{name}.dials.{key}", here, there)
        for key, here, there in _differing(to_mapping(one), to_mapping(other))
        if key not in _FREE_DIALS
    ]
    return named + dials if dials else []


def _meaning(name: str, tower: TowerConfig) -> dict[str, Any]:
    if name == "video":
        values = to_mapping(build(FrameInputConfig, tower.preprocessing, "video preprocessing"))
    else:
        sound = build(SoundInputConfig, tower.preprocessing, "audio preprocessing")
        values = {**to_mapping(sound), "f_max": sound.highest_frequency}
    return {key: values[key] for key in _MEANING[name]}


def _extent(name: str, tower: TowerConfig) -> dict[str, Any]:
    return {key: tower.preprocessing[key] for key in _EXTENT[name]}


def _stated(recipe: Recipe, name: str) -> Mapping[str, Any]:
    tower = recipe.video if name == "video" else recipe.audio
    return {} if tower is None else tower.preprocessing


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for key, value in one.items():
        if value != other[key]:
            yield key, value, other[key]


def _difference(key: str, here: Any, there: Any) -> str:
    return f"{key} is {_shown(here)} in the recipe and {_shown(there)} in the init"


def _shown(value: Any) -> str:
    """As `--set` takes it."""
    return value if isinstance(value, str) else json.dumps(value)


def _parts(tensors: Mapping[str, Tensor]) -> set[str]:
    return {name.split(".")[0] for name in tensors}


def _check_shapes(network: Network, expected: Mapping[str, Tensor], start: Start, parts: set[str]) -> None:
    """Every tensor with its shape, in the network's order, then what the start has beyond them."""
    for name in [*expected, *(name for name in start.weights if name not in expected)]:
        if name.split(".")[0] not in parts:
            continue
        wanted, found = (
            str(tuple(tensors[name].shape)) if name in tensors else "missing"
            for tensors in (expected, start.weights)
        )
        if wanted != found:
            why = "".join(f"; {words}" for words in extents(network, start))
            raise CheckpointError(
                f"{start.place} is of another architecture: '{name}' is {found} there and {wanted} here; "
                f"encoders and heads must be those of the init{why}"
            )
