"""Want of memory is told from other errors, in what torch and the system say of it."""

import os
import platform
import subprocess
import sys

import pytest
import torch

from lssd.engine import DIED, reason_of
from lssd.engine.memory import lacks_memory, reason_lacks_memory


def test_torch_that_cannot_allocate_lacks_memory():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert lacks_memory(caught.value) and reason_lacks_memory(reason_of(caught.value))


@pytest.mark.parametrize(
    ("error", "lacks"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"), True),
        (RuntimeError("shapes do not match"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_other_errors_do_not(error, lacks):
    assert lacks_memory(error) is lacks


def test_a_process_that_died_may_have_lacked_memory():
    assert reason_lacks_memory(DIED) and not reason_lacks_memory("no such file")


# Page faults of work that takes and drops large arrays, as each step of training does, after a first round.
_FAULTS = """
import resource, sys
import numpy as np
from lssd.engine.memory import keep_memory

def work():
    for _ in range(3):
        several = [np.ones(9_000_000, np.float32) for _ in range(3)]  # 36 MB each

if sys.argv[1:] == ["keep"]:
    keep_memory()
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="memory is kept in glibc alone")
def test_memory_that_is_kept_is_not_asked_for_again():
    faults, environment = [], {**os.environ, "NUMPY_MADVISE_HUGEPAGE": "0"}
    for words in ([], ["keep"]):
        command = [sys.executable, "-c", _FAULTS, *words]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        faults.append(int(done.stdout))
    assert faults[0] > 100, "each array is new memory, whose pages the system clears"
    assert faults[1] < faults[0] / 10
