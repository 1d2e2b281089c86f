"""Whisper through transformers, from a local folder."""

import importlib.util
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from lssd.dubbing.declaration import Backend, BackendError, Declaration
from lssd.dubbing.lines import Line, Segment
from lssd.dubbing.segmentation.mono import RATE, read_mono
from lssd.dubbing.sound import Sound
from lssd.dubbing.weights import hash_folder, model_folder
from lssd.errors import InputError, MissingExtraError, install_hint

_LONGEST_S = 30.0  # what the model hears at once


class Whisper(Backend):
    """Whisper (Radford et al., 2022) in transformers; lines without word times."""

    declaration: ClassVar[Declaration] = Declaration(
        step="transcription",
        name="whisper",
        about="Whisper in transformers, on a GPU where there is one",
        code_license="Apache-2.0",
        weights_license="Apache-2.0",
        sample_rate=RATE,
        languages=None,
        device="cpu, cuda",
        version=1,
        modules=("transformers",),
        install=install_hint("models"),
        weights="a folder such as whisper-large-v3, named by the option `model`",
    )

    @dataclass(frozen=True)
    class Settings:
        """model: the folder. device: cpu or cuda. beam: hypotheses kept. most_tokens: of a line."""

        model: str = ""
        device: str = "cpu"
        beam: int = 1
        most_tokens: int = 200

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        if importlib.util.find_spec("transformers") is None:
            raise MissingExtraError(f"transformers is not installed: {install_hint('models')}")
        needed = "a Whisper model of transformers (config.json, model.safetensors, tokenizer)"
        self._folder = model_folder(self.settings.model, needed, "model")
        from transformers import WhisperForConditionalGeneration, WhisperProcessor
        from transformers.utils import logging

        logging.disable_progress_bar()

        try:
            self._processor = WhisperProcessor.from_pretrained(self._folder, local_files_only=True)
            model = WhisperForConditionalGeneration.from_pretrained(
                self._folder, local_files_only=True, use_safetensors=True
            )
        except (OSError, ValueError, RuntimeError) as error:
            first = str(error).strip().split("\n")[0]
            raise InputError(f"whisper cannot load {self._folder}: {first}") from error
        self._model = model.to(self.settings.device).eval()

    def weights_hash(self) -> str:
        return hash_folder(self._folder)

    def transcribe(self, speech: Sound, segments: Sequence[Segment], language: str) -> list[Line]:
        """One line for each segment, each by itself, greedily or by beams. Segments last at most 30 s."""
        known = getattr(self._model.generation_config, "lang_to_id", None) or {}
        if f"<|{language}|>" not in (known or ("<|en|>",)):  # without a list it hears English alone
            raise BackendError(f"this Whisper model knows no {language}; use another or the backend silent")
        return [self._line(speech, segment, language if known else None) for segment in segments]

    def _line(self, speech: Sound, segment: Segment, language: str | None) -> Line:
        import torch

        if segment.end_s - segment.start_s > _LONGEST_S:
            raise BackendError(
                f"whisper hears {_LONGEST_S:g} s at once; the segment at {segment.start_s:.2f} s is longer"
            )
        samples = read_mono(speech, segment.start_s, segment.end_s)
        heard = self._processor(samples, sampling_rate=RATE, return_tensors="pt").input_features
        manner = {"language": language, "task": "transcribe"} if language else {}
        with torch.inference_mode():
            made = self._model.generate(
                heard.to(self.settings.device),
                max_new_tokens=self.settings.most_tokens,
                num_beams=self.settings.beam,
                do_sample=False,
                return_dict_in_generate=True,
                output_scores=True,
                **manner,
            )
            scores = self._model.compute_transition_scores(
                made.sequences, made.scores, getattr(made, "beam_indices", None), normalize_logits=True
            )
        text = self._processor.batch_decode(made.sequences, skip_special_tokens=True)[0].strip()
        finite = scores[torch.isfinite(scores)]
        confidence = math.exp(float(finite.mean())) if text and finite.numel() else 0.0
        return Line(segment.start_s, segment.end_s, text, (), min(1.0, confidence))
