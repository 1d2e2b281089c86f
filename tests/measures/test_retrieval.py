import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lssd.measures import cosine_similarity, recall_at_k


def literal(scores: np.ndarray, k: int) -> float:
    hits = 0
    for i, row in enumerate(scores):
        hits += i in sorted(range(len(row)), key=lambda j: -row[j])[:k]
    return hits / len(scores)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 20), st.integers(0, 1000))
def test_equals_sorting(n, seed):
    scores = np.random.RandomState(seed).randn(n, n) + 0.8 * np.eye(n)
    recall = recall_at_k(scores, (1, 3, 50))
    for position, k in enumerate((1, 3, 50)):
        assert recall.video_to_audio[position] == pytest.approx(literal(scores, k))
        assert recall.audio_to_video[position] == pytest.approx(literal(scores.T, k))
        assert recall.chance[position] == pytest.approx(min(k, n) / n)
    assert recall.n == n


def test_constant_embeddings_score_chance():
    recall = recall_at_k(np.zeros((20, 20)), (1, 5))
    assert recall.video_to_audio == pytest.approx(recall.chance)
    assert recall.audio_to_video == pytest.approx((0.05, 0.25))


def test_ties_are_the_average_over_random_orders():
    rng = np.random.RandomState(0)
    scores = rng.randint(0, 3, (6, 6)).astype(float)
    shaken = [literal(scores + 1e-6 * rng.rand(6, 6), 2) for _ in range(4000)]
    # Standard error of the 4000 draws is below 0.003.
    assert recall_at_k(scores, (2,)).video_to_audio[0] == pytest.approx(np.mean(shaken), abs=0.012)


def test_directions_differ_where_they_should():
    # Video 0 is the nearest of every sound; every video finds its own sound.
    scores = np.array([[9.0, 8.0, 7.0], [0.0, 1.0, 0.5], [0.0, 0.5, 1.0]])
    recall = recall_at_k(scores, (1,))
    assert recall.video_to_audio == (1.0,)
    assert recall.audio_to_video == pytest.approx((1 / 3,))


def test_cosine_similarity_by_hand():
    np.testing.assert_allclose(cosine_similarity([[3.0, 4.0], [0.0, 0.0]], [[1.0, 0.0]]), [[0.6], [0.0]])


@pytest.mark.parametrize(
    ("scores", "ks"),
    [(np.zeros((2, 3)), (1,)), (np.zeros((0, 0)), (1,)), (np.full((2, 2), np.nan), (1,)), (np.eye(2), (0,))],
)
def test_wrong_arguments(scores, ks):
    with pytest.raises(ValueError, match=r"similarity|ks"):
        recall_at_k(scores, ks)
