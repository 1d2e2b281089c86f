"""Voice conversion: a line gets the voice of the original's speaker."""

from lssd.dubbing.conversion.converter import Converter
from lssd.dubbing.conversion.same import SameVoice
from lssd.dubbing.conversion.speecht5 import SpeechT5
from lssd.dubbing.conversion.world import World
from lssd.dubbing.declaration import Backend

BACKENDS: tuple[type[Backend], ...] = (World, SpeechT5, SameVoice)

__all__ = ["BACKENDS", "Converter", "SameVoice", "SpeechT5", "World"]
