"""Speech synthesis: lines of text become sound."""

from lssd.dubbing.declaration import Backend
from lssd.dubbing.speaking.espeak import Espeak
from lssd.dubbing.speaking.lines import SpokenLines
from lssd.dubbing.speaking.pitch import median_pitch
from lssd.dubbing.speaking.speaker import Speaker
from lssd.dubbing.speaking.vits import Vits

BACKENDS: tuple[type[Backend], ...] = (Espeak, Vits, SpokenLines)

__all__ = ["BACKENDS", "Espeak", "Speaker", "SpokenLines", "Vits", "median_pitch"]
