"""Clip indexes that are made up, for draws of which nothing is read, and the small corpus' index."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from lssd.corpus import Catalog, Member
from lssd.views import ClipEntry, ClipIndex, Selection

IndexMaker = Callable[..., ClipIndex]


@pytest.fixture(scope="session")
def make_index() -> IndexMaker:
    """Titles of so many clips each, in English, with these dubs."""

    def make(
        counts: Sequence[int],
        dubs: tuple[str, ...] = ("de", "fr"),
        seconds: float = 6.0,
        background: bool = False,
    ) -> ClipIndex:
        numbers = iter(range(sum(counts)))

        def clip(title: int, number: int) -> ClipEntry:
            name = f"t{title:03d}-{number:03d}"

            def member(kind: str, sha256: str, language: str | None = None) -> Member:
                return Member(name, kind, None, language, "shard.tar", 0, 0, sha256)

            return ClipEntry(
                clip_id=name,
                title_id=f"t{title:03d}",
                duration_s=seconds,
                picture=member("picture", f"{name}-p"),
                original=member("sound", name, "en"),
                dubs=tuple(member("sound", f"{name}-{code}", code) for code in dubs),
                background=member("sound", f"{name}-b") if background else None,
                duplicates=next(numbers),
            )

        titles = [tuple(clip(title, number) for number in range(count)) for title, count in enumerate(counts)]
        return ClipIndex.of("nowhere", tuple(titles))

    return make


@pytest.fixture(scope="session")
def catalog(corpus: Path) -> Catalog:
    return Catalog.open(corpus)


@pytest.fixture(scope="session")
def index(catalog: Catalog) -> ClipIndex:
    return ClipIndex.read(catalog, Selection())
