"""What is said in the films, and by whom: a grammar for the synthesiser, or a folder of recordings."""

from collections.abc import Sequence
from pathlib import Path

from filmset.words.protocol import Sentence, SpeechSource, Take
from filmset.words.recorded import RecordedSpeech
from filmset.words.synthesised import SynthesisedSpeech

__all__ = ["RecordedSpeech", "Sentence", "SpeechSource", "SynthesisedSpeech", "Take", "open_speech"]


def open_speech(
    voices_folder: str | Path | None, languages: Sequence[str]
) -> SynthesisedSpeech | RecordedSpeech:
    """A film set's `SpeechSource`, a context manager: a folder's recordings, or else the synthesiser.

    Raises InputError for a folder or languages that cannot be used; MissingExtraError without espeak-ng.
    """
    if voices_folder is not None:
        return RecordedSpeech(voices_folder, languages)
    return SynthesisedSpeech(languages)
