from dataclasses import replace

import pytest

from lssd.dubbing import standings
from lssd.dubbing.backends import STEPS, backends, choose, obstacle, read_preset
from lssd.dubbing.declaration import BackendError
from lssd.dubbing.separation import Demucs, Stems
from lssd.dubbing.speaking import Espeak
from lssd.errors import InputError, install_hint


def test_every_backend_declares_itself():
    names = [name for step in STEPS for name in backends(step)]
    assert len(names) > 20
    for step in STEPS:
        for name, backend in backends(step).items():
            one = backend.declaration
            assert (one.step, one.name) == (step, name) and one.about and one.version >= 1
            assert one.code_license and one.weights_license and one.device
            assert one.install or not (one.modules or one.programs), "how to get what it needs"


@pytest.mark.parametrize("preset", ["offline", "best", "paper"])
def test_packaged_presets_name_every_step(preset):
    assert set(read_preset(preset)) == set(STEPS)


def test_offline_works_with_its_extra_alone():
    for step, names in read_preset("offline").items():
        language = {"transcription": "en", "speaking": "ja"}.get(step)
        assert choose(step, names, "any", {}, language)
    assert not any(one.obstacle for one in standings()["stretching"])


def test_obstacles_say_the_way_out(monkeypatch):
    assert obstacle(Stems) == "needs folder: --set stems.folder=..."
    assert obstacle(Stems, settings={"folder": "stems"}) == ""
    assert "GPL-3.0-or-later is not permissive" in obstacle(Espeak, "permissive")
    gone = replace(Demucs.declaration, modules=("no_such_module",))
    monkeypatch.setattr(Demucs, "declaration", gone)
    found = obstacle(Demucs)
    assert found.startswith(
        f"no_such_module is not installed: {install_hint('models')}; then --set demucs.model="
    )
    with pytest.raises(BackendError, match="no backend for speaking: espeak does not know tlh"):
        choose("speaking", ["espeak"], "any", {}, "tlh")


def test_wrong_presets_are_named(tmp_path):
    with pytest.raises(InputError, match=r"no preset 'ofline'; there are best, offline, paper"):
        read_preset("ofline")
    path = tmp_path / "own.yaml"
    path.write_text("separation: [stems]\nspeaking: [espeek]\n")
    with pytest.raises(InputError, match="no backend 'espeek' for speaking; there are espeak"):
        read_preset(str(path))
    for wrong in ("3", "demucs", "[[a]]", "{a: b}"):
        path.write_text(f"separation: {wrong}\n")
        with pytest.raises(InputError, match="'separation' must be a list of backends"):
            read_preset(str(path))
    path.write_text("separation: [stems]\n")
    with pytest.raises(InputError, match="names no backend for segmentation, transcription"):
        read_preset(str(path))
    path.write_text("voices: [stems]\n")
    with pytest.raises(InputError, match="no step 'voices'"):
        read_preset(str(path))
