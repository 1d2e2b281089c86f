"""No separation, for music-and-effects tracks: everything is background."""

from pathlib import Path

import numpy as np

from lssd.dubbing.declaration import Declaration
from lssd.dubbing.separation.separator import Separator, write_parts
from lssd.dubbing.sound import Sound


class NoSeparation(Separator):
    """All is background, sample by sample, and speech is silent."""

    declaration = Declaration(
        step="separation",
        name="none",
        about="all is background: for tracks of music and effects",
        code_license="Apache-2.0",
        weights_license="none",
        sample_rate=None,
        languages=None,
        device="cpu",
        version=1,
    )

    def separate(self, sound: Sound, speech: Path, background: Path) -> None:
        write_parts(sound, (np.zeros_like(block_CS) for block_CS in sound.blocks()), speech, background)
