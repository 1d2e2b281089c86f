import numpy as np
import pytest
import torch

from lssd.evaluation.metrics import METRICS
from lssd.evaluation.probes import judge
from lssd.evaluation.probes.division import Division
from lssd.evaluation.probes.ridge import LAMBDAS


def closed_form(x, targets, judged, strength):
    """Ridge by its normal equations, features standardised, the bias free."""
    mean, deviation = x.mean(0), x.std(0)
    standard, other = (x - mean) / deviation, (judged - mean) / deviation
    centre = targets.mean(0)
    gram = standard.T @ standard + strength * len(x) * np.eye(x.shape[1])
    return other @ np.linalg.solve(gram, standard.T @ (targets - centre)) + centre


@pytest.mark.parametrize("items", [150, 25])  # more and fewer than features
@pytest.mark.parametrize("multilabel", [False, True])
def test_every_penalty_is_tried_and_the_scores_are_the_closed_forms(items, multilabel):
    rng = np.random.default_rng(1)
    features, classes = 40, 5
    centres = rng.normal(size=(classes, features))

    def part(count):
        y = np.arange(count) % classes
        x = centres[y] + 3 * rng.normal(size=(count, features)) + 5
        labels = (rng.random((classes, classes)) > 0.5)[y] if multilabel else y
        return x.astype(np.float32), labels

    (x, y), (x_valid, y_valid), (x_test, _) = part(items), part(100), part(60)
    metric = "mAP" if multilabel else "top1_acc"
    division = Division(x, y, x_valid, y_valid, x_test)
    judged = judge("ridge", [division], classes, multilabel=multilabel, metric=metric, device="cpu")
    targets, valid = (
        labels if multilabel else np.eye(classes, dtype=bool)[labels] for labels in (y, y_valid)
    )
    x, x_valid, x_test = (part.astype(np.float64) for part in (x, x_valid, x_test))
    values = [METRICS[metric](valid, closed_form(x, targets, x_valid, s)) for s in LAMBDAS]
    assert min(values) < max(values)
    assert judged.validation[0] == pytest.approx(max(values), abs=1e-9)
    strength = judged.chosen[0]["lambda"]
    assert strength == LAMBDAS[int(np.argmax(values))]
    np.testing.assert_allclose(judged.scores[0], closed_form(x, targets, x_test, strength), atol=1e-6)
    assert judged.scores[0].dtype == np.float32


def test_penalties_reach_from_nearly_none_to_nearly_all():
    assert len(LAMBDAS) == 45
    assert LAMBDAS[-1] == pytest.approx(1e-6) and LAMBDAS[0] > 500
    assert torch.tensor(LAMBDAS).diff().max() < 0
