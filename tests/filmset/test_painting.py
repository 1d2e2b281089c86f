"""The painter: areas, covering, blending, and the range that finished values stay within."""

import numpy as np
import pytest

from filmset.painting import HIGH, LOW, Plane


def plain(rgb: np.ndarray) -> np.ndarray:
    return rgb


def test_painted_areas_match_geometry():
    plane = Plane(200, 300, plain)
    pixel = plane.pixel**2
    assert plane.disc(0.7, 0.5, 0.3, 0.2).sum() * pixel == pytest.approx(np.pi * 0.3 * 0.2, rel=0.01)
    assert plane.box(0.2, 0.1, 0.9, 0.6).sum() * pixel == pytest.approx(0.7 * 0.5, rel=0.01)
    assert plane.below(0.25).sum() * pixel == pytest.approx(0.75 * 1.5, rel=0.01)


def test_paint_covers_like_the_formula():
    rng = np.random.default_rng(2)
    plane = Plane(24, 40, lambda rgb: rgb**2)
    expected, alpha = np.zeros((24, 40, 3)), np.zeros((24, 40))
    for colour in (np.array((0.2, 0.9, 0.4)), rng.uniform(size=(24, 40, 3)), rng.uniform(size=(24, 1, 3))):
        mask = plane.disc(rng.uniform(0, 1.6), rng.uniform(0, 1), 0.3) * rng.uniform(0.3, 1)
        plane.paint(mask, colour)
        expected += mask[..., None] * (np.broadcast_to(colour, expected.shape) ** 2 - expected)
        alpha += mask * (1 - alpha)
    plane.paint(0.0, (1.0, 1.0, 1.0))
    np.testing.assert_allclose(plane.rgb, expected, atol=1e-5)
    np.testing.assert_allclose(plane.alpha[..., 0], alpha, atol=1e-5)


def test_sprites_blend_like_the_formula_and_are_cut_at_borders():
    rng = np.random.default_rng(0)
    plane = Plane(20, 30, plain)
    plane.paint(plane.disc(0.7, 0.5, 0.4), (0.9, 0.0, 1.0))
    sprite = plane.sprite()
    colour = 10 + 235 * np.array([0.9, 0.0, 1.0])
    for top, left in ((5, 7), (-8, -11), (30, 45), (-40, 0)):
        frame = rng.choice(np.array([LOW, 100, HIGH], dtype=np.uint8), (40, 60, 3))
        expected = frame.astype(float)
        for y in range(20):
            for x in range(30):
                if 0 <= top + y < 40 and 0 <= left + x < 60:
                    a = plane.alpha[y, x, 0]
                    expected[top + y, left + x] = (1 - a) * expected[top + y, left + x] + a * colour
        sprite.stamp(frame, top, left)
        assert np.abs(frame - expected).max() < 2.5
        assert frame.min() >= LOW and frame.max() <= HIGH
