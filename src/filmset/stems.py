"""A title's stems as files, beside its film: what its tracks are the sum of."""

from pathlib import Path

from filmset.mixing import LazyStem, Mixer
from filmset.truth import Title
from lssd.media import NO_MEDIA, SoundTrack, write_sounds
from lssd.store import atomic_folder


def stem_names(title: Title) -> list[str]:
    """The names of a title's stems: background, events, and the voices of every track that has some."""
    return ["background", "events", *(f"voices.{track.key}" for track in title.voiced)]


def stems_folder(folder: Path, name: str) -> Path:
    """Where a title's stems lie."""
    return folder / f"{name}.stems"


def write_stems(folder: Path, title: Title, mixer: Mixer) -> None:
    """Write `<title>.stems/<stem>.flac` in 24 bits, each as long as the film, in one pass over it.

    Background, events and the voices of a track without fault add up to that track, but for rounding.
    The folder appears when all are whole. Raises InputError where it cannot be written.
    """
    with atomic_folder(stems_folder(folder, title.name)) as partial:
        (partial / NO_MEDIA).touch()  # a folder of films is ingested and embedded without them
        write_sounds(
            {
                partial / f"{name}.flac": SoundTrack(
                    LazyStem(mixer, name), title.sample_rate, None, codec="flac24"
                )
                for name in stem_names(title)
            }
        )
