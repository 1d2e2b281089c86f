import errno
import os
import signal
import time
from dataclasses import dataclass

import numpy as np
import psutil
import pytest
import yaml

from lssd.dubbing.backend_pool import BackendPool, BackendProcess
from lssd.dubbing.backends import STEPS, backends
from lssd.dubbing.declaration import Backend, BackendError, Declaration
from lssd.errors import InputError, StorageError


class Moody(Backend):
    declaration = Declaration("speak", "moody", "for tests", "Apache-2.0", "none", None, None, "cpu", 1)

    @dataclass(frozen=True)
    class Settings:
        factor: float = 2.0
        broken: bool = False

    def __init__(self, settings=None):
        super().__init__(settings)
        if self.settings.broken:
            raise InputError("moody has no weights; put them somewhere")

    def weights_hash(self):
        return f"moody=={self.settings.factor}"

    def scale(self, samples):
        return samples * self.settings.factor

    def process(self):
        return os.getpid()

    def crash(self):
        os.kill(os.getpid(), signal.SIGSEGV)

    def hang(self):
        time.sleep(60)

    def slip(self):
        raise IndexError("list index out of range")

    def fill(self):
        raise OSError(errno.ENOSPC, "No space left on device")

    def refuse(self):
        raise BackendError("this line cannot be spoken")


def test_a_backend_answers_from_another_process():
    with BackendProcess(Moody, Moody.Settings(factor=3.0)) as process:
        np.testing.assert_array_equal(process.call("scale", np.ones((2, 5))), np.full((2, 5), 3.0))
        assert process.call("process") != os.getpid()
        assert process.weights_hash() == "moody==3.0"


def test_a_crash_or_a_hang_costs_one_call():
    with BackendProcess(Moody, timeout_s=20.0) as process:
        first = process.call("process")
        with pytest.raises(BackendError, match=r"moody died \(signal SIGSEGV, a crash in native code\)"):
            process.call("crash")
        second = process.call("process")
        assert second != first and not psutil.pid_exists(first)
        process.timeout_s = 0.5
        with pytest.raises(BackendError, match=r"did not answer within 0.5 s and was ended"):
            process.call("hang")
        process.timeout_s = 20.0
        assert process.call("process") != second and not psutil.pid_exists(second)


def test_errors_arrive_in_one_line():
    with BackendProcess(Moody) as process:
        with pytest.raises(BackendError, match="this line cannot be spoken"):
            process.call("refuse")
        with pytest.raises(BackendError, match="IndexError"):
            process.call("slip")
        with pytest.raises(StorageError, match="No space left on device"):
            process.call("fill")
        assert process.call("process")
    with (
        BackendProcess(Moody, Moody.Settings(broken=True)) as process,
        pytest.raises(InputError, match="no weights"),
    ):
        process.call("process")


def test_backends_of_one_name_in_two_steps_are_two(tmp_path):
    preset = tmp_path / "none.yaml"
    both = {"separation": ["none"], "conversion": ["none"]}
    preset.write_text(yaml.safe_dump({step: [*backends(step)][:1] for step in STEPS} | both))
    with BackendPool(str(preset), {}) as pool:
        for step in both:
            (tool,) = pool.tools(step)
            assert tool.backend.declaration.step == step
