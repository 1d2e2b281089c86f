"""The base class of backends, and what each declares: licences, languages, requirements, weights."""

import importlib.util
import shutil
from dataclasses import dataclass
from typing import Any, ClassVar

from lssd.errors import ItemError


class BackendError(ItemError):
    """A backend failed on one line, language or film, which is flagged; the rest is done."""


@dataclass(frozen=True)
class Declaration:
    """What is known of a backend before it is loaded.

    Licences are SPDX names where there is one ("none" for no weights). `sample_rate` is what it works at
    in Hz, None for any; `languages` are codes, None for any. `version` counts changes of the method and is
    part of every key of what it made. `install` is the command that installs modules and
    programs; `weights` says which weights it needs, and the setting that names their place.
    """

    step: str
    name: str
    about: str
    code_license: str
    weights_license: str
    sample_rate: int | None
    languages: frozenset[str] | None
    device: str
    version: int
    modules: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    install: str = ""
    weights: str = ""
    clones: bool = False  # it speaks by a speaker's samples
    by_line: bool = False  # what it says depends on which line it is

    def missing(self) -> tuple[str, ...]:
        """Modules and programs that are not installed; imports none."""
        modules = (name for name in self.modules if importlib.util.find_spec(name) is None)
        programs = (name for name in self.programs if shutil.which(name) is None)
        return (*modules, *programs)


class Backend:
    """One way to do a step. A subclass has the method of its step, and its settings as a frozen dataclass.

    It is made in a process of its own, where it may crash or hang, and is called with plain values.
    It raises BackendError for what it cannot do (a line, a language, a film), InputError for settings that
    are wrong, which ends the call if the user gave it settings, and else leaves its step to the next backend.
    """

    declaration: ClassVar[Declaration]

    @dataclass(frozen=True)
    class Settings:
        """Fields with defaults, of plain JSON values."""

    def __init__(self, settings: Any = None) -> None:
        self.settings: Any = self.Settings() if settings is None else settings

    def weights_hash(self) -> str:
        """What identifies the model behind the results: a hash of weights, or "package==version"."""
        return ""
