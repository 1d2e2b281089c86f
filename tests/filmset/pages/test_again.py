"""Pages of a film set written again, or over what is not whole."""

import dataclasses
import json
import shutil
from types import SimpleNamespace

import pytest

from filmset.pages.index import index_page, write_pages
from filmset.render import FilmSet
from lssd.errors import InputError, MediaError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def written(planted_filmset, tmp_path_factory):
    """(a film set of one title, its pages as they were written)"""
    films = dataclasses.replace(planted_filmset, titles=planted_filmset.titles[:1])
    return films, write_pages(films, tmp_path_factory.mktemp("written") / "page", 12).parent


@pytest.mark.parametrize(
    "damage",
    [
        lambda told: "[]",
        lambda told: "{not JSON",
        lambda told: "\udcff".encode("utf-8", "surrogateescape").decode("latin-1"),
        lambda told: json.dumps({"key": told["key"]}),
        lambda told: json.dumps({"key": told["key"], "files": told["files"]}),
        lambda told: json.dumps(told | {"files": {}}),
        lambda told: json.dumps(told | {"between_db": {}}),
        lambda told: json.dumps(told | {"files": [1]}),
    ],
)
def test_a_damaged_stamp_counts_as_none(written, tmp_path, damage):
    films, page = written
    shutil.copytree(page, tmp_path / "page")
    stamp = tmp_path / "page" / "title-0000" / "page.json"
    whole = json.loads(stamp.read_text())
    stamp.write_text(damage(whole))
    write_pages(films, tmp_path / "page", 12)
    assert json.loads(stamp.read_text())["between_db"] == whole["between_db"]


def test_the_films_own_folder_is_no_place_for_the_page(make_filmset, tmp_path):
    films = FilmSet.open(make_filmset(tmp_path / "set", 1))
    before = sorted(films.folder.iterdir())
    (tmp_path / "link").symlink_to(films.folder)
    for out in (films.folder, films.folder / "x" / "..", tmp_path / "link"):
        with pytest.raises(InputError, match="choose another --out"):
            write_pages(films, out, 12)
    assert sorted(films.folder.iterdir()) == before


def test_a_view_of_fewer_titles_removes_the_others_pages_and_nothing_else(make_filmset, tmp_path):
    films = FilmSet.open(make_filmset(tmp_path / "set", 3))
    out = write_pages(films, tmp_path / "page", 12).parent
    for name, content in (("notes", None), ("title-0009", "[]"), ("title-0008", '{"key": "mine"}')):
        (out / name).mkdir()
        (out / name / "a.txt").write_text("mine")
        if content is not None:
            (out / name / "page.json").write_text(content)
    (out / "linked").symlink_to(out / "title-0001")
    write_pages(films, out, 1)
    folders = {path.name for path in out.iterdir() if path.is_dir() or path.is_symlink()}
    assert folders == {"title-0000", "notes", "title-0009", "title-0008", "linked"}
    assert (out / "title-0000" / "picture.mp4").is_file()


def test_a_film_that_cannot_be_read_is_named_and_the_others_have_pages(make_filmset, tmp_path, parse_markup):
    folder = make_filmset(tmp_path / "set", 3)
    films, out, done = FilmSet.open(folder), tmp_path / "page", []
    write_pages(films, out, 12)
    (folder / "title-0001.mkv").write_bytes(b"no film at all")
    write_pages(films, out, 3, SimpleNamespace(update=lambda *call: done.append(call)))
    assert done[-1] == (3, 3)
    page = parse_markup((out / "index.html").read_text())
    assert not page.faults and "Films that cannot be read" in page.text
    told = page.text[page.text.index("Films that cannot be read") :]
    assert "title-0001" in told and "Further titles" not in page.text
    assert not (out / "title-0001" / "index.html").exists()
    for name, other in (("title-0000", "title-0002"), ("title-0002", "title-0000")):
        beside = parse_markup((out / name / "index.html").read_text())
        links = [anchor["href"] for anchor in beside.all("a")]
        assert f"../{other}/index.html" in links and not any("title-0001" in link for link in links)
    assert not any("title-0001" in anchor["href"] for anchor in page.all("a"))
    (folder / "title-0000.mkv").write_bytes(b"")
    (folder / "title-0002.mkv").unlink()
    with pytest.raises((InputError, MediaError), match="title-0000"):
        write_pages(films, out, 12)


def test_the_lead_names_the_languages_that_are_there(planted_filmset, parse_markup):
    settings = dataclasses.replace(planted_filmset.settings, languages=("de", "fr", "en", "ja"))
    films = dataclasses.replace(planted_filmset, settings=settings)
    page = parse_markup(index_page(films, films.titles))
    assert "9 sound tracks in French, English and Japanese." in page.text
