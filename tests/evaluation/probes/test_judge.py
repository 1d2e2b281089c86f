from dataclasses import replace

import numpy as np
import pytest
import torch

from lssd.evaluation.metrics import METRICS
from lssd.evaluation.probes import PROBES, Division, describe, heads, judge
from lssd.evaluation.probes.heads import LINEAR, PUBLISHED, Heads, judge_heads
from lssd.evaluation.probes.training import Point, Schedule

CLASSES, FEATURES = 4, 10
CENTRES = np.random.default_rng(7).normal(size=(CLASSES, FEATURES))
LABELS = np.array([[1, 0, 0], [0, 1, 1], [1, 1, 0], [0, 0, 0]], dtype=bool)
QUICK = Schedule(hidden=16, batch=64, epochs=30, check_every=3, patience=3)
QUICK_LINEAR = replace(QUICK, batch=16, epochs=60)  # needs more steps


def division(seed: int, multilabel: bool = False) -> tuple[Division, np.ndarray]:
    """And the test items' targets."""
    rng = np.random.default_rng(seed)

    def part(count):
        y = np.arange(count) % CLASSES
        x = (CENTRES[y] + 0.7 * rng.normal(size=(count, FEATURES))).astype(np.float32)
        return x, LABELS[y] if multilabel else y

    (x, y), (x_valid, y_valid), (x_test, y_test) = part(120), part(60), part(80)
    return Division(x, y, x_valid, y_valid, x_test), y_test if multilabel else np.eye(CLASSES, dtype=bool)[
        y_test
    ]


@pytest.fixture
def short(monkeypatch):
    """The networks' probes with a short schedule and narrow layers."""
    original = heads.judge_heads

    def shortened(given, *rest):
        quick = QUICK_LINEAR if given.points == LINEAR else QUICK
        schedule = replace(quick, reshuffle=given.schedule.reshuffle)
        return original(replace(given, schedule=schedule), *rest)

    monkeypatch.setattr("lssd.evaluation.probes.judge_heads", shortened)


@pytest.mark.parametrize("multilabel", [False, True])
@pytest.mark.parametrize("probe", PROBES)
def test_every_probe_learns_and_returns_what_it_says(probe, multilabel, short):
    divisions, targets = zip(*(division(seed, multilabel) for seed in range(3)), strict=True)
    classes, metric = (3, "mAP") if multilabel else (CLASSES, "top1_acc")
    judged = judge(probe, divisions, classes, multilabel=multilabel, metric=metric, device="cpu")
    assert len(judged.scores) == len(judged.validation) == len(judged.chosen) == 3
    for scores, target in zip(judged.scores, targets, strict=True):
        assert scores.dtype == np.float32 and scores.shape == target.shape
        assert METRICS[metric](target, scores) > 0.75
    assert all(isinstance(value, float) and 0.7 < value <= 1 for value in judged.validation)


@pytest.mark.parametrize("probe", PROBES)
def test_a_class_without_a_training_item_is_not_named_and_the_others_are(probe, short):
    given, target = division(0)
    seen = given.y_train != 3
    judged = judge(
        probe,
        [replace(given, x_train_ND=given.x_train_ND[seen], y_train=given.y_train[seen])],
        CLASSES,
        device="cpu",
    )
    named = judged.scores[0].argmax(axis=1)
    assert not (named == 3).any()
    others = ~target[:, 3]
    assert METRICS["top1_acc"](target[others], judged.scores[0][others]) > 0.75


@pytest.mark.parametrize("probe", ["hear-fixed", "linear", "logistic"])
def test_scores_of_one_class_an_item_are_log_probabilities(probe, short):
    # So that a column may be ranked: a mean average precision needs that.
    scores = judge(probe, [division(0)[0]], CLASSES, device="cpu").scores[0]
    np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1, atol=1e-5)


def test_the_grid_is_searched_on_the_first_division_alone():
    divisions = [division(seed)[0] for seed in range(3)]
    grid = Heads(
        (Point(1, 1e-5, "xavier_normal"), Point(1, 3e-3, "xavier_normal"), Point(2, 1e-5, "xavier_uniform")),
        QUICK,
    )

    def judged(given):
        return judge_heads(grid, given, CLASSES, False, "top1_acc", 0, torch.device("cpu"))

    whole = judged(divisions)
    assert [chosen["lr"] for chosen in whole.chosen] == [3e-3] * 3
    alone = judged(divisions[:1])
    np.testing.assert_array_equal(alone.scores[0], whole.scores[0])
    # On the second division the point is given: validation labels that make no sense do not change it.
    swapped = replace(divisions[1], y_valid=np.roll(divisions[1].y_valid, 1))
    assert judged([divisions[0], swapped]).chosen[1]["lr"] == 3e-3


def test_of_equal_points_the_first_wins():
    points = tuple(Point(1, lr, "xavier_normal") for lr in (0.0, 0.0))
    first, second = (Heads(order, QUICK) for order in (points, points[::-1]))
    found = [
        judge_heads(grid, [division(0)[0]], CLASSES, False, "top1_acc", 0, torch.device("cpu")).scores[0]
        for grid in (first, second)
    ]
    np.testing.assert_array_equal(*found)


def test_the_grids_are_the_published_ones():
    assert len(PUBLISHED) == len(set(PUBLISHED)) == 8
    assert {point.hidden_layers for point in PUBLISHED} == {1, 2}
    assert PUBLISHED[0] == Point(1, 1e-4, "xavier_normal")
    assert PUBLISHED[-1] == Point(2, 3.2e-3, "xavier_uniform")
    assert {point.lr for point in LINEAR} == {3.2e-3, 1e-3, 3.2e-4, 1e-4}
    assert len(set(LINEAR)) == 8


def test_a_stack_of_all_points_and_divisions_gives_the_same():
    divisions = [division(seed)[0] for seed in range(3)]
    grid = Heads(tuple(replace(point, lr=3 * point.lr) for point in PUBLISHED[:4]), QUICK)
    one, many = (
        judge_heads(grid, divisions, CLASSES, False, "top1_acc", 0, torch.device("cpu"), width)
        for width in (1, 64)
    )
    assert one.chosen == many.chosen and one.validation == many.validation
    for first, second in zip(one.scores, many.scores, strict=True):
        np.testing.assert_allclose(first, second, atol=1e-3)


def test_strict_and_fixed_differ_in_the_order_of_items_only(short):
    divisions = [division(0)[0]]
    fixed, strict = (judge(f"hear-{kind}", divisions, CLASSES, device="cpu") for kind in ("fixed", "strict"))
    assert not np.array_equal(fixed.scores[0], strict.scores[0])


def test_features_too_large_to_train_on_are_an_error(short):
    good, huge = division(0)[0], division(1)[0]
    largest = max(np.abs(part).max() for part in (huge.x_train_ND, huge.x_valid_MD))
    factor = np.float32(3e38 / largest)  # still numbers, but no longer a sum of them
    huge = replace(huge, x_train_ND=huge.x_train_ND * factor, x_valid_MD=huge.x_valid_MD * factor)
    for divisions, number in (([huge], 0), ([good, huge], 1)):
        with pytest.raises(ValueError, match=f"division {number}: the training diverged"):
            judge("linear", divisions, CLASSES, device="cpu")


def test_describes_every_probe_in_one_line_of_its_own():
    texts = {describe(probe) for probe in PROBES}
    assert len(texts) == len(PROBES)
    assert not any("\n" in text for text in texts)
    with pytest.raises(ValueError, match="known: hear-fixed"):
        describe("svm")


def test_unknown_requests_are_named():
    good = division(0)[0]
    with pytest.raises(ValueError, match="unknown probe 'svm'"):
        judge("svm", [good], CLASSES)
    with pytest.raises(ValueError, match="unknown metric 'f1'"):
        judge("knn", [good], CLASSES, metric="f1")
    with pytest.raises(ValueError, match="seed"):
        judge("knn", [good], CLASSES, seed=-1)


def test_what_is_wrong_with_a_division_is_named():
    good = division(0)[0]
    broken = good.x_valid_MD.copy()
    broken[3, 2] = np.nan
    one_class = np.zeros_like(good.y_valid)
    cases = [
        (replace(good, x_valid_MD=broken), "division 1, valid: features of 1 of 60 items hold NaN .* row 3"),
        (replace(good, x_test_KD=good.x_test_KD[:0]), r"division 1, test: .* not empty, not \(0, 10\)"),
        (replace(good, x_test_KD=good.x_test_KD[:, :9]), r"division 1: features have \[9, 10\] columns"),
        (
            replace(good, y_train=good.y_train[:-1]),
            r"division 1, train: labels must be class numbers \(120,\)",
        ),
        (
            replace(good, y_train=good.y_train + 1),
            r"division 1, train: class numbers must lie in 0..3, not 1..4",
        ),
        (replace(good, x_train_ND=good.x_train_ND.astype(int)), "division 1, train: .* floating point"),
        (
            replace(good, x_train_ND=good.x_train_ND[:1], y_train=good.y_train[:1]),
            "division 1, train: one item",
        ),
    ]
    for wrong, message in cases:
        with pytest.raises(ValueError, match=message):
            judge("ridge", [good, wrong], CLASSES)
    with pytest.raises(ValueError, match="division 0, valid: aucroc has no class"):
        judge("ridge", [replace(good, y_valid=one_class)], CLASSES, metric="aucroc")
    with pytest.raises(ValueError, match=r"labels must be bool \(120, 4\)"):
        judge("ridge", [good], CLASSES, multilabel=True)
    with pytest.raises(ValueError, match="at least one division"):
        judge("ridge", [], CLASSES)
