import numpy as np
import pytest
import torch

from lssd.evaluation.probes.merits import METRIC_NAMES, merit
from lssd.measures.scoring import METRICS


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("shape", [(200, 8), (40, 5), (1, 3), (30, 1)])
def test_equals_the_measure_with_ties_and_classes_that_cannot_be_judged(metric, shape):
    rng = np.random.default_rng(sum(shape))
    scores = rng.normal(size=(3, *shape)).astype(np.float32)
    scores[1] = scores[1].round()  # many ties
    scores[2] = 0.5  # nothing but ties
    targets = rng.random(shape) > 0.7
    if shape[1] > 2:
        targets[:, 0], targets[:, 1] = False, True
    expected = [METRICS[metric](targets, one) for one in scores]
    found = merit(metric, torch.from_numpy(scores), torch.from_numpy(targets).float())
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-9)


def test_knows_the_metrics_of_the_measures_and_no_others():
    assert set(METRIC_NAMES) == set(METRICS)
    with pytest.raises(ValueError, match="known: top1_acc"):
        merit("f1", torch.zeros(1, 2, 2), torch.ones(2, 2))


def test_a_network_that_diverged_scores_nothing():
    scores = torch.tensor([[[0.0, 1.0]], [[float("nan"), 1.0]], [[float("inf"), 1.0]]])
    found = merit("top1_acc", scores, torch.tensor([[0.0, 1.0]]))
    assert found[0] == 1 and found[1:].isnan().all()
