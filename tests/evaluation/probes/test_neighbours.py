import numpy as np
import pytest

from lssd.evaluation.metrics import METRICS
from lssd.evaluation.probes import judge
from lssd.evaluation.probes.division import Division


def literal_votes(train, labels, judged, k=10, temperature=0.07):
    rows = []
    for item in judged:
        cosine = train @ item / np.linalg.norm(train, axis=1) / np.linalg.norm(item)
        nearest = np.argsort(-cosine)[:k]
        weight = np.exp(cosine[nearest] / temperature)
        rows.append((weight[:, None] * labels[nearest]).sum(0) / weight.sum())
    return np.array(rows)


@pytest.mark.parametrize("multilabel", [False, True])
@pytest.mark.parametrize("items", [60, 6])  # 6: fewer than k
def test_equals_a_loop_over_items(multilabel, items):
    rng = np.random.default_rng(0)
    classes = 3

    def part(count):
        y = np.arange(count) % classes
        x = (rng.normal(size=(count, 8)) + 2 * np.eye(classes, 8)[y]).astype(np.float32)
        return x, ((rng.random((count, classes)) > 0.5) if multilabel else y)

    (x, y), (x_valid, y_valid), (x_test, _) = part(items), part(30), part(20)
    division = Division(x, y, x_valid, y_valid, x_test)
    metric = "mAP" if multilabel else "top1_acc"
    judged = judge("knn", [division], classes, multilabel=multilabel, metric=metric, device="cpu")
    labels, valid = (part if multilabel else np.eye(classes, dtype=bool)[part] for part in (y, y_valid))
    np.testing.assert_allclose(judged.scores[0], literal_votes(x, labels, x_test), atol=1e-5)
    assert judged.validation[0] == pytest.approx(
        METRICS[metric](valid, literal_votes(x, labels, x_valid)), abs=1e-6
    )
    assert judged.chosen == ({"k": min(10, items)},)
