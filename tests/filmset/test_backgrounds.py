"""Background sounds: level, peaks, loops without a seam, and recordings in ESC-50's layout."""

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile
from scipy.signal import welch

from filmset import backgrounds
from filmset.backgrounds import PEAK, Backgrounds, RecordedBackgrounds, open_backgrounds
from filmset.scenes import KINDS, sample_scene
from lssd.errors import InputError

RATE = 48000
STORED_RATE = 44100


def scene(kind: str, seed: int = 0):
    return sample_scene(kind, np.random.default_rng(seed))


def level_db(sound: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(sound, dtype=np.float64))))


@pytest.mark.parametrize("kind", KINDS)
def test_backgrounds_have_the_level_asked_for_and_small_peaks(kind):
    for asked, tilt in ((-30.0, 2.0), (-46.0, -1.5)):
        sound = Backgrounds().sound(scene(kind, 2), "synthesis", RATE, RATE, asked, tilt)
        assert sound.dtype == np.float32 and sound.shape == (RATE,)
        assert level_db(sound[500:-500]) == pytest.approx(asked, abs=0.3)
        assert np.abs(sound).max() <= PEAK
    np.testing.assert_array_equal(
        sound, Backgrounds().sound(scene(kind, 2), "synthesis", RATE, RATE, -46.0, -1.5)
    )
    assert sound[0] == 0 and sound[-1] == 0  # a cut does not click


def test_only_what_sticks_out_is_bent():
    rng = np.random.default_rng(0)
    sound = rng.standard_normal(RATE).astype(np.float32)
    sound[::9000] += 20.0
    bent = backgrounds._levelled(sound, 10 ** (-30 / 20))
    assert level_db(bent) == pytest.approx(-30.0, abs=0.01)
    assert bent.max() <= PEAK and bent.max() > 0.27
    quiet = np.abs(sound) < 5
    gain = bent[quiet] / sound[quiet]
    np.testing.assert_allclose(gain, np.median(gain), rtol=1e-5)
    assert 20 * np.log10(np.median(gain)) == pytest.approx(-30 - level_db(sound), abs=0.25)


def test_tilt_turns_the_spectrum_by_its_decibels_an_octave():
    flat, tilted = (
        Backgrounds().sound(scene("sea", 1), "synthesis", 4 * RATE, RATE, -35.0, tilt) for tilt in (0, 2.0)
    )
    hz, before = welch(flat, RATE, nperseg=4096)
    _, after = welch(tilted, RATE, nperseg=4096)
    octaves = np.log2(hz[10:1000])
    slope = np.polyfit(octaves, 10 * np.log10(after[10:1000] / before[10:1000]), 1)[0]
    assert slope == pytest.approx(2.0, abs=0.1)


def tone(hz: float, seconds: float = 5.0) -> np.ndarray:
    return 0.4 * np.sin(2 * np.pi * hz * np.arange(int(seconds * STORED_RATE)) / STORED_RATE)


def write_folder(folder: Path, rows: list[tuple[str, int, str, np.ndarray | None]]) -> Path:
    """A folder in ESC-50's layout, with a tone or nothing for each row."""
    (folder / "meta").mkdir(parents=True)
    (folder / "audio").mkdir()
    with (folder / "meta" / "esc50.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["filename", "fold", "target", "category", "esc10", "src_file", "take"])
        for name, fold, category, sound in rows:
            table.writerow([name, fold, 0, category, "False", "1", "A"])
            if sound is not None:
                wavfile.write(folder / "audio" / name, STORED_RATE, (32767 * sound).astype(np.int16))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_folder(
        tmp_path_factory.mktemp("sounds") / "esc",
        [
            ("1-a.wav", 1, "rain", tone(440)),
            ("3-b.wav", 3, "rain", tone(880)),
            ("5-c.wav", 5, "rain", tone(1760)),
            ("2-d.wav", 2, "sea_waves", np.concatenate([tone(300, 1.0), np.zeros(4 * STORED_RATE)])),
            ("1-e.wav", 1, "crying_baby", None),  # not needed, so it may be missing
        ],
    )


def test_the_splits_hear_different_recordings(folder):
    recordings = open_backgrounds(folder)
    rng = np.random.default_rng(0)
    assert {recordings.pick("rain", rng, False) for _ in range(30)} == {"audio/1-a.wav", "audio/3-b.wav"}
    assert {recordings.pick("rain", rng, True) for _ in range(5)} == {"audio/5-c.wav"}
    assert recordings.pick("sea", rng, False) == "audio/2-d.wav"
    assert recordings.pick("sea", rng, True) == recordings.pick("office", rng, False) == "synthesis"
    assert open_backgrounds(None).pick("rain", rng, False) == "synthesis"


def test_recordings_are_heard_at_their_pitch_and_level_as_long_as_wanted(folder):
    recordings = open_backgrounds(folder)
    sound = recordings.sound(scene("rain", 4), "audio/3-b.wav", 12 * RATE, RATE, -36.0)
    assert sound.dtype == np.float32 and sound.shape == (12 * RATE,)
    assert level_db(sound[500:-500]) == pytest.approx(-36.0, abs=0.1)
    hz, power = welch(sound, RATE, nperseg=RATE)
    assert hz[power.argmax()] == pytest.approx(880, abs=1.5)
    np.testing.assert_array_equal(
        sound,
        Backgrounds().sound(scene("rain", 4), str(folder / "audio" / "3-b.wav"), 12 * RATE, RATE, -36.0),
    )


def test_different_scenes_begin_elsewhere_in_a_recording(folder):
    path = folder / "audio" / "3-b.wav"
    first, second = (backgrounds._looped(scene("rain", seed), path, RATE, RATE) for seed in (1, 2))
    assert np.abs(first - second).max() > 0.1


def test_loops_have_no_seam():
    """A tone and noise: neither their slope nor their level jumps where the end meets the start."""
    loop = backgrounds._loop(tone(441).astype(np.float32), STORED_RATE)
    assert len(loop) == len(tone(441)) - STORED_RATE // 4
    step = np.abs(np.diff(np.concatenate([loop, loop[:STORED_RATE]])))
    assert step.max() < 1.5 * np.abs(np.diff(tone(441))).max()
    noise = np.random.default_rng(0).standard_normal(5 * RATE).astype(np.float32)
    loop = backgrounds._loop(noise, RATE)
    blocks = np.square(loop[: len(loop) // 2400 * 2400]).reshape(-1, 2400).mean(axis=1)
    assert np.abs(10 * np.log10(blocks)).max() < 0.6  # an equal-power crossfade keeps the level


def test_silence_that_fills_up_a_clip_is_left_out(folder):
    sound = backgrounds._read_recording(folder / "audio" / "2-d.wav", RATE)
    assert len(sound) / RATE == pytest.approx(1.5, abs=0.01)


def refused(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        RecordedBackgrounds(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_folders_that_are_none_are_refused(tmp_path):
    assert "no folder" in refused(tmp_path / "nowhere")
    assert "esc50.csv is missing" in refused(tmp_path)
    assert "1-a.wav is missing" in refused(write_folder(tmp_path / "a", [("1-a.wav", 1, "rain", None)]))
    assert "no category" in refused(write_folder(tmp_path / "b", [("1-a.wav", 1, "lightsabre", tone(440))]))
    table = tmp_path / "b" / "meta" / "esc50.csv"
    table.write_text("filename,target\n1-a.wav,3\n")
    assert "fold, category" in refused(tmp_path / "b")
    table.write_text("filename,fold,category\n1-a.wav,first,rain\n")
    assert "cannot be read" in refused(tmp_path / "b")
    table.write_bytes(b"\xff\xfe\x00\x80")
    assert "cannot be read" in refused(tmp_path / "b")


def test_recordings_that_cannot_be_heard_are_refused(tmp_path):
    rows = [("1-a.wav", 1, "rain", np.zeros(STORED_RATE)), ("1-b.wav", 1, "rain", tone(440, 0.5))]
    recordings = RecordedBackgrounds(write_folder(tmp_path / "a", rows))
    with pytest.raises(InputError, match="silent"):
        recordings.sound(scene("rain"), "audio/1-a.wav", RATE, RATE, -36.0)
    (tmp_path / "a" / "audio" / "1-b.wav").write_bytes(b"RIFF but nothing that follows")
    with pytest.raises(InputError, match=r"1-b\.wav cannot be read as sound"):
        recordings.sound(scene("rain"), "audio/1-b.wav", RATE, RATE, -36.0)
    (tmp_path / "a" / "audio" / "1-b.wav").unlink()
    with pytest.raises(InputError, match=r"1-b\.wav"):
        recordings.sound(scene("rain"), "audio/1-b.wav", RATE, RATE, -36.0)
