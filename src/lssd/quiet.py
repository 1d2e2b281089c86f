"""Warnings of this project go to the loggers `lssd.*`; here they are silenced for a while."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quieted(quiet: bool) -> Iterator[None]:
    """Log nothing inside if `quiet`: what a call's `quiet=True` and the command line's `--quiet` mean."""
    logger = logging.getLogger("lssd")
    before = logger.level
    if quiet:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)
