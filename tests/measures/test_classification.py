import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier

from lssd.measures import chance_rate, majority_rate

LABELS = st.lists(st.sampled_from(["en", "fr", "ja"]), min_size=1, max_size=40)


@given(LABELS, LABELS)
def test_equal_scikit_learn(train, test):
    dummy = DummyClassifier(strategy="most_frequent").fit(np.zeros((len(train), 1)), train)
    assert majority_rate(train, test) == pytest.approx(dummy.score(np.zeros((len(test), 1)), test))
    assert chance_rate(train) == pytest.approx(1 / len(set(train)))


def test_majority_of_the_same_labels():
    assert majority_rate(["a", "b", "b"]) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    "call",
    [
        lambda: chance_rate([]),
        lambda: majority_rate([]),
    ],
)
def test_wrong_arguments(call):
    with pytest.raises(ValueError, match="label"):
        call()
