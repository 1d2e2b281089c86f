"""A progress line for the terminal, plain lines elsewhere."""

import sys
import threading
import time
from contextlib import suppress
from types import TracebackType

import rich.console
import rich.progress

from lssd.text import printable

EVERY_S = 10.0


class Progress:
    """Show how far a long job is; a context manager.

    On a terminal: a live bar with the time left. Elsewhere (a log file, a pipe): a plain line every
    `every_s` seconds, also while no unit is finished. Writes to stderr, so that stdout stays for results.
    A job may have phases, each with a count of its own, or without one.
    """

    def __init__(
        self, title: str, total: int = 0, unit: str = "items", quiet: bool = False, every_s: float = EVERY_S
    ) -> None:
        self.title, self.total, self.unit = title, total, unit
        self.done = 0
        self._phase = self._note = ""
        self._begun: int | None = None  # units done when the counting began: a resumed job has some
        self._started = time.monotonic()
        self._every_s = every_s
        self._ended = threading.Event()
        self._ticker: threading.Thread | None = None
        self._bar: rich.progress.Progress | None = None
        if quiet:
            return
        if not sys.stderr.isatty():
            self._ticker = threading.Thread(target=self._tick, name="progress", daemon=True)
            return
        self._bar = rich.progress.Progress(
            rich.progress.TextColumn("{task.description}", markup=False),
            rich.progress.BarColumn(bar_width=None),
            rich.progress.TextColumn("{task.fields[count]}", markup=False),
            rich.progress.TimeElapsedColumn(),
            rich.progress.TextColumn("{task.fields[left]}", markup=False),
            rich.progress.TextColumn("{task.fields[note]}", markup=False),
            console=rich.console.Console(stderr=True),
        )
        self._task = self._bar.add_task(title, total=total or None, count="", left="", note="")

    def __enter__(self) -> "Progress":
        self._started = time.monotonic()
        if self._bar is not None:
            self._bar.start()
        if self._ticker is not None:
            self._ticker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._ticker is not None:
            self._ticker.join()
        if self._bar is not None:
            self._bar.stop()

    def phase(self, name: str, total: int = 0, unit: str | None = None) -> None:
        """Begin a part of the job, such as "training probes"; without `total`, nothing in it is counted."""
        self._phase, self._note, self.total = name, "", total
        self.unit = unit or self.unit
        self._restart(0, begun=None)
        self._show()

    def advance(self, count: int = 1, note: str | None = None) -> None:
        """Report `count` more units done, and optionally a short note shown at the line's end."""
        if self._begun is None:
            self._begun = self.done
        self.update(self.done + count, note=note)

    def update(self, done: int, total: int | None = None, note: str | None = None) -> None:
        """Report the number of units done so far; fewer than before begin the count anew."""
        if self._begun is None or done < self.done:
            self._restart(done, begun=done)
        self.done = done
        self.total = self.total if total is None else total
        self._note = self._note if note is None else note
        self._show()

    def _restart(self, done: int, begun: int | None) -> None:
        self.done, self._begun, self._started = done, begun, time.monotonic()

    def _show(self) -> None:
        if self._bar is not None:
            count = f"{self.done}/{self.total} {self.unit}" if self.total else ""
            self._bar.update(
                self._task,
                description=self._heading(),
                completed=self.done,
                total=self.total or None,
                count=count,
                left=self._left(),
                note=printable(self._note),
            )

    def _heading(self) -> str:
        return printable(f"{self.title}: {self._phase}" if self._phase else self.title)

    def _left(self) -> str:
        """The time left, if the units to come take as long as those since the count began."""
        counted = self.done - (self._begun or 0)
        if not 0 < counted <= self.done < self.total:
            return ""
        seconds = (time.monotonic() - self._started) * (self.total - self.done) / counted
        minutes, rest = divmod(round(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        words = f"{hours} h {minutes:02d} min" if hours else f"{minutes} min" if minutes > 9 else ""
        return f"about {words or f'{60 * minutes + rest} s'} left"

    def _tick(self) -> None:
        while not self._ended.wait(self._every_s):
            # A log that nobody reads any more is no reason to end the job.
            with suppress(OSError, ValueError):
                print(self._line(), file=sys.stderr, flush=True)

    def _line(self) -> str:
        count = [f"{self.done}/{self.total} {self.unit}"] if self.total else []
        left = self._left()
        facts = [*count, f"{time.monotonic() - self._started:.0f} s", *([left] if left else [])]
        return f"{self._heading()}: {', '.join(facts)}  {printable(self._note)}".rstrip()
