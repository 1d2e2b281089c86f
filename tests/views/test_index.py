"""Which clips of a corpus take part, and which of them show the same."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from lssd.corpus import Catalog, IngestSettings
from lssd.corpus.ingest import ingest
from lssd.errors import CorpusError
from lssd.views import ClipIndex, Selection

LABELS = pa.schema([("clip_id", pa.string()), ("name", pa.string()), ("value", pa.string())])


def count(catalog: Catalog, **selection: object) -> tuple[int, int]:
    index = ClipIndex.read(catalog, Selection(**selection))  # type: ignore[arg-type]
    return len(index.titles), index.clip_count


def test_selections_of_titles_and_clips(catalog: Catalog, index: ClipIndex) -> None:
    assert count(catalog) == (5, 14)
    assert (len(index.clips), index.dubbed, index.languages) == (14, 12, {"en", "de", "fr"})
    assert index.dub_languages == {("de", "fr"), ()}
    assert count(catalog, require_dub=True) == (4, 12)
    assert count(catalog, splits=("test",)) == (1, 3)
    assert count(catalog, original_languages=("en", "ko")) == (5, 14)
    assert count(catalog, except_original_languages=("ko",)) == (5, 14)
    assert count(catalog, require_languages=("en",)) == (5, 14)
    assert count(catalog, require_languages=("fr", "en")) == (4, 12)


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        ({"splits": ("valid",)}, r"no title for data.splits=\[valid\] among the 6"),
        (
            {"original_languages": ("ko", "ja")},
            r"no title for data.original_languages=\[ko, ja\] among the 5",
        ),
        ({"except_original_languages": ("en",)}, r"no title for data.except_original_languages=\[en\]"),
        ({"require_languages": ("de", "ja")}, r"no clip for data.require_languages=\[de, ja\] among the 14"),
        ({"require_dub": True, "require_background": True}, "data.require_background=true among the 12"),
    ],
)
def test_the_key_that_leaves_nothing_is_named(catalog: Catalog, selection: dict, words: str) -> None:
    with pytest.raises(CorpusError, match=words):
        ClipIndex.read(catalog, Selection(**selection))


@pytest.mark.parametrize("wrong", [{"splits": ()}, {"require_languages": ("eng",)}])
def test_wrong_selections_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(wrong))}"):
        Selection(**wrong)


def test_a_background_is_no_dub(tmp_path: Path, make_film: Callable[..., Path]) -> None:
    make_film(tmp_path / "in/a.mkv", (3.2,), ("en", None, "de"), roles=["original", "background", "dub"])
    make_film(tmp_path / "in/b.mkv", (3.2,), ("en", "de"), seed=1)
    catalog = ingest([tmp_path / "in"], tmp_path / "c", IngestSettings(workers=1), quiet=True)
    assert isinstance(catalog, Catalog)
    everything = ClipIndex.read(catalog, Selection())
    assert len(everything.clips) == 2
    assert [[dub.language for dub in clip.dubs] for clip in everything.clips] == [["de"]] * 2
    (clip,) = ClipIndex.read(catalog, Selection(require_background=True)).clips
    (track,) = [row for row in catalog.tracks.to_pylist() if row["role"] == "background"]
    assert clip.background is not None
    assert clip.background.track_id == track["track_id"]
    # The background's bytes are data of a run that hears it, as the others are.
    assert ClipIndex.of("x", ((clip,),)).digest() != everything.digest()


def test_near_duplicates_have_one_number(corpus: Path, index: ClipIndex) -> None:
    catalog = Catalog.open(corpus)
    assert [clip.duplicates for clip in index.clips] == list(range(14))
    ids = [clip.clip_id for clip in index.clips]
    scene, other = "5a" * 24, "c3" * 24
    values = {ids[1]: scene, ids[4]: other, ids[9]: scene[:-1] + "b", ids[12]: "0" * 48, ids[13]: "0" * 48}
    rows = [{"clip_id": name, "name": "fingerprint", "value": value} for name, value in values.items()]
    rows.append({"clip_id": ids[2], "name": "mood", "value": scene})
    catalog.labels = pa.Table.from_pylist(rows, schema=LABELS)
    numbers = [clip.duplicates for clip in ClipIndex.read(catalog, Selection(), near_duplicates=True).clips]
    assert numbers == [0, 1, 2, 3, 4, 5, 6, 7, 8, 1, 10, 11, 12, 13]
    catalog.labels = LABELS.empty_table()
    with pytest.raises(CorpusError, match=r"no fingerprints.*ingest its films again into a new folder"):
        ClipIndex.read(catalog, Selection(), near_duplicates=True)
