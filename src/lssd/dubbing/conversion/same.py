"""No conversion, for speech that already has the right voice."""

from collections.abc import Mapping

import numpy as np

from lssd.dubbing.conversion.converter import Converter
from lssd.dubbing.declaration import Declaration


class SameVoice(Converter):
    """Returns the line as it was spoken."""

    declaration = Declaration(
        step="conversion",
        name="none",
        about="the line as it was spoken",
        code_license="Apache-2.0",
        weights_license="none",
        sample_rate=None,
        languages=None,
        device="cpu",
        version=1,
    )

    def reference(self, samples_S: np.ndarray, sample_rate: int) -> dict[str, np.ndarray]:
        return {}

    def convert(
        self, samples_S: np.ndarray, sample_rate: int, reference: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        return np.array(samples_S, dtype=np.float32)
