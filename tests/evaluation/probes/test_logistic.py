import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from lssd.evaluation.metrics import METRICS
from lssd.evaluation.probes import PENALTIES, fit_probe, logistic


def clusters(items: int, features: int, classes: int, spread: float, seed: int = 0):
    """Gaussian clusters with features of very different scales; train and validation halves."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, 2 * items)
    x = rng.normal(size=(classes, features))[y] + spread * rng.normal(size=(2 * items, features))
    x = x * np.exp(rng.normal(size=features)) + 3
    return x[:items], y[:items], x[items:], y[items:]


@pytest.mark.parametrize(("items", "features", "classes"), [(300, 20, 4), (60, 150, 5), (200, 8, 2)])
@pytest.mark.parametrize("penalty", [1.0, 1e-2, 1e-3])
def test_agrees_with_scikit_learn(items, features, classes, penalty):
    train, train_y, valid, valid_y = clusters(items, features, classes, spread=2.0)
    scaler = StandardScaler().fit(train)
    # For two classes scikit-learn has one weight vector w, this probe w/2 and -w/2: half the penalty.
    strength = (2 if classes == 2 else 1) / (penalty * items)
    reference = LogisticRegression(C=strength, max_iter=20_000, tol=1e-9)
    reference.fit(scaler.transform(train), train_y)
    probe = fit_probe(train, train_y, valid, valid_y, classes, [penalty])
    ours = torch.softmax(torch.from_numpy(probe.scores(valid)), 1).numpy()
    theirs = reference.predict_proba(scaler.transform(valid))
    np.testing.assert_allclose(ours, theirs, atol=2e-3)


def test_the_penalty_is_chosen_on_the_validation_rows_alone():
    # Each choice is repeated by hand: fit with one penalty on the training rows, score the validation rows.
    train, train_y, valid, valid_y = clusters(40, 60, 3, spread=4.0, seed=1)
    chosen = fit_probe(train, train_y, valid, valid_y, 3)
    alone = {p: fit_probe(train, train_y, valid, valid_y, 3, [p]) for p in PENALTIES}
    accuracy = {p: (probe.predict(valid) == valid_y).mean() for p, probe in alone.items()}
    assert accuracy[chosen.penalty] == max(accuracy.values())
    assert min(accuracy.values()) < max(accuracy.values()), "the case must leave something to choose"
    # Other validation labels change the choice only, never the fit.
    other = fit_probe(train, train_y, valid, np.roll(valid_y, 1), 3, [chosen.penalty])
    np.testing.assert_allclose(other.weight_DC, alone[chosen.penalty].weight_DC, atol=1e-12)


def test_repeats_to_the_bit_and_ignores_scale_and_constant_features():
    train, train_y, valid, valid_y = clusters(80, 10, 3, spread=2.0)
    first = fit_probe(train, train_y, valid, valid_y, 3)
    again = fit_probe(train, train_y, valid, valid_y, 3)
    np.testing.assert_array_equal(first.weight_DC, again.weight_DC)
    widened = np.concatenate([train * 1e4, np.full((80, 1), 1 / 3)], axis=1)
    widened_valid = np.concatenate([valid * 1e4, np.full((80, 1), 7.0)], axis=1)
    scaled = fit_probe(widened, train_y, widened_valid, valid_y, 3)
    np.testing.assert_array_equal(first.predict(valid), scaled.predict(widened_valid))


def test_a_class_without_training_items_and_a_single_class_do_not_break_it():
    train, train_y, valid, valid_y = clusters(50, 6, 3, spread=1.0)
    probe = fit_probe(train, train_y, valid, valid_y, 5)
    assert np.isfinite(probe.scores(valid)).all()
    assert probe.predict(valid).max() < 3
    assert (fit_probe(train, train_y * 0, valid, valid_y * 0, 1).predict(valid) == 0).all()


def test_a_penalty_of_zero_is_refused():
    with pytest.raises(ValueError, match="above 0"):
        fit_probe(np.ones((2, 2)), np.array([0, 1]), np.ones((2, 2)), np.array([0, 1]), 2, [0.0])


@pytest.mark.parametrize("penalty", [1.0, 1e-2, 1e-4])
def test_several_labels_are_as_many_probes_of_scikit_learn(penalty):
    train, train_y, valid, valid_y = clusters(200, 12, 6, spread=2.0)
    of_class = np.random.default_rng(0).random((6, 4)) > 0.6
    of_class[0], of_class[1] = True, False  # each label is on some items and off others
    scaler = StandardScaler().fit(train)
    probe = fit_probe(
        train, of_class[train_y], valid, of_class[valid_y], 4, [penalty], multilabel=True, metric="mAP"
    )
    for label in range(4):
        reference = LogisticRegression(C=1 / (penalty * len(train)), max_iter=20_000, tol=1e-9)
        reference.fit(scaler.transform(train), of_class[train_y, label])
        theirs = reference.decision_function(scaler.transform(valid))
        np.testing.assert_allclose(probe.scores(valid)[:, label], theirs, rtol=2e-3, atol=2e-3)


def test_the_metric_of_the_task_chooses_the_penalty():
    train, train_y, valid, valid_y = clusters(40, 60, 6, spread=4.0, seed=4)
    chosen = {}
    for metric in ("top1_acc", "mAP"):
        values = {}
        for penalty in PENALTIES:
            scores = fit_probe(train, train_y, valid, valid_y, 6, [penalty]).scores(valid)
            values[penalty] = METRICS[metric](np.eye(6, dtype=bool)[valid_y], log_softmax(scores, axis=1))
        probe = fit_probe(train, train_y, valid, valid_y, 6, metric=metric)
        assert probe.validation == pytest.approx(max(values.values()), abs=1e-6)
        assert values[probe.penalty] == pytest.approx(max(values.values()), abs=1e-6)
        chosen[metric] = probe.penalty
    assert chosen["mAP"] != chosen["top1_acc"], "the case must tell the metrics apart"


def test_most_of_the_work_is_done_in_single_precision(monkeypatch):
    train, train_y, valid, valid_y = clusters(300, 40, 5, spread=2.0)
    counts = {torch.float32: 0, torch.float64: 0}
    original = logistic._objective

    def counted(x, *rest):
        evaluate = original(x, *rest)

        def count(phi):
            counts[phi.dtype] += 1
            return evaluate(phi)

        return count

    monkeypatch.setattr(logistic, "_objective", counted)
    fit_probe(train, train_y, valid, valid_y, 5)
    assert counts[torch.float64] < 3 * len(PENALTIES) < counts[torch.float32]
