"""Which files of a folder count as media."""

from pathlib import Path

import pytest

from lssd.errors import InputError
from lssd.media import FILMS, NO_MEDIA, SOUNDS, find_files, find_films, find_media, is_text, spelled


def test_media_are_found_below_a_folder_but_not_what_is_made_from_them(tmp_path: Path) -> None:
    for name in (
        "b.mkv",
        "a.MKV",
        "notes.txt",
        ".partial.mkv",
        "deep/er/c.mkv",
        "page/title/d.mkv",
        "e.mkv/x",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "page" / NO_MEDIA).touch()
    found = [str(path.relative_to(tmp_path)) for path in find_files(tmp_path, {".mkv"})]
    assert found == ["a.MKV", "b.mkv", "deep/er/c.mkv"]
    # The folder that is asked for itself is searched in any case.
    assert [path.name for path in find_files(tmp_path / "page", {".mkv"})] == ["d.mkv"]


def test_all_verbs_find_the_same_films(tmp_path: Path) -> None:
    for suffix in (*FILMS, *SOUNDS, ".txt"):
        (tmp_path / f"a{suffix}").touch()
    assert {path.suffix for path in find_films([tmp_path])} == FILMS
    assert {path.suffix for path in find_media([tmp_path])} == FILMS | SOUNDS
    assert {".3g2", ".asf", ".divx", ".dv", ".f4v", ".m1v", ".m2v", ".rm", ".rmvb", ".vob", ".y4m"} <= FILMS
    assert not FILMS & SOUNDS


def test_a_folder_without_media_is_a_wrong_request(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    for find in (find_films, find_media):
        with pytest.raises(InputError, match=f"no .*film.* in .*{tmp_path.name}"):
            find([tmp_path])


@pytest.mark.parametrize(
    ("name", "text", "written"),
    [
        ("a.wav", True, "a.wav"),
        ("日本.wav", True, "日本.wav"),
        ("caf\udce9.wav", False, r"caf\udce9.wav"),
        # As Python spells the bytes of UTF-8 where the locale is not UTF-8.
        ("caf\udcc3\udca9.wav", True, "café.wav"),
        ("\ud800.wav", False, r"\ud800.wav"),
    ],
)
def test_names_are_told_apart_by_their_bytes(name: str, text: bool, written: str) -> None:
    assert is_text(name) is text
    assert spelled(name) == spelled(Path(name)) == written
