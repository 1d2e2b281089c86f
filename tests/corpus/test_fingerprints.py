"""Fingerprints: the definition literally, from the right frames, near for what recurs, far for the rest."""

import math
from dataclasses import replace
from fractions import Fraction
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import tone

from filmset import Settings
from filmset.backgrounds import open_backgrounds
from filmset.pictures import paint_title
from filmset.script import write_script
from filmset.truth import Shot, Speaker, Title, Transition
from filmset.words import open_speech
from lssd.corpus import FINGERPRINT, Catalog, ClipSettings, IngestSettings, Member, rows_of
from lssd.corpus.fingerprints import difference_hash
from lssd.corpus.ingest import ingest
from lssd.media import SoundTrack, iterate_frames, write_film

FRAMES = 90  # of a shot


def literal(image_HWC: np.ndarray) -> int:
    """The definition in exact fractions, pixel by pixel."""
    height, width, _ = image_HWC.shape

    def mean(row: int, column: int) -> Fraction:
        top, bottom = Fraction(row * height, 8), Fraction((row + 1) * height, 8)
        left, right = Fraction(column * width, 9), Fraction((column + 1) * width, 9)
        total = Fraction(0)
        for y in range(math.floor(top), math.ceil(bottom)):
            for x in range(math.floor(left), math.ceil(right)):
                area = (min(bottom, y + 1) - max(top, y)) * (min(right, x + 1) - max(left, x))
                red, green, blue = (int(value) for value in image_HWC[y, x])
                total += area * (299 * red + 587 * green + 114 * blue)
        return total

    found = 0
    for row in range(8):
        greys = [mean(row, column) for column in range(9)]
        for left, right in pairwise(greys):
            found = 2 * found + (right > left)
    return found


def apart(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def prints(catalog: Catalog) -> dict[str, str]:
    rows = [row for row in catalog.labels.to_pylist() if row["name"] == FINGERPRINT]
    found = {row["clip_id"]: row["value"] for row in rows}
    assert len(rows) == len(found) == catalog.clips.num_rows
    return found


@settings(max_examples=12, deadline=None)
@given(st.integers(8, 20), st.integers(8, 24), st.integers(0, 2**32), st.sampled_from([2, 256]))
def test_the_hash_is_its_definition(height: int, width: int, seed: int, levels: int) -> None:
    image = np.random.default_rng(seed).integers(0, levels, (height, width, 3)).astype(np.uint8)
    assert difference_hash(image) == literal(image)


def test_what_the_bits_mean() -> None:
    image = np.zeros((16, 18, 3), np.uint8)
    for value in (0, 7, 255):
        assert difference_hash(np.full((90, 160, 3), value, np.uint8)) == 0
    image[:2, 16:] = 1  # the last cell of the first row is brighter than the one before it
    assert difference_hash(image) == 1 << 56
    image[:, :] = np.arange(18)[None, :, None]
    assert difference_hash(image) == 2**64 - 1


@pytest.mark.parametrize("fps", [Fraction(25), Fraction(24000, 1001)])
def test_it_is_taken_at_the_quarters_of_the_clip(tmp_path: Path, make_film, fps: Fraction) -> None:
    film = make_film(tmp_path / "film.mkv", (4.1, 3.3), fps=fps)
    catalog = ingest(film, tmp_path / "c", IngestSettings(workers=1), quiet=True)
    assert isinstance(catalog, Catalog)
    source = [frame.image for frame in iterate_frames(film, short_side=48)]
    for clip_id, value in prints(catalog).items():
        shot = next(row for row in catalog.shots.to_pylist() if row["shot_id"] == clip_id)
        members = rows_of(Member, catalog.members)
        member = next(row for row in members if (row.clip_id, row.kind) == (clip_id, "picture"))
        (tmp_path / "clip.mp4").write_bytes(catalog.read(member))
        stored = [frame.image for frame in iterate_frames(tmp_path / "clip.mp4")]
        places = [quarter * len(stored) // 4 for quarter in (1, 2, 3)]
        shown = [shot["start_frame"] + int(Fraction(place, 25) * fps) for place in places]
        assert value == "".join(f"{literal(source[number]):016x}" for number in shown)
        assert apart(value, "".join(f"{literal(stored[place]):016x}" for place in places)) <= 10


def test_tracks_that_come_later_change_nothing(tmp_path: Path, make_film) -> None:
    make_film(tmp_path / "a/film.mkv", (4.0, 3.5), ("en", "de"))
    more = make_film(tmp_path / "b/film.mkv", (4.0, 3.5), ("fr",), roles=["dub"])
    before = ingest([tmp_path / "a"], tmp_path / "c", IngestSettings(workers=1), quiet=True)
    after = ingest([more], tmp_path / "c", IngestSettings(workers=1), quiet=True)
    assert isinstance(before, Catalog) and isinstance(after, Catalog)
    assert prints(after) == prints(before) and len(prints(after)) == 2
    assert after.members.num_rows > before.members.num_rows


def planted(title: Title) -> Title:
    """Three shots of a title, as long as one another, and each of them again, with hard cuts alone."""
    chosen = [shot for shot in title.shots if shot.seen_to - shot.seen_from >= FRAMES][:3]
    shots: list[Shot] = []
    for number, shot in enumerate([*chosen, *chosen]):
        start, end = number * FRAMES, (number + 1) * FRAMES
        span = {"start_frame": start, "end_frame": end, "seen_from": start, "seen_to": end}
        recap_of = number - 3 if number > 2 else None
        plain = replace(shot, **span, flashes=(), events=(), recap_of=recap_of)
        shots.append(replace(plain, transition=Transition("cut", start, start)))
    return replace(title, frames=6 * FRAMES, shots=tuple(shots))


def closed(people: tuple[Speaker, ...]) -> dict[str, np.ndarray]:
    """Mouths of a shot in which nobody speaks."""
    return {person.name: np.zeros(FRAMES, np.float32) for person in people}


@pytest.mark.slow
def test_a_recap_is_near_its_original_and_all_else_is_far(tmp_path: Path) -> None:
    """Of recaps as long as their originals; both are encoded anew in the film and again in the clip."""
    chosen = Settings(seed=21, seconds=60.0, sizes=("160x96",), dubs_per_title=0, recaps=0.0)
    with open_speech(None, chosen.languages) as speech:
        titles = [planted(write_script(chosen, n, speech, open_backgrounds(None))) for n in range(2)]
    for title in titles:
        sound = SoundTrack(tone(title.frames / 25, 440.0), 48_000, "en", role="original")
        mouths = closed(title.cast)
        frames = paint_title(title, lambda number, mouths=mouths: mouths)  # type: ignore[misc]
        write_film(tmp_path / f"in/{title.name}.mkv", frames, Fraction(25), [sound])
    ingest_settings = IngestSettings(clips=ClipSettings(short_side=96), single_language=True, workers=1)
    catalog = ingest(tmp_path / "in", tmp_path / "c", ingest_settings, quiet=True)
    assert isinstance(catalog, Catalog)
    shots = {row["shot_id"]: row for row in catalog.shots.to_pylist()}
    near, far = [], []
    for one, other in combinations(prints(catalog).items(), 2):
        rows = [shots[clip_id] for clip_id, _ in (one, other)]
        assert all(row["start_frame"] % FRAMES == 0 for row in rows)
        contents = {(row["title_id"], row["start_frame"] // FRAMES % 3) for row in rows}
        (near if len(contents) == 1 else far).append(apart(one[1], other[1]))
    assert len(near) >= 5 and np.mean(np.array(near) <= 10) >= 0.8
    assert max(near) < min(far) and min(far) > 30
