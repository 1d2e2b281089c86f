"""The errors that a user is meant to read: one line that says what, where and what to do.

`lssd.cli` prints the message of an `LssdError` without a traceback and exits with `exit_code`.
Anything else that escapes is a defect of this project.
"""

import errno

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class LssdError(Exception):
    """Base of every error with a message for the user.

    The message is one line: what is wrong, where, and the way out.
    """

    exit_code = 2


class InputError(LssdError):
    """The request is wrong: a missing path, an unknown key, an impossible combination of options."""


class StorageError(LssdError):
    """A disk is full or a place cannot be written: the run ends, and what it has committed stays."""


class StoppedError(LssdError):
    """A run was asked to stop (SIGTERM) and has saved where it is; an empty message: another process says so.

    The exit code is that of a program which the signal ends, 128 + 15. Schedulers know it for a job that was
    stopped from outside, and start it again.
    """

    exit_code = 143


ABORTING = (InputError, StorageError)  # what ends a run over many items; any other error costs its item


def storage_error(error: BaseException, place: object = None) -> StorageError | None:
    """The StorageError that an operating system's error stands for; None for any other error.

    It does for a disk that is full, a quota that is used up, and a file system that is read-only. `place`
    is what was being written, where the error itself does not say.
    """
    if not isinstance(error, OSError) or error.errno not in _NO_ROOM:
        return None
    where = place if place is not None else error.filename
    return StorageError(
        f"cannot write{'' if where is None else f' {where}'}: {error.strerror}; free some space or choose "
        "another place, then run again"
    )


class ItemError(LssdError):
    """One item of many cannot be used as asked: it is quarantined or reported, and the others go on."""


class MediaError(ItemError):
    """A file cannot be read as film or sound."""


class CorpusError(LssdError):
    """A corpus is missing, incomplete, or lacks what is asked of it."""


class CheckpointError(LssdError):
    """Weights or a training state are missing, truncated, or belong to another architecture or recipe."""


class MissingExtraError(LssdError):
    """An optional dependency is not installed; the message names the extra that brings it."""


def install_hint(extra: str = "") -> str:
    """The command that installs this project with an extra, in its clone: the package index does not have it.

    >>> install_hint("filmset")
    "pip install -c constraints.txt -e '.[filmset]'"
    """
    return (
        f"pip install -c constraints.txt -e '.[{extra}]'" if extra else "pip install -c constraints.txt -e ."
    )
