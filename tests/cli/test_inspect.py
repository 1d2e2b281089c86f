"""`lssd inspect`: a film and a corpus in words and as JSON, with names that would steer a terminal."""

import json
from pathlib import Path

HOSTILE = "a\x1b[31m\x07\u009b2J\u202eb"
SHOWN = r"a\x1b[31m\x07\x9b2J\u202eb"


def test_a_film(lssd, tmp_path: Path, make_film) -> None:
    film = make_film(tmp_path / "film.mkv", (4.0, 3.5), ("en", "de"))
    code, out, _ = lssd("inspect", film, "--json")
    described = json.loads(out)
    assert code == 0
    assert [track["language"] for track in described["tracks"]] == ["en", "de"]
    assert {"path", "duration_s", "video", "tracks"} <= set(described)
    fields = {"index", "language", "role", "channels", "sample_rate", "start_s", "duration_s"}
    assert fields <= set(described["tracks"][0])
    out = lssd("inspect", film)[1]
    assert "English" in out and "2 sound tracks" in out
    alone = make_film(tmp_path / "alone.mkv", (1.0,), ("en",))
    assert "1 sound track\n" in lssd("inspect", alone)[1]


def test_a_corpus(lssd, corpus: Path) -> None:
    code, out, _ = lssd("inspect", corpus)
    assert code == 0
    assert "6 titles (1 test, 5 train), 17 clips" in out
    assert "German (de)" in out
    described = json.loads(lssd("inspect", corpus, "--json")[1])
    assert list(described) == [
        "path",
        "titles",
        "clips",
        "hours",
        "splits",
        "languages",
        "clips_by_language_count",
        "background",
        "labels",
        "shots",
        "tracks_not_kept",
        "quarantine",
    ]
    assert list(described["languages"]["de"]) == ["titles", "original_of", "clips", "hours"]
    assert described["clips_by_language_count"] == {"1": 2, "3": 15}
    assert list(described["shots"]) == ["kept", "rejected"]


def test_a_name_steers_no_terminal(lssd, tmp_path: Path, make_film) -> None:
    film = make_film(tmp_path / f"{HOSTILE}\nforged.mkv", (1.0,))
    out = lssd("inspect", film)[1]
    assert SHOWN + r"\nforged.mkv" in out
    assert not any(line.startswith("forged") for line in out.splitlines())
    as_json = lssd("inspect", film, "--json")[1]
    for raw in "\x1b\x07\u009b\u202e":
        assert raw not in out and raw not in as_json
    assert json.loads(as_json)["path"] == str(film)


def test_brackets_in_a_name_are_no_markup(lssd, tmp_path: Path, make_film) -> None:
    film = make_film(tmp_path / "[bold red]film[/bold red].mkv", (1.0,))
    assert "[bold red]film[/bold red].mkv" in lssd("inspect", film)[1]
