import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lssd.dubbing.declaration import BackendError
from lssd.dubbing.lines import Line, Segment
from lssd.dubbing.transcription import BACKENDS, FasterWhisper, PocketSphinx, Silent, Whisper
from lssd.errors import InputError, MissingExtraError

sys.path.insert(0, str(Path(__file__).parent))
from tiny_whisper import convert_whisper, write_whisper

torch.set_num_threads(1)
SEGMENTS = [Segment(0.5, 1.5), Segment(2.0, 3.2), Segment(4.0, 5.5)]


@pytest.fixture(scope="session")
def whisper_folder(tmp_path_factory):
    pytest.importorskip("transformers")
    return write_whisper(tmp_path_factory.mktemp("whisper"))


@pytest.fixture(scope="session")
def converted_folder(whisper_folder, tmp_path_factory):
    pytest.importorskip("faster_whisper")
    return convert_whisper(whisper_folder, tmp_path_factory.mktemp("converted") / "model")


def check_lines(lines, segments):
    assert [(line.start_s, line.end_s) for line in lines] == [(one.start_s, one.end_s) for one in segments]
    for line in lines:
        assert line.confidence is not None and 0 <= line.confidence <= 1
        assert all(line.start_s <= word.start_s <= word.end_s <= line.end_s for word in line.words)


def test_silent_keeps_the_times(tones):
    assert Silent().transcribe(tones, SEGMENTS[:1], "xx") == [Line(0.5, 1.5, "")]


def test_pocketsphinx_hears_recorded_english(prompts):
    pytest.importorskip("pocketsphinx")
    sound, segments = prompts
    backend = PocketSphinx()
    lines = backend.transcribe(sound, segments, "en")
    check_lines(lines, segments)
    first = lines[0].text.split()
    assert {"nobody", "is", "available", "to", "take", "your", "call"} <= set(first)
    starts = [word.start_s for word in lines[0].words]
    assert starts == sorted(starts) and [word.text for word in lines[0].words] == first
    assert lines[2].text == "please try again" and lines[0].confidence > 0.5
    assert backend.transcribe(sound, segments[:1], "en") == lines[:1], "a line depends on the one before"
    assert backend.weights_hash().startswith("pocketsphinx==")


def test_pocketsphinx_has_nothing_to_say_of_silence_and_refuses_other_languages(tmp_path):
    pytest.importorskip("pocketsphinx")
    import numpy as np

    from lssd.dubbing.sound import write_sound

    sound = write_sound(tmp_path / "a.npy", np.zeros((1, 48000), np.float32), 48000)
    assert PocketSphinx().transcribe(sound, [Segment(0.0, 1.0)], "en") == [Line(0.0, 1.0, "", (), 0.0)]
    with pytest.raises(BackendError, match="hears English only, not fr; use faster-whisper"):
        PocketSphinx().transcribe(sound, [], "fr")


def test_whisper_of_transformers(tones, whisper_folder, tmp_path):
    backend = Whisper(Whisper.Settings(model=str(whisper_folder), most_tokens=12))
    lines = backend.transcribe(tones, SEGMENTS, "es")
    check_lines(lines, SEGMENTS)
    assert backend.transcribe(tones, SEGMENTS[1:], "es") == lines[1:]
    assert any(line.text for line in lines)
    with pytest.raises(BackendError, match="knows no ja"):
        backend.transcribe(tones, SEGMENTS, "ja")
    with pytest.raises(BackendError, match="hears 30 s at once"):
        backend.transcribe(tones, [Segment(0.0, 31.0)], "es")
    beams = Whisper(Whisper.Settings(model=str(whisper_folder), most_tokens=12, beam=3))
    check_lines(beams.transcribe(tones, SEGMENTS[:1], "en"), SEGMENTS[:1])


def test_faster_whisper(tones, converted_folder):
    options = FasterWhisper.Settings(model=str(converted_folder))
    backend = FasterWhisper(options)
    lines = backend.transcribe(tones, SEGMENTS[:2], "en")
    check_lines(lines, SEGMENTS[:2])
    assert backend.transcribe(tones, SEGMENTS[1:2], "en") == lines[1:2]
    plain = FasterWhisper(replace(options, words=False, beam=1)).transcribe(tones, SEGMENTS[:1], "en")
    check_lines(plain, SEGMENTS[:1])
    assert plain[0].words == ()
    with pytest.raises(BackendError, match="knows no es"):  # a vocabulary as small as this is English
        backend.transcribe(tones, SEGMENTS, "es")


@pytest.mark.parametrize(
    ("backend", "module"), [(Whisper, "transformers"), (FasterWhisper, "faster_whisper")]
)
def test_models_that_are_not_there_or_broken_are_one_line(backend, module, tmp_path, converted_folder):
    def message(model):
        with pytest.raises(InputError) as caught:
            backend(backend.Settings(model=str(model)))
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "set the option `model` to a folder with a Whisper model" in message("")
    assert f"'{tmp_path}' holds no " in message(tmp_path)
    for name in ("model.bin", "config.json", "tokenizer.json", "model.safetensors"):
        (tmp_path / name).write_bytes(b"{}")
    assert f"cannot load {tmp_path}: " in message(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    assert "tokenizer" in message(tmp_path) or "cannot load" in message(tmp_path)


def test_the_hash_is_that_of_the_files(whisper_folder, tmp_path):
    import shutil

    first = Whisper(Whisper.Settings(model=str(whisper_folder))).weights_hash()
    moved = shutil.copytree(whisper_folder, tmp_path / "elsewhere")
    assert Whisper(Whisper.Settings(model=str(moved))).weights_hash() == first
    (moved / "more.txt").write_text("x", encoding="utf-8")
    assert Whisper(Whisper.Settings(model=str(moved))).weights_hash() != first


@pytest.mark.parametrize("backend", [PocketSphinx, FasterWhisper, Whisper])
def test_what_is_not_installed_is_named_with_its_install_line(backend, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, package=None: None)
    with pytest.raises(MissingExtraError, match="is not installed: pip install"):
        backend()


def test_every_backend_declares_itself():
    names = [backend.declaration.name for backend in BACKENDS]
    assert len(set(names)) == len(names) and {one.declaration.step for one in BACKENDS} == {"transcription"}
