"""Configs of absurd size are answered in one line, at once; published models lie far below the limits."""

import json
import math
import time

import pytest
import torch

from lssd.cli import main
from lssd.errors import CheckpointError, InputError, LssdError
from lssd.models import architectures, build_model, create, encoder_size, load_model, save_model
from lssd.models.limits import ACTIVATIONS, PARAMETERS, check_values
from lssd.models.registry import encoder_config

DEEP = "[" * 100_000
LONG = "9" * 10_000

# Where in config.json, the value, and what the answer names.
FIELDS = [
    ("audio.dials.depth", 10**9, "depth"),
    ("audio.dials.depth", -1, "depth"),
    ("audio.dials.depth", 10**400, "depth"),
    ("audio.dials.depth", "sixteen", "depth"),
    ("audio.dials.depth", math.nan, "depth"),
    ("audio.dials.depth", [2], "depth"),
    ("audio.dials.width", 10**12, "width"),
    ("audio.dials.width", 65_536, "width"),
    ("audio.dials.width", 12_000, "width"),
    ("audio.dials.stage_starts", list(range(1, 2000)), "stage_starts"),
    ("audio.dials.stage_starts", [1] * 2000, "stage_starts"),
    ("audio.dials.input_size", [1, 10**9, 10**9], "input_size"),
    ("audio.dials.input_size", [1, 60_000, 60_000], "input_size"),
    ("audio.dials.input_size", [-1, 96, 288], "input_size"),
    ("audio.dials.patch_stride", [0, 16, 32], "patch_stride"),
    ("audio.dials.patch_kernel", [1, 0, 32], "patch_kernel"),
    ("audio.dials.patch_padding", [0, 10**9, 0], "patch_padding"),
    ("audio.dials.pool_kernel", [1, -3, 3], "pool_kernel"),
    ("audio.dials.kv_stride", 10**15, "kv_stride"),
    ("audio.dials.mlp_ratio", math.inf, "mlp_ratio"),
    ("audio.dials.mlp_ratio", 10**400, "mlp_ratio"),
    ("audio.dials.mlp_ratio", -4.0, "mlp_ratio"),
    ("audio.dials.drop_path", math.nan, "drop_path"),
    ("audio.dials.seed", 1, "seed"),
    ("audio.dials.name", "x3d_m", "name"),
    ("audio.dials.a\nb", 1, "a\\nb"),
    ("audio.dials.readout", {"mean": {"mean": 1}}, "readout"),
    ("audio.name", "x" * 100_000, "name"),
    ("audio.name", 7, "name"),
    ("audio.dials", [1, 2], "dials"),
    ("audio", ["name", "dials"], "audio encoder"),
    ("audio", 5, "audio encoder"),
    ("video", "mvit", "video encoder"),
    ("audio.preprocessing.sample_rate", 10**12, "sample_rate"),
    ("audio.preprocessing.window_s", math.nan, "window_s"),
    ("audio.preprocessing.window_s", math.inf, "window_s"),
    ("audio.preprocessing.window_s", -3.0, "window_s"),
    ("audio.preprocessing.window_s", 1e300, "window_s"),
    ("audio.preprocessing.window_s", 3600.0, "window_s"),
    ("audio.preprocessing.n_fft", 10**9, "n_fft"),
    ("audio.preprocessing.hop", 0, "hop"),
    ("audio.preprocessing.mels", 10**9, "mels"),
    ("audio.preprocessing.mels", 60_000, "mels"),
    ("audio.preprocessing.floor", math.nan, "floor"),
    ("audio.preprocessing.mask_fill", math.inf, "mask_fill"),
    ("video.preprocessing.size", 10**9, "size"),
    ("video.preprocessing.size", 60_000, "size"),
    ("video.preprocessing.frames", 10**9, "frames"),
    ("video.preprocessing.frames", -4, "frames"),
    ("video.preprocessing.mean", [math.nan, 0.5, 0.5], "mean"),
    ("video.preprocessing.window_s", 10**400, "window_s"),
]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    common = {"depth": 2, "width": 8, "stage_starts": [1], "pool_kernel": [1, 3, 3], "kv_stride": 2}
    padding = {"patch_padding": [0, 0, 0]}
    audio = {**common, **padding, "patch_kernel": [1, 16, 32], "patch_stride": [1, 16, 32]}
    video = {**common, **padding, "patch_kernel": [2, 8, 8], "patch_stride": [2, 8, 8]}
    model = build_model(
        audio={"name": "mvit", "dials": audio},
        video={"name": "mvit", "dials": video, "preprocessing": {"frames": 4, "size": 32}},
    )
    folder = tmp_path_factory.mktemp("saved") / "model"
    save_model(model, folder)
    return folder


def changed(saved, folder, key, value):
    """A copy of the saved model whose config.json holds another value."""
    folder.mkdir()
    (folder / "model.safetensors").symlink_to(saved / "model.safetensors")
    settings = json.loads((saved / "config.json").read_text())
    *groups, last = key.split(".")
    group = settings
    for name in groups:
        group = group[name]
    group[last] = value
    (folder / "config.json").write_text(json.dumps(settings))
    return folder


def answer(work, kind=LssdError):
    """The message of what `work` raises, which must be one short line, and come at once."""
    begun = time.process_time()
    with pytest.raises(kind) as caught:
        work()
    took_s = time.process_time() - begun
    message = str(caught.value)
    assert "\n" not in message and len(message) < 5000
    assert took_s < 1.0
    return message


@pytest.mark.parametrize(("key", "value", "named"), FIELDS)
def test_a_model_folder_of_absurd_config_is_refused_by_file_and_field(saved, tmp_path, key, value, named):
    folder = changed(saved, tmp_path / "model", key, value)
    message = answer(lambda: load_model(folder), CheckpointError)
    assert str(folder / "config.json") in message and named in message


@pytest.mark.parametrize(
    "text", [DEEP, '{"format": 1, "audio": ' + DEEP, '{"format": ' + LONG + "}", " " * (2 << 20), "[]", ""]
)
def test_what_is_no_config_is_refused(saved, tmp_path, text):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").symlink_to(saved / "model.safetensors")
    (folder / "config.json").write_text(text)
    assert str(folder / "config.json") in answer(lambda: load_model(folder), CheckpointError)


def test_a_config_larger_than_its_weights_is_not_built(saved, tmp_path):
    folder = changed(saved, tmp_path / "model", "audio.dials.width", 8192)
    message = answer(lambda: load_model(folder), CheckpointError)
    assert str(folder / "model.safetensors") in message and "different models" in message


@pytest.mark.parametrize(
    ("name", "modality", "dials", "named"),
    [
        ("mvit", "video", {"depth": 10**9}, "depth"),
        ("mvit", "video", {"width": 2**16}, "width"),
        ("mvit", "video", {"input_size": (16, 20_000, 20_000)}, "input_size"),
        ("mvit", "video", {"input_size": (16, 4096, 512), "kv_stride": 1}, "kv_stride"),
        ("mvit", "video", {"positions": "absolute", "mlp_ratio": math.nan}, "mlp_ratio"),
        ("x3d_m", "video", {"widths": (10**9,) * 4}, "widths"),
        ("x3d_m", "video", {"depths": (10**9, 1, 1, 1)}, "depths"),
        ("x3d_m", "video", {"depths": (500, 500, 1, 1)}, "depths"),
        ("x3d_m", "video", {"expansion": math.nan}, "expansion"),
        ("x3d_m", "video", {"expansion": 60_000.0}, "expansion"),
        ("x3d_m", "video", {"head_width": 2**40}, "head_width"),
        (
            "x3d_m",
            "video",
            {"input_size": (10**6, 224, 224)},
            "input_size",
        ),
        ("acoustic_resnet50", "audio", {"width": 10**12}, "width"),
        ("acoustic_resnet50", "audio", {"depths": (10**9, 1, 1, 1)}, "depths"),
        ("acoustic_resnet50", "audio", {"depths": (1,) * 60, "strides": (1,) * 60}, "depths"),
        ("acoustic_resnet50", "audio", {"input_size": (1, 60_000, 60_000)}, "input_size"),
        ("acoustic_resnet50", "audio", {"stem_kernel": 10**9 + 1}, "stem_kernel"),
        ("tdnn", "audio", {"width": 10**12}, "width"),
        ("tdnn", "audio", {"width": 60_000}, "width"),
        ("tdnn", "audio", {"kernels": (10**9 + 1, 5, 5)}, "kernels"),
        ("tdnn", "audio", {"kernels": (5,) * 2000, "strides": (1,) * 2000}, "kernels"),
        ("tdnn", "audio", {"strides": (10**12, 2, 2)}, "strides"),
        ("tdnn", "audio", {"input_size": (1, 60_000, 60_000)}, "input_size"),
        ("frame_cnn", "video", {"widths": (10**12,)}, "widths"),
        ("frame_cnn", "video", {"widths": (60_000, 60_000)}, "widths"),
        ("frame_cnn", "video", {"widths": (8,) * 2000}, "widths"),
        ("frame_cnn", "video", {"widths": (4096,), "input_size": (16, 2048, 2048)}, "widths"),
        ("frame_cnn", "video", {"input_size": (16, 60_000, 60_000)}, "input_size"),
    ],
)
def test_encoders_of_absurd_size_are_not_created(name, modality, dials, named):
    for make in (create, encoder_size):
        message = answer(lambda make=make: make(name, modality, **dials), InputError)
        assert message.startswith(f"architecture {name} ({modality}): ") and named in message


@pytest.mark.parametrize("name", architectures())
def test_the_parameters_counted_beforehand_are_nearly_all(name):
    for modality in ("audio", "video"):
        try:
            config = encoder_config(name, modality, {})
        except InputError:
            continue
        with torch.device("meta"):
            there = sum(parameter.numel() for parameter in create(name, modality).parameters())
        assert 0.85 * there < config.least_parameters <= there < PARAMETERS / 50


@pytest.mark.parametrize("dials", [{"positions": "absolute"}, {"widen_in": "mlp"}, {"mlp_ratio": 2.5}])
def test_so_are_those_of_other_dials(dials):
    with torch.device("meta"):
        encoder = create("mvit", "video", **dials)
    there = sum(parameter.numel() for parameter in encoder.parameters())
    assert 0.95 * there < encoder.config.least_parameters <= there


def test_the_largest_published_models_lie_far_below_the_limits():
    """MViTv2-H at the size of MViTv2-L's films, which is more than either; X3D-XL."""
    huge = {"width": 192, "heads": 3, "depth": 80, "stage_starts": (4, 12, 72), "input_size": (40, 312, 312)}
    config = encoder_config("mvit", "video", huge)
    assert 0.6e9 < config.least_parameters < PARAMETERS / 5
    tokens = math.prod(config.patch_grid(config.input_size))
    assert tokens * 4 * config.width < ACTIVATIONS / 20
    widest = {"widths": (32, 72, 136, 280), "depths": (5, 10, 25, 15), "input_size": (16, 312, 312)}
    assert encoder_config("x3d_m", "video", widest).least_parameters < PARAMETERS / 100


def test_values_that_refer_to_each_other_without_end_are_refused():
    value = ["x"] * 10
    for _ in range(12):
        value = [value] * 10
    assert "values" in answer(lambda: check_values({"a": value}, "recipe r"), InputError)
    nested = {}
    nested["a"] = nested
    assert "deep" in answer(lambda: check_values(nested, "recipe r"), InputError)


@pytest.mark.parametrize("verb", ["embed", "evaluate"])
@pytest.mark.parametrize(("key", "value", "named"), [FIELDS[0], FIELDS[8], FIELDS[11], FIELDS[26]])
def test_verbs_say_so_in_one_line(saved, tmp_path, capsys, verb, key, value, named):
    folder = changed(saved, tmp_path / "model", key, value)
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    command = {
        "embed": ["embed", folder, tmp_path / "a.wav", "--out", tmp_path / "rows.npz"],
        "evaluate": ["evaluate", folder, "--tasks", tmp_path, "--out", tmp_path / "out"],
    }[verb]
    assert main([*map(str, command), "--quiet"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and str(folder / "config.json") in said and named in said
