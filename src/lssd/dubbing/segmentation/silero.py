"""Silero VAD: a small network that gives the probability of speech every 32 ms."""

import importlib.util
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import ClassVar

import numpy as np

from lssd.dubbing.declaration import Backend, Declaration
from lssd.dubbing.lines import Segment
from lssd.dubbing.segmentation.mono import RATE, mono_frames
from lssd.dubbing.segmentation.regions import FRAME, SegmentSettings, above, level_db, shaped
from lssd.dubbing.sound import Sound
from lssd.errors import InputError, MissingExtraError, install_hint

_CHUNK = 512  # samples that the network takes at a time
_AT_ONCE = 2560  # samples: whole chunks and whole frames of the level


class Silero(Backend):
    """Silero VAD (github.com/snakers4/silero-vad); the TorchScript model lies in its package."""

    declaration: ClassVar[Declaration] = Declaration(
        step="segmentation",
        name="silero",
        about="a small network for speech in any language, over any background",
        code_license="MIT",
        weights_license="MIT",
        sample_rate=RATE,
        languages=None,
        device="cpu",
        version=1,
        modules=("silero_vad",),
        install=install_hint("offline"),
        weights="in the package",
    )

    @dataclass(frozen=True)
    class Settings(SegmentSettings):
        """Speech begins at a probability of `on` and ends below `off`; see `SegmentSettings` for the rest."""

        on: float = 0.5
        off: float = 0.5

        def __post_init__(self) -> None:
            if not 0 < self.off <= self.on < 1:
                raise InputError(f"silero: 0 < off <= on < 1 is needed, not off {self.off:g}, on {self.on:g}")

    def __init__(self, settings: Settings | None = None) -> None:
        import torch

        super().__init__(settings)
        found = importlib.util.find_spec("silero_vad")
        if found is None or found.origin is None:
            raise MissingExtraError(f"silero-vad is not installed: {install_hint('offline')}")
        # The package itself is not imported: it sets the number of threads of the whole process.
        model = Path(found.origin).parent / "data" / "silero_vad.jit"
        if not model.is_file():
            raise MissingExtraError(f"silero-vad lacks {model}: pip install --force-reinstall silero-vad")
        self._model = torch.jit.load(str(model), map_location="cpu").eval()

    def weights_hash(self) -> str:
        return f"silero-vad=={metadata.version('silero-vad')}"

    def segment(self, speech: Sound) -> list[Segment]:
        """Stretches of speech, at about half a minute of work an hour of sound."""
        likely_T, level_T = self.curves(speech)
        found = above(likely_T, self.settings.on, self.settings.off, _CHUNK / RATE)
        end_s = speech.duration_s
        found = [Segment(one.start_s, min(one.end_s, end_s)) for one in found if one.start_s < end_s]
        return shaped(found, level_T, self.settings)

    def curves(self, speech: Sound) -> tuple[np.ndarray, np.ndarray]:
        """How likely speech is, one value 32 ms, and the level in dB, one value 10 ms."""
        import torch

        likely: list[float] = []
        levels: list[np.ndarray] = []
        self._model.reset_states()
        with torch.inference_mode():
            for block in mono_frames(speech, _AT_ONCE):
                levels.append(level_db(block.reshape(-1, FRAME)))
                for chunk in torch.from_numpy(block.reshape(-1, _CHUNK)):
                    likely.append(float(self._model(chunk[None], RATE)))
        return np.array(likely), np.concatenate([*levels, np.zeros(0)])
