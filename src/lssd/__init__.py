"""lssd: audiovisual pretraining on dubbed films ("Looking Similar, Sounding Different", CVPR 2024).

The public names and the rooms load at first use, so that `import lssd` costs nothing.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lssd.corpus import Catalog, IngestSettings
    from lssd.corpus.ingest import ingest
    from lssd.dubbing import DubSettings
    from lssd.dubbing.dub import dub
    from lssd.embedding.embed import embed
    from lssd.evaluation import compare
    from lssd.evaluation.evaluate import evaluate
    from lssd.models import Model, load_model
    from lssd.models.average import average
    from lssd.pretraining import Recipe, Run, load_recipe
    from lssd.pretraining.pretrain import pretrain

_HOMES = {
    "Catalog": "lssd.corpus",
    "DubSettings": "lssd.dubbing",
    "IngestSettings": "lssd.corpus",
    "Model": "lssd.models",
    "Recipe": "lssd.pretraining",
    "Run": "lssd.pretraining",
    "average": "lssd.models.average",
    "compare": "lssd.evaluation",
    "dub": "lssd.dubbing.dub",
    "embed": "lssd.embedding.embed",
    "evaluate": "lssd.evaluation.evaluate",
    "ingest": "lssd.corpus.ingest",
    "load_model": "lssd.models",
    "load_recipe": "lssd.pretraining",
    "pretrain": "lssd.pretraining.pretrain",
}

__all__ = [
    "Catalog",
    "DubSettings",
    "IngestSettings",
    "Model",
    "Recipe",
    "Run",
    "average",
    "compare",
    "dub",
    "embed",
    "evaluate",
    "ingest",
    "load_model",
    "load_recipe",
    "pretrain",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if not name.startswith("_") and find_spec(f"lssd.{name}") is not None:
        return import_module(f"lssd.{name}")
    raise AttributeError(f"module 'lssd' has no attribute '{name}'")
