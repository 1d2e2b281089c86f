"""Language tags of all styles end in one code."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lssd import languages
from lssd.corpus import IngestSettings
from lssd.corpus.ingest import ingest
from lssd.corpus.records import read_titles
from lssd.dubbing import DubSettings
from lssd.dubbing.dub import dub
from lssd.embedding.embed import embed
from lssd.errors import InputError
from lssd.speech.voices import espeak_language, voices

NO_MODEL: Any = None


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


def _read_table(column: str, tag: str, folder: Path) -> None:
    table = folder / "titles.csv"
    table.write_text(f"path,{column}\nfilm.mkv,{tag}\n")
    read_titles(table)


@pytest.mark.parametrize(
    "use",
    [
        lambda tag, film, out: ingest([film], out, IngestSettings(original=tag), quiet=True),
        lambda tag, film, out: _read_table("original_language", tag, film.parent),
        lambda tag, film, out: _read_table("languages", f"en {tag}", film.parent),
        lambda tag, film, out: dub([film], ["es", tag], out),
        lambda tag, film, out: dub([film], ["es"], out, DubSettings(source=tag)),
        lambda tag, film, out: embed(NO_MODEL, [film], language=tag),
        lambda tag, film, out: voices(tag),
        lambda tag, film, out: espeak_language(tag),
    ],
)
@pytest.mark.parametrize("tag", ["x!", "und", "nolanguage!"])
def test_a_wrong_language_is_refused_in_one_wording(
    tmp_path: Path, use: Callable[[str, Path, Path], object], tag: str
) -> None:
    (tmp_path / "film.mkv").touch()
    words = f"'{tag}' is no language; write a code or an English name, such as en, fra or Japanese"
    with pytest.raises(InputError) as refused:
        use(tag, tmp_path / "film.mkv", tmp_path / "out")
    _, _, said = str(refused.value).rpartition(": ")
    assert said == words
    assert not (tmp_path / "out").exists()
