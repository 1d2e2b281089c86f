import json

import pytest

from lssd.dubbing.lines import Line, Segment, Translation, Word
from lssd.dubbing.sidecars import (
    FoundSegments,
    LineSpeakers,
    MatchedLine,
    Mix,
    SpeakerPitch,
    SpokenLine,
    StretchedLine,
    TranscribedLines,
    Translations,
)
from lssd.errors import ItemError

# What each is, and the value on disk, which folders of earlier versions hold.
ALL = [
    (FoundSegments((Segment(0.5, 1.25),)), [[0.5, 1.25]]),
    (
        TranscribedLines((Line(0.5, 1.25, "One", (Word("One", 0.5, 1.0),), 0.75),)),
        [
            {
                "start_s": 0.5,
                "end_s": 1.25,
                "text": "One",
                "words": [{"text": "One", "start_s": 0.5, "end_s": 1.0}],
                "confidence": 0.75,
                "speaker": "",
            }
        ],
    ),
    (LineSpeakers(("S1", "S2")), ["S1", "S2"]),
    (
        Translations((Translation("Uno", False, "short"),)),
        [{"text": "Uno", "is_translation": False, "note": "short"}],
    ),
    (SpeakerPitch(None), {"pitch_hz": None}),
    (SpokenLine(22050, 44100), {"sample_rate": 22050, "samples": 44100}),
    (StretchedLine(22050), {"sample_rate": 22050}),
    (MatchedLine(("silent",)), {"flags": ["silent"]}),
    (Mix(((3, 9),), (1.0, 0.5)), {"changed": [[3, 9]], "gains": [1.0, 0.5]}),
]


@pytest.mark.parametrize(("sidecar", "on_disk"), ALL, ids=[type(one).__name__ for one, _ in ALL])
def test_what_is_written_is_read_and_damage_is_named(sidecar, on_disk, tmp_path):
    sidecar.write(tmp_path)
    path = tmp_path / sidecar.NAME
    assert json.loads(path.read_text()) == on_disk
    assert type(sidecar).read(tmp_path) == sidecar
    for damage in ("{", '{"other": 1}', "[1]", "3"):
        path.write_text(damage)
        with pytest.raises(ItemError, match=f"{sidecar.NAME} is damaged; remove"):
            type(sidecar).read(tmp_path)
    path.unlink()
    with pytest.raises(ItemError, match="is damaged"):
        type(sidecar).read(tmp_path)
