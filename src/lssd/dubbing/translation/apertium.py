"""Translation by rules: the program apertium, through a third language where there is no direct pair."""

import shutil
import subprocess
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from lssd.dubbing.declaration import Backend, BackendError, Declaration
from lssd.dubbing.lines import Request, Translation
from lssd.errors import MissingExtraError
from lssd.languages import normalise
from lssd.store import hash_json

_INSTALL = "apt-get install apertium apertium-eng-spa (and other pairs)"


class Apertium(Backend):
    """Apertium (apertium.org, GPL), run as a program. Its grammar is rough; unknown words stay."""

    declaration: ClassVar[Declaration] = Declaration(
        step="translation",
        name="apertium",
        about="translation by rules, offline, between the pairs that are installed; rough",
        code_license="GPL-2.0-or-later",
        weights_license="GPL-2.0-or-later",
        sample_rate=None,
        languages=None,
        device="cpu",
        version=1,
        programs=("apertium",),
        install=_INSTALL,
        weights="pairs of languages, installed as packages of their own",
    )

    @dataclass(frozen=True)
    class Settings:
        """hops: pairs in a row at most. timeout_s: for one line through one pair."""

        hops: int = 2
        timeout_s: float = 30.0

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        if shutil.which("apertium") is None:
            raise MissingExtraError(f"apertium is not installed: {_INSTALL}")
        self._pairs = _pairs(_run(["apertium", "-l"], "", self.settings.timeout_s))

    def weights_hash(self) -> str:
        version = _run(["apertium", "-V"], "", self.settings.timeout_s)
        return hash_json([version.split("\n")[0], sorted(self._pairs.values())])

    def translate(self, lines: Sequence[Request], source: str, target: str) -> list[Translation]:
        """Each line by itself, so that no line depends on its neighbours.

        BackendError where no pairs lead from source to target, and where the program fails.
        """
        route = self.route(source, target)
        passed = [self._pairs[pair] for pair in route]
        note = "" if len(route) == 1 else f"through {' and '.join(pair[1] for pair in route[:-1])}"
        return [Translation(self._line(line.text, passed), True, note) for line in lines]

    def route(self, source: str, target: str) -> list[tuple[str, str]]:
        """The shortest chain of installed pairs from one language to the other. BackendError without one."""
        waiting: deque[list[tuple[str, str]]] = deque([[]])
        seen = {source}
        while waiting:
            row = waiting.popleft()
            reached = row[-1][1] if row else source
            if reached == target:
                return row
            if len(row) < self.settings.hops:
                nexts = sorted(pair for pair in self._pairs if pair[0] == reached and pair[1] not in seen)
                seen.update(pair[1] for pair in nexts)
                waiting.extend([*row, pair] for pair in nexts)
        known = ", ".join(f"{a} to {b}" for a, b in sorted(self._pairs)) or "none"
        raise BackendError(
            f"apertium has no way from {source} to {target}; installed: {known}. Install a pair that does"
        )

    def _line(self, text: str, passed: list[str]) -> str:
        for name in passed:
            if not any(sign.isalpha() for sign in text):
                return text.strip()
            text = _run(
                ["apertium", "-u", name], " ".join(text.split()) + "\n", self.settings.timeout_s
            ).strip()
        return text


def _pairs(listing: str) -> dict[tuple[str, str], str]:
    """Names of modes by (source, target); of several for a pair the plainest."""
    found: dict[tuple[str, str], str] = {}
    for name in sorted(listing.split(), key=lambda name: (len(name), name)):
        parts = name.split("_")[0].split("-")
        source, target = (normalise(part) for part in (parts[0], parts[-1]))
        if len(parts) == 2 and source and target:
            found.setdefault((source, target), name)
    return found


def _run(command: list[str], text: str, timeout_s: float) -> str:
    """What a command prints. BackendError where it fails or takes too long."""
    called = " ".join(command)
    try:
        done = subprocess.run(
            command, input=text.encode(), capture_output=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BackendError(
            f"'{called}' took longer than {timeout_s:g} s; raise the option timeout_s"
        ) from error
    except OSError as error:
        raise BackendError(f"'{called}' cannot be run: {error}") from error
    if done.returncode:
        told = done.stderr.decode("utf-8", "replace").strip().split("\n")[-1]
        raise BackendError(f"'{called}' failed: {told or f'status {done.returncode}'}")
    return done.stdout.decode("utf-8", "replace")
