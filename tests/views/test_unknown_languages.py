"""A title of which nobody knows the original language is in no selection by languages, and counted."""

from pathlib import Path

import pytest

from lssd.corpus import Catalog, ClipSettings, IngestSettings
from lssd.corpus.ingest import ingest
from lssd.errors import CorpusError
from lssd.views import ClipIndex, LeftOut, Selection

BUT_ENGLISH = Selection(except_original_languages=("en",))


def store(
    root: Path, make_film, languages: list[str | None], titles: str | None = None, **more: str
) -> Catalog:
    for seed, language in enumerate(languages):
        make_film(root / f"in/{seed}.mkv", (3.2,), (language,), seed)
    how = IngestSettings(
        clips=ClipSettings(detect=False), workers=1, single_language=True, titles=titles, **more
    )
    found = ingest([root / "in"], root / "c", how, quiet=True)
    assert isinstance(found, Catalog)
    return found


def originals(index: ClipIndex) -> list[str | None]:
    return sorted((clip.original.language for clip in index.clips), key=str)


def test_an_unknown_language_is_not_all_but_english(tmp_path: Path, make_film) -> None:
    catalog = store(tmp_path, make_film, ["en", "fr", None, None])
    everything = ClipIndex.read(catalog, Selection())
    assert originals(everything) == [None, None, "en", "fr"] and everything.left_out == LeftOut()
    others = ClipIndex.read(catalog, BUT_ENGLISH)
    assert originals(others) == ["fr"]
    assert list(others.left_out.lines()) == ["2 titles whose original language is not known"]
    english = ClipIndex.read(catalog, Selection(original_languages=("en",)))
    assert originals(english) == ["en"] and english.left_out.titles == 2


def test_a_corpus_of_unknown_languages_alone_is_one_line(tmp_path: Path, make_film) -> None:
    catalog = store(tmp_path, make_film, [None, None])
    for selection in (BUT_ENGLISH, Selection(original_languages=("en",))):
        with pytest.raises(
            CorpusError, match="the original language of none of its 2 titles is known; name it"
        ):
            ClipIndex.read(catalog, selection)


def test_a_titles_table_names_the_language_first_or_later(tmp_path: Path, make_film) -> None:
    (tmp_path / "titles.csv").write_text("path,original_language\nin/0.mkv,fr\n")
    table = str(tmp_path / "titles.csv")
    catalog = store(tmp_path, make_film, [None, None], table)
    assert originals(ClipIndex.read(catalog, BUT_ENGLISH)) == ["fr"]
    (tmp_path / "titles.csv").write_text("path,original_language\nin/1.mkv,ja\n")
    catalog = store(tmp_path, make_film, [None, None], table)
    index = ClipIndex.read(catalog, BUT_ENGLISH)
    assert originals(index) == ["fr", "ja"] and index.left_out.titles == 0
    assert set(catalog.tracks["language"].to_pylist()) == {"fr", "ja"}


def test_the_original_language_given_for_all_names_only_tracks(tmp_path: Path, make_film) -> None:
    catalog = store(tmp_path, make_film, ["de", None], original="ja")
    assert sorted(catalog.titles["original_language"].to_pylist()) == ["de", "ja"]
