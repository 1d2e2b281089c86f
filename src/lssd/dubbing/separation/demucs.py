"""Demucs from a local checkpoint: speech is its "vocals", background everything else.

A step of the paper's section 6 and its "SEP" track. The code is MIT; its authors say that the weights
are not covered by that licence.
"""

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lssd.dubbing.declaration import Declaration
from lssd.dubbing.separation.separator import Separator, channel_groups, crossfaded, write_parts
from lssd.dubbing.sound import Sound
from lssd.errors import InputError, MissingExtraError, install_hint
from lssd.media import resample
from lssd.store import digest, hash_file

_BLOCK_S, _CONTEXT_S, _FADE_S = 60, 4, 0.1  # whole seconds are whole samples at any two rates
_SPEECH = "vocals"


class Demucs(Separator):
    """Demucs, Hybrid Demucs or Hybrid Transformer Demucs, or a bag of them, at the model's own rate.

    Pairs of channels go through a stereo model together, a centre as both of its channels; the
    low-frequency channel is background. Levels are normalised over the whole sound, as Demucs' own
    program does; no random shifts.
    """

    declaration = Declaration(
        step="separation",
        name="demucs",
        about="Demucs with weights of your own; speech is what it takes for vocals",
        code_license="MIT",
        weights_license="research only",
        sample_rate=None,
        languages=None,
        device="cpu, cuda",
        version=1,
        modules=("demucs",),
        install=install_hint("models"),
        weights="a checkpoint (.th or .safetensors), or a bag (.yaml beside its checkpoints): option `model`",
    )

    @dataclass(frozen=True)
    class Settings:
        """model: the checkpoint or bag. device: "cpu" or "cuda". overlap: of the model's segments, 0..1."""

        model: str = ""
        device: str = "cpu"
        overlap: float = 0.25

    def __init__(self, settings: Any = None) -> None:
        super().__init__(settings)
        if self.declaration.missing():
            raise MissingExtraError(f"demucs is not installed: {self.declaration.install}")
        if not 0 <= self.settings.overlap < 1:
            raise InputError(f"demucs: overlap must be at least 0 and below 1, not {self.settings.overlap:g}")
        if not self.settings.model:
            raise InputError(f"demucs needs {self.declaration.weights}")
        self._files = _files(Path(self.settings.model))
        self._model = _load(Path(self.settings.model), self._files, self.settings.device)

    def weights_hash(self) -> str:
        return digest(hash_file(file).encode() for file in self._files)

    def separate(self, sound: Sound, speech: Path, background: Path) -> None:
        mean, deviation = _level(sound)

        def estimate(mix_CS: np.ndarray) -> np.ndarray:
            return self._vocals((mix_CS - mean) / deviation, sound.sample_rate) * deviation

        rate = sound.sample_rate
        pieces = crossfaded(sound, estimate, _BLOCK_S * rate, _CONTEXT_S * rate, round(_FADE_S * rate))
        write_parts(sound, pieces, speech, background)

    def _vocals(self, mix_CS: np.ndarray, sample_rate: int) -> np.ndarray:
        """Vocals (C, S) of a mix (C, S): each group of channels through the model, at its rate."""
        import torch
        from demucs.apply import apply_model

        vocals_CS = np.zeros_like(mix_CS)
        heard = self._model.audio_channels
        for group in channel_groups(len(mix_CS)):
            # A model of one channel hears a pair's channels one after the other.
            for channels in [group] if heard >= len(group) else [(channel,) for channel in group]:
                part_CS = resample(mix_CS[list(channels)], sample_rate, self._model.samplerate)
                fed_CS = np.resize(part_CS, (heard, part_CS.shape[1]))
                made = apply_model(
                    self._model,
                    torch.from_numpy(fed_CS)[None],
                    shifts=0,
                    overlap=self.settings.overlap,
                    device=self.settings.device,
                )
                made_CS = made[0, self._model.sources.index(_SPEECH)].cpu().numpy()
                if len(channels) < heard:
                    made_CS = made_CS.mean(axis=0, keepdims=True)
                made_CS = resample(made_CS, self._model.samplerate, sample_rate)[:, : mix_CS.shape[1]]
                vocals_CS[list(channels), : made_CS.shape[1]] = made_CS
        return vocals_CS


def _level(sound: Sound) -> tuple[np.float32, np.float32]:
    """Mean and deviation of the mean of all channels, over the whole sound."""
    total = squares = 0.0
    for block_CS in sound.blocks():
        mono_S = block_CS.mean(axis=0, dtype=np.float64)
        total += float(mono_S.sum())
        squares += float(mono_S @ mono_S)
    mean = total / max(sound.length, 1)
    deviation = max(squares / max(sound.length, 1) - mean**2, 0.0) ** 0.5
    return np.float32(mean), np.float32(deviation + 1e-8)


def _files(path: Path) -> list[Path]:
    """The checkpoint, or a bag and its checkpoints in their order."""
    if not path.is_file():
        raise InputError(f"demucs: no checkpoint at {path}; option `model` names its place")
    if path.suffix != ".yaml":
        return [path]
    return [path, *(_member(path, signature) for signature in _bag(path)["models"])]


def _bag(path: Path) -> dict[str, Any]:
    import yaml

    try:
        bag = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"demucs: {path} is no bag of models: {str(error).splitlines()[0]}") from error
    if not isinstance(bag, dict) or not isinstance(bag.get("models"), list) or not bag["models"]:
        raise InputError(f"demucs: {path} is no bag of models: it lists none under `models`")
    return bag


def _member(bag: Path, signature: str) -> Path:
    """`<signature>.th`, `<signature>-<checksum>.th` or `<signature>.safetensors` beside the bag."""
    for pattern in (f"{signature}.safetensors", f"{signature}.th", f"{signature}-*.th"):
        if found := sorted(bag.parent.glob(pattern)):
            return found[0]
    raise InputError(f"demucs: {bag} names the model {signature}, which is not beside it: {signature}-*.th")


def _load(path: Path, files: list[Path], device: str) -> Any:
    import torch
    from demucs.apply import BagOfModels

    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"demucs: no device {device} here; set the option `device` to cpu") from error
    if path.suffix == ".yaml":
        bag = _bag(path)
        model = BagOfModels([_checkpoint(file) for file in files[1:]], bag.get("weights"), bag.get("segment"))
    else:
        model = _checkpoint(path)
    if _SPEECH not in model.sources:
        raise InputError(f"demucs: {path} finds {', '.join(model.sources)} and no {_SPEECH}")
    return model.eval()


def _checkpoint(path: Path) -> Any:
    """One model. A pickle may name Demucs' three kinds of model and fractions, and nothing else."""
    from fractions import Fraction

    import torch
    from demucs.demucs import Demucs as TimeDemucs
    from demucs.hdemucs import HDemucs
    from demucs.htdemucs import HTDemucs
    from demucs.states import load_model

    try:
        if path.suffix == ".safetensors":
            return _safetensors(path)
        with torch.serialization.safe_globals([TimeDemucs, HDemucs, HTDemucs, Fraction]):
            return load_model(torch.load(path, "cpu", weights_only=True))
    except (pickle.UnpicklingError, EOFError, RuntimeError, KeyError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"demucs: {path} is no Demucs checkpoint that can be read: {reason}") from error


def _safetensors(path: Path) -> Any:
    from demucs.hf import load_safetensors_model
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            kind = (file.metadata() or {}).get("klass", "")
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    if not kind.startswith("demucs."):
        raise ValueError(f"it is of the kind '{kind}'")
    return load_safetensors_model(path)
