import shutil

import numpy as np
import pytest

from lssd.dubbing.declaration import BackendError
from lssd.dubbing.separation import Stems
from lssd.dubbing.sound import write_sound
from lssd.errors import InputError
from lssd.media import SoundTrack, write_sounds


@pytest.fixture
def folder(scene, tmp_path):
    """The scene's stems under the names that the backend looks for."""
    folder = tmp_path / "stems"
    folder.mkdir()
    save(folder / "film.speech.flac", scene.speech_CS)
    save(folder / "film.background.flac", scene.background_CS)
    return folder


def save(path, samples_CS, rate=48_000):
    write_sounds({path: SoundTrack(samples_CS, rate, None, codec="flac24")})


def separate(folder, sound, **options):
    Stems(Stems.Settings(str(folder), **options)).separate(
        sound, sound.path.with_name("speech.npy"), sound.path.with_name("background.npy")
    )
    return tuple(np.load(sound.path.with_name(f"{part}.npy")).T for part in ("speech", "background"))


@pytest.mark.parametrize("missing", [None, "speech", "background"])
def test_one_stem_is_enough(folder, scene, tmp_path, missing):
    if missing:
        (folder / f"film.{missing}.flac").unlink()
    parts = separate(folder, scene.sound(tmp_path))
    np.testing.assert_allclose(parts[0], scene.speech_CS, atol=1e-6)
    np.testing.assert_allclose(parts[1], scene.background_CS, atol=1e-6)
    np.testing.assert_allclose(parts[0] + parts[1], scene.mix, atol=1e-7)


def test_several_titles_need_a_name(folder, scene, tmp_path):
    shutil.copy(folder / "film.speech.flac", folder / "other.Speech.FLAC")
    sound = scene.sound(tmp_path)
    with pytest.raises(BackendError, match=r"has 2 that fit \(film.speech.flac, other.Speech.FLAC\)"):
        separate(folder, sound)
    np.testing.assert_allclose(separate(folder, sound, name="film")[0], scene.speech_CS, atol=1e-6)


def test_wrong_stems_are_refused_in_one_line(folder, scene, tmp_path):
    sound, speech = scene.sound(tmp_path), folder / "film.speech.flac"
    save(folder / "film.background.flac", 0.5 * scene.background_CS)
    with pytest.raises(BackendError, match=r"do not add up to the track: -[0-9]+ dB of it remain"):
        separate(folder, sound)
    (folder / "film.background.flac").unlink()
    save(speech, scene.speech_CS[:, :-9600])
    with pytest.raises(BackendError, match=r"lasts 7.800 s, the track 8.000 s"):
        separate(folder, sound)
    save(speech, scene.speech_CS[:1])
    with pytest.raises(BackendError, match="has 1 channels at 48000 Hz, the track 2 at 48000 Hz"):
        separate(folder, sound)
    save(speech, scene.speech_CS, 44_100)
    with pytest.raises(BackendError, match="has 2 channels at 44100 Hz"):
        separate(folder, sound)
    assert not sound.path.with_name("speech.npy").exists()


def test_missing_stems(tmp_path):
    with pytest.raises(InputError, match="option `folder` names their place"):
        Stems(Stems.Settings())
    with pytest.raises(BackendError, match=r"has neither a.speech.flac nor a.background.flac"):
        Stems(Stems.Settings(str(tmp_path), "a"))


def test_other_stems_are_another_key(folder, scene):
    before = Stems(Stems.Settings(str(folder))).weights_hash()
    save(folder / "film.speech.flac", 0.5 * scene.speech_CS)
    assert Stems(Stems.Settings(str(folder))).weights_hash() != before


def test_a_stem_a_little_short_is_padded(folder, scene, tmp_path):
    (folder / "film.background.flac").unlink()
    save(folder / "film.speech.flac", scene.speech_CS[:, :-480])
    speech_CS, _ = separate(folder, write_sound(tmp_path / "mix.npy", scene.mix, 48_000))
    np.testing.assert_allclose(speech_CS[:, :-480], scene.speech_CS[:, :-480], atol=1e-6)
    assert not speech_CS[:, -480:].any()
