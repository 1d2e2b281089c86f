"""Strangers' modules: what they are called, how they break the API, and what is kept of them."""

import importlib.util
import shutil
import sys

import numpy as np
import pytest
import soundfile
import torch

from lssd.embedding import file_hashes
from lssd.embedding.embed import embed
from lssd.errors import InputError
from lssd.evaluation import hear
from lssd.evaluation.foreign import embed as module_embedding
from lssd.evaluation.foreign.load import HearModule, is_module, load_any, load_module, parse
from lssd.models import Model, save_model

RATE = 16000
STRANGER = """
import torch

SEEN = []

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.sample_rate = 16000
        self.scene_embedding_size = 3
        self.timestamp_embedding_size = 3
        self.scale = torch.nn.Parameter(torch.ones(1))

def load_model(model_file_path="", factor=1.0):
    model = Net()
    if model_file_path:
        model.load_state_dict(torch.load(model_file_path, weights_only=True))
    model.scale.data *= factor
    return model

def get_scene_embeddings(audio, model):
    SEEN.append(tuple(audio.shape))
    assert not model.training and not torch.is_grad_enabled()
    found = torch.stack([audio.mean(1), audio.std(1), audio.abs().amax(1)], dim=1)
    return found * model.scale

def get_timestamp_embeddings(audio, model):
    raise NotImplementedError
"""


@pytest.fixture
def stranger(tmp_path):
    """The function that writes a module, with some text of it replaced, and gives its name."""

    def write(*changes, name="stranger"):
        text = STRANGER
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        return f"hear:{path}"

    return write


def sound(path, seconds, seed=0, rate=RATE, channels=1):
    samples = np.random.default_rng(seed).uniform(-0.5, 0.5, (round(seconds * rate), channels))
    soundfile.write(path, samples.astype(np.float32), rate, subtype="FLOAT")
    return path


def seen_by(module: HearModule) -> list[tuple[int, ...]]:
    """The shapes that a stranger was given since the trial."""
    return sys.modules[module.function.__module__].SEEN


@pytest.fixture
def checkpoint(model, tmp_path):
    save_model(model, tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize("source", ["lssd.evaluation.hear", hear.__file__])
def test_our_own_module_as_a_strangers_gives_what_embed_gives(model, checkpoint, tmp_path, source):
    paths = [sound(tmp_path / f"{seconds}.wav", seconds, int(seconds)) for seconds in (0.5, 2.0, 2.9, 7.6)]
    paths.append(sound(tmp_path / "stereo.wav", 1.0, 7, rate=44100, channels=2))
    loaded = load_module(f"hear:{source}@{checkpoint}")
    vectors, failed = loaded.embed(paths)
    ours = embed(model, paths)
    assert not failed and list(vectors) == list(ours.path) == [str(path) for path in paths]
    for path, expected in zip(ours.path, ours.vectors, strict=True):
        assert vectors[path].dtype == np.float32
        np.testing.assert_allclose(vectors[path], expected, atol=1e-4)
    assert (loaded.sample_rate, loaded.embedding_size) == (RATE, model.embedding_size)


@pytest.mark.skipif(importlib.util.find_spec("hearbaseline") is None, reason="hearbaseline is not here")
def test_the_benchmarks_own_baseline_is_a_module(tmp_path):
    import hearbaseline.naive

    loaded = load_module("hear:hearbaseline.naive")
    path = sound(tmp_path / "a.wav", 1.5, rate=44100)
    samples, _ = soundfile.read(path, dtype="float32")
    expected = hearbaseline.naive.get_scene_embeddings(torch.from_numpy(samples)[None], loaded.model)
    np.testing.assert_allclose(loaded.embed([path])[0][str(path)], expected[0].detach().numpy(), rtol=1e-4)


def test_what_a_model_argument_names(model, checkpoint, stranger):
    assert load_any(model) is model
    assert isinstance(load_any(checkpoint), Model) and isinstance(load_any(str(checkpoint)), Model)
    named = load_any(stranger())
    assert isinstance(named, HearModule) and named.name == "stranger" and named.embedding_size == 3
    assert (
        is_module("hear:a.b") and not is_module("a.b") and not is_module(checkpoint) and not is_module(model)
    )


def test_how_modules_and_model_files_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "at@home").mkdir()
    (tmp_path / "at@home" / "net.py").touch()
    for text, expected in (
        ("hearbaseline", ("hearbaseline", "")),
        ("hearbaseline.naive@weights.pt", ("hearbaseline.naive", "weights.pt")),
        ("pkg.mod@owner/name@main", ("pkg.mod", "owner/name@main")),
        ("pkg.mod@some/net.py", ("pkg.mod", "some/net.py")),
        ("some/net.py@w@1.pt", ("some/net.py", "w@1.pt")),
        ("at@home/net.py@w.pt", ("at@home/net.py", "w.pt")),
        ("pkg@/abs/model", ("pkg", "/abs/model")),
    ):
        assert parse(f"hear:{text}") == expected, text
    for text in ("", "some/folder", "a b", "pkg.", "1pkg", "pkg@"):
        with pytest.raises(InputError, match=r"names no module; write hear:package\.module or"):
            parse(f"hear:{text}")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("def load_model", "def load"), "breaks the HEAR API: it has no function load_model"),
        (("def get_scene_embeddings", "def scene"), "it has no function get_scene_embeddings"),
        (("def get_timestamp_embeddings", "def x"), "it has no function get_timestamp_embeddings"),
        (
            ("    return model\n", "    return 'model'\n"),
            "load_model returned a builtins.str, not a torch.nn.Module",
        ),
        (
            ("self.sample_rate = 16000", "self.sample_rate = 8000"),
            "sample_rate is 8000, none of 16000, 22050",
        ),
        (("self.sample_rate = 16000", "self.rate = 1"), "sample_rate is None"),
        (("scene_embedding_size = 3", "scene_embedding_size = 3.0"), "scene_embedding_size is 3.0, not a"),
        (
            ("timestamp_embedding_size = 3", "other = 3"),
            "timestamp_embedding_size is None, not a positive int",
        ),
        (
            ("scene_embedding_size = 3", "scene_embedding_size = 4"),
            "3 numbers, and scene_embedding_size is 4",
        ),
        (("* model.scale", "* model.scale.double()"), "embeddings are torch.float64, not torch.float32"),
        (("found * model.scale", "found.numpy()"), "returned a numpy.ndarray, not a tensor"),
        (("found * model.scale", "found[:, None]"), r"have shape \(4, 1, 3\), not \(n_sounds, size\)"),
        (("found * model.scale", "found[:1]"), "4 sounds gave 1 embeddings"),
        (("found * model.scale", "found / 0 * 0"), "embeddings of noise hold NaN"),
        (("found * model.scale", "found @ model.scale"), "get_scene_embeddings failed: RuntimeError"),
        (
            ("import torch\n", "import torch, nowhere_to_be_found\n"),
            "importing it failed: ModuleNotFoundError",
        ),
        (
            ("    model = Net()", "    raise OSError('no\\n weights')"),
            "load_model failed: OSError: no weights",
        ),
    ],
)
def test_a_module_that_breaks_the_api_is_named_in_one_line(stranger, change, message):
    with pytest.raises(InputError, match=f"module stranger.*{message}") as caught:
        load_module(stranger(change))
    assert "\n" not in str(caught.value)


def test_modules_that_are_not_there(tmp_path):
    with pytest.raises(
        InputError, match=r"module no_such_module: importing it failed: .* install it here, or"
    ):
        load_module("hear:no_such_module")
    with pytest.raises(InputError, match=r"no module at .*none.py"):
        load_module(f"hear:{tmp_path / 'none.py'}")
    with pytest.raises(InputError, match=r"module lssd.evaluation.hear: load_model failed|no model at"):
        load_module(f"hear:lssd.evaluation.hear@{tmp_path / 'none'}")


def test_sounds_of_one_length_go_together_and_none_is_padded(stranger, tmp_path):
    paths = [sound(tmp_path / f"{n}.wav", 2.0 if n % 3 else 5.0, n) for n in range(60)]
    loaded = load_module(stranger())
    seen_by(loaded).clear()
    vectors, failed = loaded.embed(paths)
    assert not failed and list(vectors) == [str(path) for path in paths]
    # 0.7 * 120 s of sound at 16 kHz: 42 of 2 s, 16 of 5 s.
    assert sorted(seen_by(loaded)) == [(4, 80000), (16, 80000), (40, 32000)]
    for path in paths[:4]:
        samples, _ = soundfile.read(path, dtype="float32")
        np.testing.assert_allclose(vectors[str(path)][2], abs(samples).max(), rtol=1e-6)


def test_a_batch_that_does_not_fit_is_halved_from_then_on(stranger, tmp_path):
    full = "    if len(audio) > 5:\n        raise torch.OutOfMemoryError('CUDA out of memory')\n"
    loaded = load_module(stranger(("    SEEN", full + "    SEEN")))
    paths = [sound(tmp_path / f"{n}.wav", 2.0, n) for n in range(60)]
    seen_by(loaded).clear()
    vectors, failed = loaded.embed(paths)
    assert len(vectors) == 60 and not failed
    assert {shape[0] for shape in seen_by(loaded)} <= {1, 2, 3, 4, 5} and len(seen_by(loaded)) <= 20


def test_a_sound_that_no_memory_suffices_for_is_left_out(stranger, tmp_path):
    error = 'RuntimeError("DefaultCPUAllocator: can\'t allocate memory")'
    full = f"    if audio.shape[1] > 48000:\n        raise {error}\n"
    loaded = load_module(stranger(("    SEEN", full + "    SEEN")))
    paths = [sound(tmp_path / f"{n}.wav", n + 1.0, n) for n in range(4)]
    vectors, failed = loaded.embed(paths)
    assert len(vectors) == 3 and failed[0].path == str(paths[3]) and "allocate memory" in failed[0].reason


def test_files_that_fail_are_named_and_the_others_embedded(stranger, tmp_path):
    picky = "    if audio.shape[1] < 4000:\n        raise ValueError('too short')\n"
    holes = ("found * model.scale", "torch.where(audio.abs().amax(1, keepdim=True) < 1e-6, torch.nan, found)")
    loaded = load_module(stranger(("    SEEN", picky + "    SEEN"), holes))
    good = sound(tmp_path / "good.wav", 1.0)
    short = sound(tmp_path / "short.wav", 0.1)
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF nothing")
    silent, bad = tmp_path / "silent.wav", tmp_path / "nan.wav"
    soundfile.write(silent, np.zeros(RATE, np.float32), RATE)
    soundfile.write(bad, np.full(RATE, np.nan, np.float32), RATE, subtype="FLOAT")
    paths = [good, short, broken, tmp_path / "gone.wav", silent, bad, good]
    vectors, failed = loaded.embed(paths, cache=tmp_path / "cache")
    assert list(vectors) == [str(good)]
    reasons = {failure.path.rpartition("/")[2]: failure.reason for failure in failed}
    assert list(reasons) == ["short.wav", "broken.wav", "gone.wav", "silent.wav", "nan.wav"]
    assert reasons["short.wav"] == "ValueError: too short" and "no such file" in reasons["gone.wav"]
    assert "not finite" in reasons["silent.wav"] and "NaN" in reasons["nan.wav"]
    with pytest.raises(
        InputError, match=r"none of 1 files could be embedded; the first, .*gone.wav: no such"
    ):
        loaded.embed([tmp_path / "gone.wav"])


def test_a_cache_that_cannot_be_written_is_not_the_files_fault(stranger, tmp_path, monkeypatch):
    monkeypatch.setattr(file_hashes, "_RECENT_NS", -(10**18))  # files made just now are remembered too
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "files").write_text("no folder")
    with pytest.raises(InputError, match=r"^cannot write .*cache.files: File exists"):
        load_module(stranger()).embed([sound(tmp_path / "good.wav", 1.0)], cache=tmp_path / "cache")


def test_a_module_that_breaks_the_api_later_stops_the_run(stranger, tmp_path):
    uneven = ("found * model.scale", "found[:, :2] if audio.shape[1] > 50000 else found")
    loaded = load_module(stranger(uneven))
    with pytest.raises(InputError, match="breaks the HEAR API: embeddings have 2 numbers"):
        loaded.embed([sound(tmp_path / "long.wav", 4.0)])


def test_embeddings_are_kept_for_the_same_code_and_weights_alone(stranger, tmp_path):
    path, cache = sound(tmp_path / "a.wav", 1.0), tmp_path / "cache"

    def runs(name, **options) -> tuple[int, float, str]:
        """How often the module was asked, what it said, and its identity."""
        loaded = load_module(name, **options)
        seen_by(loaded).clear()
        (vector,) = loaded.embed([path], cache=cache)[0].values()
        return len(seen_by(loaded)), float(vector[2]), loaded.identity

    first = runs(stranger())
    assert first[0] == 1 and runs(stranger()) == (0, *first[1:]), "kept"
    assert runs(stranger(name="renamed"))[0] == 1, "a file of another name is another module"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(tmp_path / "stranger.py", elsewhere)
    assert load_module(f"hear:{elsewhere / 'stranger.py'}").identity == first[2], "a moved one is not"
    louder = runs(stranger(("* model.scale", "* model.scale * 2")))
    assert louder[0] == 1 and louder[1] == pytest.approx(2 * first[1]) and louder[2] != first[2], "edited"
    assert runs(stranger()) == (0, *first[1:]), "and back"
    options = runs(stranger(), options={"factor": 3.0})
    assert options[0] == 1 and options[1] == pytest.approx(3 * first[1])
    values = []
    for scale in (5.0, 7.0):  # two checkpoints of one name, the defect of the published kit
        torch.save({"scale": torch.full((1,), scale)}, tmp_path / "weights.pt")
        asked, value, _ = runs(f"{stranger()}@{tmp_path / 'weights.pt'}")
        assert asked == 1 and value == pytest.approx(scale * first[1])
        values.append(value)
    assert len(set(values)) == 2


def test_weights_that_no_module_registers_are_never_taken_for_others(stranger, tmp_path):
    """Without any registered, the model file's content tells them apart, and else nothing can."""
    plain = ("torch.nn.Parameter(torch.ones(1))", "torch.ones(1)")
    loading = ("model.load_state_dict(", "model.__dict__.update(")
    name, path = stranger(plain, loading), tmp_path / "w.pt"
    assert load_module(name).identity != load_module(name).identity
    found = []
    for scale in (5.0, 7.0):
        torch.save({"scale": torch.full((1,), scale)}, path)
        found += [load_module(f"{name}@{path}").identity for _ in range(2)]
    assert found[0] == found[1] != found[2] == found[3]


def test_models_of_one_file_name_have_names_of_their_own(checkpoint, tmp_path):
    names = set()
    for owner in ("org1", "org2"):
        place = shutil.copytree(checkpoint, tmp_path / owner / "m")
        names.add(load_module(f"hear:lssd.evaluation.hear@{place}").name)
    assert names == {"lssd.evaluation.hear@org1/m", "lssd.evaluation.hear@org2/m"}


def test_a_sound_that_changes_while_it_is_read_is_not_kept(stranger, tmp_path, monkeypatch):
    """Its hash is of before, its samples may be of after."""
    paths, cache = [sound(tmp_path / f"{n}.wav", 1.0, n) for n in range(3)], tmp_path / "cache"
    loaded, real = load_module(stranger()), module_embedding.read_sound

    def read_sound(path, *args, **kwargs):
        if path == paths[1]:
            sound(path, 1.0, seed=99)
        return real(path, *args, **kwargs)

    monkeypatch.setattr(module_embedding, "read_sound", read_sound)
    vectors, failed = loaded.embed(paths, cache=cache)
    assert list(vectors) == [str(paths[0]), str(paths[2])]
    assert "changed while it was read" in failed[0].reason and failed[0].temporary
    monkeypatch.undo()
    assert len(loaded.embed(paths, cache=cache)[0]) == 3


@pytest.mark.parametrize("workers", [0, 1, 5])
def test_so_many_threads_read(stranger, tmp_path, monkeypatch, workers):
    paths, started = [sound(tmp_path / f"{n}.wav", 0.5, n) for n in range(8)], []
    real = module_embedding.ThreadPoolExecutor
    monkeypatch.setattr(module_embedding, "ThreadPoolExecutor", lambda n: started.append(n) or real(n))
    assert len(load_module(stranger()).embed(paths, workers=workers)[0]) == 8
    assert started == [max(workers, 1)]
    with pytest.raises(InputError, match="workers must be at least 0"):
        load_module(stranger()).embed(paths, workers=-1)


def as_a_new_process(*names: str) -> None:
    """Forget modules, so that they are read from the disk again."""
    for name in [name for name in sys.modules if name.startswith(names)]:
        del sys.modules[name]


def test_code_beside_a_module_is_part_of_it(stranger, tmp_path):
    helper = tmp_path / "helper_of_stranger.py"
    helper.write_text("FACTOR = 2\n")
    name = stranger(("SEEN = []", "SEEN = []\nimport helper_of_stranger"))
    first = load_module(name).identity
    (tmp_path / "unrelated.py").write_text("x = 1\n")
    as_a_new_process("stranger_", "helper_of_stranger")
    assert load_module(name).identity == first
    helper.write_text("FACTOR = 3\n")
    assert load_module(name).identity == first, "what is in memory has not changed"
    as_a_new_process("stranger_", "helper_of_stranger")
    assert load_module(name).identity != first


def test_the_package_of_a_module_is_part_of_it(tmp_path, monkeypatch):
    inner = tmp_path / "strange_package" / "inner"
    inner.mkdir(parents=True)
    for folder in (inner, inner.parent):
        (folder / "__init__.py").touch()
    (inner / "net.py").write_text(STRANGER)
    monkeypatch.syspath_prepend(tmp_path)
    first = load_module("hear:strange_package.inner.net")
    assert first.name == "strange_package.inner.net"
    (inner.parent / "table.bin").write_bytes(b"new")
    assert load_module("hear:strange_package.inner.net").identity == first.identity
    as_a_new_process("strange_package")
    assert load_module("hear:strange_package.inner.net").identity != first.identity


def test_weights_that_are_drawn_anew_are_never_taken_for_others(stranger):
    name = stranger(("torch.ones(1)", "torch.rand(1)"))
    assert load_module(name).identity != load_module(name).identity


def test_what_was_done_before_a_kill_is_not_done_again(stranger, tmp_path):
    paths = [sound(tmp_path / f"{n}.wav", 5.0, n) for n in range(20)]
    loaded = load_module(stranger())
    seen_by(loaded).clear()

    class Killed(HearModule):
        def scenes(self, audio_NS):
            if len(seen_by(self)) == 1:
                raise KeyboardInterrupt
            return super().scenes(audio_NS)

    with pytest.raises(KeyboardInterrupt):
        Killed(**vars(loaded)).embed(paths, cache=tmp_path / "cache")
    assert seen_by(loaded) == [(16, 80000)]
    vectors, _ = loaded.embed(paths, cache=tmp_path / "cache")
    assert seen_by(loaded) == [(16, 80000), (4, 80000)] and len(vectors) == 20
