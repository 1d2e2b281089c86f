"""Judge frozen encoders: embeddings, probes on tasks, and comparisons that know their uncertainty.

windows      a file as windows of 3 s
embedding    files -> vectors                     cache: kept by content
tasks        HEAR's task folders                  items: their vectors
protocols    model x task -> Result               probes: the linear probe
results      what is written                      comparison: two results, item by item
intervals    uncertainty over test items          hear: a HEAR API module
"""

from lssd.evaluation.comparison import Comparison, compare
from lssd.evaluation.embedding import Embeddings, Failure, embed
from lssd.evaluation.protocols import evaluate
from lssd.evaluation.results import RANDOM_INIT, ModelReference, Result, Score
from lssd.evaluation.tasks import read_task

__all__ = [
    "RANDOM_INIT",
    "Comparison",
    "Embeddings",
    "Failure",
    "ModelReference",
    "Result",
    "Score",
    "compare",
    "embed",
    "evaluate",
    "read_task",
]
