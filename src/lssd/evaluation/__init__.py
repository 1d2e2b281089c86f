"""Judge frozen encoders: embeddings, probes on tasks, and comparisons that know their uncertainty.

windows, reading, readers, reading_pool   a file as windows of 3 s, in this process or in others
embedding, embedder, clusters, memory     files -> vectors, here or on a cluster
cache, file_hashes, writers               what was embedded, kept by content
tasks                                     HEAR's task folders, class folders, tables
items, judging, probes, kept_probes       a task's vectors; what a probe answers on its test items
subjects, protocols                       model x task -> Result
predictions, results                      what is written
intervals, comparison                     uncertainty over test items; two models, item by item
hear, modules, module_embedding           HEAR's API: ours, and anybody's

The public names load at first use: processes that read files need none of torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lssd.evaluation.comparison import Comparison, adjust_family, compare, compare_models
    from lssd.evaluation.embedding import Embeddings, Failure, embed
    from lssd.evaluation.predictions import Predictions
    from lssd.evaluation.protocols import Unjudged, evaluate
    from lssd.evaluation.results import RANDOM_INIT, ModelReference, Result, Score
    from lssd.evaluation.tasks import read_task

_HOMES = {
    "RANDOM_INIT": "results",
    "Comparison": "comparison",
    "Embeddings": "embedding",
    "Failure": "embedding",
    "ModelReference": "results",
    "Predictions": "predictions",
    "Result": "results",
    "Score": "results",
    "Unjudged": "protocols",
    "adjust_family": "comparison",
    "compare": "comparison",
    "compare_models": "comparison",
    "embed": "embedding",
    "evaluate": "protocols",
    "read_task": "tasks",
}

__all__ = [
    "RANDOM_INIT",
    "Comparison",
    "Embeddings",
    "Failure",
    "ModelReference",
    "Predictions",
    "Result",
    "Score",
    "Unjudged",
    "adjust_family",
    "compare",
    "compare_models",
    "embed",
    "evaluate",
    "read_task",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"lssd.evaluation.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'lssd.evaluation' has no attribute '{name}'")
