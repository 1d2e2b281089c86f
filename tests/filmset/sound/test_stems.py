"""Stems on disk, read by another library, against the tracks of the film."""

from dataclasses import replace

import av
import numpy as np
import pytest
import soundfile

from filmset.dialogue import write_lines
from filmset.mixing import LazyTrack, Mixer
from filmset.stems import stem_names, write_stems
from filmset.truth import Event
from lssd.media import encode_sound, read_sound

RATE = 48000


@pytest.fixture
def mixer(make_title, settings, speech, noise):
    title = make_title((4.0, 3.0), 2, changes={1: ("dissolve", 0.8)}, reverb_s=0.4)
    event = Event("knock", (1.5,), (20, 10, 60, 50), -14.0, 3)
    title = replace(title, shots=(replace(title.shots[0], events=(event,)), title.shots[1]))
    return Mixer(write_lines(title, settings, speech), settings, speech, noise())


def test_stems_add_up_to_the_tracks(tmp_path, mixer):
    write_stems(tmp_path, mixer.title, mixer)
    folder = tmp_path / "title-0000.stems"
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]
    names = [f"{name}.flac" for name in stem_names(mixer.title)]
    assert sorted(path.name for path in folder.glob("*.flac")) == sorted(names)
    stems = {}
    for name in names:
        samples, rate = soundfile.read(folder / name, always_2d=True)
        assert soundfile.info(folder / name).subtype == "PCM_24" and rate == RATE
        assert samples.shape == (7 * RATE, 2)
        stems[name] = samples.T
        np.testing.assert_array_equal(read_sound(folder / name), samples.T)  # float32 holds 24 bits
    for key in ("en", "de", "ja"):
        film = read_sound(encode_sound(LazyTrack(mixer, key)[:, :], RATE))
        total = stems["background.flac"] + stems["events.flac"] + stems[f"voices.{key}.flac"]
        assert np.abs(total - film).max() <= 0.5 / 2**15 + 1.6 / 2**23
        assert 10 * np.log10(np.mean((total - film) ** 2)) < -98
        exact = mixer.track(key, 0, mixer.samples)
        assert np.abs(total - exact).max() <= 1.6 / 2**23


def test_every_shot_is_made_once(tmp_path, mixer):
    made = []
    make = mixer._make
    mixer._make = lambda number: made.append(number) or make(number)
    write_stems(tmp_path, mixer.title, mixer)
    assert made == [0, 1]


def test_the_same_stems_are_the_same_bytes(tmp_path, mixer):
    for name in "ab":
        write_stems(tmp_path / name, mixer.title, mixer)
    for name in stem_names(mixer.title):
        one, two = (tmp_path / twin / "title-0000.stems" / f"{name}.flac" for twin in "ab")
        assert one.read_bytes() == two.read_bytes()
        with av.open(str(one)) as container:
            assert container.streams.audio[0].duration == 7 * RATE
