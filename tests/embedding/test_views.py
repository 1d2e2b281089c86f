"""Pictures are judged as they were trained, and by as many views as are asked for."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from lssd.corpus import Catalog, ClipSettings, IngestSettings
from lssd.corpus.ingest import ingest
from lssd.embedding.batching import windows_of
from lssd.embedding.embed import embed
from lssd.embedding.sampling import Sampling
from lssd.embedding.windows import PictureWindows
from lssd.errors import InputError
from lssd.media import SoundTrack, read_frames, write_film
from lssd.models import FrameInputConfig, build_model, load_model, save_model
from lssd.pretraining import load_recipe
from lssd.pretraining.network import Network
from lssd.views import ClipIndex, Decoder, Selection, ViewSettings, centre_window


def write_counted(path: Path, frames: int = 75, height: int = 96, width: int = 128) -> Path:
    """A film whose frame n is 2 n bright, within a frame of white that a third of the short side is wide."""
    images = np.full((frames, height, width, 3), 255, np.uint8)
    edge = height // 3
    images[:, edge:-edge, edge:-edge] = (2 * np.arange(frames, dtype=np.uint8))[:, None, None, None]
    noise = np.random.default_rng(0).normal(0, 0.1, (1, round(frames / 25 * 48_000))).astype(np.float32)
    write_film(path, iter(images), Fraction(25), [SoundTrack(noise, 48_000, "en")], crf=4)
    return path


def test_the_frames_and_the_square_are_those_of_training(tmp_path: Path) -> None:
    film = write_counted(tmp_path / "in/film.mp4")
    clips = ClipSettings(detect=False, short_side=96)
    how = IngestSettings(clips=clips, workers=1, single_language=True)
    catalog = ingest(film, tmp_path / "c", how, quiet=True)
    assert isinstance(catalog, Catalog)
    views = ViewSettings(frames=16, size=32, short_side=(32, 40))
    (clip,) = ClipIndex.read(catalog, Selection()).clips
    trained = Decoder(views, catalog).frames(clip, centre_window(clip, views)).numpy()

    picture = PictureWindows(16, 32, 75, views.middle_short_side)
    (judged,) = picture.read(film, picture.examine(film), [0])
    assert judged.shape == trained.shape
    times_s = [(int(number * 74 / 15) + 0.5) / 25 for number in range(16)]
    shown = read_frames(film, times_s, short_side=36)[:, 17:19, 23:25].mean(axis=(1, 2, 3))
    np.testing.assert_allclose(judged[:, :, 15:17, 15:17].mean(axis=(1, 2, 3)), shown, atol=0.6)
    assert np.diff(shown).min() > 5, "a frame more or less would be seen"
    # The square is the same: so is the share of white around the middle, but for the edges' smoothing.
    assert np.abs(judged.astype(float) - trained).mean() < 5
    whole = PictureWindows(16, 32, 75, 32)
    (other,) = whole.read(film, whole.examine(film), [0])
    assert np.abs(other.astype(float) - trained).mean() > 10


def test_the_scale_travels_with_the_model(tmp_path: Path) -> None:
    recipe = load_recipe("demo")
    model = Network.create(recipe).to_model()
    wanted = round(sum(recipe.views.short_side) / 2)
    assert model.config["video"]["preprocessing"]["short_side"] == wanted
    save_model(model, tmp_path / "m")
    windows = windows_of(load_model(tmp_path / "m"), "video", None)
    assert isinstance(windows, PictureWindows) and windows.short_side == wanted
    assert FrameInputConfig().judged_short_side == 288, "of models made before the scale was kept"
    with pytest.raises(ValueError, match="short_side 200 is below size 224"):
        FrameInputConfig(short_side=200)


@pytest.mark.parametrize(
    ("text", "starts"),
    [("all", [0, 75, 125]), ("1", [62]), ("5", [0, 31, 62, 93, 125]), ("2x3", [0, 125]), ("300", None)],
)
def test_windows_are_spread_over_a_file(text: str, starts: list[int] | None) -> None:
    found = Sampling.read(text).starts(200, 75)
    assert found == (list(range(126)) if starts is None else starts)
    assert Sampling.read(text).starts(60, 75) == [0]


@pytest.mark.parametrize("text", ["0", "x3", "5x2", "-1", "", "10x3x1", "5000"])
def test_views_that_are_none(text: str) -> None:
    with pytest.raises(InputError, match="views are windows"):
        Sampling.read(text)


def test_three_squares_are_the_mean_of_three_vectors(tmp_path: Path) -> None:
    """A window's vector is the mean over its squares, a file's over its windows."""
    dials = {"depth": 1, "width": 16, "heads": 1, "stage_starts": []}
    patches = {"patch_kernel": [1, 8, 8], "patch_stride": [1, 8, 8], "patch_padding": [0, 0, 0]}
    sizes = {"frames": 2, "size": 32, "short_side": 36}
    model = build_model(video={"name": "mvit", "dials": {**dials, **patches}, "preprocessing": sizes}).eval()
    film = write_counted(tmp_path / "film.mp4", frames=110)
    rows = embed(model, [film], modality="video", views="2x3", pool="window", workers=0)
    assert rows.start_s.tolist() == [0.0, 35 / 25]
    images = windows_of(model, "video", None, 3)
    read = images.read(film, images.examine(film), [0, 35])
    for window, vector in zip(read, rows.vectors, strict=True):
        squares = torch.from_numpy(window).unflatten(0, (3, 2))
        assert not torch.equal(squares[0], squares[2])
        np.testing.assert_allclose(model.embed_video(squares).mean(dim=0).numpy(), vector, atol=1e-6)
    whole = embed(model, [film], modality="video", views="2x3", workers=0)
    np.testing.assert_allclose(whole.vectors[0], rows.vectors.mean(axis=0), atol=1e-6)


def test_views_are_part_of_the_caches_key(tmp_path: Path) -> None:
    dials = {"depth": 1, "width": 16, "heads": 1, "stage_starts": []}
    patches = {"patch_kernel": [1, 8, 8], "patch_stride": [1, 8, 8], "patch_padding": [0, 0, 0]}
    sizes = {"frames": 2, "size": 32, "short_side": 36}
    model = build_model(video={"name": "mvit", "dials": {**dials, **patches}, "preprocessing": sizes}).eval()
    film = write_counted(tmp_path / "film.mp4", frames=110)
    for count, views in enumerate(["all", "1", "1x3", "1x1"], start=1):
        embed(model, [film], modality="video", views=views, cache=tmp_path / "cache", workers=0)
        kept = [path for path in (tmp_path / "cache").iterdir() if path.name != "files"]
        assert len(kept) == min(count, 3), "1x1 is 1"
