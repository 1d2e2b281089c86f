"""Want of memory is told from other errors, in what torch and the system say of it."""

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
