"""Recipes are data: the packaged ones are the paper's, and a wrong key is named."""

import csv
import time
from pathlib import Path

import pytest
import torch
import yaml
from tests.conftest import REAL, TINY_MVIT

from lssd import config
from lssd.cli import main
from lssd.errors import InputError
from lssd.models import SoundInputConfig, encoder_size
from lssd.models.registry import encoder_config
from lssd.pretraining.network import Network
from lssd.pretraining.recipe import Recipe, load_recipe, recipe_names
from lssd.views import Selection

TABLE_1 = REAL.parent / "paper" / "table1_variants.csv"

ESF, ALL = ("en", "es", "fr"), ()
# Table 1, typed in: languages, only clips with dubs, init, lambda_v, lambda_a, dubs, encoder, steps.
PAPER = {
    "A.1": (ESF, True, None, 0, 0, False, "s", 26952),
    "A.2": (ESF, True, None, 0, 0, True, "s", 26952),
    "A.3": (ESF, True, "A.1", 0, 0.2, False, "s", 26952),
    "A.4": (ESF, True, "A.2", 0, 0.2, True, "s", 26952),
    "B.1": (("en",), False, None, 0, 0, False, "s", 113664),
    "B.2": ("not en", False, None, 0, 0, False, "s", 113664),
    "B.3": (ALL, False, None, 0, 0, False, "s", 113664),
    "B.4": (ALL, True, "B.3", 0, 0, True, "s", 29880),
    "B.5": (ALL, True, "B.3", 0.2, 0.2, True, "s", 29880),
    "C.1": (ALL, False, None, 0, 0, False, "b", 113664),
    "C.2": (ALL, True, "C.1", 0.1, 0.1, True, "b", 29880),
}
# The variants of which the authors released weights, and those that make a chain or a comparison of them.
RELEASED = ("B.3", "B.4", "B.5", "C.1", "C.2")
# Appendix B.3: secondary sound, its languages, pictures, primary sound.
CONTROLLED = {
    "EN": ("original", (), True, "original"),
    "ES": ("dub", ("es",), True, "original"),
    "FR": ("dub", ("fr",), True, "original"),
    "JA": ("dub", ("ja",), True, "original"),
    "EFJ": ("round_robin", ("es", "fr", "ja"), True, "original"),
    "SEP": ("none", (), True, "background"),
    "AUD": ("original", (), False, "original"),
    "AUD+EFJ": ("round_robin", ("es", "fr", "ja"), False, "original"),
}


def test_the_packaged_recipes_are_those_of_the_paper_and_the_demos() -> None:
    names = [f"controlled/{name}" for name in CONTROLLED] + [f"paper/{name}" for name in PAPER]
    names += [f"released/{name}" for name in RELEASED]
    assert recipe_names() == sorted([*names, "demo", "demo-mono", "small", "base"])


@pytest.mark.parametrize("name", recipe_names())
def test_packaged_recipes_resolve_and_survive_yaml(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert load_recipe(recipe) == recipe
    (tmp_path / "r.yaml").write_text(config.to_yaml(recipe))
    assert load_recipe(tmp_path / "r.yaml") == recipe


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "demo",
            ("# video: frame_cnn, 3 x 2 x 48 x 48 -> 256-d", "# audio: tdnn, 1 x 1 x 96 x 288 -> 256-d"),
        ),
        ("paper/B.3", ("mvit_v2_s, 3 x 16 x 224 x 224 -> 8 x 56 x 56 tokens -> 768-d; 34.23 M", "64.2 G")),
        ("released/B.3", ("-> 8 x 28 x 28 tokens and a class token -> 768-d; 34.20 M", "# audio: ")),
        ("controlled/EN", ("x3d_m, 3 x 16 x 224 x 224 -> 1024-d", "acoustic_resnet50, 2 x 1 x 96 x 288 ->")),
        ("controlled/AUD", ("# audio: ",)),
    ],
)
def test_a_printed_recipe_says_how_large_its_encoders_are_and_can_be_read_again(
    name: str, words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pretrain", name, "--print-recipe"]) == 0
    text = capsys.readouterr().out
    for word in words:
        assert word in text
    (tmp_path / "r.yaml").write_text(text)
    assert load_recipe(tmp_path / "r.yaml") == load_recipe(name)


@pytest.mark.parametrize("name", RELEASED)
def test_released_recipes_are_the_papers_with_another_network(name: str) -> None:
    paper, released = (_dials(load_recipe(f"{kind}/{name}")) for kind in ("paper", "released"))
    for modality in ("video", "audio"):
        assert paper[modality].pop("name") == f"mvit_v2_{'b' if name[0] == 'C' else 's'}"
        assert released[modality].pop("name") == f"mvit_released_{'b' if name[0] == 'C' else 's'}"
    parents = paper.pop("parent"), released.pop("parent")
    assert parents == (None, None) or [parent.split("/") for parent in parents] == [
        ["paper", parents[0].split("/")[1]],
        ["released", parents[0].split("/")[1]],
    ]
    assert paper == released


@pytest.mark.parametrize(
    ("size", "depth", "starts", "drops"),
    [("s", 16, (1, 3, 14), (0.2, 0.1)), ("b", 24, (2, 5, 21), (0.3, 0.3))],
)
def test_the_released_network(
    size: str, depth: int, starts: tuple[int, ...], drops: tuple[float, float]
) -> None:
    """The settings of the authors' released code, typed in: PATCH_KERNEL and so on by modality and SIZE."""
    video, audio = (encoder_config(f"mvit_released_{size}", modality, {}) for modality in ("video", "audio"))
    assert (video.patch_kernel, video.patch_stride, video.patch_padding) == ((3, 9, 9), (2, 8, 8), (1, 4, 4))
    assert (audio.patch_kernel, audio.patch_stride, audio.patch_padding) == ((1, 7, 9), (1, 4, 8), (0, 3, 4))
    assert (video.pool_kernel, video.kv_stride) == ((3, 3, 3), 8)
    assert (audio.pool_kernel, audio.kv_stride) == ((1, 3, 3), 4)
    assert (video.class_token, video.readout) == (True, "class")
    assert (audio.class_token, audio.readout) == (False, "mean")
    assert (video.drop_path, audio.drop_path) == drops
    for tower in (video, audio):
        assert (tower.depth, tower.stage_starts, tower.width, tower.heads) == (depth, starts, 96, 1)
        assert (tower.positions, tower.residual_pooling, tower.widen_in) == ("relative", True, "attention")


def test_the_released_network_takes_a_quarter_of_the_compute() -> None:
    found = [
        [encoder_size(f"mvit_{kind}_s", modality) for modality in ("video", "audio")]
        for kind in ("v2", "released")
    ]
    paper, released = (sum(size.multiply_adds for size in sizes) for sizes in found)
    assert released == pytest.approx(paper / 4, rel=0.05)
    paper, released = (sum(size.parameters for size in sizes) for sizes in found)
    assert released == pytest.approx(paper, rel=2e-3)


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_variants(name: str) -> None:
    languages, dubbed, init, lambda_v, lambda_a, dubs, size, steps = PAPER[name]
    recipe = load_recipe(f"paper/{name}")
    assert recipe.data == Selection(
        splits=("train",),
        original_languages=() if languages == "not en" else languages,
        except_original_languages=("en",) if languages == "not en" else (),
        require_dub=dubbed,
    )
    assert recipe.parent == (None if init is None else f"paper/{init}")
    assert (recipe.objective.lambda_v, recipe.objective.lambda_a) == (lambda_v, lambda_a)
    assert recipe.views.secondary == ("dub" if dubs else "original")
    assert recipe.video is not None
    assert recipe.video.name == recipe.audio.name == f"mvit_v2_{size}"
    assert recipe.schedule.steps == steps


@pytest.mark.parametrize("name", PAPER)
def test_what_the_papers_variants_share(name: str) -> None:
    """Section 3, section 4 and appendix A."""
    recipe = load_recipe(f"paper/{name}")
    views, objective, schedule = recipe.views, recipe.objective, recipe.schedule
    assert (recipe.groups, views.batch_size, views.title_clips) == (32, 64, 8)
    assert (views.windows, views.window_s, views.pictures, views.primary) == (2, 3.0, True, "original")
    assert (views.fps, views.frames, views.size, views.short_side) == (25, 16, 224, (256, 320))
    assert (views.sample_rate, views.channels, views.secondary_languages) == (48_000, 1, ())
    assert recipe.audio.preprocessing == {"n_fft": 1024, "hop": 501, "mels": 96, "mask_fraction": 0.5}
    assert (recipe.head.size, recipe.head.separate_sounds) == (512, False)
    assert (objective.temperature, objective.learn_temperature, objective.loss) == (0.07, False, "nt_xent")
    assert (recipe.optimiser.lr, recipe.optimiser.weight_decay) == (3e-4, 5e-2)
    assert (schedule.epochs, schedule.warmup_epochs) == (12, 2)
    assert schedule.warmup_steps is not None
    assert schedule.warmup_steps * 6 == schedule.steps
    # Whoever is to run as long does.
    assert all(load_recipe(other).schedule.steps == schedule.steps for other in recipe.same_steps_as)


def test_steps_are_twelve_epochs_of_the_clips_of_table_1() -> None:
    """B.1 and B.2 have fewer clips than B.3 and run as many steps (section 5.3)."""
    clips = {"A.1": 4.6e6, "B.3": 19.4e6, "B.4": 5.1e6, "C.1": 19.4e6, "C.2": 5.1e6}
    for name, count in clips.items():
        assert load_recipe(f"paper/{name}").schedule.steps == 12 * (int(count) // 2048)
    for one, other in (("A.1", "A.2"), ("A.3", "A.4"), ("B.1", "B.3"), ("B.2", "B.3"), ("B.4", "B.5")):
        recipe = load_recipe(f"paper/{one}")
        assert f"paper/{other}" in recipe.same_steps_as
        assert recipe.schedule.steps == load_recipe(f"paper/{other}").schedule.steps


@pytest.mark.skipif(not TABLE_1.is_file(), reason="the paper's tables are not here")
def test_table_1_itself() -> None:
    rows = list(csv.DictReader(TABLE_1.open(encoding="utf-8")))
    assert [row["variant"] for row in rows] == list(PAPER)
    for row in rows:
        recipe = load_recipe(f"paper/{row['variant']}")
        init = "random" if recipe.parent is None else recipe.parent.removeprefix("paper/")
        assert init == row["init"]
        assert (recipe.objective.lambda_v, recipe.objective.lambda_a) == (
            float(row["lambda_v"]),
            float(row["lambda_a"]),
        )
        chosen = "|".join(code.upper() for code in recipe.data.original_languages) or "ALL"
        if recipe.data.except_original_languages:
            chosen += "-" + "|".join(code.upper() for code in recipe.data.except_original_languages)
        assert chosen == row["original_language"]
        # Where all clips have dubs there are 2.8 on average, else fewer than one.
        assert recipe.data.require_dub == (float(row["avg_dubs"]) > 1)
        assert (recipe.views.secondary == "dub") == (row["dub_augment"] == "yes")
        assert recipe.video is not None
        assert recipe.video.name == row["video_encoder"].lower().replace("-", "_v2_")
        if row["variant"] not in ("B.1", "B.2"):
            clips = round(float(row["data"].removesuffix("M")) * 1e6)
            assert recipe.schedule.steps == 12 * (clips // 2048)


@pytest.mark.parametrize("name", CONTROLLED)
def test_the_controlled_study(name: str) -> None:
    """Appendix B.3."""
    secondary, languages, pictures, primary = CONTROLLED[name]
    recipe = load_recipe(f"controlled/{name}")
    views, schedule = recipe.views, recipe.schedule
    assert (views.secondary, views.secondary_languages, views.primary) == (secondary, languages, primary)
    assert views.pictures == pictures
    assert (recipe.groups, views.batch_size, views.title_clips, views.windows) == (4, 26, 13, 1)
    separated = name == "SEP"
    # All arms see the same clips: those that have all four languages, as all its films do.
    assert recipe.data == Selection(
        original_languages=("en",), require_languages=("es", "fr", "ja"), require_background=separated
    )
    assert views.sample_rate == (44_100 if separated else 48_000)
    assert recipe.head.separate_sounds != separated
    assert (recipe.video is not None and recipe.video.name == "x3d_m") == pictures
    assert (recipe.audio.name, views.channels) == ("acoustic_resnet50", 2)
    assert (views.frames, views.size) == (16, 224)
    optimiser = recipe.optimiser
    assert (optimiser.lr, optimiser.weight_decay, optimiser.betas) == (1e-3, 0.05, (0.9, 0.999))
    assert (schedule.steps, schedule.epochs, schedule.warmup_epochs) == (None, 10, 0.5)
    assert (recipe.objective.lambda_v, recipe.objective.lambda_a) == (0, 0)
    assert recipe.parent is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [f"paper/{name}" for name in PAPER]
    + [f"released/{name}" for name in RELEASED]
    + [f"controlled/{name}" for name in CONTROLLED],
)
def test_every_recipe_builds(name: str) -> None:
    recipe = load_recipe(name)
    with torch.device("meta"):
        network = Network.create(recipe)
    controlled = name.startswith("controlled")
    assert network.audio.embedding_size == (1024 if controlled else 768)
    assert (network.video is None) == (not recipe.views.pictures)
    parameters = sum(parameter.numel() for parameter in network.parameters()) / 1e6
    # Two towers of 34.5 M (v2-S) or 51.2 M (v2-B) as published, and heads; the controlled ones are small.
    low, high = (7, 15) if controlled else (66, 72) if recipe.audio.name.endswith("_s") else (97, 105)
    assert low < parameters < high


def test_the_spectrogram_at_44_1_khz() -> None:
    """At the same hop 265 frames instead of 288; a hop of 460 would give the same 288."""
    recipe = load_recipe("controlled/SEP")
    sound = SoundInputConfig(sample_rate=44_100, channels=2, hop=recipe.audio.preprocessing["hop"])
    with torch.device("meta"):
        network = Network.create(recipe)
    assert network.audio.encoder.config.input_size == (1, 96, sound.frames) == (1, 96, 265)
    assert SoundInputConfig(sample_rate=44_100, hop=460).frames == SoundInputConfig().frames == 288


def test_the_two_arms_of_the_demo_differ_in_dubs_alone() -> None:
    with_dubs, without = (_dials(load_recipe(name)) for name in ("demo", "demo-mono"))
    assert with_dubs["views"].pop("secondary") == "dub"
    assert without["views"].pop("secondary") == "original"
    assert with_dubs == without


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ("paper/A.1", "paper/A.2", {"views.secondary"}),
        ("paper/A.3", "paper/A.4", {"views.secondary", "parent"}),
        ("paper/B.4", "paper/B.5", {"objective.lambda_v", "objective.lambda_a"}),
        ("paper/B.3", "paper/C.1", {"video.name", "audio.name"}),
        ("controlled/EN", "controlled/ES", {"views.secondary", "views.secondary_languages"}),
        ("controlled/EN", "controlled/AUD", {"views.pictures", "video"}),
        ("controlled/EFJ", "controlled/AUD+EFJ", {"views.pictures", "video"}),
    ],
)
def test_the_arms_of_a_comparison_differ_in_what_is_compared(one: str, other: str, differ: set[str]) -> None:
    found = {name: _flat(_dials(load_recipe(name))) for name in (one, other)}
    keys = found[one].keys() | found[other].keys()
    unequal = {key for key in keys if found[one].get(key, ...) != found[other].get(key, ...)}
    # A group of keys that one has and the other has not is one difference.
    assert {key if key in differ else key.split(".")[0] for key in unequal} == differ


def _dials(recipe: Recipe) -> dict:
    mapping = config.to_mapping(recipe)
    for key in ("name", "description", "same_steps_as"):
        del mapping[key]
    return mapping


def _flat(mapping: dict, prefix: str = "") -> dict:
    found = {}
    for key, value in mapping.items():
        found |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return found


def test_a_fixed_temperature_may_be_lower_than_a_learned_one() -> None:
    assert load_recipe("demo", ["objective.temperature=0.009"]).objective.temperature == 0.009
    learned = load_recipe("demo", ["objective.learn_temperature=true", "objective.temperature=0.01"])
    assert Network.create(learned).scale().item() == pytest.approx(100.0, rel=1e-5)


@pytest.mark.parametrize("write", ["extends", "--set", "--set, dials first", "--set, dials in one"])
def test_another_encoder_has_none_of_the_old_ones_dials(write: str, tmp_path: Path) -> None:
    dials, rest = {"head_width": 256}, {"stem_momentum": 0.2}
    base = tmp_path / "base.yaml"
    old = {"name": "mvit", "dials": {"depth": 3, "stage_starts": [1]}, "preprocessing": rest}
    base.write_text(yaml.safe_dump({"extends": "demo", "video": old}))
    settings = ["video.name=x3d_m", "video.dials.head_width=256"]
    if write == "extends":
        child = {"extends": str(base), "video": {"name": "x3d_m", "dials": dials}}
        (tmp_path / "child.yaml").write_text(yaml.safe_dump(child))
        found = load_recipe(tmp_path / "child.yaml")
    elif write == "--set, dials in one":
        found = load_recipe(base, ["video.name=x3d_m", "video.dials={head_width: 256}"])
    else:
        found = load_recipe(base, settings[::-1] if "first" in write else settings)
    demo = load_recipe("demo")
    assert found.video is not None and demo.video is not None
    assert (found.video.name, found.video.dials, found.video.preprocessing) == ("x3d_m", dials, rest)
    assert (found.audio, found.views, found.head) == (demo.audio, demo.views, demo.head)
    with torch.device("meta"):
        network = Network.create(found)
    assert network.video is not None and network.video.embedding_size == 256


def test_dials_of_the_same_encoder_are_merged(tmp_path: Path) -> None:
    base, old = tmp_path / "base.yaml", {"depth": 2, "width": 16, "stage_starts": [1]}
    base.write_text(yaml.safe_dump({"extends": "demo", "video": {"name": "mvit", "dials": old}}))
    for name in ({}, {"name": "mvit"}):
        child = {"extends": str(base), "video": {**name, "dials": {"depth": 3, "stage_starts": [1, 2]}}}
        (tmp_path / "child.yaml").write_text(yaml.safe_dump(child))
        found = load_recipe(tmp_path / "child.yaml")
        assert found.video is not None
        assert found.video.dials == {**old, "depth": 3, "stage_starts": [1, 2]}
    found = load_recipe(base, ["video.name=mvit", "video.dials.depth=5"])
    assert found.video is not None and found.video.dials == {**old, "depth": 5}
    # A name that changes and changes back has changed.
    (tmp_path / "other.yaml").write_text(yaml.safe_dump({"extends": str(base), "video": {"name": "x3d_m"}}))
    back = load_recipe(tmp_path / "other.yaml", ["video.name=mvit"])
    assert back.video is not None and back.video.dials == {}


def test_settings_of_a_recipe_in_memory_replace_dials_too() -> None:
    old = load_recipe("demo", TINY_MVIT)
    found = load_recipe(old, ["audio.name=acoustic_resnet50", "audio.dials.width=4"])
    assert (found.audio.name, found.audio.dials) == ("acoustic_resnet50", {"width": 4})
    assert found.audio.preprocessing == old.audio.preprocessing == {"mask_fraction": 0.25}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["video.name=x3d_m", "video.dials.depth=3"], r"architecture x3d_m \(video\): unknown key 'depth'"),
        (["video.dials.head_width=3"], r"architecture frame_cnn \(video\): unknown key 'head_width'"),
        (["video.name=acoustic_resnet50"], "acoustic_resnet50 is for audio, not for video"),
    ],
)
def test_dials_of_another_architecture_are_refused_in_one_line(settings: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        Network.create(load_recipe("demo", settings))
    assert "\n" not in str(caught.value)


def test_settings_change_a_recipe() -> None:
    recipe = load_recipe("demo", ["schedule.steps=7", "optimiser.lr=1e-4", "data.splits=[train, valid]"])
    assert (recipe.schedule.steps, recipe.optimiser.lr) == (7, 1e-4)
    assert recipe.data.splits == ("train", "valid")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["schedule.stepz=3"], ["schedule.stepz", "did you mean 'schedule.steps'"]),
        (["shedule.steps=3"], ["'shedule'", "did you mean 'schedule'"]),
        (["objective.lambda_x=3"], ["objective.lambda_x", "objective.lambda_"]),
        (["video.naem=mvit"], ["video.naem", "did you mean 'video.name'"]),
        (["data.require_languages=en"], ["data.require_languages", "'en'"]),
        (["optimiser.betas=[0.9]"], ["optimiser.betas", "2 values"]),
        (["optimiser.betas=[0.9, big]"], ["optimiser.betas[1]", "'big'"]),
        (["monitor.splits=[train, 3]"], ["monitor.splits[1]", "3"]),
        (["same_steps_as=[[paper/A.1]]"], ["same_steps_as[0]"]),
        (["views.batch_size=many"], ["views.batch_size", "int"]),
        (["views.secondary=dubs"], ["views.secondary", "one of dub, round_robin, all, original, none"]),
        (["views.batch_size=1"], ["views", "batch_size must be at least 2"]),
        (["schedule.steps=0"], ["schedule", "steps must be at least 1"]),
        (["schedule=7"], ["schedule", "group of keys"]),
        (["video=null"], ["views.pictures must be false exactly without a video"]),
        (["views.windows=1", "objective.lambda_v=0.1"], ["objective.lambda_v needs pictures"]),
        (["views.secondary=none"], ["views.secondary none needs"]),
        (
            ["objective.learn_temperature=true", "objective.temperature=0.009"],
            ["'objective': temperature must be at least 0.01", "learn_temperature"],
        ),
    ],
)
def test_wrong_keys_and_values_are_named(settings: list[str], words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        load_recipe("demo", settings)
    for word in (*words, "recipe demo"):
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("tower", ["audio", "video"])
def test_wrong_dials_of_encoders_are_named(tower: str) -> None:
    with pytest.raises(InputError, match="'widht'; did you mean 'width'"):
        Network.create(load_recipe("demo", [*TINY_MVIT, f"{tower}.dials.widht=3"]))
    with pytest.raises(InputError, match=r"'stage_starts\[1\]' must be of type int, not 'x'"):
        Network.create(load_recipe("demo", [*TINY_MVIT, f"{tower}.dials.stage_starts=[1, x]"]))
    with pytest.raises(InputError, match=f"{tower} preprocessing.*'hopp'"):
        Network.create(load_recipe("demo", [f"{tower}.preprocessing.hopp=3"]))


def test_unknown_recipes_list_the_known(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no recipe 'demmo'.*demo, demo-mono, paper/A\.1"):
        load_recipe("demmo")
    with pytest.raises(InputError) as caught:
        load_recipe("paper/A.9")
    assert "_base" not in str(caught.value)
    (tmp_path / "child.yaml").write_text(yaml.safe_dump({"extends": "paper/B.5", "name": "child", "seed": 9}))
    child = load_recipe(tmp_path / "child.yaml")
    assert (child.name, child.seed, child.views) == ("child", 9, load_recipe("paper/B.5").views)
    (tmp_path / "loop.yaml").write_text(yaml.safe_dump({"extends": str(tmp_path / "loop"), "name": "x"}))
    with pytest.raises(InputError, match="extends itself"):
        load_recipe(tmp_path / "loop.yaml")


# A line of a recipe, and what the answer names.
ABSURD = [
    ("seed: 9223372036854775807", "seed"),
    ("seed: -1", "seed"),
    ("seed: 1e400", "seed"),
    ("seed: " + "9" * 10_000, "digits"),
    ("groups: 1000000000000", "groups"),
    ("views: {batch_size: 1000000000000}", "batch_size"),
    ("views: {window_s: .nan}", "views.window_s"),
    ("views: {window_s: .inf}", "views.window_s"),
    ("views: {window_s: 1e9, fps: 1000}", "window_s"),
    ("views: {size: 1000000000, short_side: [1000000000, 1000000000]}", "size"),
    ("views: {sample_rate: 1000000000000}", "sample_rate"),
    ("views: {title_share: .nan}", "title_share"),
    ("head: {size: 1000000000000}", "size"),
    ("head: {hidden: 1000000000}", "hidden"),
    ("objective: {lambda_a: .nan}", "objective.lambda_a"),
    ("objective: {temperature: .inf}", "objective.temperature"),
    ("optimiser: {lr: .inf}", "optimiser.lr"),
    ("optimiser: {betas: [0.9, .nan]}", "optimiser.betas[1]"),
    ("schedule: {steps: 1000000000000}", "steps"),
    ("schedule: {warmup_epochs: .inf}", "schedule.warmup_epochs"),
    ("monitor: {clips: 1000000000000}", "clips"),
    ("machine: {workers: 1000000000}", "workers"),
    ("machine: {threads: 1000000000}", "threads"),
    ("machine: {cache_gb: .nan}", "machine.cache_gb"),
    ("audio: {name: mvit, dials: {depth: " + "9" * 400 + "}}", "audio.dials.depth"),
    ("audio: {name: mvit, dials: {mlp_ratio: .nan}}", "audio.dials.mlp_ratio"),
    ("extends: [demo]", "extends"),
    ("extends: " + "x" * 5000, "extends"),
    ("description: " + "x" * 50_000, "description"),
    ('"a\\nb": 1', "unknown key"),
    ("data: " + "[" * 5000, "YAML"),
    ("data: " + "{a: " * 100 + "1" + "}" * 100, "data"),
    ("# " + "x" * (1 << 16), "bytes"),
    (
        "a: &a {x: 1}\n" + "\n".join(f"{n}: &{n} {{" + ", ".join(f"k{k}: *{p}" for k in range(9)) + "}"
        for p, n in zip("abcdefghi", "bcdefghij", strict=True)),
        "",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("line", "named"), ABSURD)
def test_a_recipe_of_absurd_numbers_is_refused_at_once(
    line: str, named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(line if "extends" in line else f"extends: demo\n{line}\n")
    begun = time.process_time()
    with pytest.raises(InputError) as caught:
        load_recipe(path)
    assert time.process_time() - begun < 2.0  # half of it, when nothing else runs
    message = str(caught.value)
    assert message.startswith(f"recipe {path}") and named in message
    assert "\n" not in message and len(message) < 5000
    (tmp_path / "corpus").mkdir()
    assert main(["pretrain", str(path), "--corpus", str(tmp_path / "corpus"), "--dry-run", "--quiet"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["inspect", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "setting",
    ["seed=" + "9" * 5000, "data=" + "[" * 5000, "schedule.steps=.nan", "machine.workers=1000000000"],
)
def test_so_are_settings(setting: str) -> None:
    with pytest.raises(InputError, match=r"^recipe demo: "):
        load_recipe("demo", [setting])
