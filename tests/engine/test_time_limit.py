import math
import threading
import time
import weakref
from functools import partial

import pytest

from lssd.engine import LimitedThread, TimeLimit, overdue, run_stage
from lssd.errors import InputError


def test_a_limit_grows_with_the_film_and_is_never_absurd() -> None:
    limit = TimeLimit(base_s=60.0, per_s=2.0)
    assert limit.seconds(10.0) == 80.0
    assert limit.seconds(0.0) == limit.seconds(math.nan) == limit.seconds(-5.0) == 60.0
    assert limit.seconds(math.inf) == limit.seconds(1e18) == 60.0 + 2 * 48 * 3600
    for wrong in ((0.0, 1.0), (1.0, -1.0), (math.nan, 1.0), (math.inf, 1.0), (1.0, math.inf)):
        with pytest.raises(InputError, match="time limit"):
            TimeLimit(*wrong)


def test_a_call_that_does_not_come_back_is_left_behind() -> None:
    thread, before = LimitedThread(), threading.active_count()
    names = [thread.call(lambda: threading.current_thread().ident, 5.0) for _ in range(3)]
    assert len(set(names)) == 1 and names[0] != threading.get_ident()
    assert thread.call(threading.get_ident, None) == threading.get_ident()
    release = threading.Event()
    begun = time.monotonic()
    with pytest.raises(TimeoutError, match=overdue(0.2)):
        thread.call(release.wait, 0.2)
    assert time.monotonic() - begun < 2
    assert thread.call(threading.get_ident, 5.0) not in (names[0], threading.get_ident())
    release.set()
    thread.close()
    for _ in range(100):
        if threading.active_count() <= before:
            return
        time.sleep(0.05)
    raise AssertionError("threads are left over")


def test_errors_of_a_call_are_the_callers() -> None:
    def fail() -> None:
        raise TimeoutError("its own")

    thread = LimitedThread()
    with pytest.raises(TimeoutError, match="its own"):
        thread.call(fail, 5.0)
    with pytest.raises(ZeroDivisionError):
        thread.call(lambda: 1 / 0, 5.0)
    thread.close()


def test_a_limit_of_weeks_is_kept_to_what_the_system_can_wait() -> None:
    """A film of three hours into ten languages, or what a container claims."""
    weeks_s = 11 * TimeLimit().seconds(48 * 3600)
    (found,) = run_stage(abs, [-3], 1, lambda item: weeks_s)
    assert found.value == 3
    thread = LimitedThread()
    assert thread.call(lambda: 4, 1e12) == 4
    thread.close()


class _Block:
    """Something that a call holds."""


def test_a_thread_keeps_nothing_of_its_last_call() -> None:
    thread, held = LimitedThread(), _Block()
    gone = weakref.ref(held)
    assert thread.call(partial(repr, held), 5.0)
    del held
    for _ in range(100):
        if gone() is None:
            break
        time.sleep(0.02)
    assert gone() is None
    thread.close()
