"""`lssd ingest` and `lssd verify`: refusals of one line, counts, names that would steer a terminal."""

from pathlib import Path

HOSTILE = "a\x1b[31m\x07\u202eb"
SHOWN = r"a\x1b[31m\x07\u202eb"


def test_refusals_are_one_line(refuse, tmp_path: Path, make_film) -> None:
    out = tmp_path / "c"
    good = make_film(tmp_path / "good.mkv", (4.0,), ("en", "de"))
    (tmp_path / "text.mkv").write_text("no film")
    (tmp_path / "file").write_text("")
    single = make_film(tmp_path / "single.mkv", (4.0,), ("en",))
    silent = make_film(tmp_path / "silent.mkv", (4.0,), ())
    untagged = make_film(tmp_path / "untagged.mkv", (4.0,), ("en", None), roles=["unknown", "unknown"])
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(good.read_bytes()[:400])
    for film, words in (
        (tmp_path / "missing.mkv", ("no such file", "missing.mkv")),
        (tmp_path / "text.mkv", ("text.mkv",)),
        (cut, ("cut.mkv",)),
        (silent, ("silent.mkv", "no sound track")),
        (single, ("single.mkv", "one language only", "--single-language")),
        (untagged, ("track 1 of", "untagged.mkv", "no language tag", "--titles")),
    ):
        refuse("ingest", film, "--out", out, "--quiet", naming=words)
        assert not out.exists()
    refuse("ingest", good, "--out", tmp_path / "file/c", "--quiet", naming=("cannot write",))


def test_one_is_counted_in_the_singular_and_a_fault_is_found(lssd, tmp_path: Path, make_film) -> None:
    film = make_film(tmp_path / "film.mkv", (4.0, 3.5), ("en", "de"))
    broken = tmp_path / "broken.mkv"
    broken.write_text("no film")
    words = (film, broken, "--out", tmp_path / "c", "--quiet", "--workers", 1)
    code, out, err = lssd("ingest", *words, "--dry-run")
    assert code == 0
    assert "1 title to ingest, 0 files stand already" in out
    assert "broken.mkv" in err and not (tmp_path / "c").exists()
    code, out, err = lssd("ingest", *words)
    assert code == 0
    assert "1 title, 2 clips, 1 file in quarantine" in out
    assert "broken.mkv" in err and "--retry-failed" in err
    assert lssd("verify", tmp_path / "c", "--quiet")[0] == 0
    shard = next((tmp_path / "c/shards").glob("*.tar"))
    data = bytearray(shard.read_bytes())
    data[600] ^= 255
    shard.write_bytes(data)
    code, out, _ = lssd("verify", tmp_path / "c", "--quiet")
    assert code == 1
    assert "1 at fault" in out


def test_the_summary_says_what_training_will_make_of_it(lssd, tmp_path: Path, make_film) -> None:
    make_film(tmp_path / "in/a_0.mkv", (3.2, 3.6), ("en", "pt"), seed=0)
    make_film(tmp_path / "in/b_0.mkv", (3.2,), (None,), seed=1)
    code, out, _ = lssd("ingest", tmp_path / "in", "--out", tmp_path / "c", "--quiet", "--workers", 1)
    assert code == 0
    assert "of one title: 1.67 of a group's 3 clips on average, 3 asked; 2 of 2 titles have fewer" in out
    assert "dubs in pt (2 clips), which views.languages does not name" in out
    assert "of unknown original language, so in no selection by languages: 1 title" in out


def test_names_in_quarantine_steer_no_terminal(lssd, tmp_path: Path, make_film) -> None:
    film = make_film(tmp_path / "in/film.mkv", (4.0,))
    (tmp_path / f"in/{HOSTILE}\nquarantine: forged.mkv").write_text("no film")
    words = ("ingest", film.parent, "--out", tmp_path / "c", "--quiet", "--workers", 1)
    for more in (("--dry-run",), ()):
        code, out, err = lssd(*words, *more)
        assert code == 0
        lines = [line for line in err.splitlines() if line.startswith("quarantine: ")]
        assert len(lines) == 1 and SHOWN + r"\nquarantine: forged.mkv" in lines[0]
        assert not set("\x1b\x07\u202e") & set(out + err)
    out = lssd("inspect", tmp_path / "c")[1]
    assert not set("\x1b\x07\u202e") & set(out)


def test_a_corpus_without_clips_says_what_was_looked_for(lssd, tmp_path: Path, make_film) -> None:
    film = make_film(tmp_path / "film.mkv", (4.0,))
    words = ("ingest", film, "--workers", 1, "--keep", 20, 30, "--out")
    assert "warning: no shot of 20-30 s was found; see --keep" in lssd(*words, tmp_path / "c")[2]
    assert lssd(*words, tmp_path / "quiet", "--quiet")[2] == ""
