"""VITS through transformers, such as MMS-TTS with a small model for each of a thousand languages."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lssd.dubbing.declaration import BackendError, Declaration
from lssd.dubbing.lines import VoiceChoice
from lssd.dubbing.speaking.speaker import Speaker, choice_by_key, pace_for, trimmed
from lssd.dubbing.weights import hash_folder, load, model_folder
from lssd.errors import InputError, MissingExtraError, install_hint

_INSTALL = install_hint("models")


class Vits(Speaker):
    """`transformers.VitsModel` from a local folder."""

    declaration = Declaration(
        step="speaking",
        name="vits",
        about="VITS through transformers: one model a language, or one for all",
        code_license="Apache-2.0",
        weights_license="CC-BY-NC-4.0",
        sample_rate=None,
        languages=None,
        device="cpu, cuda",
        version=1,
        modules=("transformers",),
        install=_INSTALL,
        weights="MMS-TTS (facebook/mms-tts-<language>) or another VITS: option folder",
    )

    @dataclass(frozen=True)
    class Settings:
        """folder: a model, or a folder of models named by language (`es/config.json`).

        slowest, fastest: pace as a multiple of the model's own. device: a torch device.
        """

        folder: str = ""
        slowest: float = 0.85
        fastest: float = 1.25
        device: str = "cpu"

    def __init__(self, settings: Any = None) -> None:
        super().__init__(settings)
        try:
            import transformers
        except ImportError as error:
            raise MissingExtraError(f"speaking by VITS needs transformers: {_INSTALL}") from error
        self._transformers = transformers
        self._folder = Path(self.settings.folder)
        if not self.settings.folder or not self._folder.is_dir():
            raise InputError(f"there is no VITS model at '{self.settings.folder}'; set the option folder")
        self._loaded: dict[str, tuple[Any, Any]] = {}

    def weights_hash(self) -> str:
        return hash_folder(self._folder)

    def speak(
        self, text: str, language: str, voice: VoiceChoice, seconds: float, line: str = ""
    ) -> tuple[np.ndarray, int]:
        model, tokenizer = self._model(language)
        if getattr(tokenizer, "is_uroman", False) and not text.isascii():
            raise BackendError(f"'{text}' cannot be spoken: this model reads Latin letters only (uroman)")
        tokens = tokenizer(text, return_tensors="pt")["input_ids"]
        if not tokens.numel():
            raise BackendError(f"'{text}' cannot be spoken: the model knows none of its letters")
        natural_S = self._spoken(model, tokens, voice, 1.0)
        rate = model.config.sampling_rate
        pace = pace_for(natural_S.size / rate, seconds, self.settings.slowest, self.settings.fastest)
        samples_S = natural_S if abs(pace - 1) <= 0.02 else self._spoken(model, tokens, voice, pace)
        if not samples_S.size:
            raise BackendError(f"'{text}' cannot be spoken: the model is silent")
        return samples_S, rate

    def _model(self, language: str) -> tuple[Any, Any]:
        shared = (self._folder / "config.json").is_file()
        folder = self._folder if shared else self._folder / language
        if str(folder) not in self._loaded:
            if not shared and not folder.is_dir():
                raise BackendError(f"there is no VITS model for '{language}' at {folder}")
            model_folder(folder, "a VITS model", "folder")
            model = load(self._transformers.VitsModel.from_pretrained, folder, "VITS model")
            tokenizer = load(self._transformers.AutoTokenizer.from_pretrained, folder, "VITS tokenizer")
            self._loaded[str(folder)] = model.eval().to(self.settings.device), tokenizer
        return self._loaded[str(folder)]

    def _spoken(self, model: Any, tokens: Any, voice: VoiceChoice, pace: float) -> np.ndarray:
        """The line, its noise drawn afresh by the speaker's key: the same for the same arguments."""
        import torch

        model.speaking_rate = pace * model.config.speaking_rate
        speakers = model.config.num_speakers
        extra = {"speaker_id": choice_by_key(voice.key, speakers)} if speakers > 1 else {}
        with torch.random.fork_rng(), torch.inference_mode():
            torch.manual_seed(choice_by_key(voice.key, 2**31))
            waveform_1S = model(tokens.to(self.settings.device), **extra).waveform
        return trimmed(waveform_1S[0].float().cpu().numpy())
