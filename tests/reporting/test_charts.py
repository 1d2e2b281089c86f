import itertools
import math

from hypothesis import given
from hypothesis import strategies as st
from matplotlib.ticker import MaxNLocator

from lssd.reporting.charts import Curve, curve_chart, nice_ticks

finite = st.floats(-1e6, 1e6, allow_nan=False)


@given(finite, finite)
def test_ticks_are_few_round_and_span_the_values(one, other):
    low, high = min(one, other), max(one, other)
    ticks = nice_ticks(low, high)
    assert 2 <= len(ticks) <= 8
    slack = 1e-6 * max(abs(low), abs(high), 1)
    assert ticks[0] <= low + slack and ticks[-1] >= high - slack
    steps = [later - earlier for earlier, later in itertools.pairwise(ticks)]
    assert all(math.isclose(step, steps[0], rel_tol=1e-3, abs_tol=slack) for step in steps)


def test_ticks_are_about_as_many_as_matplotlib_would_take():
    for low, high in ((0.13, 4.2), (0.0, 1.0), (1.21, 1.34), (-3.0, 250.0)):
        assert abs(len(nice_ticks(low, high)) - len(MaxNLocator(5).tick_values(low, high))) <= 2


def test_a_curve_of_many_steps_is_thinned_to_means_and_keeps_its_range():
    steps = list(range(1, 10_001))
    drawn = curve_chart("Loss", [Curve("a", steps, [1.0 + (step % 2) for step in steps], 0)])
    points = drawn.split('points="')[1].split('"')[0].split()
    assert len(points) == 100
    heights = {float(point.split(",")[1]) for point in points}
    assert max(heights) - min(heights) < 1  # alternating 1 and 2: means of 1.5 throughout
    assert "step 1<" in drawn and ">10000<" in drawn


def test_a_chart_without_a_finite_value_is_none():
    assert curve_chart("Loss", []) == ""
    assert curve_chart("Loss", [Curve("a", [1, 2], [math.nan, math.inf], 0)]) == ""
