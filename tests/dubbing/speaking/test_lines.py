"""Lines that were spoken before."""

from pathlib import Path

import numpy as np
import pytest

from lssd.dubbing.declaration import BackendError
from lssd.dubbing.lines import VoiceChoice
from lssd.dubbing.speaking import SpokenLines
from lssd.errors import InputError
from lssd.media import SoundTrack, write_sounds

NOBODY = VoiceChoice(None, "S1")


def write(path: Path, samples_CS: np.ndarray, rate: int = 48_000) -> None:
    write_sounds({path: SoundTrack(samples_CS.astype(np.float32), rate, None, codec="flac24")})


def open_lines(folder: Path, **dials: bool) -> SpokenLines:
    return SpokenLines(SpokenLines.Settings(folder=str(folder), **dials))


def test_the_lines_own_file_is_given_without_its_silence(tmp_path: Path) -> None:
    sound = np.zeros((2, 48_000))
    sound[:, 10_000:30_000] = 0.5
    sound[1] *= 0.5
    write(tmp_path / "a1.es.flac", sound)
    samples, rate = open_lines(tmp_path).speak("hola", "es", NOBODY, 9.0, line="a1")
    assert rate == 48_000 and len(samples) == 20_000
    assert np.allclose(samples, 0.375, atol=1e-5)
    whole, _ = open_lines(tmp_path, trim=False).speak("hola", "es", NOBODY, 9.0, line="a1")
    assert len(whole) == 48_000


def test_other_rates_and_wav_are_read(tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    tone = 0.5 * np.sin(2 * np.pi * 300 * np.arange(22_050) / 22_050)
    soundfile.write(tmp_path / "7.fr.wav", tone, 22_050)
    samples, rate = open_lines(tmp_path).speak("", "fr", NOBODY, 0, line="7")
    assert rate == 48_000 and abs(len(samples) - 48_000) < 200


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"a1\.es\.flac.*a1\.es\.wav"):
        open_lines(tmp_path).speak("hola", "es", NOBODY, 1.0, line="a1")
    write(tmp_path / "a2.es.flac", np.zeros((1, 4800)))
    with pytest.raises(BackendError, match="silence"):
        open_lines(tmp_path).speak("hola", "es", NOBODY, 1.0, line="a2")
    (tmp_path / "a3.es.wav").write_bytes(b"no sound at all")
    with pytest.raises(BackendError, match="a3"):
        open_lines(tmp_path).speak("hola", "es", NOBODY, 1.0, line="a3")
    with pytest.raises(InputError, match="folder"):
        SpokenLines()
    with pytest.raises(InputError, match="nowhere"):
        open_lines(tmp_path / "nowhere")


def test_the_hash_follows_the_files(tmp_path: Path) -> None:
    write(tmp_path / "a.es.flac", np.full((1, 4800), 0.1))
    first = open_lines(tmp_path).weights_hash()
    (tmp_path / "notes.txt").write_text("no line")
    assert open_lines(tmp_path).weights_hash() == first
    write(tmp_path / "a.es.flac", np.full((1, 4800), 0.2))
    assert open_lines(tmp_path).weights_hash() != first
