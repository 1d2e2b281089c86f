import numpy as np
import pytest
import torch

from lssd.dubbing.lines import Segment
from lssd.dubbing.segmentation import BACKENDS, Energy, Silero
from lssd.dubbing.segmentation.mono import RATE, mono, mono_frames, read_mono
from lssd.dubbing.segmentation.regions import SegmentSettings, above, level_db, shaped
from lssd.dubbing.sound import write_sound
from lssd.errors import InputError
from lssd.media import resample

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    """Four sentences of espeak-ng with known times: 0.6 s apart, but for the last two, 0.15 s apart."""
    pytest.importorskip("espeakng_loader")
    from lssd.speech import Synthesiser, voices

    texts = ("We have plenty of time.", "Who is on the phone?", "The tea is cold.", "I will think about it.")
    rng = np.random.default_rng(0)
    pieces, truth, reached = [np.zeros(48000, np.float32)], [], 1.0
    with Synthesiser() as synthesiser:
        for number, text in enumerate(texts):
            voice = voices("en")[4 + 40 * (number % 2)]
            said = synthesiser.utter(text, "en", voice).trimmed()
            samples = resample(
                said.samples[None] / np.abs(said.samples).max() * 0.4, said.sample_rate, 48000
            )[0]
            pause_s = 0.15 if number == 2 else 0.6
            truth.append(Segment(reached, reached + len(samples) / 48000))
            pieces += [samples, np.zeros(round(pause_s * 48000), np.float32)]
            reached = truth[-1].end_s + pause_s
    samples = np.concatenate([*pieces, np.zeros(48000, np.float32)])
    noise = rng.normal(0, 3e-4, (2, len(samples))).astype(np.float32)
    folder = tmp_path_factory.mktemp("spoken")
    return write_sound(folder / "a.npy", samples + noise, 48000), [
        *truth[:2],
        Segment(truth[2].start_s, truth[3].end_s),
    ]


@pytest.mark.parametrize("backend", [Silero, Energy])
def test_edges_lie_where_speech_begins_and_ends(spoken, backend):
    if backend is Silero:
        pytest.importorskip("silero_vad")
    sound, truth = spoken
    found = backend().segment(sound)
    assert len(found) == len(truth)
    for one, true in zip(found, truth, strict=True):
        assert abs(one.start_s - true.start_s) < 0.06 and abs(one.end_s - true.end_s) < 0.1


def test_silero_agrees_with_its_own_package_and_keeps_no_state(spoken):
    silero_vad = pytest.importorskip("silero_vad")
    sound, _ = spoken
    backend = Silero()
    likely, _ = backend.curves(sound)
    model = silero_vad.load_silero_vad()
    samples = torch.from_numpy(read_mono(sound, 0.0, sound.duration_s))
    theirs = model.audio_forward(samples, RATE)[0].numpy()
    assert np.abs(likely[: len(theirs)] - theirs).max() < 0.01
    np.testing.assert_array_equal(backend.curves(sound)[0], likely)


def test_nobody_speaks_in_silence_noise_or_nothing(tmp_path):
    pytest.importorskip("silero_vad")
    backend = Silero()
    noise = np.random.default_rng(0).normal(0, 0.05, (1, 5 * 48000)).astype(np.float32)
    for number, samples in enumerate((np.zeros_like(noise), noise, noise[:, :0], noise[:, :100])):
        assert backend.segment(write_sound(tmp_path / f"{number}.npy", samples, 48000)) == []
    assert Energy().segment(write_sound(tmp_path / "b.npy", np.zeros_like(noise), 48000)) == []
    with pytest.raises(InputError, match="0 < off <= on < 1"):
        Silero.Settings(on=0.3, off=0.6)


def test_the_sixth_channel_is_not_heard_and_voices_keep_their_level():
    voice = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    surround = np.zeros((6, 1000), np.float32)
    surround[2], surround[3] = voice, 100.0
    np.testing.assert_allclose(mono(surround), voice / np.sqrt(5), rtol=1e-5)
    np.testing.assert_allclose(mono(np.stack([voice, voice])), voice * np.sqrt(2), rtol=1e-5)


@pytest.mark.parametrize("rate", [48000, 44100, 16000])
def test_pieces_and_frames_are_those_of_the_whole(tmp_path, rate):
    samples = np.random.default_rng(0).normal(0, 0.1, (1, 3 * rate)).astype(np.float32)
    sound = write_sound(tmp_path / "a.npy", samples, rate)
    whole = resample(samples, rate, RATE)[0]
    flat = np.concatenate([frames.reshape(-1) for frames in mono_frames(sound, 512)])
    assert len(flat) % 512 == 0 and len(flat) >= len(whole)
    np.testing.assert_allclose(flat[: len(whole) - 100], whole[:-100], atol=2e-3)
    piece = read_mono(sound, 1.0, 1.5)
    np.testing.assert_allclose(piece, whole[RATE : RATE + RATE // 2], atol=2e-3)
    assert not read_mono(sound, 5.0, 5.5).any() and len(read_mono(sound, -0.5, 0.0)) == RATE // 2


def level(seconds, loud):
    """-60 dB, and -20 dB in the spans of seconds that are loud."""
    curve = np.full(round(seconds * 100), -60.0)
    for start, end in loud:
        curve[round(start * 100) : round(end * 100)] = -20.0
    return curve


def test_hysteresis():
    curve = np.array([0.1, 0.6, 0.4, 0.6, 0.2, 0.4, 0.7])
    assert above(curve, 0.5, 0.3, 1.0) == [Segment(1.0, 4.0), Segment(6.0, 7.0)]
    assert above(curve, 0.9, 0.3, 1.0) == []


def test_edges_move_to_the_rise_and_fall_of_the_sound():
    curve = level(10, [(2.0, 3.0), (6.0, 7.0)])
    found = shaped([Segment(1.8, 3.2), Segment(6.2, 6.8)], curve, SegmentSettings())
    for one, (start, end) in zip(found, [(2.0, 3.0), (6.0, 7.0)], strict=True):
        assert abs(one.start_s - start) <= 0.021 and abs(one.end_s - end) <= 0.021
    far = shaped([Segment(1.0, 3.0)], curve, SegmentSettings(reach_s=0.0))
    assert far == [Segment(1.0, 3.0)]


def test_short_pauses_are_bridged_and_short_sounds_dropped():
    loud = [(1.0, 2.0), (2.2, 3.0), (5.0, 5.1)]
    found = shaped([Segment(*span) for span in loud], level(8, loud), SegmentSettings())
    assert len(found) == 1
    assert found[0].start_s == pytest.approx(1.0, abs=0.03) and found[0].end_s == pytest.approx(3.0, abs=0.03)


def test_long_segments_are_split_at_their_quietest_point_until_none_is_too_long():
    curve = level(50, [(1.0, 47.0)])
    for dip in (14.0, 25.0, 33.3):
        curve[round(dip * 100) : round(dip * 100) + 12] = -40.0
    found = shaped([Segment(1.0, 47.0)], curve, SegmentSettings(gap_s=0.05))
    assert max(one.end_s - one.start_s for one in found) <= 15.0
    borders = [one.end_s for one in found[:-1]]
    assert borders == [one.start_s for one in found[1:]]
    for dip in (14.0, 25.0, 33.3):
        assert min(abs(border - dip - 0.06) for border in borders) < 0.08


def test_levels():
    tone = np.sqrt(2) * 0.1 * np.sin(np.arange(1600) / RATE * 2 * np.pi * 100)
    np.testing.assert_allclose(level_db(tone.reshape(-1, 160)), -20.0, atol=0.01)


def test_every_backend_declares_itself():
    assert [one.declaration.name for one in BACKENDS] == ["silero", "energy"]
    assert {one.declaration.step for one in BACKENDS} == {"segmentation"}
