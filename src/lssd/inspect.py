"""What a path is, and what is in it."""

from pathlib import Path
from typing import TYPE_CHECKING

from lssd.errors import InputError

if TYPE_CHECKING:
    from filmset import FilmSetDescription
    from lssd.corpus import CorpusDescription
    from lssd.media import FilmInfo
    from lssd.models import ModelDescription
    from lssd.pretraining import RunDescription, SeedsDescription

# Each kind's room is imported where it is asked for: to look at a film must not wait for torch.


def inspect(
    path: str | Path,
) -> (
    "FilmInfo | CorpusDescription | RunDescription | SeedsDescription | ModelDescription | FilmSetDescription"
):
    """Describe a film, a corpus, a run, runs of several seeds, a model (or checkpoint) or a film set.

    `kind` of what is returned says which it is, `to_json` is its JSON value. Raises InputError for a folder
    of no such kind, MediaError for a path that is missing or no film, CheckpointError for a damaged model.
    """
    folder = Path(path)
    if not folder.is_dir():
        from lssd.media.probe import probe

        return probe(folder)
    if (folder / "catalog" / "manifest.json").exists():
        from lssd.corpus import describe_corpus

        return describe_corpus(folder)
    if (folder / "recipe.yaml").exists():
        from lssd.pretraining import describe_run

        return describe_run(folder)
    if (folder / "config.json").exists():
        from lssd.models import describe_model

        return describe_model(folder)
    if (folder / "filmset.json").exists():
        from filmset import describe_filmset

        return describe_filmset(folder)
    if any(folder.glob("seed-*/recipe.yaml")):
        from lssd.pretraining import describe_seeds

        return describe_seeds(folder)
    raise InputError(
        f"{path} is a folder, but no corpus (lssd ingest), run or model (lssd pretrain) or film set (lssd "
        "filmset)"
    )
