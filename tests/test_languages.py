"""Language tags of all styles end in one code."""

import pytest

from lssd import languages


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        *(("eng", "en"), ("ger", "de"), ("deu", "de"), ("fre", "fr"), ("fra", "fr"), ("jpn", "ja")),
        *(("pt-BR", "pt"), ("pt_br", "pt"), ("German", "de"), ("KOR", "ko"), ("yue", "yue")),
        *(("und", None), ("", None), (None, None), ("qaa", None), ("qqq", None), ("zxx", None), ("x!", None)),
    ],
)
def test_normalise(tag: str | None, code: str | None) -> None:
    assert languages.normalise(tag) == code


@pytest.mark.parametrize(
    ("name", "code"),
    [
        *(
            ("80114859_228_de.mp4", "de"),
            ("film.fra.mkv", "fr"),
            ("film-ja.mkv", "ja"),
            ("a b ita.mp4", "it"),
        ),
        *(("the_german.mkv", None), ("de.mkv", None), ("up_the.mkv", None), ("take_12.mkv", None)),
    ],
)
def test_from_file_name(name: str, code: str | None) -> None:
    assert languages.from_file_name(name) == code


def test_display_name() -> None:
    assert languages.display_name("ja") == "Japanese"
    assert languages.display_name(None) == "undetermined"
