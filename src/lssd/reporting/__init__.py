"""Pages for people: results side by side, a whole study with its verdict first, a film set to look at.

They open from disk, without a network. `terminal` is what the command line prints. The public names load at
first use, so that the command line need not wait for plotting libraries.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lssd.reporting.study import Arm, Cost, Stage, Study
    from lssd.reporting.tracks import write_track_figure, write_track_figures

_HOMES = {
    "Arm": "study",
    "Cost": "study",
    "Stage": "study",
    "Study": "study",
    "write_track_figure": "tracks",
    "write_track_figures": "tracks",
}

__all__ = ["Arm", "Cost", "Stage", "Study", "write_track_figure", "write_track_figures"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"lssd.reporting.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'lssd.reporting' has no attribute '{name}'")
