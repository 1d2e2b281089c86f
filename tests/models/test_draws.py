"""Random numbers belong to items, whatever batch they are computed in."""

import numpy as np
import pytest
import torch
from scipy import stats

from lssd.models import create
from lssd.models.draws import Draws, uniform


def test_an_item_s_numbers_do_not_depend_on_its_batch():
    whole = Draws.of_step(3, 7, range(10))
    parts = [Draws.of_step(3, 7, range(4)), Draws.of_step(3, 7, range(4, 10)), whole[2:3]]
    assert torch.equal(torch.cat([parts[0].uniform(5), parts[1].uniform(5)], dim=1), whole.uniform(5))
    assert torch.equal(parts[2].child(4).uniform(3), whole.child(4).uniform(3)[:, 2:3])


def test_numbers_are_uniform_and_independent():
    x = Draws.of_step(0, 0, range(2000)).uniform(50).numpy()
    assert x.dtype == np.float32 and x.min() >= 0 and x.max() < 1
    assert stats.kstest(x.ravel(), "uniform").pvalue > 1e-3
    neighbours = [(x[:-1], x[1:]), (x[:, :-1], x[:, 1:])]
    other = Draws.of_step(0, 1, range(2000)).uniform(50).numpy()
    seeded = Draws.of_step(1, 0, range(2000)).uniform(50).numpy()
    child = Draws.of_step(0, 0, range(2000)).child(0).uniform(50).numpy()
    for a, b in [*neighbours, (x, other), (x, seeded), (x, child)]:
        # Five standard errors of a correlation of about 100,000 independent pairs.
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 5 / 99_000**0.5


def test_a_generator_serves_as_well():
    device = torch.device("cpu")
    made = uniform(3, 4, torch.Generator().manual_seed(5), device)
    assert torch.equal(made, torch.rand(3, 4, generator=torch.Generator().manual_seed(5)))
    with pytest.raises(ValueError, match="3 draws"):
        uniform(1, 4, Draws.of_step(0, 0, range(3)), device)


def test_stochastic_depth_of_parts_is_that_of_the_whole():
    dials = {"depth": 3, "width": 8, "stage_starts": (1,), "kv_stride": 2, "drop_path": 0.5}
    network = create("mvit", "video", input_size=(2, 32, 32), **dials).train()
    x, draws = torch.randn(6, 3, 2, 32, 32), Draws.of_step(0, 0, range(6))
    with torch.no_grad():
        whole = network(x, draws)
        parts = torch.cat([network(x[:2], draws[:2]), network(x[2:], draws[2:])])
        assert not torch.allclose(whole, network(x, Draws.of_step(0, 1, range(6))))
    torch.testing.assert_close(whole, parts, rtol=1e-4, atol=1e-5)
