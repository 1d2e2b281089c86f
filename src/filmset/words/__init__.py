"""What is said in the films, and by whom: a grammar for the synthesiser, or a folder of recordings."""

from collections.abc import Sequence
from pathlib import Path

from filmset.words.protocol import Sentence, Take, Voicing
from filmset.words.recorded import Recorded
from filmset.words.synthesised import Synthesised

__all__ = ["Recorded", "Sentence", "Synthesised", "Take", "Voicing", "make_voicing"]


def make_voicing(voices_folder: str | Path | None, languages: Sequence[str]) -> Synthesised | Recorded:
    """Speech for a film set, a `Voicing` and a context manager: recordings of a folder, or the synthesiser.

    Raises InputError for a folder or languages that cannot be used; MissingExtraError without espeak-ng.
    """
    return Recorded(voices_folder, languages) if voices_folder is not None else Synthesised(languages)
