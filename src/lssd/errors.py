"""The errors that a user is meant to read: one line that says what, where and what to do.

`lssd.cli` prints the message of an `LssdError` without a traceback and exits with `exit_code`.
Anything else that escapes is a defect of this project.
"""


class LssdError(Exception):
    """Base of every error with a message for the user.

    The message is one line: what is wrong, where, and the way out.
    """

    exit_code = 2


class InputError(LssdError):
    """The request is wrong: a missing path, an unknown key, an impossible combination of options."""


class StorageError(LssdError):
    """A disk is full or a place cannot be written: the run ends, and what it has committed stays."""


ABORTING = (InputError, StorageError)  # what ends a run over many items; any other error costs its item


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
