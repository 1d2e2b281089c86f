"""Which sounds count as dubs, and what is left out of a selection by languages."""

from pathlib import Path

import pytest

from lssd.corpus import Catalog, ClipSettings, IngestSettings
from lssd.corpus.ingest import ingest
from lssd.errors import CorpusError
from lssd.pretraining import load_recipe
from lssd.views import ClipIndex, GlobalBatch, Selection, ViewSettings

TRACKS = [("en", "pt"), ("en", "de"), ("en", "de", "pt"), ("pt", "en"), ("en",)]


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory, make_film) -> Catalog:
    """A clip for each of `TRACKS`, of which the first is the original."""
    root = tmp_path_factory.mktemp("languages")
    for seed, languages in enumerate(TRACKS):
        make_film(root / f"in/{seed}.mkv", (3.2,), languages, seed)
    how = IngestSettings(clips=ClipSettings(detect=False), workers=1)
    found = ingest([root / "in"], root / "c", how, quiet=True)
    assert isinstance(found, Catalog)
    return found


def heard(index: ClipIndex) -> list[tuple[str | None, ...]]:
    return sorted((clip.original.language, *(dub.language for dub in clip.dubs)) for clip in index.clips)


def test_the_papers_seven_languages_are_dubs(films: Catalog) -> None:
    assert ViewSettings().languages == ("en", "es", "fr", "ja", "de", "it", "ko")
    index = ClipIndex.read(films, Selection())
    assert heard(index) == [("en",), ("en",), ("en", "de"), ("en", "de"), ("pt", "en")]
    assert index.left_out.dubs == (("pt", 2),)
    assert list(index.left_out.lines()) == ["dubs in pt (2 clips), which views.languages does not name"]
    required = ClipIndex.read(films, Selection(require_dub=True))
    assert heard(required) == [("en", "de"), ("en", "de"), ("pt", "en")]


def test_all_languages_are_dubs_where_none_is_named(films: Catalog) -> None:
    index = ClipIndex.read(films, Selection(require_dub=True), ViewSettings(languages=()))
    assert heard(index) == [("en", "de"), ("en", "de", "pt"), ("en", "pt"), ("pt", "en")]
    assert index.left_out.dubs == ()


@pytest.mark.parametrize(
    ("views", "selected"),
    [
        ({"languages": ("pt",)}, [("en", "pt"), ("en", "pt")]),
        # Dubs that are drawn are what is required; the others are still known.
        ({"secondary_languages": ("pt",)}, [("en", "de", "pt"), ("en", "pt")]),
        ({"secondary_languages": ("de",)}, [("en", "de"), ("en", "de")]),
    ],
)
def test_no_clip_that_has_a_dub_is_heard_twice_in_its_original(
    films: Catalog, views: dict, selected: list[tuple[str, ...]]
) -> None:
    settings = ViewSettings(batch_size=2, **views)
    index = ClipIndex.read(films, Selection(require_dub=True), settings)
    assert heard(index) == selected
    for step in range(5):
        for instance in GlobalBatch(index, settings, 0, 0, step).plan(0):
            first, second = (sound.language for sound in instance.sounds if sound is not None)
            assert first != second and second in settings.drawn_languages


def test_a_corpus_whose_dubs_are_all_left_out_says_so(tmp_path: Path, make_film) -> None:
    film = make_film(tmp_path / "f.mkv", (3.2, 3.4), ("en", "pt"))
    catalog = ingest([film], tmp_path / "c", IngestSettings(workers=1), quiet=True)
    with pytest.raises(CorpusError, match=r"require_dub=true among .* \(left out: dubs in pt \(2 clips\)"):
        ClipIndex.read(catalog, Selection(require_dub=True))


def test_packaged_recipes_with_languages_of_their_own_know_the_seven() -> None:
    views = load_recipe("controlled/EFJ").views
    assert set(views.known_languages) == set(ViewSettings().languages)
    assert views.drawn_languages == ("es", "fr", "ja")
