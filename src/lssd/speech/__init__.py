"""Text to voice, offline: espeak-ng's formant voices for rendered films and quick dubs.

espeak-ng (GPL-3) is an optional extra and runs in a process of its own, see `worker.py`. Its voices
sound artificial, but they are many, differ clearly, cover a hundred languages, take milliseconds a
line, and are the same on every machine: the speech of a test bed, not of a release.
"""

from lssd.speech.onsets import energy_db, refined
from lssd.speech.styles import STYLES
from lssd.speech.synthesiser import SpeechError, Synthesiser, check_installed
from lssd.speech.utterance import Utterance, Word
from lssd.speech.voices import Voice, voices

__all__ = [
    "STYLES",
    "SpeechError",
    "Synthesiser",
    "Utterance",
    "Voice",
    "Word",
    "check_installed",
    "energy_db",
    "refined",
    "voices",
]
