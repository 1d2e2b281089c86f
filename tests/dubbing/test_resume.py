import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lssd.dubbing.dub import dub

pytestmark = pytest.mark.slow

_KILLS = 3  # `studies/dubbing_kills.py` does ten, with the real preset
_RUN = """
import sys
from lssd.dubbing import DubSettings
from lssd.dubbing.dub import dub
if __name__ == "__main__":
    film, out, preset, stems = sys.argv[1:]
    dub([film], ["fr"], out, DubSettings.build([f"stems.folder={stems}"], preset=preset))
"""


def _start(rendered, out: Path, preset: str, script: Path) -> subprocess.Popen:
    command = [sys.executable, script, rendered.path, out, preset, rendered.stems]
    return subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _bytes(out: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(out)): p.read_bytes()
        for p in out.rglob("*")
        if p.is_file() and ".cache" not in p.parts
    }


def test_killed_at_random_points_and_run_again(rendered, quick, tmp_path):
    settings = quick()
    script = tmp_path / "run.py"
    script.write_text(_RUN)
    started = time.perf_counter()
    assert _start(rendered, tmp_path / "whole", settings.preset, script).wait() == 0
    seconds = time.perf_counter() - started
    rng = random.Random(5)
    kills, out = 0, tmp_path / "killed"
    while kills < _KILLS:
        process = _start(rendered, out, settings.preset, script)
        time.sleep(rng.uniform(0.1, 0.9) * seconds)
        if process.poll() is not None:  # what the kills before had left was soon done
            shutil.rmtree(out)
            continue
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    (report,) = dub([rendered.path], ["fr"], out, settings)
    assert all(one.ok for one in report.languages)
    assert _bytes(out) == _bytes(tmp_path / "whole")
    assert not [path for path in out.rglob(".partial-*") if _ours(path)]


def _ours(path: Path) -> bool:
    """Whether a process that still lives is writing there."""
    return Path(f"/proc/{path.name.rsplit('-', 2)[1]}").exists()


def test_jobs_side_by_side_make_each_step_once(rendered, quick, tmp_path):
    settings = quick()
    script = tmp_path / "run.py"
    script.write_text(_RUN)
    out = tmp_path / "out"
    both = [_start(rendered, out, settings.preset, script) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    (again,) = dub([rendered.path], ["fr"], out, settings)
    assert not again.made and all(one.ok for one in again.languages)
    record = json.loads(next(out.rglob("provenance.json")).read_text())
    assert sorted(record["dubs"]) == ["fr"]
