"""SpeechT5 voice conversion through transformers: speech to a spectrogram in another voice, 16 kHz.

It decodes autoregressively and does not keep the timing, so the result is stretched to the line's length.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lssd.dubbing.conversion.converter import Converter, levelled
from lssd.dubbing.declaration import BackendError, Declaration
from lssd.dubbing.stretching import Signalsmith
from lssd.dubbing.weights import hash_folder, load, model_folder
from lssd.errors import InputError, MissingExtraError, install_hint
from lssd.media import resample
from lssd.store import hash_json

_RATE = 16_000
_INSTALL = install_hint("models,offline")
_FARTHEST = 2.0  # how many times as long or short as the line a result may come out


class SpeechT5(Converter):
    """`SpeechT5ForSpeechToSpeech`, its HiFi-GAN, and an x-vector model, each from a local folder."""

    declaration = Declaration(
        step="conversion",
        name="speecht5",
        about="SpeechT5 through transformers: any voice by its x-vector, made for English",
        code_license="Apache-2.0",
        weights_license="MIT",
        sample_rate=_RATE,
        languages=None,
        device="cpu, cuda",
        version=1,
        modules=("transformers", "python_stretch"),
        install=_INSTALL,
        weights=(
            "microsoft/speecht5_vc: option model; microsoft/speecht5_hifigan: option vocoder; "
            "a transformers x-vector model of 512 values: option embedder"
        ),
    )

    @dataclass(frozen=True)
    class Settings:
        """model, vocoder, embedder: folders. shortest, longest: of the result, as multiples of the line."""

        model: str = ""
        vocoder: str = ""
        embedder: str = ""
        shortest: float = 0.6
        longest: float = 1.5
        device: str = "cpu"

    def __init__(self, settings: Any = None) -> None:
        super().__init__(settings)
        given = {name: getattr(self.settings, name) for name in ("model", "vocoder", "embedder")}
        try:
            import transformers
        except ImportError as error:
            raise MissingExtraError(f"SpeechT5 needs transformers: {_INSTALL}") from error
        self._folders = {name: model_folder(path, f"a SpeechT5 {name}", name) for name, path in given.items()}
        self._stretcher = Signalsmith()
        self._extractor = load(
            transformers.SpeechT5FeatureExtractor.from_pretrained, self._folders["model"], "feature extractor"
        )
        kinds: dict[str, Any] = {
            "model": transformers.SpeechT5ForSpeechToSpeech,
            "vocoder": transformers.SpeechT5HifiGan,
            "embedder": transformers.AutoModelForAudioXVector,
        }
        models = {
            name: load(kind.from_pretrained, self._folders[name], f"a SpeechT5 {name}")
            for name, kind in kinds.items()
        }
        wanted = models["model"].config.speaker_embedding_dim
        given_size = models["embedder"].config.xvector_output_dim
        if wanted != given_size:
            raise InputError(
                f"the embedder at {self._folders['embedder']} gives {given_size} values where SpeechT5 "
                f"wants {wanted}; set the option embedder to another x-vector model"
            )
        self._models = {name: model.eval().to(self.settings.device) for name, model in models.items()}

    def weights_hash(self) -> str:
        return hash_json({name: hash_folder(folder) for name, folder in self._folders.items()})

    def reference(self, samples_S: np.ndarray, sample_rate: int) -> dict[str, np.ndarray]:
        """xvector: float32, of unit length."""
        import torch

        values = self._values(samples_S, sample_rate)
        with torch.inference_mode():
            xvector_1D = self._models["embedder"](values).embeddings
        return {"xvector": torch.nn.functional.normalize(xvector_1D, dim=-1)[0].float().cpu().numpy()}

    def convert(
        self, samples_S: np.ndarray, sample_rate: int, reference: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        import torch

        values = self._values(samples_S, sample_rate)
        xvector_1D = torch.from_numpy(np.array(reference["xvector"], np.float32))[None]
        # The prenet drops out even in inference: it draws from torch's generator.
        with torch.random.fork_rng(), torch.inference_mode():
            torch.manual_seed(0)
            spoken = self._models["model"].generate_speech(
                values,
                xvector_1D.to(self.settings.device),
                minlenratio=self.settings.shortest * self._frames_ratio(),
                maxlenratio=self.settings.longest * self._frames_ratio(),
                vocoder=self._models["vocoder"],
            )
        spoken_S = spoken.float().cpu().numpy()
        length = round(samples_S.size * _RATE / sample_rate)
        if not length / _FARTHEST <= spoken_S.size <= length * _FARTHEST:
            raise BackendError(
                f"SpeechT5 made {spoken_S.size / _RATE:.2f} s of a line of {length / _RATE:.2f} s"
            )
        spoken_S = resample(spoken_S[None], _RATE, sample_rate)[0]
        return levelled(self._stretcher.stretch(spoken_S, sample_rate, samples_S.size), samples_S)

    def _frames_ratio(self) -> float:
        """Spectrogram frames for each frame of the encoder."""
        hop = int(np.prod(self._models["vocoder"].config.upsample_rates))
        return int(np.prod(self._models["model"].config.conv_stride)) / hop

    def _values(self, samples_S: np.ndarray, sample_rate: int) -> Any:
        sound_S = resample(np.asarray(samples_S, np.float32)[None], sample_rate, _RATE)[0]
        inputs = self._extractor(sound_S, sampling_rate=_RATE, return_tensors="pt")
        return inputs["input_values"].to(self.settings.device)
