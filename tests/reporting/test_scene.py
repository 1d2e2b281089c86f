import base64
import io
from pathlib import Path

import librosa
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from lssd.corpus import Member
from lssd.corpus.schema import ClipRow, TitleRow, TrackRow, to_table
from lssd.media import encode_picture, encode_sound
from lssd.reporting import scene as scenes

RATE = 48000


def tone(hertz: float, seconds: float, level: float = 0.3) -> np.ndarray:
    time_s = np.arange(round(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * hertz * time_s))[None].astype(np.float32)


class FakeCatalog:
    """Two clips: one in two languages, a shorter one in three."""

    def __init__(self) -> None:
        frames = [np.full((48, 64, 3), value, dtype=np.uint8) for value in np.linspace(20, 230, 75)]
        self.bytes = {"picture": encode_picture(frames)}
        self.bytes |= {f"{code}": encode_sound(tone(hertz, 3.0), RATE) for code, hertz in
                       (("en", 500), ("de", 2000), ("ja", 8000))}  # fmt: skip
        rows = []
        for clip, codes in (("c1", ("en", "de")), ("c2", ("ja", "en", "de"))):
            rows.append(Member(clip, "picture", None, None, "picture", 0, 0, ""))
            rows += [Member(clip, "sound", code, code, code, 0, 0, "") for code in codes]
        self.members = to_table(Member, rows)
        self.clips = to_table(ClipRow, [ClipRow("c1", "c1", "t", 9.0), ClipRow("c2", "c2", "t", 3.0)])
        roles = (("en", "original"), ("de", "dub"), ("ja", "dub"))
        tracks = [TrackRow(c, "t", "f", 0, c, role, 1, None, None, True, None) for c, role in roles]
        self.tracks = to_table(TrackRow, tracks)
        self.titles = to_table(
            TitleRow, [TitleRow("t", "A <film>", 12.0, "en", None, "train", 64, 48, 25, 1)]
        )

    def read(self, row: Member) -> bytes:
        return self.bytes[row.shard]


@pytest.fixture
def scene(monkeypatch):
    monkeypatch.setattr(scenes.Catalog, "open", classmethod(lambda cls, root: FakeCatalog()))
    return scenes.read_scene(Path("corpus"))


def test_the_clip_with_most_languages_is_shown_original_first(scene):
    assert (scene.clip_id, scene.title) == ("c2", "A <film>")
    assert [(language, role) for language, role, _ in scene.tracks] == [
        ("English", "original"),
        ("German", "dub"),
        ("Japanese", "dub"),
    ]
    levels = scene.stills.mean(axis=(1, 2, 3))
    assert len(levels) == 5 and (np.diff(levels) > 20).all()  # the picture brightens with time
    peaks = [mel.mean(axis=1).argmax() for _, _, mel in scene.tracks]
    centres = librosa.mel_frequencies(98, fmin=0, fmax=24000, htk=True)[1:-1]
    np.testing.assert_allclose(centres[peaks], [500, 2000, 8000], rtol=0.06)


def test_the_panels_show_levels_and_differences(scene, parse, tmp_path):
    drawn = scenes.scene_markup(scene)
    path = tmp_path / "scene.html"
    path.write_text(f"<main>{drawn}</main>", encoding="utf-8")
    page = parse(path)
    images = page.all("img")
    assert len(images) == 5 + 3 + 2 + 2  # stills, spectrograms, differences, colour scales
    assert sum(image["alt"] == "" for image in images) == 2, "only the colour scales are decoration"
    assert "German minus English" in " ".join(image["alt"] for image in images)
    encoded = next(image["src"] for image in images if "German minus English" in image["alt"]).split(",")[1]
    panel = np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB")).astype(int)
    assert panel.shape[0] == 96 and panel.shape[1] <= 480
    redness = (panel[..., 0] - panel[..., 2]).mean(axis=1)[::-1]  # low frequencies first
    english, german = (scene.tracks[index][2].mean(axis=1).argmax() for index in (0, 1))
    assert redness[german] > 50 and redness[english] < -50  # louder at 2 kHz, quieter at 500 Hz
    assert np.abs(redness[70:]).max() < 10  # both silent at 10 kHz and above, but for the ends


def test_a_corpus_without_clips_is_a_sentence(monkeypatch):
    empty = FakeCatalog()
    empty.members = empty.members.slice(0, 0)
    monkeypatch.setattr(scenes.Catalog, "open", classmethod(lambda cls, root: empty))
    assert "no clip with sound" in scenes.scene_figure(Path("corpus"))


@pytest.mark.parametrize("duration_s", [float("nan"), float("inf"), -1.0, 1e300])
def test_a_clip_that_lasts_what_no_clip_can_is_named(monkeypatch, duration_s):
    wrong = FakeCatalog()
    clips = [{**row, "duration_s": duration_s} for row in wrong.clips.to_pylist()]
    wrong.clips = pa.Table.from_pylist(clips)
    monkeypatch.setattr(scenes.Catalog, "open", classmethod(lambda cls, root: wrong))
    assert f"clip c1 lasts {duration_s} s in the catalog" in scenes.scene_figure(Path("corpus"))
