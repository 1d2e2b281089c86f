"""What every part of a film's dubbing needs to know."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lssd.dubbing.backend_pool import BackendPool, Tool
from lssd.dubbing.film import Film
from lssd.dubbing.settings import DubSettings
from lssd.dubbing.sound import Sound
from lssd.dubbing.workspace import Workspace


@dataclass(frozen=True)
class Stems:
    """The original and what it was separated into. `key`: of all three."""

    original: Sound
    speech: Sound
    background: Sound
    key: str


@dataclass(frozen=True)
class Job:
    """One film on its way. `beside`: the user's files about it.

    flags: what its user should know of the whole film; listening: what found its lines.
    """

    film: Film
    folder: Path
    stems: Stems
    beside: Sequence[Path]
    settings: DubSettings
    pool: BackendPool
    workspace: Workspace
    flags: list[str] = field(default_factory=list)
    listening: list[Tool] = field(default_factory=list)
