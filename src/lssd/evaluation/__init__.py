"""Judge frozen encoders: probes on tasks, and comparisons that know their uncertainty.

evaluate              models x tasks -> Evaluation: the results, and what could not be judged
models, foreign       what can be evaluated: our models, their untrained twins, anybody's HEAR modules
tasks                 labelled sounds and films: HEAR's folders, class folders, tables
probing, probes       a task's vectors -> scores of its test items; the small classifiers that give them
metrics               every metric: what it is called, what it needs, how it is computed
predictions, results  what is written
statistics            uncertainty over test items; two models, item by item
hear                  HEAR's API over our own models

The public names load at first use. The verb itself is `lssd.evaluate`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lssd.evaluation.evaluate import Evaluation, Unjudged
    from lssd.evaluation.predictions import Predictions
    from lssd.evaluation.results import RANDOM_INIT, ModelReference, Result, Score
    from lssd.evaluation.statistics.comparison import (
        Comparison,
        adjust_family,
        compare,
        compare_models,
        compare_seeds,
    )
    from lssd.evaluation.tasks import read_task

_HOMES = {
    "Comparison": "statistics.comparison",
    "Evaluation": "evaluate",
    "ModelReference": "results",
    "Predictions": "predictions",
    "RANDOM_INIT": "results",
    "Result": "results",
    "Score": "results",
    "Unjudged": "evaluate",
    "adjust_family": "statistics.comparison",
    "compare": "statistics.comparison",
    "compare_models": "statistics.comparison",
    "compare_seeds": "statistics.comparison",
    "read_task": "tasks",
}

__all__ = [
    "RANDOM_INIT",
    "Comparison",
    "Evaluation",
    "ModelReference",
    "Predictions",
    "Result",
    "Score",
    "Unjudged",
    "adjust_family",
    "compare",
    "compare_models",
    "compare_seeds",
    "read_task",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"lssd.evaluation.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'lssd.evaluation' has no attribute '{name}'")
