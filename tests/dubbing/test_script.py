import json

import pytest

from lssd.dubbing.lines import Line, Translation, Word
from lssd.dubbing.script import Said, Script, said_of
from lssd.errors import ItemError


@pytest.fixture
def script():
    lines = [
        Line(0.51234, 1.5, "Good morning.", (Word("Good", 0.5123, 0.8),), 0.91, "S1"),
        Line(2.0, 3.25, "", speaker="S2"),
    ]
    said = Said.from_backend(Translation("Buenos días.", True), "apertium", said_of("x", "es", 1.0, "a"))
    return Script.from_lines(lines, "en", "key").with_said("es", {"0001": said})


def test_reads_back_what_was_written(script, tmp_path):
    script.write(tmp_path / "u.json")
    assert Script.read(tmp_path / "u.json") == script
    assert [one.id for one in script.utterances] == ["0001", "0002"]
    assert script.utterances[0].start_s == 0.512 and not script.by_hand
    before = (tmp_path / "u.json").stat().st_mtime_ns
    script.write(tmp_path / "u.json")
    assert (tmp_path / "u.json").stat().st_mtime_ns == before


def test_knows_what_was_changed_by_hand(script, tmp_path):
    path = tmp_path / "u.json"
    script.write(path)
    value = json.loads(path.read_text())
    value["utterances"][0]["said"]["es"]["text"] = "Muy buenos días."
    value["utterances"][1]["said"]["fr"] = "Oui."
    path.write_text(json.dumps(value))
    edited = Script.read(path)
    assert edited.utterances[0].said["es"].by_hand and not script.utterances[0].said["es"].by_hand
    assert edited.utterances[1].said["fr"].by_hand and edited.by_hand
    value["utterances"][1]["text"] = "Hello."
    path.write_text(json.dumps(value))
    assert Script.read(path).by_hand


@pytest.mark.parametrize(
    ("key", "wrong", "message"),
    [
        ("end_s", 0.1, "utterance 0001 must begin before it ends, not 0.512 to 0.1"),
        ("start_s", "soon", "utterance 0001 lacks something"),
        ("id", "0002", "two utterances have the id 0002"),
        ("said", {"es": {"text": "a", "texxt": "b"}}, "utterance 0001 lacks something or has too much"),
        ("said", {"es": {"text": 3}}, "what is said must be text"),
        ("speaker", None, "speaker, text and what is said must be text"),
    ],
)
def test_nonsense_is_named(script, tmp_path, key, wrong, message):
    path = tmp_path / "u.json"
    script.write(path)
    value = json.loads(path.read_text())
    value["utterances"][0][key] = wrong
    path.write_text(json.dumps(value))
    with pytest.raises(ItemError, match=message):
        Script.read(path)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "u.json"
    for text, message in (
        ("{", "damaged"),
        ("[]", "no file of utterances"),
        ('{"format": 1}', "must be a list"),
    ):
        path.write_text(text)
        with pytest.raises(ItemError, match=message):
            Script.read(path)
