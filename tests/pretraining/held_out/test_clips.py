"""The monitor embeds the right windows, the same on any number of processes, and leaves no trace."""

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from tests.conftest import TINY_MVIT

from lssd.corpus import Catalog
from lssd.corpus.schema import TABLES
from lssd.pretraining.distributed import World
from lssd.pretraining.held_out import clips as module
from lssd.pretraining.held_out.clips import Monitor
from lssd.pretraining.network import Network
from lssd.pretraining.recipe import Recipe, load_recipe
from lssd.views import CacheSettings, ClipEntry, Corpora, Decoder, centre_window

SMALL = (
    "views.batch_size=6",
    "views.frames=2",
    "views.size=16",
    "views.short_side=[16,20]",
    *TINY_MVIT,  # whose embeddings differ without training, by more than a collapse
    "head={size: 16}",
    "monitor.splits=[train,test]",
)
ALONE = World(0, 1, 0, torch.device("cpu"))


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return load_recipe("demo", SMALL)


@pytest.fixture(scope="module")
def network(recipe: Recipe) -> Network:
    return Network.create(recipe)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> CacheSettings:
    return CacheSettings(str(tmp_path_factory.mktemp("cache")), 10**9)


@pytest.fixture(scope="module")
def monitor(recipe: Recipe, corpus: Path, cache: CacheSettings) -> Monitor:
    return Monitor.prepare(recipe, Corpora([corpus]), cache)


@pytest.fixture(scope="module")
def values(monitor: Monitor, network: Network) -> dict[str, float]:
    return monitor.measure(network, ALONE)


def middle(monitor: Monitor, clip: ClipEntry) -> tuple[torch.Tensor, torch.Tensor]:
    """A clip's picture (1, T, 3, H, W) and original sound (1, C, S) in its middle window."""
    views = monitor.recipe.views
    decoder, window = Decoder(views, monitor.corpora), centre_window(clip, views)
    return decoder.frames(clip, window)[None], decoder.sound(clip.original, window)[None]


def test_the_middle_windows_are_measured(
    monitor: Monitor, network: Network, values: dict[str, float]
) -> None:
    """By the public parts of views and network, a clip at a time, and a literal ranking."""
    network.eval()
    z_v, z_a = [], []
    with torch.no_grad():
        for clip in monitor.clips:
            frames, waveform = middle(monitor, clip)
            z_v.append(network.video_head(network.video(frames)))
            z_a.append(network.audio_head(network.audio(waveform)))
    similarity = (torch.cat(z_v) @ torch.cat(z_a).T).numpy()
    first = [int((row > row[i]).sum()) == 0 for i, row in enumerate(similarity)]
    assert values["clips"] == len(monitor.clips) == 17, "more than one batch of 16"
    assert values["video_to_audio@1"] == pytest.approx(np.mean(first))
    assert values["alignment"] == pytest.approx(2 - 2 * similarity.diagonal().mean(), rel=1e-4)
    assert values["chance@1"] == pytest.approx(1 / 17)
    assert values["dubbed_clips"] == 15 and values["dub_chance@1"] == pytest.approx(1 / 15)
    assert values["knn_language_chance"] == pytest.approx(1 / 3)
    # One tone a language: any encoder, trained or not, tells these apart.
    assert values["knn_language"] > 0.9 > values["knn_language_majority"]
    assert {"cross_loss", "sound_loss", "picture_loss", "dub_alignment", "uniformity_dub"} <= values.keys()
    assert "left_out" not in values


def test_neighbours_are_of_the_encoders_before_their_heads(monitor: Monitor, network: Network) -> None:
    few = dataclasses.replace(monitor, clips=monitor.clips[:2])
    frames, waveform = (
        torch.cat(views) for views in zip(*(middle(monitor, clip) for clip in few.clips), strict=True)
    )
    network.eval()
    with torch.no_grad():
        pictures, sounds = network.video(frames).numpy(), network.audio(waveform).numpy()
    for number, clip in enumerate(few.embed(network).embeddings):
        assert clip.sounds_MD.shape == (3, pictures.shape[1])
        np.testing.assert_allclose(clip.picture_D, pictures[number], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(clip.sounds_MD[0], sounds[number], rtol=1e-4, atol=1e-5)


def test_the_first_and_the_last_window_differ_where_a_clip_is_long_enough(monitor: Monitor) -> None:
    views = monitor.recipe.views
    for clip in monitor.clips:
        first, centre, last = (window.start_frame for window in module._windows(clip, views))
        assert first == 0 <= centre <= last
        assert last + views.window_frames == round(clip.duration_s * views.fps)
    exact = dataclasses.replace(monitor.clips[0], duration_s=3.0)
    assert not monitor._facts(exact).two_windows and monitor._facts(monitor.clips[0]).two_windows


@pytest.mark.parametrize("processes", [2, 3])
def test_values_do_not_depend_on_the_number_of_processes(
    monitor: Monitor,
    network: Network,
    values: dict[str, float],
    processes: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monitor = dataclasses.replace(monitor, batch=4)
    temperature = 1 / network.scale().item()
    alone = monitor.summarise([monitor.embed(network)], temperature)
    shares = [monitor.embed(network, rank, processes) for rank in range(processes)]
    assert all(share.embeddings for share in shares)
    assert monitor.summarise(shares, temperature) == alone
    assert monitor.summarise(shares[::-1], temperature) == alone
    assert alone == pytest.approx(values, rel=1e-3), "other batches, other rounding"
    monkeypatch.setattr(module, "gather_objects", lambda share: shares)
    worlds = [World(rank, processes, rank, torch.device("cpu")) for rank in range(processes)]
    assert monitor.measure(network, worlds[0]) == alone
    assert all(monitor.measure(network, world) == {} for world in worlds[1:])


def test_training_goes_on_as_if_nothing_had_been_measured(monitor: Monitor, network: Network) -> None:
    network.train()
    network.audio.eval()  # a part may be frozen
    modes = [part.training for part in network.modules()]
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    random = torch.get_rng_state()
    share = monitor.embed(network)
    assert [part.training for part in network.modules()] == modes
    assert all(torch.equal(tensor, state[name]) for name, tensor in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random) and torch.is_grad_enabled()
    assert all(parameter.grad is None for parameter in network.parameters())
    again = monitor.embed(network.eval())
    for one, other in zip(share.embeddings, again.embeddings, strict=True):
        assert np.array_equal(one.z_sounds_MZ, other.z_sounds_MZ), "masks must not be drawn"


def test_sound_alone(corpus: Path, cache: CacheSettings, values: dict[str, float]) -> None:
    settings = [item for item in SMALL if not item.startswith("video.")]
    recipe = load_recipe("demo", [*settings, "video=null", "views.pictures=false"])
    network = Network.create(recipe)
    found = Monitor.prepare(recipe, Corpora([corpus]), cache).measure(network, ALONE)
    assert not [name for name in found if "video" in name or "picture" in name or name.startswith("recall")]
    assert found["audio_to_dub@1"] >= 0 and found["clips"] == 17
    assert found["knn_language_chance"] == values["knn_language_chance"]


def test_a_collapse_is_said_in_one_line(
    monitor: Monitor, recipe: Recipe, caplog: pytest.LogCaptureFixture, values: dict[str, float]
) -> None:
    network = Network.create(recipe)
    for parameter in network.audio_head.layers[-1].parameters():
        parameter.data.fill_(1.0 if parameter.ndim == 1 else 1e-6)
    found = monitor.measure(network, ALONE)
    assert found["collapsed"] == 1.0 and values["collapsed"] == 0.0
    lines = caplog.messages
    assert len(lines) == 1 and "embeddings of sound have collapsed" in lines[0]


def test_clips_that_cannot_be_measured_are_counted(
    monitor: Monitor, recipe: Recipe, network: Network, caplog: pytest.LogCaptureFixture
) -> None:
    first, *rest = monitor.clips
    lost = dataclasses.replace(first, picture=first.picture._replace(shard="no-such.tar", sha256="0" * 64))
    found = dataclasses.replace(monitor, clips=(lost, *rest)).measure(network, ALONE)
    assert (found["clips"], found["left_out"]) == (16, 1)
    lines = caplog.messages
    assert len(lines) == 1 and "1 of 17 held-out clips" in lines[0] and first.clip_id in lines[0]
    broken = Network.create(recipe)
    broken.audio_head.layers[-1].bias.data.fill_(float("nan"))
    assert monitor.measure(broken, ALONE) == {"clips": 0, "left_out": 17}
    assert "not finite" in caplog.text


def test_labels_are_those_of_the_catalog(recipe: Recipe, corpus: Path, network: Network) -> None:
    catalog = Catalog.open(corpus)
    ids = catalog.clips["clip_id"].to_pylist()
    rows = []
    for number, clip_id in enumerate(ids):
        rows.append({"clip_id": clip_id, "name": "scene", "value": ("sea", "forest")[number % 2]})
        rows.append({"clip_id": clip_id, "name": "fingerprint", "value": "abc"})
    rows += [{"clip_id": ids[0], "name": "genre", "value": value} for value in ("drama", "comedy")]
    rows += [{"clip_id": ids[0], "name": "empty", "value": None}]
    catalog.labels = pa.Table.from_pylist(rows, schema=TABLES["labels"])
    chosen = dataclasses.replace(recipe, monitor=dataclasses.replace(recipe.monitor, clips=9))
    monitor = Monitor.prepare(chosen, Corpora([catalog]), None)
    assert len(monitor.clips) == 9 and monitor.labels.keys() == {clip.clip_id for clip in monitor.clips}
    for clip in monitor.clips:
        assert monitor.labels[clip.clip_id] == {"scene": ("sea", "forest")[ids.index(clip.clip_id) % 2]}
    values = monitor.measure(network, ALONE)
    assert {"knn_scene_sound", "knn_scene_picture", "knn_scene_majority"} <= values.keys()
    assert values["knn_scene_chance"] == 0.5


def test_a_corpus_without_held_out_titles_has_no_clips(recipe: Recipe, corpus: Path) -> None:
    none = dataclasses.replace(recipe, monitor=dataclasses.replace(recipe.monitor, splits=("valid",)))
    assert Monitor.prepare(none, Corpora([corpus]), None).clips == ()
