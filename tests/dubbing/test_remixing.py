import numpy as np
import pytest

from lssd.dubbing.lines import Segment
from lssd.dubbing.remixing import Bed, RemixingSettings, Spoken, levelled, regions, remix, touched
from lssd.dubbing.sound import write_sound

RATE = 1000
DIALS = RemixingSettings(margin_s=0.06, fade_s=0.02, tail_s=0.03)


@pytest.fixture
def parts(tmp_path):
    rng = np.random.default_rng(0)
    speech, background = (rng.normal(0, 0.1, (2, 30 * RATE)).astype(np.float32) for _ in range(2))
    names = {"original": speech + background, "background": background}
    return {name: write_sound(tmp_path / f"{name}.npy", samples, RATE) for name, samples in names.items()}


def spoken(tmp_path, start, samples, kept=None):
    sound = write_sound(tmp_path / f"line{start}.npy", samples, RATE)
    return Spoken(sound, start, samples.shape[1] if kept is None else kept)


def test_outside_speech_the_original_is_kept_to_the_bit(parts, tmp_path):
    original, background = parts["original"], parts["background"]
    segments = [Segment(12.0, 13.0), Segment(1.0, 2.0), Segment(2.1, 3.0), Segment(29.5, 30.0)]
    out = regions(segments, original.length, RATE, DIALS)
    assert out == [(940, 3060), (11940, 13060), (29440, 30000)]
    line = spoken(tmp_path, 12100, np.full((2, 1500), 0.01, np.float32))  # lasts into the silence after
    mixed = remix(Bed(original, background, out, DIALS), [line], tmp_path / "mix.npy", DIALS)
    changed = touched(out, [line])
    assert changed == [(940, 3060), (11940, 13600), (29440, 30000)]
    inside = np.zeros(original.length, bool)
    for start, stop in changed:
        inside[start:stop] = True
    np.testing.assert_array_equal(mixed.read()[:, ~inside], original.read()[:, ~inside])
    np.testing.assert_allclose(mixed.read()[:, 960:3040], background.read()[:, 960:3040], atol=1e-6)
    np.testing.assert_allclose(
        mixed.read()[:, 12200:13000], background.read()[:, 12200:13000] + 0.01, atol=1e-6
    )
    np.testing.assert_allclose(
        mixed.read()[:, 13100:13600], original.read()[:, 13100:13600] + 0.01, atol=1e-6
    )
    np.testing.assert_allclose(mixed.read()[:, 29990:], background.read()[:, 29990:], atol=1e-6)


def test_untouched_stems_give_back_the_original(parts, tmp_path):
    """Old speech said again over the background: to -90 dB."""
    original, background = parts["original"], parts["background"]
    out = regions([Segment(5.0, 8.0)], original.length, RATE, RemixingSettings(0.06, 0.0))
    bed = Bed(original, background, out, RemixingSettings(0.06, 0.0))
    (start, stop) = out[0]
    same = spoken(tmp_path, start, original.read(start, stop) - background.read(start, stop))
    mixed = remix(bed, [same], tmp_path / "mix.npy", DIALS)
    error = np.square(mixed.read() - original.read(), dtype=np.float64).mean()
    assert error / np.square(original.read(), dtype=np.float64).mean() < 1e-9


def test_blocks_do_not_show(parts, tmp_path, monkeypatch):
    original, background = parts["original"], parts["background"]
    out = regions([Segment(4.9, 5.2), Segment(9.0, 21.0)], original.length, RATE, DIALS)
    line = spoken(
        tmp_path, 9000, np.random.default_rng(1).normal(0, 0.1, (2, 12000)).astype(np.float32), 11500
    )
    bed = Bed(original, background, out, DIALS)
    whole = remix(bed, [line], tmp_path / "a.npy", DIALS)
    monkeypatch.setattr("lssd.dubbing.remixing._BLOCK_S", 0.37)
    np.testing.assert_array_equal(remix(bed, [line], tmp_path / "b.npy", DIALS).read(), whole.read())


def test_a_line_that_is_cut_fades_out(parts, tmp_path):
    bed = Bed(parts["original"], parts["background"], [], DIALS)
    line = spoken(tmp_path, 100, np.full((2, 500), 0.25, np.float32), kept=200)
    mixed = remix(bed, [line], tmp_path / "mix.npy", DIALS).read() - parts["original"].read()
    np.testing.assert_allclose(mixed[:, 100:270], 0.25, atol=1e-6)
    assert (np.diff(mixed[0, 270:300]) < 0).all() and mixed[0, 299] == pytest.approx(0.25 / 30, abs=1e-6)
    assert not mixed[:, 300:].any()


def test_a_line_too_loud_for_what_lies_under_is_turned_down(parts, tmp_path):
    bed = Bed(parts["original"], parts["background"], [], DIALS)
    quiet = spoken(tmp_path, 100, np.full((2, 500), 0.01, np.float32))
    loud = spoken(tmp_path, 2000, np.full((2, 500), 0.9, np.float32))
    gains = [line.gain for line in levelled(bed, [quiet, loud])]
    assert gains[0] == 1.0 and 0.5 < gains[1] < 1.0
    mixed = remix(bed, levelled(bed, [quiet, loud]), tmp_path / "mix.npy", DIALS)
    assert np.abs(mixed.read(2000, 2500)).max() == pytest.approx(0.999, abs=1e-3)
    twice = levelled(bed, [loud, loud])
    assert twice[1].gain == 0.5, "and clipped, rather than unheard"
    assert np.abs(remix(bed, twice, tmp_path / "twice.npy", DIALS).read(2000, 2500)).max() == 1.0


def test_dials_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="within the margin"):
        RemixingSettings(margin_s=0.01, fade_s=0.02)
