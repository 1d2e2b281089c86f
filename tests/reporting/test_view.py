from types import SimpleNamespace

import pytest

from lssd.errors import InputError
from lssd.reporting.view import view


def test_a_film_sets_page_lies_in_it_or_where_it_is_asked_for(make_filmset, tmp_path):
    folder, done = make_filmset(tmp_path / "set", 2), []
    page = view(str(folder), titles=1, progress=SimpleNamespace(update=lambda *call: done.append(call)))
    assert page == folder / "page" / "index.html" and done == [(0, 1), (1, 1)]
    assert "2 rendered films" in page.read_text(encoding="utf-8")
    assert sorted(path.name for path in page.parent.iterdir() if path.is_dir()) == ["title-0000"]
    elsewhere = view(folder, tmp_path / "deep" / "site", 1)
    assert elsewhere == tmp_path / "deep" / "site" / "index.html"
    truth = '<a href="../../../set/title-0000.json">'
    assert truth in (elsewhere.parent / "title-0000" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["", "nowhere"])
def test_what_is_no_film_set_is_refused_in_one_line(tmp_path, name):
    with pytest.raises(InputError, match="holds no film set") as refused:
        view(tmp_path / name)
    assert "\n" not in str(refused.value)
    assert not list(tmp_path.iterdir())
