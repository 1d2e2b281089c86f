"""The examples for schedulers: they are what those read, and their commands are ours."""

import os
import shlex
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from lssd.cli import build_parser
from lssd.errors import InputError, StoppedError

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
SLURM = EXAMPLES / "slurm.sh"


def check_command(words: list[str]) -> None:
    """`... lssd pretrain ...` as our parser takes it, after torchrun's options where it has any."""
    place = words.index("lssd")
    if place:
        from torch.distributed.run import get_args_parser

        launcher = get_args_parser().parse_args(words[words.index("torchrun") + 1 :])
        assert launcher.module and launcher.training_script == "lssd"
        assert launcher.shutdown_timeout >= 120 and launcher.rdzv_backend == "c10d"
    arguments = build_parser().parse_args(words[place + 1 :])
    assert arguments.recipe and arguments.corpus and arguments.out


def jobs(name: str) -> list[dict[str, Any]]:
    documents = yaml.safe_load_all((EXAMPLES / name).read_text(encoding="utf-8"))
    return [document for document in documents if document["kind"] == "Job"]


@pytest.mark.parametrize("name", ["kubernetes.yaml", "kubernetes-torchrun.yaml"])
def test_a_kubernetes_job_starts_stopped_pods_again(name: str) -> None:
    (job,) = jobs(name)
    pod = job["spec"]["template"]["spec"]
    assert pod["restartPolicy"] == "Never"  # podFailurePolicy allows nothing else
    (container,) = pod["containers"]
    check_command([str(word) for word in (*container["command"], *container["args"])])
    mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounted["shared-memory"] == "/dev/shm"
    assert {volume["name"] for volume in pod["volumes"]} == set(mounted)
    rules = job["spec"]["podFailurePolicy"]["rules"]
    assert {"type": "DisruptionTarget"} in rules[0]["onPodConditions"] and rules[0]["action"] == "Ignore"
    by_code = {rule["onExitCodes"]["values"][0]: rule["action"] for rule in rules if "onExitCodes" in rule}
    if name == "kubernetes.yaml":
        assert by_code == {StoppedError.exit_code: "Ignore", InputError.exit_code: "FailJob"}
    else:
        documents = yaml.safe_load_all((EXAMPLES / name).read_text(encoding="utf-8"))
        (service,) = [document for document in documents if document["kind"] == "Service"]
        assert pod["subdomain"] == service["metadata"]["name"]
        assert service["spec"]["selector"] == {"job-name": job["metadata"]["name"]}


def test_the_slurm_script_is_bash_and_its_command_ours() -> None:
    subprocess.run(["bash", "-n", str(SLURM)], check=True)
    text = SLURM.read_text(encoding="utf-8").replace("\\\n", " ")
    (line,) = [line for line in text.splitlines() if line.startswith("srun ")]
    values = {"$SLURM_NNODES": "4", "${SLURM_GPUS_ON_NODE:-8}": "8", "$RECIPE": "paper/B.3", "$CORPUS": "c"}
    for name, value in {**values, "$RUN": "r", "$SLURM_JOB_ID": "7", "$head": "node0"}.items():
        line = line.replace(name, value)
    check_command(shlex.split(line.removesuffix("&")))
    assert {"#SBATCH --requeue", "#SBATCH --signal=B:TERM@180"} <= set(text.splitlines())


@pytest.mark.parametrize(("stopped", "done"), [(True, False), (True, True), (False, False)])
def test_slurm_queues_a_stopped_run_again_until_it_is_finished(
    tmp_path: Path, stopped: bool, done: bool
) -> None:
    """With stand-ins: srun runs the rest; torchrun waits for the signal, and ends with 1 as torchrun does."""
    run = tmp_path / "r"
    run.mkdir()
    ended = f"touch {run}/finished.json; " if done else ""
    stand_ins = {
        "srun": 'exec "$@"',
        "torchrun": f"trap '{ended}exit 1' TERM; touch {tmp_path}/up; "
        + ("while true; do sleep 0.05; done" if stopped else "exit 2"),
        "scontrol": f'[ "$1" = show ] && echo node0 || echo "$@" >> {tmp_path}/queued',
    }
    (tmp_path / "bin").mkdir()
    for name, script in stand_ins.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/bash\n{script}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
        "SLURM_JOB_NODELIST": "node[0-3]",
        "SLURM_NNODES": "4",
        "SLURM_JOB_ID": "7",
        "RECIPE": "demo",
        "CORPUS": "c",
        "RUN": str(run),
    }
    job = subprocess.Popen(["bash", str(SLURM)], env=environment)
    try:
        if stopped:
            deadline = time.monotonic() + 60
            while not (tmp_path / "up").exists() and time.monotonic() < deadline:
                time.sleep(0.02)
            job.send_signal(signal.SIGTERM)
        assert job.wait(timeout=60) == (1 if stopped else 2)
    finally:
        job.kill()
    queued = tmp_path / "queued"
    assert queued.exists() == (stopped and not done)
    assert not queued.exists() or queued.read_text() == "requeue 7\n"
