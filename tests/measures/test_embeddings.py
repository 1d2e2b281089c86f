import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier

from lssd.measures import alignment, normalise_rows, predict_neighbours, uniformity


@settings(max_examples=25, deadline=None)
@given(st.integers(5, 60), st.integers(1, 12), st.integers(0, 1000), st.sampled_from([None, 0.07]))
def test_neighbours_equal_scikit_learn(n, k, seed, temperature):
    rng = np.random.RandomState(seed)
    train, test = rng.randn(n, 6), rng.randn(9, 6)
    labels = rng.choice(["a", "b", "c"], n)
    # scikit-learn weighs by a function of the cosine distance, 1 - cosine.
    weights = "uniform" if temperature is None else lambda distance: np.exp(-distance / temperature)
    peer = KNeighborsClassifier(min(k, n), metric="cosine", weights=weights).fit(train, labels)
    ours = predict_neighbours(train, labels, test, k, temperature)
    np.testing.assert_array_equal(ours, peer.predict(test))


def test_neighbours_over_many_rows_equal_them_one_by_one():
    rng = np.random.RandomState(0)
    train, test, labels = rng.randn(30, 4), rng.randn(2100, 4), rng.randint(0, 5, 30)
    whole = predict_neighbours(train, labels, test)
    parts = [predict_neighbours(train, labels, test[i : i + 300]) for i in range(0, 2100, 300)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))


def test_alignment_and_uniformity_equal_their_definitions():
    rng = np.random.RandomState(0)
    x, y = normalise_rows(rng.randn(12, 5)), normalise_rows(rng.randn(12, 5))
    assert alignment(3 * x, y) == pytest.approx(
        np.mean([np.linalg.norm(a - b) ** 2 for a, b in zip(x, y, strict=True)])
    )
    potentials = [
        np.exp(-2 * np.linalg.norm(x[i] - x[j]) ** 2) for i in range(12) for j in range(12) if i < j
    ]
    assert uniformity(x) == pytest.approx(np.log(np.mean(potentials)))


def test_extremes():
    x = np.eye(4)
    assert alignment(x, x) == 0.0
    assert alignment(x, -x) == pytest.approx(4.0)
    assert uniformity(np.ones((5, 3))) == pytest.approx(0.0, abs=1e-12)
    assert uniformity(x) == pytest.approx(-4.0)
    assert uniformity(np.array([[1.0], [-1.0]]), t=1000.0) == pytest.approx(-4000.0)


@pytest.mark.parametrize(
    "call",
    [
        lambda: normalise_rows([1.0, 2.0]),
        lambda: alignment(np.eye(2), np.eye(3)),
        lambda: uniformity(np.eye(1)),
        lambda: predict_neighbours(np.eye(2), [0], np.eye(2)),
        lambda: predict_neighbours(np.eye(2), [0, 1], np.eye(2), k=0),
        lambda: predict_neighbours(np.eye(2), [0, 1], np.eye(3)),
    ],
)
def test_wrong_arguments(call):
    with pytest.raises(ValueError, match=r"\d"):
        call()
