import numpy as np
import torch

from lssd.dubbing.separation import refining

from .conftest import si_sdr


def test_ringing_falls_no_faster_than_a_room():
    power_CFT = np.random.default_rng(0).exponential(size=(2, 5, 40)).astype(np.float32) ** 4
    expected_CFT = power_CFT.copy()
    fall = 10 ** (-6 / (0.6 * 47))
    for now in range(1, 40):
        for place in np.ndindex(2, 5):
            before = expected_CFT[(*place, now - 1)]
            expected_CFT[(*place, now)] = max(expected_CFT[(*place, now)], before * fall)
    np.testing.assert_allclose(
        refining._ringing(torch.from_numpy(power_CFT), 47).numpy(), expected_CFT, rtol=1e-5
    )


def test_direction_filter_equals_plain_loops():
    generator = np.random.default_rng(1)
    shape = (3, 4, 30)
    mix, speech = (
        (generator.normal(size=shape) + 1j * generator.normal(size=shape)).astype(np.complex64)
        for _ in range(2)
    )
    made = refining._by_direction(torch.from_numpy(mix), torch.from_numpy(speech), 8.0).numpy()  # 9 frames
    expected = np.empty(shape, np.complex128)
    for bin_, frame in np.ndindex(4, 30):
        covariances = []
        for source in (speech, mix - speech):
            around = range(max(0, frame - 4), min(30, frame + 5))
            mean = np.mean([np.outer(source[:, bin_, t], source[:, bin_, t].conj()) for t in around], axis=0)
            power = np.mean(np.abs(source[:, bin_, frame]) ** 2)
            covariances.append(power * mean / (np.trace(mean).real / 3))
        whole = sum(covariances)
        whole += np.eye(3) * (np.trace(whole).real * 1e-3 / 3)
        expected[:, bin_, frame] = covariances[0] @ np.linalg.inv(whole) @ mix[:, bin_, frame]
    np.testing.assert_allclose(made, expected, rtol=2e-3, atol=2e-3)


def test_background_under_speech_is_that_of_the_pauses():
    frames = 400
    floor_CFT = torch.linspace(1.0, 3.0, 8)[None, :, None].expand(1, 8, frames).clone()
    talking_T = torch.zeros(frames)
    talking_T[180:220] = 1.0
    power_CFT = floor_CFT + 100.0 * talking_T
    found_CFT = refining._under_speech(power_CFT, torch.zeros_like(power_CFT), talking_T, 47.0)
    np.testing.assert_allclose(found_CFT[..., 180:220], floor_CFT[..., 180:220], rtol=0.05)
    nowhere_CFT = refining._under_speech(power_CFT, floor_CFT, torch.ones(frames), 47.0)
    np.testing.assert_array_equal(nowhere_CFT, floor_CFT)


def test_lost_and_added_parts_are_mended(scene):
    """A first estimate that lost half of the voice and kept a tenth of the background."""
    first_CS = (0.5 * scene.speech_CS + 0.1 * scene.background_CS).astype(np.float32)
    made_CS = refining.refine(scene.mix, first_CS, 48_000)
    assert made_CS.dtype == np.float32
    assert (
        si_sdr(scene.mix - made_CS, scene.background_CS)
        > si_sdr(scene.mix - first_CS, scene.background_CS) + 2.0
    )


def test_no_speech_stays_none(scene):
    assert not refining.refine(scene.mix, np.zeros_like(scene.mix), 48_000).any()
