"""Translation by SeamlessM4T v2, the paper's own translator, from a folder; weights are non-commercial."""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import langcodes

from lssd.dubbing.declaration import Backend, BackendError, Declaration
from lssd.dubbing.lines import Request, Translation
from lssd.dubbing.weights import hash_folder, model_folder
from lssd.errors import InputError, MissingExtraError, install_hint


class Seamless(Backend):
    """SeamlessM4T v2 (Seamless Communication, 2023), text to text."""

    declaration: ClassVar[Declaration] = Declaration(
        step="translation",
        name="seamless",
        about="SeamlessM4T v2, text to text: nearest to the paper",
        code_license="Apache-2.0",
        weights_license="CC-BY-NC-4.0",
        sample_rate=None,
        languages=None,
        device="cpu, cuda",
        version=1,
        modules=("transformers", "sentencepiece"),
        install=install_hint("models"),
        weights="a folder such as seamless-m4t-v2-large, named by the option `model`",
    )

    @dataclass(frozen=True)
    class Settings:
        """model: the folder. device: cpu or cuda. beam: hypotheses kept. most_tokens: of a line."""

        model: str = ""
        device: str = "cpu"
        beam: int = 4
        most_tokens: int = 256

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        if importlib.util.find_spec("transformers") is None:
            raise MissingExtraError(f"transformers is not installed: {install_hint('models')}")
        needed = "SeamlessM4T v2 (config.json, model.safetensors, its tokenizer)"
        self._folder = model_folder(self.settings.model, needed, "model")
        from transformers import SeamlessM4Tv2ForTextToText
        from transformers.models.seamless_m4t import SeamlessM4TTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()

        try:
            self._tokenizer = SeamlessM4TTokenizer.from_pretrained(self._folder, local_files_only=True)
            model = SeamlessM4Tv2ForTextToText.from_pretrained(
                self._folder, local_files_only=True, use_safetensors=True
            )
        except (OSError, ValueError, RuntimeError, ImportError) as error:
            first = str(error).strip().split("\n")[0]
            raise InputError(f"seamless cannot load {self._folder}: {first}") from error
        self._model = model.to(self.settings.device).eval()

    def weights_hash(self) -> str:
        return hash_folder(self._folder)

    def translate(self, lines: Sequence[Request], source: str, target: str) -> list[Translation]:
        """Each line by itself. BackendError for a language that the model does not know."""
        known = self._model.generation_config.text_decoder_lang_to_code_id
        names = {code: _name(code) for code in (source, target)}
        for code, name in names.items():
            if name not in known:
                raise BackendError(
                    f"the model in {self._folder} does not know {code}; use another translator"
                )
        self._tokenizer.src_lang = names[source]
        return [Translation(self._line(line.text, names[target]), True) for line in lines]

    def _line(self, text: str, target: str) -> str:
        import torch

        if not text.strip():
            return ""
        tokens = self._tokenizer(text, return_tensors="pt").to(self.settings.device)
        with torch.inference_mode():
            made = self._model.generate(
                **tokens,
                tgt_lang=target,
                num_beams=self.settings.beam,
                do_sample=False,
                max_new_tokens=self.settings.most_tokens,
            )
        return self._tokenizer.batch_decode(made, skip_special_tokens=True)[0].strip()


def _name(code: str) -> str:
    """The model's name of a language: ISO 639-3, Mandarin as "cmn"."""
    return "cmn" if code == "zh" else langcodes.Language.get(code).to_alpha3()
