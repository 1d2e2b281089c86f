"""Comparisons of planted results: what `compare` reads of a Result, with predictions made up."""

from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from lssd.errors import InputError
from lssd.evaluation.predictions import Predictions
from lssd.evaluation.statistics.comparison import adjust_family, compare, compare_models, compare_seeds
from lssd.measures import holm


@dataclass(frozen=True)
class Planted:
    """As much of a Result as a comparison reads."""

    model: SimpleNamespace
    predictions: Predictions
    task: str = "scene"
    primary_metric: str = "top1_acc"
    protocol: str = "hear-fixed"
    method: str = "a planted probe"
    modality: str = "audio"
    missing: int = 0
    rate: int | None = None
    data_sha256: str = "the same"

    def read_predictions(self) -> Predictions:
        return self.predictions


def planted(name, right, groups=None, **changes) -> Planted:
    """A result with these items right."""
    right = np.asarray(right, dtype=bool)
    predictions = Predictions(
        items=tuple(f"{index:05d}.wav" for index in range(len(right))),
        groups=None if groups is None else tuple(map(str, groups)),
        splits=("test",) * len(right),
        labels=("yes", "no"),
        targets_NC=np.tile([True, False], (len(right), 1)),
        scores_SNC=np.stack([right, ~right], axis=1)[None].astype(np.float32),
        seeds=(0,),
    )
    return Planted(SimpleNamespace(name=name), predictions, **changes)


def ranked(name, rng, targets_NC, skill, groups=None, **changes) -> Planted:
    """A result whose scores tell its classes apart by `skill`."""
    items, classes = targets_NC.shape
    scores_SNC = rng.normal(size=(1, items, classes)) + skill * targets_NC
    predictions = Predictions(
        items=tuple(f"{index:05d}.wav" for index in range(items)),
        groups=groups,
        splits=("test",) * items,
        labels=tuple(map(str, range(classes))),
        targets_NC=targets_NC,
        scores_SNC=scores_SNC,
        seeds=(0,),
    )
    return Planted(SimpleNamespace(name=name), predictions, **({"primary_metric": "mAP"} | changes))


def moved(right, gained: int, lost: int, seed: int = 0):
    """The same answers, but for so many items gained and lost."""
    rng, other = np.random.default_rng(seed), np.array(right)
    other[rng.choice(np.flatnonzero(~right), gained, replace=False)] = True
    other[rng.choice(np.flatnonzero(right), lost, replace=False)] = False
    return other


def equal_models(items: int, seed: int, per_title: int = 10):
    """Two models of 60% each that disagree on some items, correlated within titles."""
    rng = np.random.default_rng(seed)
    titles = [f"t{index // per_title}" for index in range(items)]
    lift = np.repeat(rng.normal(0, 0.05, items // per_title), per_title)
    a = rng.uniform(size=items) < 0.6 + lift
    keep = rng.uniform(size=items) < 0.8
    fresh = rng.uniform(size=items) < 0.6 + lift
    return planted("a", a, titles), planted("b", np.where(keep, a, fresh), titles)


def test_a_planted_difference_of_ten_points_is_found():
    a = np.random.default_rng(1).uniform(size=1500) < 0.6
    titles = [f"t{index // 10}" for index in range(1500)]
    b = moved(a, gained=210, lost=60)  # exactly 10 points
    found = compare(planted("a", a, titles), planted("b", b, titles))
    assert found.difference == pytest.approx(10.0)
    assert (found.gained, found.lost, found.n, found.unit) == (210, 60, 1500, "points")
    assert 5 < found.low < 10 < found.high < 15
    assert found.significant and found.verdict.startswith("+10.0 points (95% interval +")
    assert f"minimum detectable {found.minimum_detectable:.1f})" in found.verdict
    assert found.mcnemar_p == pytest.approx(stats.binomtest(210, 270).pvalue)
    swapped = compare(planted("b", b, titles), planted("a", a, titles))
    assert swapped.verdict.startswith("-10.0 points") and (swapped.low, swapped.high) == pytest.approx(
        (-found.high, -found.low)
    )


def test_no_planted_difference_is_reported_as_not_detectable():
    verdicts = []
    for seed in range(20):
        found = compare(*equal_models(items=600, seed=seed))
        verdicts.append(found.verdict)
        if not found.significant:
            assert abs(found.difference) < found.minimum_detectable < 12
    silent = [verdict for verdict in verdicts if verdict.startswith("no difference detectable (minimum ")]
    assert len(silent) >= 17, verdicts  # 5% of 20 are expected to be false alarms


def test_identical_predictions_do_not_claim_more_than_the_items_can_show():
    right = np.arange(100) % 2 == 0
    found = compare(planted("a", right), planted("b", right), margin=1)
    assert (found.difference, found.mcnemar_p, found.p) == (0, 1, 1)
    assert found.low == -found.high and 2 < found.high < 4  # a hundred items cannot exclude 2 points
    assert found.minimum_detectable >= 6  # fewer than six items in one direction are never significant
    assert found.verdict.startswith("no difference detectable") and not found.equivalent
    assert compare(planted("a", right), planted("b", right), margin=3).equivalent


def test_five_items_all_won_are_not_enough():
    found = compare(planted("a", [False] * 5), planted("b", [True] * 5))
    assert found.difference == 100 and not found.significant


def test_items_in_groups_widen_the_interval():
    rng = np.random.default_rng(3)
    title = np.repeat(np.arange(30), 20)
    a = rng.uniform(size=600) < 0.5
    b = np.where(rng.uniform(size=30)[title] < 0.5, True, a)  # b gains whole titles or nothing
    alone = compare(planted("a", a), planted("b", b))
    grouped = compare(planted("a", a, title), planted("b", b, title))
    assert grouped.high - grouped.low > 1.5 * (alone.high - alone.low)
    assert grouped.minimum_detectable > 1.5 * alone.minimum_detectable
    assert "groups" in grouped.interval and "items" in alone.interval


@pytest.mark.parametrize(("metric", "unit"), [("mAP", "points"), ("aucroc", "points"), ("d_prime", "of d'")])
def test_other_metrics_are_compared_likewise(metric, unit):
    rng = np.random.default_rng(0)
    targets_NC = rng.random((400, 5)) < 0.2
    groups = tuple(f"film {index // 8}" for index in range(400))
    models = [
        ranked(name, rng, targets_NC, skill, groups, primary_metric=metric)
        for name, skill in (("a", 1.0), ("b", 2.0), ("c", 1.0))
    ]
    found, none = compare(models[0], models[1]), compare(models[0], models[2])
    scale = 1 if metric == "d_prime" else 100
    expected = models[1].predictions.measure(metric) - models[0].predictions.measure(metric)
    assert found.difference == pytest.approx(scale * expected)
    assert found.significant and found.unit == unit and unit in found.verdict
    assert not none.significant and none.verdict.startswith("no difference detectable (minimum ")
    assert none.low < 0 < none.high and none.p == none.p_adjusted > 0.05


def test_the_order_of_items_does_not_matter():
    a, b = equal_models(items=200, seed=3)
    shuffled = replace(b, predictions=b.predictions.select(np.random.default_rng(0).permutation(200)))
    assert compare(a, shuffled) == compare(a, b)


def test_equivalence_needs_the_90_percent_interval_within_the_declared_margin():
    a = np.random.default_rng(2).uniform(size=4000) < 0.6
    b = moved(a, gained=100, lost=100)
    close = compare(planted("a", a), planted("b", b), margin=2)
    assert close.equivalent and -2 < close.equivalence_low < close.equivalence_high < 2
    assert close.low < close.equivalence_low  # 90% beside 95%
    assert "; within the margin of 2 points (90% interval -0." in close.verdict
    assert close.verdict.startswith("no difference detectable (minimum ")
    strict = compare(planted("a", a), planted("b", b), margin=0.3)
    assert strict.equivalent is False and "not shown to be within the margin of 0.3 points" in strict.verdict
    assert compare(planted("a", a), planted("b", b)).equivalent is None
    with pytest.raises(InputError, match="margin must be above 0"):
        compare(planted("a", a), planted("b", b), margin=0)


def family_of(counts, items=1000):
    """Results of two models on a task each, gaining and losing so many items."""
    a = np.arange(items) % 2 == 0
    first = [planted("a", a, task=f"task {index}") for index in range(len(counts))]
    second = [
        planted("b", moved(a, *count, seed=index), task=f"task {index}") for index, count in enumerate(counts)
    ]
    return first, second


def test_p_values_of_a_family_are_holms():
    first, second = family_of([(58, 36), (50, 50), (52, 40), (90, 30)])
    found = compare_models(first, second, margin=5)
    alone = [compare(a, b, margin=5) for a, b in zip(first, second, strict=True)]
    assert [one.task for one in found] == [f"task {index}" for index in range(4)]
    np.testing.assert_allclose([one.p_adjusted for one in found], holm([one.p for one in alone]))
    np.testing.assert_allclose(
        [one.equivalence_p for one in found], holm([one.equivalence_p for one in alone])
    )
    assert alone[0].significant and not found[0].significant and found[3].significant
    assert all(
        after.minimum_detectable > before.minimum_detectable
        for after, before in zip(found, alone, strict=True)
    )
    assert {(one.family, one.family_size) for one in found} == {("all tasks compared", 4)}
    assert "no difference detectable (minimum " in found[0].verdict and "among 4" in found[0].verdict


def test_families_are_named_by_the_caller():
    first, second = family_of([(58, 36), (50, 50), (52, 40), (90, 30)])
    declared = {"speech": ["task 0"], "music": ["task 1", "task 2", "task 3"]}
    found = compare_models(first, second, family=declared)
    assert [(one.family, one.family_size) for one in found] == [("speech", 1)] + [("music", 3)] * 3
    assert found[0].significant and found[0].p_adjusted == found[0].p
    for family, words in (
        ({"speech": ["task 0"]}, "task 1 is in 0 families"),
        (declared | {"more": ["task 1"]}, "task 1 is in 2 families"),
        (declared | {"more": ["task 9"]}, "declare task 9, which no result is of"),
    ):
        with pytest.raises(InputError, match=words):
            compare_models(first, second, family=family)


def test_comparisons_of_several_models_can_be_one_family():
    first, second = family_of([(60, 35), (90, 30)])
    found = compare_models(first, second, margin=5)
    again = adjust_family([*found, compare(first[0], second[0], margin=5)], "all models")
    np.testing.assert_allclose([one.p_adjusted for one in again], holm([found[0].p, found[1].p, found[0].p]))
    assert adjust_family(again[:2], "all tasks compared") == found


def test_models_are_compared_on_the_same_tasks():
    first, second = family_of([(60, 35), (50, 50)])
    with pytest.raises(InputError, match="only a has a result on task 1"):
        compare_models(first, second[:1])
    with pytest.raises(InputError, match="only b has a result on task 0"):
        compare_models(first[1:], second)
    with pytest.raises(InputError, match="2 results of a on task 0"):
        compare_models([*first, first[0]], second)
    with pytest.raises(InputError, match="no results"):
        compare_models([], [])


def test_what_the_results_rest_on_is_compared_too():
    right = np.arange(40) % 2 == 0
    a, b = planted("a", right), planted("b", right)
    with pytest.raises(InputError, match="of other data: its media or its training items differ"):
        compare(a, replace(b, data_sha256="another"))
    found = compare(replace(a, rate=48000), replace(b, data_sha256="another", rate=16000))
    assert found.verdict.endswith("; a had its sounds at 48000 Hz, b at 16000 Hz")
    assert compare(a, replace(b, missing=3)).verdict.endswith("; a lacks 0 items, b 3")


def test_a_margin_in_points_is_not_one_of_d_prime():
    rng = np.random.default_rng(0)
    targets_NC = rng.random((200, 4)) < 0.3
    kinds = {"d_prime": {"primary_metric": "d_prime"}, "mAP": {}}
    found = {
        metric: compare(*(ranked(name, rng, targets_NC, 1.0, **changes) for name in "ab"), margin=50)
        for metric, changes in kinds.items()
    }
    assert found["mAP"].equivalent and found["d_prime"].equivalent is None
    assert found["d_prime"].verdict.endswith("; no margin: it is in points, and d' is not")
    both = adjust_family(list(found.values()), "both")
    assert both[0].equivalence_p is None and both[1].equivalence_p is not None


def test_unlike_results_are_not_compared():
    right = [True, False, True]
    a = planted("a", right)
    with pytest.raises(InputError, match="different items of scene: 1 are in one alone, 00003"):
        compare(a, planted("b", [*right, True]))
    with pytest.raises(InputError, match="different protocols"):
        compare(a, planted("b", right, protocol="knn"))
    with pytest.raises(InputError, match="results of one task"):
        compare(a, planted("b", right, task="language"))
    with pytest.raises(InputError, match="results of one task"):
        compare(a, planted("b", right, primary_metric="mAP"))
    with pytest.raises(InputError, match="other groups"):
        compare(a, planted("b", right, groups=[1, 2, 3]))
    for changes, words in (
        ({"labels": ("no", "yes")}, "other classes"),
        (
            {"targets_NC": np.array([[True, False], [False, True], [True, False]])},
            r"00001.wav .* another label",
        ),
        ({"splits": ("test", "test", "valid")}, "00002.wav of scene has another split"),
    ):
        with pytest.raises(InputError, match=words):
            compare(a, replace(a, predictions=replace(a.predictions, **changes)))


def trained(name, shift, seeds=3, **changes):
    """Results of a way of training, a network a seed, on 400 items of 40 films."""
    rng = np.random.default_rng(5)
    films = np.repeat(np.arange(40), 10)
    ease_N = rng.normal(0, 0.5, 40)[films] + rng.normal(0, 0.6, 400)
    found = []
    for seed in range(seeds):
        noise = np.random.default_rng([seed, int(10 * shift)]).normal(0, 0.5, 400)
        luck = np.random.default_rng([seed, 99]).normal(0, 0.1)
        found.append(planted(f"{name} {seed}", ease_N + noise + luck + shift > 0, films, **changes))
    return found


def test_two_ways_of_training_are_compared_over_seeds():
    a, b = trained("mono", 0.0), trained("dubs", 0.6)
    found = compare_seeds(a, b, names=("mono", "dubs"))
    assert (found.model_a, found.model_b, len(found.by_seed)) == ("mono", "dubs", 3)
    one_by_one = [compare(x, y).difference for x, y in zip(a, b, strict=True)]
    assert found.by_seed == pytest.approx(one_by_one)
    assert found.difference == pytest.approx(np.mean(one_by_one))
    assert found.significant and found.low > 0 and found.minimum_detectable > 0
    assert found.verdict.startswith(f"+{found.difference:.1f} points (95% interval +")
    assert "3 training seeds" in found.interval
    alike = compare_seeds(a, trained("mono", 0.0), margin=5)
    assert alike.verdict.startswith("no difference detectable") and alike.difference == 0
    family = adjust_family([found, alike], "both")
    assert family[0].p_adjusted == pytest.approx(2 * found.p) and family[0].by_seed == found.by_seed


def test_training_seeds_that_do_not_fit_are_refused():
    a, b = trained("mono", 0.0), trained("dubs", 0.6)
    with pytest.raises(InputError, match="3 training seeds cannot be paired with 2"):
        compare_seeds(a, b[:2])
    with pytest.raises(InputError, match="at least 2"):
        compare_seeds(a[:1], b[:1])
    with pytest.raises(InputError, match="different items"):
        shorter = planted("mono 1", [True, False], ["x", "y"])
        compare_seeds([a[0], shorter], [b[0], replace(shorter, model=SimpleNamespace(name="dubs 1"))])
    with pytest.raises(InputError, match="different protocols"):
        compare_seeds([a[0], replace(a[1], protocol="knn")], [b[0], replace(b[1], protocol="knn")])
