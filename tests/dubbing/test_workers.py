import os
import signal
import time
from dataclasses import dataclass

import numpy as np
import psutil
import pytest

from lssd.dubbing.declaration import Backend, BackendError, Declaration
from lssd.dubbing.workers import Worker
from lssd.errors import InputError


class Moody(Backend):
    declaration = Declaration("speak", "moody", "for tests", "Apache-2.0", "none", None, None, "cpu", 1)

    @dataclass(frozen=True)
    class Options:
        factor: float = 2.0
        broken: bool = False

    def __init__(self, options=None):
        super().__init__(options)
        if self.options.broken:
            raise InputError("moody has no weights; put them somewhere")

    def weights_hash(self):
        return f"moody=={self.options.factor}"

    def scale(self, samples):
        return samples * self.options.factor

    def process(self):
        return os.getpid()

    def crash(self):
        os.kill(os.getpid(), signal.SIGSEGV)

    def hang(self):
        time.sleep(60)

    def slip(self):
        raise IndexError("list index out of range")

    def refuse(self):
        raise BackendError("this line cannot be spoken")


def test_a_backend_answers_from_another_process():
    with Worker(Moody, Moody.Options(factor=3.0)) as worker:
        np.testing.assert_array_equal(worker.call("scale", np.ones((2, 5))), np.full((2, 5), 3.0))
        assert worker.call("process") != os.getpid()
        assert worker.weights_hash() == "moody==3.0"


def test_a_crash_or_a_hang_costs_one_call():
    with Worker(Moody, timeout_s=20.0) as worker:
        first = worker.call("process")
        with pytest.raises(BackendError, match=r"moody died \(signal SIGSEGV, a crash in native code\)"):
            worker.call("crash")
        second = worker.call("process")
        assert second != first and not psutil.pid_exists(first)
        worker.timeout_s = 0.5
        with pytest.raises(BackendError, match=r"did not answer within 0.5 s and was ended"):
            worker.call("hang")
        worker.timeout_s = 20.0
        assert worker.call("process") != second and not psutil.pid_exists(second)


def test_errors_arrive_in_one_line():
    with Worker(Moody) as worker:
        with pytest.raises(BackendError, match="this line cannot be spoken"):
            worker.call("refuse")
        with pytest.raises(BackendError, match="IndexError"):
            worker.call("slip")
        assert worker.call("process")
    with Worker(Moody, Moody.Options(broken=True)) as worker, pytest.raises(InputError, match="no weights"):
        worker.call("process")
