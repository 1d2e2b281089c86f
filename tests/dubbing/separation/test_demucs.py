"""Demucs' own classes with tiny random weights: what is loaded and what becomes of channels."""

import json
import pickle

import numpy as np
import pytest
import torch

from lssd.dubbing.declaration import Declaration
from lssd.dubbing.separation import Demucs
from lssd.dubbing.sound import write_sound
from lssd.errors import InputError, MissingExtraError

pytest.importorskip("demucs")

pytestmark = pytest.mark.slow
SOURCES = ["drums", "bass", "other", "vocals"]


def make(kind="hdemucs", seed=0, **changes):
    """A package as Demucs saves it: class, arguments, state."""
    from demucs.demucs import Demucs as TimeDemucs
    from demucs.hdemucs import HDemucs

    torch.manual_seed(seed)
    kwargs = {"sources": SOURCES, "channels": 4, "segment": 4, **changes}
    if kind == "demucs":
        kwargs |= {"depth": 3, "dconv_mode": 0, "lstm_layers": 0}
        model = TimeDemucs(**kwargs)
    else:
        model = HDemucs(**kwargs)
    return {"klass": type(model), "args": (), "kwargs": kwargs, "state": model.state_dict()}


@pytest.fixture
def sound(tmp_path):
    samples_CS = np.random.default_rng(0).normal(size=(2, 48_000)).astype(np.float32) * 0.1
    return write_sound(tmp_path / "mix.npy", samples_CS + 0.01, 48_000)


def run(model, sound, **options):
    folder = sound.path.parent
    backend = Demucs(Demucs.Settings(model=str(model), **options))
    backend.separate(sound, folder / "speech.npy", folder / "background.npy")
    return tuple(np.load(folder / f"{part}.npy").T for part in ("speech", "background"))


def by_hand(package, mix_CS):
    """Vocals at 48 kHz by Demucs' own functions, from a mix and the silence around it."""
    import julius
    from demucs.apply import apply_model
    from demucs.states import load_model

    mix = torch.from_numpy(np.pad(mix_CS, ((0, 0), (4 * 48_000, 4 * 48_000))))
    reference = torch.from_numpy(mix_CS).mean(0)
    mix = (mix - reference.mean()) / reference.std(correction=0)
    low = julius.resample_frac(mix, 48_000, 44_100)
    vocals = apply_model(load_model(package).eval(), low[None], shifts=0)[0, 3]
    high = julius.resample_frac(vocals, 44_100, 48_000) * reference.std(correction=0)
    return high[:, 4 * 48_000 : 4 * 48_000 + mix_CS.shape[1]].numpy()


@pytest.mark.parametrize("kind", ["hdemucs", "demucs"])
def test_vocals_are_those_of_demucs_itself(kind, sound, tmp_path):
    package = make(kind)
    torch.save(package, tmp_path / "m.th")
    speech_CS, background_CS = run(tmp_path / "m.th", sound)
    np.testing.assert_allclose(speech_CS + background_CS, sound.read(), atol=1e-6)
    expected_CS = by_hand(package, sound.read())
    error = np.square(speech_CS - expected_CS)[:, 500:-500].mean() / np.square(expected_CS).mean()
    assert error < 1e-3  # two resamplers
    assert np.square(expected_CS).mean() > 1e-10


def test_a_bag_is_the_mean_of_its_models(sound, tmp_path):
    single = []
    for seed, name in enumerate(("aa", "bb-1234")):
        torch.save(make("demucs", seed), tmp_path / f"{name}.th")
        single.append(run(tmp_path / f"{name}.th", sound)[0])
    (tmp_path / "bag.yaml").write_text("models: ['aa', 'bb']\nsegment: 4\n", encoding="utf-8")
    np.testing.assert_allclose(run(tmp_path / "bag.yaml", sound)[0], np.mean(single, axis=0), atol=1e-5)


def test_safetensors_as_demucs_publishes_them(sound, tmp_path):
    from safetensors.torch import save_file

    package = make("demucs")
    torch.save(package, tmp_path / "m.th")
    kind = package["klass"]
    metadata = {
        "klass": f"{kind.__module__}.{kind.__name__}",
        "args": "[]",
        "kwargs": json.dumps(package["kwargs"]),
    }
    save_file(dict(package["state"]), tmp_path / "m.safetensors", metadata)
    np.testing.assert_array_equal(run(tmp_path / "m.safetensors", sound)[0], run(tmp_path / "m.th", sound)[0])
    save_file(dict(package["state"]), tmp_path / "x.safetensors", metadata | {"klass": "os.system"})
    with pytest.raises(InputError, match=r"of the kind 'os\.system'"):
        Demucs(Demucs.Settings(str(tmp_path / "x.safetensors")))


def test_surround_goes_through_pair_by_pair(sound, tmp_path):
    torch.save(make("demucs"), tmp_path / "m.th")
    left_S, right_S = sound.read()
    whole = write_sound(
        tmp_path / "mix.npy", np.stack([left_S, right_S, left_S, right_S, right_S, left_S]), 48_000
    )
    speech_CS, background_CS = run(tmp_path / "m.th", whole)
    np.testing.assert_array_equal(background_CS[3], right_S)
    assert not speech_CS[3].any()
    assert all(speech_CS[channel].any() for channel in (0, 1, 2, 4, 5))
    assert not np.allclose(speech_CS[2], speech_CS[0])
    mono = write_sound(tmp_path / "mix.npy", left_S[None], 48_000)
    assert run(tmp_path / "m.th", mono)[0].shape == (1, 48_000)


class Evil:
    def __reduce__(self):
        return print, ("run",)


def test_a_pickle_may_not_run_code(tmp_path, capsys):
    (tmp_path / "evil.th").write_bytes(pickle.dumps(Evil()))
    torch.save({**make("demucs"), "args": Evil()}, tmp_path / "evil2.th")
    for name in ("evil.th", "evil2.th"):
        with pytest.raises(InputError, match=rf"{name} is no Demucs checkpoint that can be read"):
            Demucs(Demucs.Settings(str(tmp_path / name)))
    assert capsys.readouterr().out == ""


def test_wrong_requests(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="demucs needs a checkpoint"):
        Demucs()
    with pytest.raises(InputError, match=r"no checkpoint at .*nowhere.th; option `model`"):
        Demucs(Demucs.Settings(str(tmp_path / "nowhere.th")))
    (tmp_path / "bag.yaml").write_text("models: [gone]", encoding="utf-8")
    with pytest.raises(InputError, match=r"names the model gone, which is not beside it: gone-\*.th"):
        Demucs(Demucs.Settings(str(tmp_path / "bag.yaml")))
    torch.save(make("demucs", sources=["drums", "bass"]), tmp_path / "m.th")
    with pytest.raises(InputError, match="finds drums, bass and no vocals"):
        Demucs(Demucs.Settings(str(tmp_path / "m.th")))
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="no device cuda here; set the option `device` to cpu"):
            Demucs(Demucs.Settings(str(tmp_path / "m.th"), device="cuda"))
    monkeypatch.setattr(Declaration, "missing", lambda self: self.modules)
    with pytest.raises(MissingExtraError, match=r"-e '\.\[models\]'"):
        Demucs()


def test_other_weights_are_another_key(tmp_path):
    keys = set()
    for seed in (0, 1):
        torch.save(make("demucs", seed), tmp_path / "m.th")
        keys.add(Demucs(Demucs.Settings(str(tmp_path / "m.th"))).weights_hash())
    assert len(keys) == 2
