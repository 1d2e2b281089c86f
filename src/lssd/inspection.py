"""What a path is, and what is in it."""

from pathlib import Path
from typing import Any

from lssd.corpus import describe_corpus
from lssd.errors import InputError
from lssd.media import probe
from lssd.pretraining import describe_run


def inspect(path: str | Path) -> tuple[str, dict[str, Any]]:
    """Describe a film, a corpus or a run folder: its kind, and a JSON value.

    Raises InputError when the path is missing or a folder of neither kind, MediaError for a file
    that is no film.
    """
    place = Path(path)
    if not place.is_dir():
        return "film", probe(place).to_json()
    if (place / "catalog" / "manifest.json").exists():
        return "corpus", describe_corpus(place)
    if (place / "recipe.yaml").exists():
        return "run", describe_run(place)
    raise InputError(f"{path} is a folder, but neither a corpus (lssd ingest) nor a run (lssd pretrain)")
