import dataclasses
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from lssd.errors import InputError
from lssd.evaluation.metrics import METRICS
from lssd.evaluation.predictions import Predictions
from lssd.store import hash_file


def drawn(items=24, classes=3, seeds=2, folds=3, groups=True, multilabel=False, rng_seed=0, **changes):
    rng = np.random.default_rng(rng_seed)
    targets_NC = np.eye(classes, dtype=bool)[rng.integers(classes, size=items)]
    if multilabel:
        targets_NC = rng.random((items, classes)) < 0.4
    fields = {
        "items": tuple(f"sous dossier/{index}.wav" for index in range(items)),
        "groups": tuple(f"film {index // 4}" for index in range(items)) if groups else None,
        "splits": tuple(f"fold{index % folds:02d}" for index in range(items)),
        "labels": tuple(["chien", "chat, noir", "été"][:classes]),
        "targets_NC": targets_NC,
        "scores_SNC": rng.normal(size=(seeds, items, classes)).astype(np.float32),
        "seeds": tuple(range(10, 10 + seeds)),
    }
    return Predictions(**(fields | changes))


def same(a: Predictions, b: Predictions) -> bool:
    named = all(getattr(a, f) == getattr(b, f) for f in ("items", "groups", "splits", "labels", "seeds"))
    arrays = ((a.targets_NC, b.targets_NC), (a.scores_SNC, b.scores_SNC))
    return named and all(x.dtype == y.dtype and np.array_equal(x, y) for x, y in arrays)


@pytest.mark.parametrize("changes", [{}, {"groups": False}, {"multilabel": True}, {"seeds": 1, "classes": 1}])
def test_what_was_written_is_read(tmp_path, changes):
    before = drawn(**changes)
    digest = before.write(tmp_path / "deep" / "p.parquet")
    assert digest == hash_file(tmp_path / "deep" / "p.parquet") == before.write(tmp_path / "again.parquet")
    assert same(Predictions.read(tmp_path / "deep" / "p.parquet"), before)


def test_the_file_is_a_plain_table(tmp_path):
    before = drawn(multilabel=True)
    before.write(tmp_path / "p.parquet")
    table = pq.read_table(tmp_path / "p.parquet")
    assert table.column_names == ["item", "group", "split", "label", "scores"]
    row = table.slice(5, 1).to_pylist()[0]
    assert row["label"] == [
        label for label, on in zip(before.labels, before.targets_NC[5], strict=True) if on
    ]
    np.testing.assert_array_equal(np.array(row["scores"], dtype=np.float32), before.scores_SNC[:, 5])
    duckdb = pytest.importorskip("duckdb")
    assert duckdb.sql(f"SELECT count(DISTINCT split) FROM '{tmp_path}/p.parquet'").fetchall() == [(3,)]


def test_no_half_file_remains_under_the_name(tmp_path, monkeypatch):
    drawn().write(tmp_path / "p.parquet")
    before = hash_file(tmp_path / "p.parquet")

    def full_disk(table, path):
        path.write_bytes(b"PAR1")
        raise OSError("no space left")

    monkeypatch.setattr(pq, "write_table", full_disk)
    with pytest.raises(OSError, match="no space"):
        drawn(rng_seed=1).write(tmp_path / "p.parquet")
    assert hash_file(tmp_path / "p.parquet") == before
    assert [path.name for path in tmp_path.iterdir()] == ["p.parquet"]


def test_a_metric_is_the_mean_over_folds_then_over_seeds():
    one = drawn(items=60, multilabel=True)
    folds = np.array(one.splits)
    expected = [
        [
            average_precision_score(one.targets_NC[folds == fold], scores_NC[folds == fold])
            for fold in one.folds
        ]
        for scores_NC in one.scores_SNC
    ]
    np.testing.assert_allclose(one.fold_values("mAP"), expected)
    assert one.measure("mAP") == pytest.approx(np.mean(expected))
    hits_SN = np.take_along_axis(one.targets_NC, one.scores_SNC.argmax(2).T, axis=1).T
    np.testing.assert_array_equal(one.correct_SN, hits_SN)
    assert one.measure("top1_acc") == pytest.approx(
        np.mean([[row[folds == fold].mean() for fold in one.folds] for row in hits_SN])
    )


def test_folds_of_other_sizes_count_alike_and_empty_ones_not():
    one = drawn(items=9, seeds=1, groups=False, splits=("a",) * 6 + ("b",) * 3)
    right = one.correct_SN[0]
    assert one.measure("top1_acc") == pytest.approx((right[:6].mean() + right[6:].mean()) / 2)
    assert one.measure("top1_acc", np.repeat([1, 0], [6, 3])) == pytest.approx(right[:6].mean())
    assert np.isnan(one.measure("top1_acc", np.zeros(9)))


@pytest.mark.parametrize("metric", METRICS)
def test_weights_are_multiplicities(metric):
    one = drawn(items=40, multilabel=True)
    times_N = np.random.default_rng(1).integers(1, 4, 40)
    copies = np.repeat(np.arange(40), times_N)
    folds = np.array(one.splits)[copies]
    expected = [
        METRICS[metric](one.targets_NC[copies][folds == fold], scores_NC[copies][folds == fold])
        for scores_NC in one.scores_SNC
        for fold in one.folds
    ]
    assert one.measure(metric, times_N) == pytest.approx(np.mean(expected))


def test_selected_items_keep_what_is_theirs():
    one = drawn(folds=1)
    order = np.array([7, 2, 11])
    few = one.select(order)
    assert few.items == tuple(one.items[index] for index in order)
    assert few.groups == ("film 1", "film 0", "film 2")
    np.testing.assert_array_equal(few.scores_SNC, one.scores_SNC[:, order])
    shuffled = one.select(np.random.default_rng(0).permutation(24))
    assert shuffled.measure("aucroc") == pytest.approx(one.measure("aucroc"))
    area = roc_auc_score(one.targets_NC, one.scores_SNC[0])
    assert shuffled.fold_values("aucroc")[0, 0] == pytest.approx(area)


def test_unusable_predictions_are_refused_by_name(tmp_path):
    scores = drawn().scores_SNC.copy()
    scores[1, [3, 9], 0] = np.nan
    with pytest.raises(InputError, match=r"scores of 2 items are not numbers, sous dossier/3.wav the first"):
        drawn(scores_SNC=scores)
    with pytest.raises(InputError, match=r"item x.wav is judged 24 times"):
        dataclasses.replace(drawn(), items=("x.wav",) * 24)
    with pytest.raises(InputError, match="0 items"):
        drawn(items=0)
    with pytest.raises(InputError, match="unknown metric 'f1'; known: top1_acc, mAP"):
        drawn().measure("f1")
    with pytest.raises(ValueError, match="do not fit"):
        dataclasses.replace(drawn(), splits=("a",))


def test_other_files_are_refused_in_one_line(tmp_path):
    with pytest.raises(InputError, match=r"missing .*none.parquet"):
        Predictions.read(tmp_path / "none.parquet")
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 torn")
    with pytest.raises(InputError, match="no readable Parquet"):
        Predictions.read(tmp_path / "torn.parquet")
    pq.write_table(pa.table({"item": ["a"], "correct": [True]}), tmp_path / "old.parquet")
    with pytest.raises(InputError, match="make them again: lssd evaluate"):
        Predictions.read(tmp_path / "old.parquet")
    drawn().write(tmp_path / "p.parquet")
    table = pq.read_table(tmp_path / "p.parquet")
    pq.write_table(table.drop_columns(["scores"]), tmp_path / "less.parquet")
    with pytest.raises(InputError, match="make them again"):
        Predictions.read(tmp_path / "less.parquet")
    shorter = [[row[0]] for row in table.column("scores").to_pylist()]
    cut = table.set_column(
        4, table.schema.field("scores"), pa.array(shorter, table.schema.field("scores").type)
    )
    pq.write_table(cut, tmp_path / "cut.parquet")
    with pytest.raises(InputError, match="make them again"):
        Predictions.read(tmp_path / "cut.parquet")


@pytest.mark.parametrize(
    "about", [{"labels": [1, "b"], "seeds": [0]}, {"labels": ["a", "b"], "seeds": ["0"]}, []]
)
def test_labels_and_seeds_of_other_types_are_refused(tmp_path, about):
    path = tmp_path / "p.parquet"
    drawn().write(path)
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({b"lssd.predictions": json.dumps(about).encode()}), path)
    with pytest.raises(InputError, match=r"p\.parquet holds no whole predictions"):
        Predictions.read(path)


def test_a_file_that_claims_more_values_than_it_could_hold_is_not_read(tmp_path, monkeypatch):
    drawn().write(tmp_path / "p.parquet")
    monkeypatch.setattr("lssd.evaluation.predictions._MOST_VALUES", 3)
    with pytest.raises(InputError, match=r"p\.parquet claims [0-9]+ values; predictions have 3 at most"):
        Predictions.read(tmp_path / "p.parquet")
