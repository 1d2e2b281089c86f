"""What a path is, and what is in it."""

from pathlib import Path
from typing import Any

from lssd.corpus import describe_corpus
from lssd.errors import InputError
from lssd.media import probe
from lssd.pretraining import describe_run


def inspect(path: str | Path) -> tuple[str, dict[str, Any]]:
    """Describe a film, a corpus, a run or a film set: its kind, and a JSON value.

    Raises InputError when the path is missing or a folder of no such kind, MediaError for a file
    that is no film.
    """
    place = Path(path)
    if not place.is_dir():
        return "film", probe(place).to_json()
    if (place / "catalog" / "manifest.json").exists():
        return "corpus", describe_corpus(place)
    if (place / "recipe.yaml").exists():
        return "run", describe_run(place)
    if (place / "filmset.json").exists():
        from filmset import describe_filmset

        return "filmset", describe_filmset(place)
    raise InputError(
        f"{path} is a folder, but no corpus (lssd ingest), run (lssd pretrain) or film set (lssd filmset)"
    )
