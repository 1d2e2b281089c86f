"""Many machines: the same files, the same vectors."""

import os

import numpy as np
import pytest
import soundfile

from lssd.embedding.embed import embed

pytestmark = pytest.mark.slow

RATE = 16000


@pytest.fixture(scope="module")
def cluster():
    ray = pytest.importorskip("ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=2, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sounds")
    for index in range(70):
        samples = np.random.default_rng(index).normal(0, 0.1, round(RATE * (0.5 + 1.3 * (index % 5))))
        soundfile.write(folder / f"{index:02}.wav", samples.astype(np.float32), RATE)
    (folder / "33_text.wav").write_text("no sound")
    return sorted([*folder.iterdir(), folder / "50_gone.wav"])


@pytest.mark.usefixtures("cluster")
def test_on_a_cluster_vectors_are_the_same(model, sounds, tmp_path):
    here = embed(model, sounds, pool="window", workers=0)
    cache, out = tmp_path / "cache", tmp_path / "rows.parquet"
    there = embed(model, sounds, pool="window", engine="ray", workers=2, cache=cache)
    assert (there.path, there.failed) == (here.path, here.failed) and len(there.failed) == 2
    np.testing.assert_array_equal(there.end_s, here.end_s)
    np.testing.assert_allclose(there.vectors, here.vectors, atol=1e-5)
    alone = embed(model, sounds, out, pool="window", engine="ray", workers=1)
    np.testing.assert_array_equal(alone.vectors, there.vectors)  # whatever the number of workers
    assert not (tmp_path / ".rows.parquet.parts").exists()


@pytest.mark.usefixtures("cluster")
def test_what_a_cluster_computed_is_kept_for_all(model, sounds, tmp_path, calls):
    cache = tmp_path / "cache"
    there = embed(model, sounds[:40], engine="ray", cache=cache)
    again = embed(model, sounds[:40], cache=cache)
    assert not calls, "read from the cache by this process"
    np.testing.assert_array_equal(again.vectors, there.vectors)
    (pack,) = cache.rglob("*.vectors")
    before = pack.stat().st_size
    more = embed(model, sounds, engine="ray", cache=cache)
    np.testing.assert_array_equal(more.vectors[:39], there.vectors)
    assert pack.stat().st_size == before, "a pack belongs to one run"
    assert sum(found.stat().st_size for found in cache.rglob("*.vectors")) < 2.2 * before
    pack.write_bytes(pack.read_bytes()[: before // 2])
    np.testing.assert_allclose(
        embed(model, sounds, engine="ray", cache=cache).vectors, more.vectors, atol=1e-5
    )
