"""The program in this process: what it returns and what it writes."""

from collections.abc import Callable

import pytest

from lssd.cli import main

Lssd = Callable[..., tuple[int, str, str]]


@pytest.fixture
def lssd(capsys: pytest.CaptureFixture[str]) -> Lssd:
    """Run `lssd` with these words: (exit code, stdout, stderr)."""

    def run(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = main([str(word) for word in words])
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def refuse(lssd: Lssd) -> Callable[..., None]:
    """Run `lssd` with these words and check that it refuses in one line that has every word of `naming`."""

    def run(*words: object, naming: tuple[str, ...]) -> None:
        code, out, err = lssd(*words)
        assert (code, out) == (2, "")
        assert len(err.strip().splitlines()) == 1, err
        for word in naming:
            assert word in err

    return run
