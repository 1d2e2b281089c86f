"""Which files are sounds and films, which are meant by paths, and how their names are written."""

from collections.abc import Sequence
from pathlib import Path

from lssd.errors import InputError
from lssd.media import find_files

# What a folder is searched for; a file that is named itself is tried whatever its suffix.
_SOUNDS = (
    ".aac .ac3 .aif .aifc .aiff .amr .ape .au .caf .dts .eac3 .flac .m4a .m4b .mka .mp2 .mp3 .mpc .oga .ogg "
    ".opus .snd .spx .tta .w64 .wav .wma .wv"
)
_FILMS = (
    ".3g2 .3gp .asf .avi .divx .dv .f4v .flv .m1v .m2ts .m2v .m4v .mkv .mov .mp4 .mpeg .mpg .mts .mxf .ogv "
    ".rm .rmvb .ts .vob .webm .wmv .y4m"
)
SOUNDS = frozenset(_SOUNDS.split())
FILMS = frozenset(_FILMS.split())


def find_media(paths: Sequence[str | Path]) -> list[Path]:
    """The files behind paths: a file itself, a folder's media files sorted by name, each file once.

    InputError when there is none.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        found.update(dict.fromkeys(find_files(path, SOUNDS | FILMS) if path.is_dir() else [path]))
    if not found:
        named = ", ".join(str(path) for path in paths) or "no path"
        raise InputError(f"no sound or film in {named}; name files, or folders that hold some")
    return list(found)


def is_text(name: str | Path) -> bool:
    """Whether a name is UTF-8: file systems allow others, Parquet and JSON do not."""
    return spelled(name) == str(name)


def spelled(name: str | Path) -> str:
    """The name as text that can be written; what is not UTF-8 is escaped."""
    return str(name).encode("utf-8", "backslashreplace").decode("utf-8")
