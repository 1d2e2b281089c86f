"""Translation by a sequence-to-sequence model of transformers: Marian, MADLAD-400, NLLB, M2M-100."""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import langcodes

from lssd.dubbing.declaration import Backend, BackendError, Declaration
from lssd.dubbing.lines import Request, Translation
from lssd.dubbing.translation.timing import LANGUAGES, seconds_to_say
from lssd.dubbing.weights import hash_folder, model_folder
from lssd.errors import InputError, MissingExtraError, install_hint

_EXAMPLES = "a translation model of transformers (opus-mt-*, madlad400-*, nllb-200-*, m2m100_*)"

# The one that FLORES-200 has of languages that ISO 639-3 counts as several.
_OF_SEVERAL = {"ar": "arb", "az": "azj", "fa": "pes", "lv": "lvs", "mn": "khk", "ms": "zsm"}
_OF_SEVERAL |= {"ne": "npi", "no": "nb", "sq": "als", "sw": "swh", "uz": "uzn"}


class SequenceToSequence(Backend):
    """AutoModelForSeq2SeqLM, with each model family's way of naming languages."""

    declaration: ClassVar[Declaration] = Declaration(
        step="translation",
        name="transformers",
        about="Marian, MADLAD-400, NLLB or M2M-100 from a local folder",
        code_license="Apache-2.0",
        weights_license="of the folder: MADLAD-400 Apache-2.0, Marian CC-BY-4.0, NLLB CC-BY-NC-4.0",
        sample_rate=None,
        languages=None,
        device="cpu, cuda",
        version=1,
        modules=("transformers",),
        install=install_hint("models"),
        weights="a folder such as madlad400-3b-mt, named by the option `model`",
    )

    @dataclass(frozen=True)
    class Settings:
        """model: the folder. device: cpu or cuda. beam: hypotheses kept. most_tokens: of a line.

        fitting: of the hypotheses whose log-probability a token is at most so much below the best, the one
        is taken whose speech lasts nearest to the line's; 0 takes the best.
        """

        model: str = ""
        device: str = "cpu"
        beam: int = 4
        most_tokens: int = 256
        fitting: float = 0.2

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        if importlib.util.find_spec("transformers") is None:
            raise MissingExtraError(f"transformers is not installed: {install_hint('models')}")
        self._folder = model_folder(self.settings.model, _EXAMPLES, "model")
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()

        try:
            self._tokenizer = AutoTokenizer.from_pretrained(self._folder, local_files_only=True)
            model = AutoModelForSeq2SeqLM.from_pretrained(
                self._folder, local_files_only=True, use_safetensors=True
            )
        except (OSError, ValueError, RuntimeError, ImportError) as error:
            first = str(error).strip().split("\n")[0]
            raise InputError(f"transformers cannot load {self._folder}: {first}") from error
        self._model = model.to(self.settings.device).eval()

    def weights_hash(self) -> str:
        return hash_folder(self._folder)

    def translate(self, lines: Sequence[Request], source: str, target: str) -> list[Translation]:
        """Each line by itself: no line depends on its neighbours. BackendError for unknown languages."""
        prefix, manner = self._languages(source, target)
        return [self._line(line, prefix, manner, target) for line in lines]

    def _line(self, line: Request, prefix: str, manner: dict[str, Any], target: str) -> Translation:
        import torch

        if not line.text.strip():
            return Translation("", True)
        tokens = self._tokenizer(prefix + line.text, return_tensors="pt", truncation=True)
        count = self.settings.beam if self.settings.fitting and target in LANGUAGES else 1
        with torch.inference_mode():
            made = self._model.generate(
                **tokens.to(self.settings.device),
                **manner,
                num_beams=self.settings.beam,
                num_return_sequences=count,
                max_new_tokens=self.settings.most_tokens,
                do_sample=False,
                return_dict_in_generate=True,
                output_scores=True,
            )
        texts = self._tokenizer.batch_decode(made.sequences, skip_special_tokens=True)
        scores = getattr(made, "sequences_scores", None)
        if count == 1 or scores is None:
            return Translation(texts[0].strip(), True)
        return Translation(self._fitting(texts, scores.tolist(), line.seconds, target), True)

    def _fitting(self, texts: list[str], scores: list[float], seconds: float, target: str) -> str:
        good = [
            text.strip()
            for text, score in zip(texts, scores, strict=True)
            if text.strip() and score >= max(scores) - self.settings.fitting
        ]
        return min(good, key=lambda text: abs(seconds_to_say(text, target) - seconds), default="")

    def _languages(self, source: str, target: str) -> tuple[str, dict[str, Any]]:
        """The prefix of a text, and the arguments of `generate`, for two languages."""
        kind, tokenizer = self._model.config.model_type, self._tokenizer
        if kind == "t5":  # MADLAD-400
            return self._token(f"<2{target}>", target) + " ", {}
        if kind == "m2m_100":
            if self._knows(_flores("en")):  # NLLB; else M2M-100
                own, token, asked = _flores(source), _flores(source), self._token(_flores(target), target)
            else:
                own, token, asked = source, f"__{source}__", self._token(f"__{target}__", target)
            self._token(token, source)
            tokenizer.src_lang = own
            return "", {"forced_bos_token_id": tokenizer.convert_tokens_to_ids(asked)}
        if kind == "marian":
            return self._marian(source, target), {}
        raise InputError(
            f"{self._folder} is a model of kind {kind}; marian, t5 (MADLAD) and m2m_100 are known"
        )

    def _marian(self, source: str, target: str) -> str:
        """The token of the target where a Marian model has several; else its own languages are checked."""
        tokens = [token for token in self._tokenizer.get_vocab() if token.startswith(">>")]
        if tokens:
            alpha3 = langcodes.Language.get(target).to_alpha3()
            named = sorted(token for token in tokens if token[2:5].rstrip("<") in (alpha3, target))
            if not named:
                raise self._unknown(target)
            return named[0] + " "
        own = [getattr(self._tokenizer, side, None) for side in ("source_lang", "target_lang")]
        for asked, known in zip((source, target), own, strict=True):
            if known and len(known) in (2, 3) and known != asked:
                raise BackendError(
                    f"{self._folder} translates {own[0]} to {own[1]}, not {source} to {target}"
                )
        return ""

    def _knows(self, token: str) -> bool:
        return self._tokenizer.convert_tokens_to_ids(token) not in (None, self._tokenizer.unk_token_id)

    def _token(self, token: str, language: str) -> str:
        if not self._knows(token):
            raise self._unknown(language)
        return token

    def _unknown(self, language: str) -> BackendError:
        return BackendError(f"the model in {self._folder} does not know {language}; use one that does")


def _flores(code: str) -> str:
    """The name that FLORES-200 gives a language: ISO 639-3 and the script, as in "eng_Latn"."""
    full = langcodes.Language.get(_OF_SEVERAL.get(code, code)).maximize()
    return f"{full.to_alpha3()}_{'Hang' if full.script == 'Kore' else full.script}"
