"""Speech by level alone, for tracks that hold nothing but clean voices."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lssd.dubbing.declaration import Backend, Declaration
from lssd.dubbing.lines import Segment
from lssd.dubbing.segmentation.mono import RATE, mono_frames
from lssd.dubbing.segmentation.regions import FRAME, FRAME_S, SegmentSettings, above, level_db, shaped
from lssd.dubbing.sound import Sound


class Energy(Backend):
    """Takes whatever is loud for speech: right for a clean dialogue stem, wrong where other sounds remain."""

    declaration: ClassVar[Declaration] = Declaration(
        step="segmentation",
        name="energy",
        about="whatever is louder than the quiet parts; for clean dialogue stems only",
        code_license="Apache-2.0",
        weights_license="none",
        sample_rate=RATE,
        languages=None,
        device="cpu",
        version=1,
    )

    @dataclass(frozen=True)
    class Settings(SegmentSettings):
        """Speech begins `on_db` under the loud parts' level (their 95th percentile), and ends at `off_db`."""

        on_db: float = 25.0
        off_db: float = 35.0

    def segment(self, speech: Sound) -> list[Segment]:
        """Stretches in which the sound is loud; none where all is below -65 dB of full scale."""
        level_T = np.concatenate([level_db(block) for block in mono_frames(speech, FRAME)] or [np.zeros(0)])
        sounding = level_T[level_T > -65.0]
        if not len(sounding):
            return []
        loud_db = float(np.percentile(sounding, 95))
        found = above(level_T, loud_db - self.settings.on_db, loud_db - self.settings.off_db, FRAME_S)
        return shaped(found, level_T, self.settings)
