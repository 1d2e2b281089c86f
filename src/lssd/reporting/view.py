"""`view`: a page to look at what a folder holds."""

from pathlib import Path

from lssd.engine import Progress


def view(
    path: str | Path,
    out: str | Path | None = None,
    titles: int = 12,
    progress: Progress | None = None,
) -> Path:
    """Write a page that shows a film set, and return its index.html: it opens from disk, without a network.

    The page has a contact sheet, and for each of up to `titles` titles a player that switches tracks while
    it plays, spectrograms and the whole truth. out: where to write it, `path/page` when left out. A second
    call makes anew only what has changed. progress: told how many titles are done.

    Raises InputError when `path` holds no film set, when `out` cannot be written, or for fewer than 1 or more
    than 200 titles.
    """
    from filmset.pages.index import write_pages
    from filmset.render import FilmSet

    films = FilmSet.open(path)
    return write_pages(films, Path(path) / "page" if out is None else Path(out), titles, progress)
