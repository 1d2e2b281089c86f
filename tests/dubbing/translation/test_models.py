import importlib.util
import sys
from pathlib import Path

import pytest
import torch

from lssd.dubbing.declaration import BackendError
from lssd.dubbing.lines import Request
from lssd.dubbing.translation import BACKENDS, Seamless, SequenceToSequence
from lssd.dubbing.translation.sequence import _flores
from lssd.errors import InputError, MissingExtraError

pytest.importorskip("transformers")
pytest.importorskip("sentencepiece")
sys.path.insert(0, str(Path(__file__).parent))
from tiny_translators import write_madlad, write_marian, write_nllb, write_seamless

torch.set_num_threads(1)
LINES = [
    Request("where are you", 1.1, "a"),
    Request(" ", 1.0, "b"),
    Request("over here by the lake", 0.8, "c"),
]


def sequence(folder, **more):
    return SequenceToSequence(SequenceToSequence.Settings(model=str(folder), most_tokens=8, **more))


def check(backend, source="en", target="es"):
    """Every line gets words, an empty one none, and none depends on the others."""
    made = backend.translate(LINES, source, target)
    assert [one.is_translation for one in made] == [True] * 3 and made[1].text == ""
    assert all(not one.text.startswith(("<", ">", "_")) for one in made)
    assert backend.translate(LINES[2:], source, target) == made[2:]
    return made


def test_marian_of_one_pair(tmp_path):
    backend = sequence(write_marian(tmp_path))
    assert any(one.text for one in check(backend))
    with pytest.raises(BackendError, match="translates en to es, not fr to es"):
        backend.translate(LINES, "fr", "es")


def test_marian_of_several_targets(tmp_path):
    backend = sequence(write_marian(tmp_path, ("fra", "spa")))
    check(backend, "en", "fr")
    prefix, manner = backend._languages("en", "fr")
    assert backend._tokenizer(prefix + "where").input_ids[0] == backend._tokenizer.get_vocab()[">>fra<<"]
    assert manner == {}
    with pytest.raises(BackendError, match="does not know de"):
        backend.translate(LINES, "en", "de")


def test_madlad_is_told_the_target(tmp_path):
    backend = sequence(write_madlad(tmp_path))
    check(backend)
    assert backend._languages("en", "fr") == ("<2fr> ", {})
    with pytest.raises(BackendError, match="does not know ja"):
        backend.translate(LINES, "en", "ja")


def test_nllb_is_told_both_languages(tmp_path):
    backend = sequence(write_nllb(tmp_path))
    _, manner = backend._languages("en", "ja")
    assert manner == {"forced_bos_token_id": backend._tokenizer.get_vocab()["jpn_Jpan"]}
    check(backend, "en", "es")
    with pytest.raises(BackendError, match="does not know it"):
        backend.translate(LINES, "en", "it")


def test_names_of_flores():
    assert [_flores(code) for code in ("en", "ja", "ko", "zh", "ar", "no", "et")] == [
        "eng_Latn",
        "jpn_Jpan",
        "kor_Hang",
        "zho_Hans",
        "arb_Arab",
        "nob_Latn",
        "est_Latn",
    ]


def test_of_good_hypotheses_the_one_that_fits_is_taken(tmp_path):
    backend = sequence(write_marian(tmp_path))
    texts, scores = (
        ["sí", "claro que sí, amigo mío", "una frase larguísima que no es buena"],
        [-1.0, -1.1, -9.0],
    )
    assert backend._fitting(texts, scores, 0.2, "es") == "sí"
    assert backend._fitting(texts, scores, 9.0, "es") == "claro que sí, amigo mío"
    check(sequence(tmp_path, fitting=0.0))


def test_seamless(tmp_path):
    folder = write_seamless(tmp_path)
    backend = Seamless(Seamless.Settings(model=str(folder), most_tokens=8, beam=2))
    check(backend)
    with pytest.raises(BackendError, match="does not know ja"):
        backend.translate(LINES, "en", "ja")


@pytest.mark.parametrize("backend", [SequenceToSequence, Seamless])
def test_models_that_are_not_there_or_broken_are_one_line(backend, tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"holds no config\.json; set the option `model` to a folder with"):
        backend()
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="cannot load") as caught:
        backend(backend.Settings(model=str(tmp_path)))
    assert "\n" not in str(caught.value)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, package=None: None)
    with pytest.raises(MissingExtraError, match=r"-e '\.\[models\]'"):
        backend()


def test_every_backend_declares_itself():
    names = [backend.declaration.name for backend in BACKENDS]
    assert len(set(names)) == len(names) and {one.declaration.step for one in BACKENDS} == {"translation"}
