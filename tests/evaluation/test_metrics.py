import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import accuracy_score, average_precision_score, roc_auc_score

from lssd.evaluation import metrics
from lssd.evaluation.metrics import METRICS, metric_named, metric_per_network, usual_metrics


def drawn(seed: int, items: int, classes: int, steps: int | None = None):
    """Targets and scores; with `steps`, scores tie."""
    rng = np.random.default_rng(seed)
    targets_NC = rng.random((items, classes)) < rng.uniform(0.05, 0.6)
    scores_NC = rng.normal(size=(items, classes)).astype(np.float32) + targets_NC
    return targets_NC, scores_NC if steps is None else np.round(scores_NC * steps) / steps


def by_class(function, targets_NC, scores_NC, weights_N, negative=False):
    """scikit-learn's metric of each class that has a positive (and a negative) item of some weight."""
    values = []
    for truth, score in zip(targets_NC.T, scores_NC.T, strict=True):
        if (weights_N * truth).sum() > 0 and (not negative or (weights_N * ~truth).sum() > 0):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                values.append(function(truth, score, sample_weight=weights_N))
    return np.array(values)


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(2, 60),
    st.integers(1, 6),
    st.sampled_from([None, 1, 2]),
    st.booleans(),
)
def test_rankings_equal_scikit_learn_with_ties_and_weights(seed, items, classes, steps, weighted):
    targets_NC, scores_NC = drawn(seed, items, classes, steps)
    weights_N = np.random.default_rng(seed).integers(0, 4, items) if weighted else np.ones(items, dtype=int)
    weights = weights_N if weighted else None
    precision = by_class(average_precision_score, targets_NC, scores_NC, weights_N)
    ours = METRICS["mAP"](targets_NC, scores_NC, weights)
    assert ours == pytest.approx(precision.mean(), abs=1e-12) if len(precision) else np.isnan(ours)
    area = by_class(roc_auc_score, targets_NC, scores_NC, weights_N, negative=True)
    ours = METRICS["aucroc"](targets_NC, scores_NC, weights)
    assert ours == pytest.approx(area.mean(), abs=1e-12) if len(area) else np.isnan(ours)
    if len(area) and (np.abs(area - 0.5) < 0.5 - 1e-9).all():  # at 0 and 1 heareval is infinite, ours is not
        d_prime = (stats.norm.ppf(area) * np.sqrt(2)).mean()  # heareval's definition
        assert METRICS["d_prime"](targets_NC, scores_NC, weights) == pytest.approx(d_prime, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 50), st.integers(2, 6))
def test_accuracy_equals_scikit_learn(seed, items, classes):
    rng = np.random.default_rng(seed)
    truth_N, scores_NC = rng.integers(classes, size=items), np.round(rng.normal(size=(items, classes)))
    weights_N = rng.integers(0, 3, items) + (np.arange(items) == 0)
    ours = METRICS["top1_acc"](np.eye(classes, dtype=bool)[truth_N], scores_NC, weights_N)
    peer = accuracy_score(truth_N, scores_NC.argmax(axis=1), sample_weight=weights_N)
    assert ours == pytest.approx(peer)


def test_an_item_of_several_labels_is_right_at_any_of_them():
    targets_NC = np.array([[1, 1, 0], [0, 1, 1], [0, 0, 0]], dtype=bool)
    scores_NC = np.array([[0.1, 0.9, 0.2], [0.9, 0.1, 0.2], [0.9, 0.1, 0.2]])
    assert METRICS["top1_acc"](targets_NC, scores_NC) == pytest.approx(1 / 3)


@pytest.mark.parametrize("metric", METRICS)
def test_weights_count_items_several_times_or_not_at_all(metric):
    targets_NC, scores_NC = drawn(1, 40, 5, 2)
    times_N = np.random.default_rng(2).integers(0, 4, 40)
    copies_N = np.repeat(np.arange(40), times_N)
    ours = METRICS[metric](targets_NC, scores_NC, times_N)
    assert ours == pytest.approx(METRICS[metric](targets_NC[copies_N], scores_NC[copies_N]))


@pytest.mark.parametrize("metric", METRICS)
def test_many_weightings_and_groups_left_out_equal_them_one_by_one(metric, monkeypatch):
    targets_NC, scores_NC = drawn(3, 60, 4, 2)
    rng = np.random.default_rng(4)
    weights_RN, codes_N = rng.integers(0, 3, (17, 60)), rng.permutation(60) % 7
    monkeypatch.setattr(metrics, "_CELLS", 400)  # a few weightings at a time
    scorer = METRICS[metric].scorer(targets_NC, scores_NC)
    alone = [METRICS[metric](targets_NC, scores_NC, weights_N) for weights_N in weights_RN]
    np.testing.assert_allclose(scorer(weights_RN), alone, rtol=1e-12)
    kept = [METRICS[metric](targets_NC[codes_N != g], scores_NC[codes_N != g]) for g in range(7)]
    np.testing.assert_allclose(scorer.without(codes_N, 7), kept, rtol=1e-12)


def test_classes_that_cannot_be_judged_are_left_out_and_counted():
    rng = np.random.default_rng(0)
    scores_NC = rng.normal(size=(30, 4))
    targets_NC = rng.random((30, 4)) < 0.4
    targets_NC[:, 1], targets_NC[:, 2] = False, True
    judged, both = [0, 2, 3], [0, 3]
    assert METRICS["mAP"](targets_NC, scores_NC) == pytest.approx(
        average_precision_score(targets_NC[:, judged], scores_NC[:, judged])
    )
    assert METRICS["aucroc"](targets_NC, scores_NC) == pytest.approx(
        roc_auc_score(targets_NC[:, both], scores_NC[:, both])
    )
    assert {name: int((~one.judged_classes(targets_NC)).sum()) for name, one in METRICS.items()} == {
        "top1_acc": 0,
        "mAP": 1,
        "aucroc": 2,
        "d_prime": 2,
    }
    nothing = np.zeros((30, 4), dtype=bool)
    assert all(np.isnan(METRICS[metric](nothing, scores_NC)) for metric in ("mAP", "aucroc", "d_prime"))
    assert np.isnan(METRICS["top1_acc"](targets_NC, scores_NC, np.zeros(30)))


def test_a_perfect_class_has_a_finite_d_prime():
    targets_NC = np.arange(20)[:, None] < 5
    perfect = METRICS["d_prime"](targets_NC, -np.arange(20.0)[:, None])
    assert perfect == pytest.approx(np.sqrt(2) * stats.norm.ppf(1 - 1 / (2 * 5 * 15)))
    assert METRICS["d_prime"](targets_NC, np.arange(20.0)[:, None]) == pytest.approx(-perfect)
    one_pair_lost = -np.arange(20.0)
    one_pair_lost[[4, 5]] = one_pair_lost[[5, 4]]
    assert METRICS["d_prime"](targets_NC, one_pair_lost[:, None]) < perfect


def test_infinite_scores_rank_and_constant_ones_tie():
    targets_NC = np.array([[True], [False], [True], [False]])
    assert METRICS["aucroc"](targets_NC, np.array([[np.inf], [0.0], [1.0], [-np.inf]])) == 1.0
    assert METRICS["aucroc"](targets_NC, np.zeros((4, 1))) == 0.5
    assert METRICS["mAP"](targets_NC, np.zeros((4, 1))) == 0.5


@pytest.mark.parametrize(
    "call",
    [
        lambda: METRICS["mAP"](np.eye(2), np.full((2, 2), np.nan)),
        lambda: METRICS["aucroc"](np.eye(2), np.zeros((3, 2))),
        lambda: METRICS["top1_acc"](np.eye(2), np.eye(2), [1.0]),
        lambda: METRICS["top1_acc"](np.eye(2), np.eye(2), [1.0, -1.0]),
        lambda: METRICS["top1_acc"](np.zeros((0, 2)), np.zeros((0, 2))),
        lambda: metric_named("f1"),
        lambda: metric_per_network("f1", torch.zeros(1, 2, 2), torch.ones(2, 2)),
    ],
)
def test_wrong_arguments(call):
    with pytest.raises(ValueError, match=r"NaN|equal|numbers|unknown metric 'f1'; known: top1_acc, mAP"):
        call()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("shape", [(200, 8), (40, 5), (1, 3), (30, 1)])
def test_networks_are_judged_as_models_are_with_ties_and_classes_that_cannot_be_judged(metric, shape):
    rng = np.random.default_rng(sum(shape))
    scores = rng.normal(size=(3, *shape)).astype(np.float32)
    scores[1] = scores[1].round()  # many ties
    scores[2] = 0.5  # nothing but ties
    targets = rng.random(shape) > 0.7
    if shape[1] > 2:
        targets[:, 0], targets[:, 1] = False, True
    expected = [METRICS[metric](targets, one) for one in scores]
    found = metric_per_network(metric, torch.from_numpy(scores), torch.from_numpy(targets).float())
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-9)


def test_several_labels_are_judged_by_a_ranking_first():
    assert usual_metrics(False) == ("top1_acc", "mAP", "d_prime", "aucroc")
    assert usual_metrics(True) == ("mAP", "d_prime", "aucroc", "top1_acc")


def test_a_network_that_diverged_scores_nothing():
    scores = torch.tensor([[[0.0, 1.0]], [[float("nan"), 1.0]], [[float("inf"), 1.0]]])
    found = metric_per_network("top1_acc", scores, torch.tensor([[0.0, 1.0]]))
    assert found[0] == 1 and found[1:].isnan().all()
