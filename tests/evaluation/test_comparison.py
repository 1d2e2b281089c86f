import dataclasses

import numpy as np
import pytest
from scipy import stats

from lssd.errors import InputError
from lssd.evaluation import ModelReference, Result, Score, compare, intervals
from lssd.evaluation.results import write_predictions


def planted(folder, name, right, groups=None, **changes):
    """A written result with these items right."""
    rows = [
        {
            "item": f"{index:05d}.wav",
            "group": None if groups is None else groups[index],
            "split": "test",
            "label": "yes",
            "predicted": "yes" if hit else "no",
            "correct": bool(hit),
        }
        for index, hit in enumerate(right)
    ]
    digest = write_predictions(folder / f"scene.{name}.parquet", rows)
    value = float(np.mean(right))
    result = Result(
        model=ModelReference(name, "", name),
        modality="audio",
        task="scene",
        task_title="Scene",
        protocol="linear-probe 1",
        primary_metric="accuracy",
        scores={"accuracy": Score(value, value, value, 0.95, "none")},
        n=len(rows),
        missing=0,
        classes=2,
        chance=0.5,
        majority=0.5,
        groups=None if groups is None else "title",
        covers="test items; one training seed",
        seconds={},
        predictions=f"scene.{name}.parquet",
        predictions_sha256=digest,
    )
    return dataclasses.replace(result, **changes).write(folder / f"scene.{name}.json")


def equal_models(folder, items: int, seed: int, per_title: int = 10):
    """Two models of 60% each that disagree on some items, correlated within titles."""
    rng = np.random.default_rng(seed)
    titles = [f"t{index // per_title}" for index in range(items)]
    lift = np.repeat(rng.normal(0, 0.05, items // per_title), per_title)
    a = rng.uniform(size=items) < 0.6 + lift
    keep = rng.uniform(size=items) < 0.8
    fresh = rng.uniform(size=items) < 0.6 + lift
    return planted(folder, "a", a, titles), planted(folder, "b", np.where(keep, a, fresh), titles)


def test_a_planted_difference_of_ten_points_is_found(tmp_path):
    rng = np.random.default_rng(1)
    a = rng.uniform(size=1500) < 0.6
    titles = [f"t{index // 10}" for index in range(1500)]
    b = a.copy()
    b[rng.choice(np.flatnonzero(~a), 210, replace=False)] = True  # 210 gained, 60 lost: exactly 10 points
    b[rng.choice(np.flatnonzero(a), 60, replace=False)] = False
    found = compare(planted(tmp_path, "a", a, titles), planted(tmp_path, "b", b, titles))
    assert found.difference == pytest.approx(10.0)
    assert (found.gained, found.lost, found.n) == (210, 60, 1500)
    assert 5 < found.low < 10 < found.high < 15
    assert found.significant and found.verdict.startswith("+10.0 points (95% interval +")
    assert found.mcnemar_p == pytest.approx(stats.binomtest(210, 270).pvalue)
    swapped = compare(Result.read(tmp_path / "scene.b.json"), Result.read(tmp_path / "scene.a.json"))
    assert swapped.verdict.startswith("-10.0 points") and swapped.low < -10 < swapped.high


def test_no_planted_difference_is_reported_as_not_detectable(tmp_path):
    verdicts = []
    for seed in range(20):
        found = compare(*equal_models(tmp_path, items=600, seed=seed))
        verdicts.append(found.verdict)
        if not found.significant:
            assert abs(found.difference) < found.minimum_detectable < 12
    silent = [verdict for verdict in verdicts if verdict.startswith("no difference detectable (minimum ")]
    assert len(silent) >= 17, verdicts  # 5% of 20 are expected to be false alarms


def test_identical_predictions_do_not_claim_more_than_the_items_can_show(tmp_path):
    right = np.arange(100) % 2 == 0
    found = compare(planted(tmp_path, "a", right), planted(tmp_path, "b", right))
    assert (found.difference, found.low, found.high, found.mcnemar_p) == (0, 0, 0, 1)
    assert found.minimum_detectable >= 6  # fewer than six items in one direction are never significant
    assert found.verdict.startswith("no difference detectable")


def test_five_items_all_won_are_not_enough(tmp_path):
    found = compare(planted(tmp_path, "a", [False] * 5), planted(tmp_path, "b", [True] * 5))
    assert found.difference == 100 and not found.significant


def test_items_in_groups_widen_the_interval(tmp_path):
    rng = np.random.default_rng(3)
    title = np.repeat(np.arange(30), 20)
    a = rng.uniform(size=600) < 0.5
    b = np.where(rng.uniform(size=30)[title] < 0.5, True, a)  # b gains whole titles or nothing
    alone = compare(planted(tmp_path, "a", a), planted(tmp_path, "b", b))
    grouped = compare(
        planted(tmp_path, "a", a, [str(t) for t in title]), planted(tmp_path, "b", b, [str(t) for t in title])
    )
    assert grouped.high - grouped.low > 1.5 * (alone.high - alone.low)
    assert grouped.minimum_detectable > 1.5 * alone.minimum_detectable
    assert "groups" in grouped.interval and "items" in alone.interval


def test_intervals_of_few_groups_cover_as_they_claim(monkeypatch):
    """Two equal models on 8 films: a 95% interval misses zero in about 5% of trials, not 13%."""
    monkeypatch.setattr(intervals, "_RESAMPLES", 800)
    rng = np.random.default_rng(5)
    film = np.repeat(np.arange(8), 15)
    missed = 0
    for _ in range(150):
        shared, lean = rng.normal(size=120), rng.normal(0, 0.7, 8)[film]
        a = shared + rng.normal(0, 0.7, 120) > 0
        b = shared + lean + rng.normal(0, 0.7, 120) > 0
        found = intervals.paired_interval(a, b, [str(f) for f in film])
        missed += not found.low <= 0 <= found.high
    assert missed <= 15  # 7.5 expected; 16 or more have probability 0.5%


def test_accuracy_intervals():
    right = np.arange(50) < 40
    score = intervals.accuracy_interval(right, None)
    wilson = stats.binomtest(40, 50).proportion_ci(0.95, method="wilson")
    assert (score.low, score.high) == pytest.approx((wilson.low, wilson.high))
    assert score.interval == "Wilson"
    grouped = intervals.accuracy_interval(
        right, [str(index // 10) for index in range(50)]
    )  # four films right, one wrong
    assert grouped.low < 0.6 and grouped.high == 1.0 and grouped.interval == "cluster bootstrap over groups"
    sure = intervals.accuracy_interval(np.ones(50, dtype=bool), [str(index // 10) for index in range(50)])
    assert sure.low < 0.7 and sure.value == 1.0
    single = intervals.accuracy_interval(right, ["one"] * 50)
    assert (single.low, single.high) == (0.0, 1.0)


def test_unlike_results_are_not_compared(tmp_path):
    right = [True, False, True]
    a = planted(tmp_path, "a", right)
    with pytest.raises(InputError, match="different items of scene"):
        compare(a, planted(tmp_path, "b", [*right, True]))
    with pytest.raises(InputError, match="different protocols"):
        compare(a, planted(tmp_path, "b", right, protocol="knn 1"))
    with pytest.raises(InputError, match="results of one task"):
        compare(a, planted(tmp_path, "b", right, task="language"))


def test_predictions_must_belong_to_their_result(tmp_path):
    a, b = planted(tmp_path, "a", [True, False]), planted(tmp_path, "b", [True, True])
    (tmp_path / "scene.b.parquet").write_bytes((tmp_path / "scene.a.parquet").read_bytes())
    with pytest.raises(InputError, match=r"does not belong to scene.b.json"):
        compare(a, b)
    (tmp_path / "scene.b.parquet").unlink()
    with pytest.raises(InputError, match=r"missing .*scene.b.parquet"):
        compare(a, b)


def test_a_result_reads_back_as_it_was_written(tmp_path):
    a = planted(tmp_path, "a", [True, False], folds=(0.5, 0.25), notes=("left out: x.wav",))
    assert Result.read(tmp_path / "scene.a.json") == a
    (tmp_path / "scene.a.json").write_text('{"format": 1, "scores": {}}')
    with pytest.raises(InputError, match="incomplete result"):
        Result.read(tmp_path / "scene.a.json")
    (tmp_path / "scene.a.json").write_text("{")
    with pytest.raises(InputError, match="not a readable result"):
        Result.read(tmp_path / "scene.a.json")
    with pytest.raises(InputError, match="not a readable result"):
        Result.read(tmp_path / "none.json")
