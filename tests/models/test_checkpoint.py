import copy
import json
import pickle
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import safetensors.torch
import torch

from lssd.errors import CheckpointError, InputError, MissingExtraError
from lssd.models import build_model, load_model, save_model, weights_hash
from lssd.models.hub import fetch_model, is_hub_id


@pytest.fixture
def folder(model, tmp_path):
    save_model(model, tmp_path / "model")
    return tmp_path / "model"


def edit_config(folder, **changes) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_model_comes_back_bit_for_bit(model, folder):
    loaded = load_model(str(folder))
    assert not loaded.training
    assert loaded.config == model.config
    assert weights_hash(loaded) == weights_hash(model)
    x = torch.randn(2, 1, 200000)
    assert torch.equal(loaded.embed_audio(x), model.embed_audio(x))
    frames = torch.randint(0, 256, (2, 4, 3, 32, 32), dtype=torch.uint8)
    assert torch.equal(loaded.embed_video(frames), model.embed_video(frames))


def test_the_folder_holds_what_the_contract_says(model, folder):
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    settings = json.loads((folder / "config.json").read_text())
    assert settings["format"] == 1
    assert settings["sample_rate"] == 48000
    assert settings["weights_sha256"] == weights_hash(model)
    assert set(settings["audio"]) == {"name", "dials", "preprocessing"}
    assert settings["audio"]["preprocessing"]["hop"] == 501


def test_one_tower_and_replacement(settings, folder):
    sound = build_model(audio=settings["audio"])
    save_model(sound, folder)
    assert load_model(folder).video is None


def test_the_hash_follows_every_weight_and_name(model):
    before = weights_hash(model)
    with torch.no_grad():
        model.audio.front.stem.running_mean += 1e-3
    after = weights_hash(model)
    assert before != after
    a, b = torch.nn.Linear(2, 2, bias=False), torch.nn.Conv1d(2, 2, 1, bias=False)
    with torch.no_grad():
        b.weight.copy_(a.weight[:, :, None])
    assert weights_hash(a) != weights_hash(b)


class TestFaults:
    def check(self, folder, *parts: str) -> None:
        with pytest.raises(CheckpointError) as caught:
            load_model(folder)
        message = str(caught.value)
        assert "\n" not in message
        for part in (str(folder), *parts):
            assert part in message

    def test_missing_folder_and_files(self, folder):
        self.check(folder.parent / "nowhere", "config.json")
        (folder / "model.safetensors").unlink()
        self.check(folder, "model.safetensors", "missing")
        (folder / "config.json").unlink()
        self.check(folder, "config.json", "missing")

    @pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
    def test_truncated_weights(self, folder, share):
        path = folder / "model.safetensors"
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])
        self.check(folder, "truncated")

    def test_truncated_config(self, folder):
        path = folder / "config.json"
        path.write_text(path.read_text()[:100])
        self.check(folder, "JSON")

    def test_a_pickle_is_never_opened(self, folder):
        class Trap:
            def __reduce__(self):
                return pytest.fail, ("unpickled",)

        (folder / "model.safetensors").write_bytes(pickle.dumps(Trap()))
        self.check(folder, "truncated or no safetensors")

    def test_altered_weights(self, folder):
        path = folder / "model.safetensors"
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(bytes(data))
        self.check(folder, "altered")

    def test_another_format_or_architecture_name(self, settings, folder):
        edit_config(folder, format=2)
        self.check(folder, "format 2", "format 1")
        edit_config(folder, format=1, audio={**settings["audio"], "name": "perceiver"})
        self.check(folder, "perceiver", "mvit_v2_s")

    def test_other_shapes_and_tensors(self, settings, folder):
        wide = copy.deepcopy(settings)
        for tower in wide.values():
            tower["dials"]["width"] = 16
        edit_config(folder, audio=wide["audio"], video=wide["video"])
        self.check(folder, "audio.encoder.patches.conv", "(8,", "(16,")

        deep = copy.deepcopy(settings)
        deep["audio"]["dials"]["depth"] = 3
        edit_config(folder, audio=deep["audio"], video=deep["video"])
        self.check(folder, "lacks 'audio.encoder.blocks.2.")

        edit_config(folder, audio=settings["audio"], video=None)
        self.check(folder, "unknown to the architecture", "'video.")

    def test_weights_without_a_record_still_load(self, folder):
        edit_config(folder, weights_sha256=None)
        assert load_model(folder).embedding_size == 16

    def test_an_extra_tensor_is_named(self, folder):
        path = folder / "model.safetensors"
        tensors = safetensors.torch.load_file(path)
        safetensors.torch.save_file({**tensors, "stray": torch.zeros(3)}, path)
        self.check(folder, "'stray' (3,)")


def test_an_unwritable_place_is_named_and_nothing_remains(model, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="file"):
        save_model(model, tmp_path / "file" / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


class TestHub:
    """The hub's client is played by a function that fills the client's own cache layout."""

    @pytest.fixture
    def hub(self, folder, tmp_path, monkeypatch):
        asked = []
        snapshot = tmp_path / "models--someone--encoder" / "snapshots" / "abc"

        def download(repository: str, name: str, *, revision: str | None) -> str:
            asked.append((repository, name, revision))
            if repository != "someone/encoder":
                raise OSError("404 Client Error.\nRepository Not Found")
            blob = snapshot.parents[1] / "blobs" / name
            for place in (blob, snapshot / name):
                place.parent.mkdir(parents=True, exist_ok=True)
            blob.write_bytes((folder / name).read_bytes())
            (snapshot / name).unlink(missing_ok=True)
            (snapshot / name).symlink_to(blob)
            return str(snapshot / name)

        monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(hf_hub_download=download))
        monkeypatch.chdir(tmp_path)
        return asked

    @pytest.mark.parametrize("revision", [None, "v1.0", "refs/pr/3"])
    def test_only_the_two_files_are_fetched(self, model, hub, revision):
        loaded = load_model("someone/encoder" + (f"@{revision}" if revision else ""))
        assert weights_hash(loaded) == weights_hash(model)
        assert hub == [("someone/encoder", name, revision) for name in ("config.json", "model.safetensors")]

    def test_a_local_folder_of_that_name_comes_first(self, model, hub, tmp_path):
        save_model(model, tmp_path / "someone" / "encoder")
        load_model("someone/encoder")
        with pytest.raises(CheckpointError, match="no model at someone/other"):
            load_model("someone/other")
        with pytest.raises(CheckpointError, match="no model at"):
            load_model(Path("nobody/encoder"))
        assert hub == []

    def test_offline_names_where_to_put_the_files(self, hub, tmp_path):
        with pytest.raises(CheckpointError) as caught:
            load_model("someone/else")
        message = str(caught.value)
        assert "\n" not in message
        for part in ("config.json of someone/else", "Not Found", str(tmp_path / "someone" / "else")):
            assert part in message

    def test_without_the_extra_both_ways_out_are_named(self, monkeypatch, tmp_path):
        monkeypatch.setitem(sys.modules, "huggingface_hub", None)
        monkeypatch.chdir(tmp_path)
        with pytest.raises(MissingExtraError) as caught:
            load_model("someone/encoder@main")
        assert "-e '.[hub]'" in str(caught.value)
        assert str(tmp_path / "someone" / "encoder@main") in str(caught.value)

    @pytest.mark.parametrize(
        "text", ["encoder", "/a/b", "./a/b", "../a", "a/b/c", "a/b@", "a b/c", "a/b@../c"]
    )
    def test_what_is_no_hub_id(self, text, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert not is_hub_id(text)
        with pytest.raises(CheckpointError):
            fetch_model(text, download=pytest.fail)


def test_weights_in_half_precision_are_saved_as_float32(model, tmp_path):
    save_model(model.to(torch.bfloat16), tmp_path / "half")
    loaded = load_model(tmp_path / "half")
    assert {t.dtype for t in loaded.state_dict().values()} == {torch.float32, torch.int64}
    weight = loaded.audio.encoder.patches.conv.weight
    assert torch.equal(weight, model.audio.encoder.patches.conv.weight.float())
