"""A progress line for the terminal, plain lines elsewhere."""

import sys
import time
from types import TracebackType

import rich.console
import rich.progress

_PLAIN_EVERY_S = 15.0


class Progress:
    """Show how far a long job is; a context manager.

    On a terminal: a live bar with rate and time left. Elsewhere (a log file, a pipe): at most one
    plain line every 15 seconds. Writes to stderr, so that stdout stays for results.
    """

    def __init__(self, title: str, total: int, unit: str = "items", quiet: bool = False) -> None:
        self.title, self.total, self.unit = title, total, unit
        self.done = 0
        self._note = ""
        self._started = self._last_line = time.monotonic()
        self._quiet = quiet
        self._bar: rich.progress.Progress | None = None
        if not quiet and sys.stderr.isatty():
            self._bar = rich.progress.Progress(
                rich.progress.TextColumn("{task.description}"),
                rich.progress.BarColumn(bar_width=None),
                rich.progress.MofNCompleteColumn(),
                rich.progress.TextColumn(unit),
                rich.progress.TimeElapsedColumn(),
                rich.progress.TextColumn("left"),
                rich.progress.TimeRemainingColumn(),
                rich.progress.TextColumn("{task.fields[note]}"),
                console=rich.console.Console(stderr=True),
            )
            self._task = self._bar.add_task(title, total=total, note="")

    def __enter__(self) -> "Progress":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, count: int = 1, note: str | None = None) -> None:
        """Report `count` more units done, and optionally a short note shown at the line's end."""
        self.update(self.done + count, note=note)

    def update(self, done: int, total: int | None = None, note: str | None = None) -> None:
        """Report the number of units done so far."""
        self.done = done
        self.total = self.total if total is None else total
        self._note = self._note if note is None else note
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=self.total, note=self._note)
        elif not self._quiet:
            self._print_plain()

    def _print_plain(self) -> None:
        now = time.monotonic()
        if now - self._last_line < _PLAIN_EVERY_S:
            return
        self._last_line = now
        elapsed = now - self._started
        print(
            f"{self.title}: {self.done}/{self.total} {self.unit}, {elapsed:.0f} s  {self._note}".rstrip(),
            file=sys.stderr,
            flush=True,
        )
