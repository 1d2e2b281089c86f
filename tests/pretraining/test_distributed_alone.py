"""What the exchanges are for one process, and what they say when no others come or one is gone."""

import socket
from unittest.mock import patch

import pytest
import torch
from torch import distributed as dist

from lssd.errors import InputError, LssdError
from lssd.pretraining import distributed
from lssd.pretraining.distributed import (
    LostProcessError,
    World,
    gather_objects,
    gather_with_gradient,
    join_world,
    on_first,
    watching_processes,
)


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (
            RuntimeError("[gloo/transport/tcp/pair.cc:553] Connection closed by peer [::1]:1"),
            "connection closed",
        ),
        (
            RuntimeError("[gloo/transport/tcp/pair.cc:537] Read error [::1]:1: Connection reset by peer."),
            "reset",
        ),
        (
            RuntimeError("[gloo/unbound_buffer.cc:78] Timed out waiting 2000ms for recv operation"),
            "timed out",
        ),
        (dist.DistBackendError("NCCL communicator was aborted on rank 1."), "aborted"),
        (dist.DistBackendError("Watchdog caught collective operation timeout: WorkNCCL(SeqNum=7"), "timeout"),
        (
            dist.DistBackendError("ncclRemoteError: ... a remote process exiting prematurely."),
            "remote process",
        ),
        (dist.DistBackendError("ncclInvalidUsage: Duplicate GPU detected"), None),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied (timed out)"), None),
        (InputError("a wrong request"), None),
    ],
)
def test_only_what_tells_of_another_process_is_told_so(error, word):
    with (
        patch.object(distributed, "rank_and_size", lambda: (1, 2)),
        pytest.raises((RuntimeError, LssdError)) as caught,
        watching_processes(),
    ):
        raise error
    if word is None:
        assert caught.value is error
    else:
        assert isinstance(caught.value, LostProcessError)
        assert word in str(caught.value)
        assert "seen by process 1" in str(caught.value)


class TestAlone:
    @pytest.mark.parametrize("variables", [{}, {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0"}])
    def test_every_exchange_is_what_it_is_for_one(self, monkeypatch, variables):
        for name, value in {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1", **variables}.items():
            monkeypatch.setenv(name, value)
        with join_world("cpu") as world:
            assert world == World(0, 1, 0, torch.device("cpu"))
            assert not dist.is_initialized()
            x = torch.ones(2, 3)
            assert gather_with_gradient(x) is x
            assert gather_objects("x") == ["x"]
            assert on_first(lambda: 7, "count") == 7
            with pytest.raises(KeyError):
                on_first(lambda: {}[0], "look")
            with pytest.raises(RuntimeError, match="timed out"), watching_processes():
                raise RuntimeError("gloo: timed out")  # not because of another process: there is none

    def test_others_that_do_not_come_are_told_of(self, monkeypatch):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        variables = {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1"}
        for name, value in {**variables, "MASTER_PORT": port}.items():
            monkeypatch.setenv(name, value)
        with (
            pytest.raises(LostProcessError, match=f"2 processes .* meet at 127.0.0.1:{port} within 1 s"),
            join_world("cpu", timeout_s=1),
        ):
            pass
        assert not dist.is_initialized()

    @pytest.mark.parametrize(
        ("variables", "message"),
        [
            ({"RANK": "0", "WORLD_SIZE": "2"}, "not LOCAL_RANK, MASTER_ADDR, MASTER_PORT"),
            ({"RANK": "0", "WORLD_SIZE": "two", "LOCAL_RANK": "0"}, "must be numbers"),
        ],
    )
    def test_torchrun_s_variables_in_part_are_named(self, monkeypatch, variables, message):
        if "LOCAL_RANK" in variables:
            variables = {**variables, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(InputError, match=message), join_world("cpu"):
            pass

    def test_a_gpu_that_is_not_there_is_named(self, monkeypatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        with join_world("auto") as world:
            assert world.device == torch.device("cpu")
        with pytest.raises(InputError, match="finds no GPU"), join_world("cuda"):
            pass
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
        variables = {"RANK": "2", "WORLD_SIZE": "4", "LOCAL_RANK": "2"}
        for name, value in {**variables, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(InputError, match="process 2 of this machine finds only 2 GPUs"), join_world():
            pass
