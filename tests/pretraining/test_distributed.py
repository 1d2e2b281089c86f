"""Real processes over gloo.

Importing costs each process seconds, so they are forked from one that has imported all: this file itself,
run as a program (`serve`), which is asked for processes over its standard input.
"""

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from lssd.errors import LssdError
from lssd.pretraining import objective
from lssd.pretraining.distributed import (
    World,
    gather_objects,
    gather_with_gradient,
    join_world,
    on_first,
)
from lssd.pretraining.objective import Projections, batch_loss
from lssd.pretraining.recipe import ObjectiveRecipe

GROUPS, EACH = 4, 3
# Windows of the picture, sounds, type, and the objective's dials.
CASES: dict[str, tuple[int, int, torch.dtype, dict[str, Any]]] = {
    "nt_xent": (2, 2, torch.float64, {"lambda_v": 0.3, "lambda_a": 0.7}),
    "clip": (2, 2, torch.float64, {"loss": "clip", "lambda_a": 0.5}),
    "siglip": (2, 2, torch.float64, {"loss": "siglip", "lambda_v": 0.5}),
    "many sounds": (2, 4, torch.float64, {"lambda_a": 0.5}),
    "many sounds, clip": (1, 4, torch.float64, {"loss": "clip"}),
    "many sounds, siglip": (1, 4, torch.float64, {"loss": "siglip"}),
    "masks": (2, 3, torch.float64, {"mask": "near_duplicate", "lambda_a": 0.5}),
    "sound alone": (0, 3, torch.float64, {"mask": "clip"}),
    "one sound": (1, 1, torch.float64, {}),
    "float32": (2, 3, torch.float32, {"mask": "clip", "lambda_a": 1.0}),
    "apart": (2, 3, torch.float64, {"gather": False, "mask": "clip", "lambda_v": 0.5}),
    "apart, clip": (1, 2, torch.float64, {"gather": False, "loss": "clip"}),
    "apart, siglip": (1, 2, torch.float64, {"gather": False, "loss": "siglip"}),
}


class Small(nn.Module):
    """A network of two heads and a learned temperature."""

    def __init__(self, windows: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.video = nn.Sequential(nn.Linear(6, 7), nn.Tanh(), nn.Linear(7, 4)) if windows else None
        self.sound = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 4))
        self.log_scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, picture_BWF: Tensor, sound_BKF: Tensor) -> Projections:
        video = None if self.video is None else F.normalize(self.video(picture_BWF), dim=-1)
        return Projections(video, F.normalize(self.sound(sound_BKF), dim=-1), self.log_scale.exp())


def step(case: str, rows: slice, groups: int, process_group: Any = None, **changed: Any) -> dict[str, Any]:
    """Loss and gradients of some rows of the batch, in this process, under DDP where there are several."""
    windows, sounds, dtype, dials = CASES[case]
    stream = torch.Generator().manual_seed(1)
    picture = torch.randn(GROUPS * EACH, windows, 6, generator=stream, dtype=dtype)[rows]
    sound = torch.randn(GROUPS * EACH, sounds, 5, generator=stream, dtype=dtype)[rows]
    present = torch.rand(GROUPS * EACH, sounds, generator=stream) < 0.6
    present[:, :2] = True
    duplicates = torch.randint(0, 7, (GROUPS * EACH,), generator=stream)[rows]
    small: nn.Module = Small(windows).to(dtype)
    parallel = DistributedDataParallel(small) if dist.is_initialized() and process_group is None else small
    z = parallel(picture, sound)
    for leaf in z:
        if leaf is not None:
            leaf.retain_grad()
    settings = ObjectiveRecipe(**{**dials, **changed})
    losses = batch_loss(z, present[rows], duplicates, settings, groups=groups, process_group=process_group)
    losses.total.backward()
    return {
        "losses": [None if value is None else value.detach() for value in losses],
        "embeddings": [None if leaf is None else leaf.grad for leaf in z[:2]],
        "parameters": {name: value.grad for name, value in small.named_parameters()},
    }


def own_rows(rank: int, size: int) -> slice:
    each = GROUPS * EACH // size
    return slice(rank * each, (rank + 1) * each)


def exchange(world: World) -> dict[str, Any]:
    """What the plain exchanges give."""
    x = (torch.arange(6.0, dtype=torch.float64).reshape(2, 3) + 10 * world.rank).requires_grad_()
    gathered = gather_with_gradient(x)
    ((world.rank + 1) * gathered.square().sum()).backward()
    done = on_first(lambda: (time.sleep(0.5), time.monotonic(), os.getpid())[1:], "sleep")
    left = time.monotonic()
    return {
        "gathered": gathered.detach(),
        "gradient": x.grad,
        "numbers": gather_with_gradient(torch.tensor([world.rank, 7])),
        "objects": gather_objects({"rank": world.rank, "words": "x" * (1000 * world.rank)}),
        "done": done,
        "left": left,
        "refused": [refused(error) for error in (OSError("no room"), KeyboardInterrupt())],
    }


def refused(error: BaseException) -> str:
    """What this process hears when the first fails."""

    def fail() -> None:
        raise error

    try:
        on_first(fail, "begin")
    except (OSError, KeyboardInterrupt, LssdError) as heard:
        return f"{type(heard).__name__}: {heard}"
    return "nothing"


def compute(folder: Path) -> None:
    """Every case in this process' share, saved for the test to compare."""
    with join_world("cpu") as world:
        rows, groups = own_rows(world.rank, world.size), GROUPS // world.size
        results: dict[str, Any] = {case: step(case, rows, groups) for case in CASES}

        def without_gradient(x: Tensor, process_group: Any) -> Tensor:
            return gather_with_gradient(x.detach(), process_group)

        with patch.object(objective, "gather_with_gradient", without_gradient):
            results["without gradient"] = step("nt_xent", rows, groups)
        results["exchange"] = exchange(world)
        if world.size == 4:
            halves = [dist.new_group([0, 1]), dist.new_group([2, 3])]
            results["half"] = step("masks", rows, groups, halves[world.rank // 2])
        torch.save(results, folder / f"{world.rank}.pt")


def train(timeout_s: float) -> None:
    """Steps without end."""
    with join_world("cpu", timeout_s=timeout_s) as world:
        rows = own_rows(world.rank, world.size)
        for number in range(10**9):
            step("nt_xent", rows, GROUPS // world.size)
            if number == 2:
                print("under way", flush=True)


def serve() -> None:
    """Fork the processes that each line asks for; print their numbers, and their exit codes in the end."""
    importlib.import_module("torch._dynamo")  # which DDP would otherwise import at its first use in each
    for line in sys.stdin:
        request = json.loads(line)
        numbers = []
        for rank in range(request["size"]):
            number = os.fork()
            if not number:
                be_process(rank, **request)
            numbers.append(number)
        print(json.dumps(numbers), flush=True)
        statuses = [os.waitpid(number, 0)[1] for number in numbers]
        print(json.dumps([os.waitstatus_to_exitcode(status) for status in statuses]), flush=True)


def be_process(rank: int, size: int, port: int, folder: str, timeout_s: float | None) -> None:
    """Do in a forked process what one that torchrun started would do; it ends here, and in any case soon."""
    signal.alarm(100)
    for stream, name in ((sys.stdout, "out"), (sys.stderr, "err")):
        with Path(folder, f"{rank}.{name}").open("w") as file:
            os.dup2(file.fileno(), stream.fileno())
    variables = {"RANK": rank, "WORLD_SIZE": size, "LOCAL_RANK": rank, "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in variables.items()}, MASTER_ADDR="127.0.0.1")
    code = 1
    try:
        compute(Path(folder)) if timeout_s is None else train(timeout_s)
        code = 0
    except LssdError as error:
        print(error, file=sys.stderr)
        code = error.exit_code
    except Exception:  # noqa: BLE001  # whatever it is, this process must end here
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


class Processes:
    """Forked processes: their numbers, what they print into files of a folder, their exit codes."""

    def __init__(
        self, server: "subprocess.Popen[str]", size: int, folder: Path, timeout_s: float | None
    ) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.server, self.folder = server, folder
        request = {"size": size, "port": port, "folder": str(folder), "timeout_s": timeout_s}
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        self.numbers: list[int] = json.loads(server.stdout.readline())

    def wait(self) -> list[int]:
        codes: list[int] = json.loads(self.server.stdout.readline())
        return codes

    def errors(self, rank: int) -> str:
        return (self.folder / f"{rank}.err").read_text()


@pytest.fixture(scope="module")
def server() -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, __file__]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield process
        process.stdin.close()


@pytest.fixture(scope="module", params=[2, 4])
def computed(
    request: pytest.FixtureRequest,
    server: "subprocess.Popen[str]",
    tmp_path_factory: pytest.TempPathFactory,
) -> list[dict[str, Any]]:
    """The results of each of 2 and of 4 processes."""
    folder = tmp_path_factory.mktemp("results")
    processes = Processes(server, request.param, folder, None)
    assert processes.wait() == [0] * request.param, processes.errors(0)
    assert not any(processes.errors(rank) for rank in range(request.param))
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(request.param)]


def averaged(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """What parts of a batch make together: mean losses, the gradients of all rows, mean gradients of DDP."""

    def combine(kind: str, how: Callable[[Any], Tensor]) -> list[Tensor | None]:
        columns = zip(*(part[kind] for part in parts), strict=True)
        return [None if column[0] is None else how(column) for column in columns]

    return {
        "losses": combine("losses", lambda values: torch.stack(values).mean()),
        "embeddings": combine("embeddings", lambda rows: torch.cat(rows) / len(parts)),
        "parameters": {
            name: torch.stack([part["parameters"][name] for part in parts]).mean(0)
            for name in parts[0]["parameters"]
        },
    }


def whole_batch(case: str) -> dict[str, Any]:
    """One process; without gathering, each group as a batch of its own."""
    if CASES[case][3].get("gather", True):
        return step(case, slice(None), GROUPS)
    return averaged([step(case, own_rows(group, GROUPS), 1, gather=True) for group in range(GROUPS)])


def assert_same(found: Any, expected: Any, tolerance: float) -> None:
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)


class TestSeveralProcesses:
    @pytest.mark.parametrize("case", CASES)
    def test_equal_one_process_with_the_whole_batch(self, computed, case):
        found, expected = averaged([result[case] for result in computed]), whole_batch(case)
        tolerance = 1e-6 if CASES[case][2] == torch.float32 else 1e-10
        for kind in ("losses", "embeddings"):
            for ours, alone in zip(found[kind], expected[kind], strict=True):
                assert (ours is None) == (alone is None)
                if ours is not None:
                    assert_same(ours, alone, tolerance)
        for result in computed:
            assert_same(result[case]["parameters"], expected["parameters"], tolerance)
        assert all(gradient.abs().max() > 1e-3 for gradient in expected["parameters"].values())

    def test_would_differ_without_the_others_gradients(self, computed):
        found, expected = (
            averaged([result["without gradient"] for result in computed]),
            whole_batch("nt_xent"),
        )
        assert_same(found["losses"], expected["losses"], 1e-10)
        right, wrong = (
            torch.cat([gradient.flatten() for gradient in each["parameters"].values()])
            for each in (expected, found)
        )
        assert (wrong - right).norm() > 0.1 * right.norm()
        # Not by a factor either, which a learning rate would make up for.
        assert F.cosine_similarity(wrong, right, dim=0) < 0.99

    def test_a_process_group_is_a_world_of_its_own(self, computed):
        if len(computed) < 4:
            pytest.skip("needs two groups")
        for half in (0, 1):
            expected = step("masks", own_rows(half, 2), 2)
            parts = [computed[2 * half + place]["half"] for place in (0, 1)]
            assert_same(
                torch.stack([part["losses"][0] for part in parts]).mean(), expected["losses"][0], 1e-10
            )
            rows = torch.cat([part["embeddings"][1] for part in parts]) / 2
            assert_same(rows, expected["embeddings"][1], 1e-10)

    def test_rows_come_in_order_and_gradients_sum(self, computed):
        size = len(computed)
        rows = [torch.arange(6.0, dtype=torch.float64).reshape(2, 3) + 10 * rank for rank in range(size)]
        for rank, result in enumerate(computed):
            assert torch.equal(result["exchange"]["gathered"], torch.cat(rows))
            # Each process r adds (r + 1) times the sum of squares.
            assert torch.equal(result["exchange"]["gradient"], 2 * rows[rank] * sum(range(1, size + 1)))
            expected = torch.tensor([number for rank in range(size) for number in (rank, 7)])
            assert torch.equal(result["exchange"]["numbers"], expected)

    def test_objects_and_what_the_first_process_does_alone(self, computed):
        exchanges = [result["exchange"] for result in computed]
        for result in exchanges:
            assert [value["rank"] for value in result["objects"]] == list(range(len(computed)))
            assert len(result["objects"][-1]["words"]) == 1000 * (len(computed) - 1)
            assert result["done"] == exchanges[0]["done"], "one process has done it"
            assert result["left"] >= result["done"][0], "the others waited"
        others = ["LssdError: stopped, since process 0 could not begin"] * 2
        assert exchanges[0]["refused"] == ["OSError: no room", "KeyboardInterrupt: "]
        assert all(result["refused"] == others for result in exchanges[1:])


def until(holds: Callable[[], bool], seconds: float) -> None:
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < seconds
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("blow", "timeout_s", "word"),
    [(signal.SIGKILL, 60.0, "connection"), (signal.SIGSTOP, 2.0, "timed out")],
    ids=["killed", "hanging"],
)
def test_a_lost_process_ends_the_others_with_one_line(server, tmp_path, blow, timeout_s, word):
    processes = Processes(server, 2, tmp_path, timeout_s)
    lost = processes.numbers[0]
    outputs = [tmp_path / f"{rank}.out" for rank in (0, 1)]
    until(lambda: all(path.exists() and "under way" in path.read_text() for path in outputs), 60)
    os.kill(lost, blow)
    until(lambda: processes.errors(1).endswith("\n"), 10)
    if blow == signal.SIGSTOP:
        os.kill(lost, signal.SIGKILL)
    codes = processes.wait()
    assert codes == [-signal.SIGKILL, LssdError.exit_code]
    (line,) = processes.errors(1).splitlines()
    assert line.startswith("another of this run's 2 processes stopped or does not answer")
    assert word in line
    assert "run the same command again to go on from the last checkpoint" in line


if __name__ == "__main__":
    serve()
