"""Pages for people: results side by side, and a whole study with its verdict first.

Everything is one HTML file that opens from disk and asks nothing of the network.
"""

from lssd.reporting.page import report, report_study
from lssd.reporting.study import Arm, Stage, Study

__all__ = ["Arm", "Stage", "Study", "report", "report_study"]
