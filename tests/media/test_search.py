"""Which files of a folder count as media."""

from pathlib import Path

from lssd.media import NO_MEDIA, find_files


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
