"""Pages for people: results side by side, a whole study with its verdict first, a film set to look at.

They open from disk and ask nothing of the network.
"""

from lssd.reporting.study import Arm, Cost, Stage, Study
from lssd.reporting.tracks import write_track_figure, write_track_figures

__all__ = [
    "Arm",
    "Cost",
    "Stage",
    "Study",
    "write_track_figure",
    "write_track_figures",
]
