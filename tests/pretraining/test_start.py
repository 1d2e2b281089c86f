"""What a run starts from: checkpoints with their heads, any model's encoders, and what does not fit."""

import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor

from lssd import config
from lssd.errors import CheckpointError, InputError, MissingExtraError
from lssd.models import AudioTower, Model, VideoTower, build_model, load_model, save_model, weights_hash
from lssd.pretraining import Forecast, Run
from lssd.pretraining.checkpoint import read_weights
from lssd.pretraining.network import Network
from lssd.pretraining.pretrain import pretrain
from lssd.pretraining.recipe import Recipe, load_recipe
from lssd.pretraining.start import begin_with, load_start, match, take_up, with_preprocessing
from lssd.store import hash_file, read_json

STEPS, WEIGHTS, HEADS_FILE = (10, 20), "model.safetensors", "heads.safetensors"
HEADS = ("the pictures' projection head", "the sounds' projection head")


@pytest.fixture(scope="module")
def small(small_mvit: tuple[str, ...]) -> tuple[str, ...]:
    """With encoders whose dials change what they compute, in training alone, or how, in all these ways."""
    return small_mvit


@pytest.fixture(scope="module")
def recipe(small: tuple[str, ...]) -> Recipe:
    return load_recipe("demo", small)


@pytest.fixture(scope="module")
def model(recipe: Recipe) -> Model:
    """Encoders of the recipe, with weights and statistics of their own."""
    found = Network.create(_changed(recipe, "seed=77")).to_model()
    for index, tensor in enumerate(found.state_dict().values()):
        if tensor.is_floating_point():
            tensor += 0.001 * (index % 7)
    return found


@pytest.fixture(scope="module")
def folder(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("model") / "m"
    save_model(model, place)
    return place


def _changed(recipe: Recipe, *settings: str) -> Recipe:
    return load_recipe(recipe, settings)


def _recipe_file(path: Path, small: tuple[str, ...], **changes: object) -> Path:
    mapping = config.to_mapping(load_recipe("demo", small))
    path.write_text(yaml.safe_dump({**mapping, "name": path.stem, **changes}))
    return path


def _make_run(folder: Path, recipe: Recipe, done: bool = True) -> Path:
    """A run folder as training leaves it, with other weights in each checkpoint."""
    for step in STEPS:
        place = folder / f"checkpoints/{step:08d}"
        place.mkdir(parents=True)
        network = Network.create(recipe)
        weights = {name: (tensor + step).contiguous() for name, tensor in network.state_dict().items()}
        encoders = network.to_model().state_dict()
        save_file({name: weights[name] for name in encoders}, place / WEIGHTS)
        save_file({name: weights[name] for name in weights if name not in encoders}, place / HEADS_FILE)
        (place / "state.json").write_text(json.dumps({"step": step}))
    (folder / "recipe.yaml").write_text(config.to_yaml(recipe))
    if done:
        (folder / "model").mkdir()
        (folder / "finished.json").write_text("{}")
    return folder


def _begin(recipe: Recipe, path: str | Path) -> tuple[Network, list[str]]:
    """The network of a recipe that starts from `path`, and what is said of it."""
    start = load_start(path, recipe)
    taken_up = take_up(recipe, start)
    network = Network.create(with_preprocessing(recipe, taken_up))
    return network, list(begin_with(network, start, taken_up).notes())


def _equal(found: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    return found.keys() == expected.keys() and all(torch.equal(found[k], expected[k]) for k in expected)


# Runs and their checkpoints.


@pytest.fixture
def family(tmp_path: Path, small: tuple[str, ...]) -> tuple[Recipe, Recipe]:
    """A parent and its child."""
    parent = _recipe_file(tmp_path / "parent.yaml", small)
    child = _recipe_file(tmp_path / "child.yaml", small, parent=str(parent))
    return load_recipe(parent), load_recipe(child)


def test_a_child_starts_from_the_last_checkpoint_heads_and_statistics_included(
    tmp_path: Path, family: tuple[Recipe, Recipe]
) -> None:
    parent, child = family
    run = _make_run(tmp_path / "r", parent)
    file = run / "checkpoints/00000020" / WEIGHTS
    start = load_start(run, child)
    assert (start.recipe, start.step, start.place, start.identity) == (
        "parent",
        20,
        str(file),
        hash_file(file),
    )
    network, notes = _begin(child, run)
    assert _equal(network.state_dict(), read_weights(file.parent))
    assert torch.equal(network.state_dict()["audio.front.stem.running_var"], torch.full((1,), 21.0))
    assert notes == []


def test_a_checkpoint_can_be_given_even_of_a_run_that_goes_on(
    tmp_path: Path, family: tuple[Recipe, Recipe]
) -> None:
    parent, child = family
    run = _make_run(tmp_path / "r", parent, done=False)
    assert load_start(run / "checkpoints/00000010", child).step == 10
    with pytest.raises(CheckpointError, match=r"not finished \(at step 20\).*or give .*checkpoints/00000020"):
        load_start(run, child)
    # One that is made longer has the model of before.
    (run / "model").mkdir()
    with pytest.raises(CheckpointError, match=r"not finished \(at step 20\)"):
        load_start(run, child)


def _empty(run: Path) -> None:
    for file in run.glob("checkpoints/*/*"):
        file.unlink()
    for folder in run.glob("checkpoints/*"):
        folder.rmdir()


def _cut(run: Path) -> None:
    file = run / "checkpoints/00000020" / WEIGHTS
    file.write_bytes(file.read_bytes()[:-8])


def _clear(run: Path) -> None:
    (run / "checkpoints/00000020" / WEIGHTS).unlink()


def _behead(run: Path) -> None:
    (run / "checkpoints/00000020" / HEADS_FILE).unlink()


def _unmark(run: Path) -> None:
    (run / "recipe.yaml").unlink()


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (_empty, "has no checkpoint: give .*model to start from its encoders alone"),
        (_cut, "missing or damaged"),
        (_clear, "missing or damaged"),
        (_behead, r"heads\.safetensors is missing or damaged"),
        (_unmark, "neither a run .*recipe.yaml"),
    ],
)
def test_missing_and_damaged_runs_are_named(
    tmp_path: Path, recipe: Recipe, harm: Callable[[Path], None], words: str
) -> None:
    run = _make_run(tmp_path / "r", recipe)
    harm(run)
    with pytest.raises(CheckpointError, match=words) as caught:
        load_start(run, recipe)
    assert "\n" not in str(caught.value)
    assert str(run) in str(caught.value)


def test_a_recipe_with_a_parent_takes_no_other_runs(
    tmp_path: Path, family: tuple[Recipe, Recipe], recipe: Recipe
) -> None:
    parent, child = family
    other = _make_run(tmp_path / "r", recipe)
    with pytest.raises(CheckpointError, match="is of recipe demo, but recipe child starts from parent"):
        load_start(other, child)
    with pytest.raises(
        CheckpointError, match=r"nothing at .*nowhere.*train .*parent\.yaml first, or use --chain"
    ):
        load_start(tmp_path / "nowhere", child)
    # One without a parent starts from whatever fits.
    assert load_start(other, parent).recipe == "demo"


def test_another_shape_is_named_by_its_first_tensor_and_nothing_is_loaded(
    tmp_path: Path, recipe: Recipe
) -> None:
    run = _make_run(tmp_path / "r", recipe)
    wider = _changed(recipe, "head.size=9")
    start = load_start(run, wider)
    network = Network.create(wider)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(
        CheckpointError, match=r"'video_head\.layers\.2\.weight' is \(16, 32\) there and \(9, 32\)"
    ):
        begin_with(network, start, take_up(wider, start))
    assert _equal(network.state_dict(), before)


def test_what_a_run_lacks_is_new_and_what_the_recipe_lacks_is_left_out(
    tmp_path: Path, recipe: Recipe
) -> None:
    run = _make_run(tmp_path / "r", recipe)
    more = _changed(recipe, "head.separate_sounds=true", "objective.learn_temperature=true")
    network, notes = _begin(more, run)
    assert notes == [
        "drawn anew from the seed: the secondary sounds' projection head and the learned temperature"
    ]
    weights = read_weights(run / "checkpoints/00000020")
    assert torch.equal(
        network.state_dict()["audio_head.layers.0.weight"], weights["audio_head.layers.0.weight"]
    )
    fresh = Network.create(more).state_dict()
    assert torch.equal(
        network.state_dict()["secondary_head.layers.0.bias"], fresh["secondary_head.layers.0.bias"]
    )
    mute = _changed(recipe, "video=null", "views.pictures=false")
    network, notes = _begin(mute, run)
    assert notes == ["left out: the picture encoder and the pictures' projection head"]
    assert torch.equal(
        network.state_dict()["audio_head.layers.0.weight"], weights["audio_head.layers.0.weight"]
    )


# Models.


def test_a_model_gives_its_encoders_and_heads_are_drawn_from_the_seed(
    recipe: Recipe, model: Model, folder: Path
) -> None:
    start = load_start(folder, recipe)
    assert (start.recipe, start.step, start.place) == (None, None, str(folder))
    assert start.identity == weights_hash(model) == read_json(folder / "config.json")["weights_sha256"]
    network, notes = _begin(recipe, folder)
    assert notes == [f"drawn anew from the seed: {HEADS[0]} and {HEADS[1]}"]
    found, fresh = network.state_dict(), Network.create(recipe).state_dict()
    own = {name: tensor for name, tensor in found.items() if name.split(".")[0] in ("video", "audio")}
    assert _equal(own, model.state_dict())
    heads = {name for name in found if "_head" in name}
    assert heads and all(torch.equal(found[name], fresh[name]) for name in heads)
    frames = torch.randint(0, 256, (2, 2, 3, 16, 16), dtype=torch.uint8)
    sound = torch.randn(2, 1, 144_000) * 0.1
    loaded = load_model(folder)
    assert torch.equal(network.to_model().embed_video(frames), loaded.embed_video(frames))
    assert torch.equal(network.to_model().embed_audio(sound), loaded.embed_audio(sound))


def test_an_encoder_that_the_model_lacks_is_drawn_from_the_seed(
    tmp_path: Path, recipe: Recipe, model: Model
) -> None:
    assert isinstance(model.video, VideoTower) and isinstance(model.audio, AudioTower)
    save_model(Model(video=model.video), tmp_path / "v")
    network, notes = _begin(recipe, tmp_path / "v")
    assert notes == [f"drawn anew from the seed: the sound encoder, {HEADS[0]} and {HEADS[1]}"]
    fresh = Network.create(recipe)
    assert _equal(network.audio.state_dict(), fresh.audio.state_dict())
    assert network.video is not None and _equal(network.video.state_dict(), model.video.state_dict())
    # And one that the recipe lacks is left out; where nothing is in common, nothing begins.
    mute = _changed(recipe, "video=null", "views.pictures=false")
    save_model(model, tmp_path / "m")
    _, notes = _begin(mute, tmp_path / "m")
    assert notes == [f"drawn anew from the seed: {HEADS[1]}", "left out: the picture encoder"]
    with pytest.raises(
        CheckpointError, match="has the picture encoder alone, which recipe demo does not train"
    ):
        _begin(mute, tmp_path / "v")


def _save(place: Path, recipe: Recipe, **preprocessing: object) -> Path:
    """A model of the recipe's encoders with other preprocessing: `video_mean=...`, `audio_mels=...`."""
    settings = Network.create(recipe).to_model().config
    towers = {name: dict(settings[name]) for name in ("video", "audio")}
    for key, value in preprocessing.items():
        name, dial = key.split("_", 1)
        towers[name]["preprocessing"] = {**towers[name]["preprocessing"], dial: value}
    for name in towers:  # they follow from the preprocessing
        towers[name]["dials"] = {
            key: value
            for key, value in towers[name]["dials"].items()
            if key not in ("in_channels", "input_size")
        }
    save_model(build_model(**towers), place)
    return place


def test_preprocessing_travels_with_the_weights(tmp_path: Path, recipe: Recipe) -> None:
    fixed = {"video_mean": [0.45] * 3, "video_deviation": [0.225] * 3}
    place = _save(tmp_path / "m", recipe, **fixed, audio_mels=64, audio_floor=1e-8)
    network, notes = _begin(recipe, place)
    assert network.video is not None
    assert network.video.front.config.mean == (0.45, 0.45, 0.45)
    assert (network.audio.front.config.mels, network.audio.front.config.floor) == (64, 1e-8)
    # What acts in training alone is the recipe's.
    assert network.audio.front.config.mask_fraction == 0.25
    assert notes[1] == (
        "taken up with the weights: video.preprocessing.mean=[0.45, 0.45, 0.45], "
        "video.preprocessing.deviation=[0.225, 0.225, 0.225], audio.preprocessing.mels=64, "
        "audio.preprocessing.floor=1e-08"
    )
    frames = torch.randint(0, 256, (2, 2, 3, 16, 16), dtype=torch.uint8)
    assert torch.equal(network.to_model().embed_video(frames), load_model(place).embed_video(frames))


@pytest.mark.parametrize(
    ("there", "settings", "words"),
    [
        (
            {"audio_channels": 2},
            (),
            "views.channels is 1 in the recipe and 2 in the init",
        ),
        (
            {"audio_sample_rate": 16_000},
            (),
            "views.sample_rate is 48000 in the recipe and 16000 in the init",
        ),
        (
            {"audio_mels": 64},
            ("audio.preprocessing.mels=96",),
            "audio.preprocessing.mels is 96 in the recipe and 64 in the init",
        ),
        (
            {"audio_f_max": 8000.0},
            ("audio.preprocessing.f_max=24000",),
            "audio.preprocessing.f_max is 24000.0 in the recipe and 8000.0 in the init",
        ),
        (
            {"video_mean": [0.45] * 3, "video_deviation": [0.225] * 3},
            ("video.preprocessing={mean: [0.5, 0.5, 0.5], deviation: [0.225, 0.225, 0.225]}",),
            "video.preprocessing.mean is [0.5, 0.5, 0.5] in the recipe and [0.45, 0.45, 0.45] in the init",
        ),
        (
            {},
            ("video.preprocessing={mean: [0.5, 0.5, 0.5], deviation: [0.2, 0.2, 0.2]}",),
            "video.preprocessing.mean is [0.5, 0.5, 0.5] in the recipe and null in the init",
        ),
    ],
)
def test_other_preprocessing_is_refused_by_its_key(
    tmp_path: Path, recipe: Recipe, there: dict, settings: tuple[str, ...], words: str
) -> None:
    place = _save(tmp_path / "m", recipe, **there)
    with pytest.raises(CheckpointError) as caught:
        _begin(_changed(recipe, *settings), place)
    assert words in str(caught.value) and str(place) in str(caught.value) and "demo" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_upper_edge_that_is_half_the_rate_is_the_same_however_it_is_written(
    tmp_path: Path, recipe: Recipe
) -> None:
    _, notes = _begin(recipe, _save(tmp_path / "m", recipe, audio_f_max=24_000.0))
    assert len(notes) == 1 and "taken up" not in notes[0]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (("video.dials.depth=3",), ("video.dials.depth is 3 in the recipe and 2 in the init",)),
        (
            ("video.dials.class_token=true", "video.dials.readout=class"),
            (
                "video.dials.class_token is true in the recipe and false in the init",
                "video.dials.readout is class in the recipe and mean in the init",
            ),
        ),
        (
            ("audio.dials.patch_stride=[1,8,8]",),
            ("audio.dials.patch_stride is [1, 8, 8] in the recipe and [1, 16, 16] in the init",),
        ),
        (
            ("video.name=x3d_m", "video.dials.head_width=32"),
            ("video.name is x3d_m in the recipe and mvit in the init",),
        ),
        (("audio.dials.heads=2",), ("audio.dials.heads is 2 in the recipe and 1 in the init",)),
    ],
)
def test_other_architectures_and_dials_are_refused_by_their_keys(
    recipe: Recipe, folder: Path, settings: tuple[str, ...], words: tuple[str, ...]
) -> None:
    large = ("views.size=32", "views.short_side=[32,40]") if "x3d" in settings[0] else ()
    with pytest.raises(CheckpointError) as caught:
        _begin(_changed(recipe, *settings, *large), folder)
    for word in (*words, "recipe demo", str(folder), "--set"):
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_dials_of_training_and_other_names_of_one_network_fit(recipe: Recipe, folder: Path) -> None:
    """Stochastic depth acts in training alone, and fast attention gives the numbers of the plain one."""
    free = ("video.dials.drop_path=0.3", "audio.dials.attention=plain")
    network, _ = _begin(_changed(recipe, *free), folder)
    assert network.video is not None and network.video.encoder.config.drop_path == 0.3
    assert recipe.video is not None
    dials = json.dumps(recipe.video.dials)
    renamed = _changed(recipe, "video.name=mvit_v2_t", f"video.dials={dials}")
    assert _begin(renamed, folder)[1] == [f"drawn anew from the seed: {HEADS[0]} and {HEADS[1]}"]


def test_another_size_of_pictures_is_refused_where_weights_depend_on_it(recipe: Recipe, folder: Path) -> None:
    larger = _changed(recipe, "views.size=32", "views.short_side=[32,40]")
    with pytest.raises(CheckpointError) as caught:
        _begin(larger, folder)
    assert "'video.encoder.blocks.0.attention.positions.rows' is (3, 16) there and (7, 16) here" in str(
        caught.value
    )
    assert "pictures: views.size is 32, trained with 16" in str(caught.value)


def _hub_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda path: path.mkdir() or path, CheckpointError, "neither a run"),
        (lambda path: path.write_bytes(b"x") and path, CheckpointError, "lssd.models.convert"),
        (lambda path: path, CheckpointError, "nothing at"),
        (lambda path: "somebody/films", MissingExtraError, "no model folder somebody/films here"),
    ],
    ids=["a folder of something else", "a file", "nothing", "a hub id without the hub"],
)
def test_what_is_no_model_is_refused_in_one_line(
    tmp_path: Path,
    recipe: Recipe,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[Path], Path | str],
    error: type[Exception],
    words: str,
) -> None:
    _hub_is_absent(monkeypatch)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=words) as caught:
        load_start(make(tmp_path / "x"), recipe)
    assert "\n" not in str(caught.value)


def test_a_model_of_the_hub(recipe: Recipe, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(repository: str, name: str, revision: str | None) -> str:
        assert (repository, revision) == ("somebody/films", "v2")
        return str(folder / name)

    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(hf_hub_download=download))
    start = load_start("somebody/films@v2", recipe)
    assert (start.place, start.from_hub) == ("somebody/films@v2", True)
    assert start.identity == load_start(folder, recipe).identity
    assert match(Network.create(recipe), start, {}).hub


def test_a_config_of_something_else_is_no_model(tmp_path: Path, recipe: Recipe) -> None:
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert/config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(CheckpointError, match="has format None; this version of lssd reads format 1"):
        load_start(tmp_path / "bert", recipe)


# Whole runs.


@pytest.fixture(scope="module")
def begun(
    folder: Path, corpus: Path, tmp_path_factory: pytest.TempPathFactory, small: tuple[str, ...]
) -> tuple[Run, list[str]]:
    """A run from the model, and the warnings it gave."""
    records: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: records.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("lssd").addHandler(handler)
    out = tmp_path_factory.mktemp("begun") / "r"
    try:
        run = pretrain("demo", corpus, out, settings=small, init=folder)
    finally:
        logging.getLogger("lssd").removeHandler(handler)
    assert isinstance(run, Run)
    return run, records


def test_a_run_records_its_start_and_says_once_what_is_new(
    begun: tuple[Run, list[str]], model: Model, folder: Path, corpus: Path, small: tuple[str, ...]
) -> None:
    run, records = begun
    said = [line for line in records if line.startswith("starting from")]
    assert said == [f"starting from {folder}; drawn anew from the seed: {HEADS[0]} and {HEADS[1]}"]
    start = read_json(run.folder / "environment.json")["start"]
    assert (start["sha256"], start["place"]) == (weights_hash(model), str(folder))
    assert (start["recipe"], start["step"], start["hub"]) == (None, None, False)
    assert start["new"] == list(HEADS) and start["taken_up"] == {}
    # It needs its start no more, and it takes no other.
    assert pretrain("demo", corpus, run.folder, settings=small, quiet=True) == run
    assert pretrain("demo", corpus, run.folder, settings=small, init=folder, quiet=True) == run
    card = (run.model / "README.md").read_text()
    assert "started from the encoders of a model (SHA-256" in card and weights_hash(model) in card
    assert str(folder) not in card


def test_another_start_is_refused_under_the_same_folder(
    begun: tuple[Run, list[str]], recipe: Recipe, tmp_path: Path, corpus: Path, small: tuple[str, ...]
) -> None:
    save_model(Network.create(_changed(recipe, "seed=3")).to_model(), tmp_path / "other")
    with pytest.raises(InputError, match=r"started from other weights, not .*other; choose another --out"):
        pretrain("demo", corpus, begun[0].folder, settings=small, init=tmp_path / "other", quiet=True)
    run = pretrain("demo", corpus, tmp_path / "r", settings=small, quiet=True)
    assert isinstance(run, Run)
    with pytest.raises(InputError, match=r"started from random weights, not .*other"):
        pretrain("demo", corpus, run.folder, settings=small, init=tmp_path / "other", quiet=True)


def test_what_was_taken_up_stays_with_the_run(
    recipe: Recipe, tmp_path: Path, corpus: Path, small: tuple[str, ...]
) -> None:
    place = _save(tmp_path / "m", recipe, video_mean=[0.45] * 3, video_deviation=[0.225] * 3)
    short = (*small, "schedule.steps=2")
    run = pretrain("demo", corpus, tmp_path / "r", settings=short, init=place, quiet=True)
    assert isinstance(run, Run)
    found = load_model(run.model)
    assert found.video is not None and found.video.front.config.deviation == (0.225, 0.225, 0.225)
    stored = load_recipe(run.folder / "recipe.yaml")
    assert stored.video is not None
    assert stored.video.preprocessing == {"mean": [0.45] * 3, "deviation": [0.225] * 3}
    # The recipe as it was given goes on with the run, with and without its start.
    assert pretrain("demo", corpus, run.folder, settings=short, quiet=True) == run
    assert pretrain("demo", corpus, run.folder, settings=short, init=place, quiet=True) == run
    # And a child of that run takes it up in turn.
    network, notes = _begin(_changed(recipe, "name=child"), run.folder)
    assert network.video is not None and network.video.front.config.mean == (0.45, 0.45, 0.45)
    assert len(notes) == 1 and notes[0].startswith("taken up with the weights: video.preprocessing.mean=")


def test_a_start_that_does_not_fit_leaves_nothing(
    folder: Path, tmp_path: Path, corpus: Path, small: tuple[str, ...]
) -> None:
    for dry_run in (False, True):
        with pytest.raises(
            CheckpointError, match=r"video\.dials\.depth is 3 in the recipe and 2 in the init"
        ):
            settings = (*small, "video.dials.depth=3")
            pretrain(
                "demo", corpus, tmp_path / "r", settings=settings, init=folder, dry_run=dry_run, quiet=True
            )
    assert not (tmp_path / "r").exists()


def test_a_forecast_says_what_the_run_starts_from(
    folder: Path, corpus: Path, small: tuple[str, ...], family: tuple[Recipe, Recipe]
) -> None:
    found = pretrain("demo", corpus, settings=small, init=folder, dry_run=True, quiet=True)
    assert isinstance(found, Forecast)
    assert found.start == f"{folder}; drawn anew from the seed: {HEADS[0]} and {HEADS[1]}"
    child = pretrain(family[1], corpus, dry_run=True, quiet=True)
    assert isinstance(child, Forecast) and child.start.startswith("a run of ")


def test_pictures_of_another_pace_are_said(recipe: Recipe, tmp_path: Path, corpus: Path) -> None:
    place = _save(tmp_path / "m", recipe, video_window_s=2.04)
    found = pretrain(recipe, corpus, init=place, dry_run=True, quiet=True)
    assert isinstance(found, Forecast)
    assert found.start.endswith("; pictures: views.window_s is 3.0, trained with 2.04")


def test_a_chain_has_its_start_in_its_recipes(
    folder: Path, corpus: Path, tmp_path: Path, small: tuple[str, ...]
) -> None:
    with pytest.raises(InputError, match="give init or chain, not both"):
        pretrain("demo", corpus, tmp_path / "r", settings=small, init=folder, chain=True, quiet=True)


def test_matching_loads_nothing(recipe: Recipe, folder: Path) -> None:
    start, network = load_start(folder, recipe), Network.create(recipe)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    assert match(network, start, {}).new == HEADS
    assert _equal(network.state_dict(), before)
