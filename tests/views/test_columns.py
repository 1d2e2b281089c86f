"""The columnar index against a literal loop over the catalog's rows, and what its columns hold."""

import pickle
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lssd.corpus import Catalog, Member
from lssd.corpus.schema import TABLES
from lssd.errors import CorpusError
from lssd.store import hash_json
from lssd.views import ClipEntry, ClipIndex, Selection, ViewSettings
from lssd.views.columns import Codes, Texts

IndexMaker = Callable[..., ClipIndex]
LANGUAGES = ("de", "en", None, "fr")
ROLES = ("original", "dub", "dub", "dub", "background", "commentary")


def random_rows(seed: int) -> dict[str, list[dict[str, Any]]]:
    """A catalog of a few titles, in a mess: any number of members of any role, in any order, some missing."""
    random = np.random.default_rng(seed)
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    for title in range(int(random.integers(1, 5))):
        name = f"t{random.integers(1000)}{title}"
        rows["titles"].append({"title_id": name, "split": "train" if random.random() < 0.8 else "test"})
        tracks = [f"track{number}" for number in range(int(random.integers(1, 7)))]  # shared by titles
        for track in tracks:
            row = {"track_id": track, "title_id": name, "kept": True, "role": str(random.choice(ROLES))}
            rows["tracks"] += [row, {**row, "kept": False, "role": "dub"}]
        for clip in range(int(random.integers(5))):
            clip_id = f"{15 - title:02x}{clip:02x}" if seed % 3 == 0 else f"{name}-{clip}"
            clip_id += "é" * int(random.integers(2) if seed % 3 == 1 else 0)
            rows["clips"].append({"clip_id": clip_id, "title_id": name, "duration_s": random.random()})
            kinds = ["meta"] + ["picture"] * int(random.integers(3)) + ["sound"] * int(random.integers(9))
            for kind in kinds:
                rows["members"].append(
                    {
                        "clip_id": clip_id,
                        "kind": kind,
                        "track_id": str(random.choice(tracks)) if kind == "sound" else None,
                        "language": LANGUAGES[random.integers(4)] if kind == "sound" else None,
                        "shard": f"{name}-{random.integers(3)}.tar",
                        "offset": int(random.integers(1 << 40)),
                        "length": int(random.integers(1 << 20)),
                        "sha256": random.bytes(32).hex(),
                    }
                )
    for table in ("titles", "clips", "members"):
        rows[table] = [rows[table][number] for number in random.permutation(len(rows[table]))]
    return rows


def make_catalog(rows: dict[str, list[dict[str, Any]]], pieces: int = 3) -> Any:
    """The tables, in several chunks each."""
    tables = {}
    for name, schema in TABLES.items():
        parts = [rows[name][start::pieces] for start in range(pieces)]
        rows[name] = [row for part in parts for row in part]
        tables[name] = pa.concat_tables([pa.Table.from_pylist(part, schema=schema) for part in parts])
    return SimpleNamespace(root="nowhere", **tables)


def literal(rows: dict[str, list[dict[str, Any]]]) -> list[ClipEntry]:
    """The clips of the titles of split train, one by one."""
    roles = {(row["title_id"], row["track_id"]): row["role"] for row in rows["tracks"] if row["kept"]}
    train = {row["title_id"] for row in rows["titles"] if row["split"] == "train"}
    found: list[ClipEntry] = []
    for clip in sorted(rows["clips"], key=lambda row: (row["title_id"], row["clip_id"])):
        if clip["title_id"] not in train:
            continue
        own: dict[str, list[Member]] = {"picture": [], **{role: [] for role in ROLES}}
        for row in rows["members"]:
            if row["clip_id"] == clip["clip_id"] and row["kind"] != "meta":
                is_sound = row["kind"] == "sound"
                own[roles[clip["title_id"], row["track_id"]] if is_sound else "picture"].append(Member(**row))
        if own["picture"] and own["original"]:
            found.append(
                ClipEntry(
                    **{key: clip[key] for key in ("clip_id", "title_id", "duration_s")},
                    picture=own["picture"][0],
                    original=own["original"][0],
                    dubs=tuple(sorted(own["dub"], key=lambda member: str(member.language))),
                    background=own["background"][0] if own["background"] else None,
                    duplicates=len(found),
                )
            )
    return found


EVERY = ViewSettings(languages=())  # all languages are dubs, and unknown ones


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_the_index_is_that_of_a_loop_over_the_rows(seed: int) -> None:
    rows = random_rows(seed)
    catalog = make_catalog(rows)
    wanted = literal(rows)
    try:
        index = ClipIndex.read(catalog, Selection(), EVERY)
    except CorpusError:
        assert not wanted
        return
    assert list(index.clips) == wanted
    assert [[clip.title_id for clip in title] for title in index.titles] == [
        [title] * count for title, count in sorted(Counter(clip.title_id for clip in wanted).items())
    ]
    assert index.digest() == hash_json(
        [[clip.clip_id, *(member.sha256 for member in clip.members)] for clip in wanted]
    )
    dubs = Counter(tuple(dub.language for dub in clip.dubs) for clip in wanted)
    assert (index.dub_counts, index.dub_languages) == (dubs, frozenset(dubs))
    assert index.dubbed == sum(bool(clip.dubs) for clip in wanted)
    spoken = {track.language for clip in wanted for track in (clip.original, *clip.dubs)}
    assert index.languages == spoken - {None}
    assert ClipIndex.of("nowhere", index.titles) == index
    seven = ViewSettings().languages
    assert list(ClipIndex.read(catalog, Selection()).clips) == [
        replace(clip, dubs=tuple(dub for dub in clip.dubs if dub.language in seven)) for clip in wanted
    ]
    for selection, fits in (
        (Selection(require_languages=("de", "fr")), lambda clip: clip.sound("de") and clip.sound("fr")),
        (Selection(require_dub=True), lambda clip: clip.dubs),
        (Selection(require_background=True), lambda clip: clip.background),
    ):
        left = [clip for clip in wanted if fits(clip)]
        if left:
            found = ClipIndex.read(catalog, selection, EVERY).clips
            assert list(found) == [replace(clip, duplicates=n) for n, clip in enumerate(left)]
        else:
            with pytest.raises(CorpusError, match=f"among the {len(wanted)} "):
                ClipIndex.read(catalog, selection, EVERY)


def test_an_index_travels_by_value(index: ClipIndex, make_index: IndexMaker) -> None:
    there = pickle.loads(pickle.dumps(index))
    assert there == index and hash(there) == hash(index) and list(there.clips) == list(index.clips)
    assert index != make_index([2])
    changed = [replace(clip, original=clip.original._replace(sha256="0" * 64)) for clip in index.clips]
    assert ClipIndex.of(index.root, [changed]) != ClipIndex.of(index.root, [list(index.clips)])


def test_clips_are_reached_as_those_of_a_tuple(make_index: IndexMaker) -> None:
    index = make_index([3, 1, 2])
    clips = tuple(index.clips)
    assert [len(title) for title in index.titles] == [3, 1, 2] and len(index.clips) == 6
    assert index.clips[-1] == clips[-1] == index.titles[-1][-1] and index.clips[1:3] == clips[1:3]
    assert [list(title) for title in index.titles[1:]] == [[clips[3]], list(clips[4:])]
    assert index.clips[np.int64(3)].title_id == "t001"
    for wrong in (lambda: index.clips[6], lambda: index.titles[3], lambda: index.titles[1][1]):
        with pytest.raises(IndexError):
            wrong()


def test_a_clip_takes_few_bytes(catalog: Catalog) -> None:
    """Four members a clip: no more than 400 bytes, beside what titles and shards take."""
    rows = random_rows(0)
    title = {"title_id": "t", "split": "train"}
    tracks = [{"track_id": f"{n:016x}", "title_id": "t", "kept": True, "role": ROLES[n]} for n in range(3)]
    ids = [f"{0:016x}-{n:07d}-{n:07d}" for n in range(4000)]
    rows |= {"titles": [title], "tracks": tracks, "members": []}
    rows["clips"] = [{"clip_id": name, "title_id": "t", "duration_s": 4.0} for name in ids]
    for name in ids:
        place = {"clip_id": name, "shard": "t-1-000.tar", "offset": 1, "length": 2, "sha256": "ab" * 32}
        rows["members"].append({**place, "kind": "picture"})
        rows["members"] += [{**place, "kind": "sound", "track_id": row["track_id"]} for row in tracks]
    index = ClipIndex.read(make_catalog(rows), Selection())
    assert index.clip_count == 4000 and len(pickle.dumps(index)) < 400 * 4000


def test_a_sound_of_no_kept_track_is_named() -> None:
    rows = random_rows(0)
    rows["titles"] = [{**row, "split": "train"} for row in rows["titles"]]
    rows["tracks"] = [row for row in rows["tracks"] if not row["kept"]]
    with pytest.raises(CorpusError, match=r"has a sound of track track\d, which is no kept track"):
        ClipIndex.read(make_catalog(rows), Selection())


@pytest.mark.parametrize(
    ("texts", "width"),
    [
        (["00ff", "abcd"], 2),
        (["00ff", "ABCD"], 4),  # other digits than the catalog's would come back changed
        (["00ff", "abc"], 4),
        (["é", "", "a\n"], 2),
        ([], 1),
    ],
)
def test_texts_come_back(texts: list[str], width: int) -> None:
    packed = Texts.pack(pa.chunked_array([texts[:1], texts[1:]], pa.string()))
    assert packed.read(slice(None)) == texts and packed.data.itemsize == width
    rows = np.arange(len(texts))[::-1]
    assert packed.take(rows).read(slice(None)) == texts[::-1]


def test_codes_keep_the_names_that_are_used() -> None:
    names = ["b", None, "a", "c", "b"]
    codes = Codes.pack(pa.chunked_array([names[:2], names[2:]]))
    assert codes.read(slice(None)) == names and codes.names == ("a", "b", "c", None)
    taken = codes.take(np.array([0, 1, 3]))
    assert taken.read(slice(None)) == ["b", None, "c"] and taken.names == ("b", "c", None)
    assert taken == Codes.pack(pa.chunked_array([["b", None, "c"]]))
    many = Codes.pack(pa.chunked_array([[str(number) for number in range(300)]]))
    assert many.codes.dtype == np.int16 and codes.codes.dtype == np.int8
