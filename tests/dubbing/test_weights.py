import shutil

import pytest

from lssd.dubbing.weights import hash_folder, load, model_folder
from lssd.errors import InputError


def test_a_folder_is_known_by_what_it_holds_and_not_by_where_it_lies(tmp_path):
    folder = tmp_path / "a"
    (folder / "inner").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "inner" / "weights").write_bytes(b"1")
    first = hash_folder(folder)
    assert hash_folder(shutil.copytree(folder, tmp_path / "b")) == first
    (folder / "inner" / "weights").write_bytes(b"2")
    assert hash_folder(folder) != first
    (folder / "inner" / "weights").rename(folder / "inner" / "other")
    assert hash_folder(folder) not in (first, hash_folder(tmp_path / "b"))


def test_what_is_no_model_is_one_line(tmp_path):
    for path in ("", tmp_path, tmp_path / "gone"):
        with pytest.raises(
            InputError, match=r"holds no model\.bin; set the option `model` to a folder with one"
        ):
            model_folder(path, "one", "model", "model.bin")
    (tmp_path / "config.json").write_text("{}")
    assert model_folder(tmp_path, "one", "model") == tmp_path

    def broken(folder, local_files_only):
        assert local_files_only
        raise OSError("no file named model.safetensors\nsecond line")

    with pytest.raises(InputError, match=r"the voice at .* cannot be loaded: no file named") as caught:
        load(broken, tmp_path, "voice")
    assert "\n" not in str(caught.value)
