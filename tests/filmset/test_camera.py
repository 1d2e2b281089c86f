"""Moves of the camera: always on the canvas, smooth, and where the truth says."""

from fractions import Fraction

import cv2
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from filmset.camera import MOVES, SAFE, Camera, canvas_size, sample_camera

SIZES = [((320, 180), (320, 180)), ((341, 180), (320, 180)), ((96, 96), (96, 96)), ((1280, 720), (1280, 720))]


def views(camera: Camera, frames: int) -> np.ndarray:
    """(T, 3): x, y and zoom of every frame."""
    return np.array([camera.view(frame) for frame in range(frames)])


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize(("canvas", "stored"), SIZES)
def test_views_stay_on_the_canvas_and_faces_stay_in_view(move, canvas, stored):
    for seed in range(30):
        frames = 20 + 12 * seed
        camera = sample_camera(np.random.default_rng(seed), move, frames, canvas, stored)
        x, y, zoom = views(camera, frames).T
        assert zoom.min() >= 1 and zoom.max() <= 1.35
        for middle in (x, y):
            low, high = middle - 0.5 / zoom, middle + 0.5 / zoom
            assert low.min() >= -2e-5 and high.max() <= 1 + 2e-5
            assert low.max() <= SAFE + 2e-5 and high.min() >= 1 - SAFE - 2e-5


@pytest.mark.parametrize("move", MOVES)
def test_moves_are_smooth_and_really_move(move):
    for seed in range(20):
        camera = sample_camera(np.random.default_rng(seed), move, 75, (320, 180), (320, 180))
        path = views(camera, 75)
        moved = np.ptp(path, axis=0)
        speed = np.diff(path, axis=0)
        assert np.abs(speed).max() < 0.012  # shares of the picture a frame
        assert np.abs(np.diff(speed, axis=0)).max() < 0.005
        if move == "still":
            assert camera.identity and not moved.any()
        else:
            part = {"pan": [0], "tilt": [1], "zoom": [2], "handheld": [0, 1]}[move]
            assert not camera.identity and (moved[part] > (0.01 if move == "handheld" else 0.08)).all()


def test_same_generator_same_move():
    first, again, other = (
        sample_camera(np.random.default_rng(seed), "handheld", 99, (96, 96), (96, 96)) for seed in (4, 4, 5)
    )
    assert first == again != other


def test_a_shot_of_one_frame_has_a_view():
    for move in MOVES:
        camera = sample_camera(np.random.default_rng(0), move, 1, (96, 96), (96, 96))
        assert 1 <= camera.view(0)[2] <= 1.35


def test_canvases_have_square_pixels():
    assert canvas_size((720, 576), Fraction(16, 15)) == (768, 576)
    assert canvas_size((720, 480), Fraction(8, 9)) == (640, 480)
    assert canvas_size((320, 180), Fraction(16, 15)) == (341, 180)
    assert canvas_size((320, 180), Fraction(1)) == (320, 180)


@pytest.mark.parametrize("move", ["pan", "tilt", "zoom", "handheld"])
@pytest.mark.parametrize(("canvas", "stored"), SIZES[:3])
def test_the_matrix_sees_what_the_view_says(move, canvas, stored):
    rng = np.random.default_rng(1)
    camera = sample_camera(rng, move, 50, canvas, stored)
    drawn = cv2.GaussianBlur(rng.uniform(0, 255, (canvas[1], canvas[0])), (0, 0), 2.0)
    for frame in (0, 21, 49):
        x, y, zoom = camera.view(frame)
        # The centre of a stored pixel, as a share of the view, taken to the canvas.
        columns = (x + ((np.arange(stored[0]) + 0.5) / stored[0] - 0.5) / zoom) * canvas[0] - 0.5
        rows = (y + ((np.arange(stored[1]) + 0.5) / stored[1] - 0.5) / zoom) * canvas[1] - 0.5
        wanted = map_coordinates(drawn, np.meshgrid(rows, columns, indexing="ij"), order=1, mode="nearest")
        found = cv2.warpAffine(drawn, camera.matrix(frame), stored, borderMode=cv2.BORDER_REPLICATE)
        assert np.abs(found - wanted).max() < 0.5  # OpenCV counts in 32nds of a pixel


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize(("canvas", "stored"), SIZES)
def test_boxes_are_seen_where_the_camera_puts_them(move, canvas, stored):
    camera = sample_camera(np.random.default_rng(2), move, 50, canvas, stored)
    box = (canvas[1] // 3, canvas[0] // 2, canvas[1] // 2, canvas[0] * 2 // 3)
    drawn = np.zeros((canvas[1], canvas[0]), np.float32)
    drawn[box[0] : box[2], box[1] : box[3]] = 1
    for frame in (0, 17, 49):
        seen = cv2.warpAffine(drawn, camera.matrix(frame), stored) > 0.5
        rows, columns = np.nonzero(seen)
        found = rows.min(), columns.min(), rows.max() + 1, columns.max() + 1
        np.testing.assert_allclose(camera.seen(box, frame), found, atol=1)
