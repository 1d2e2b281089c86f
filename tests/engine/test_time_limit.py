import math

import pytest

from lssd.engine import TimeLimit
from lssd.errors import InputError


def test_a_limit_grows_with_the_film_and_is_never_absurd() -> None:
    limit = TimeLimit(base_s=60.0, per_s=2.0)
    assert limit.seconds(10.0) == 80.0
    assert limit.seconds(0.0) == limit.seconds(math.nan) == limit.seconds(-5.0) == 60.0
    assert limit.seconds(math.inf) == limit.seconds(1e18) == 60.0 + 2 * 48 * 3600
    for wrong in ((0.0, 1.0), (1.0, -1.0), (math.nan, 1.0)):
        with pytest.raises(InputError, match="time limit"):
            TimeLimit(*wrong)
