"""Which files are meant by paths."""

from collections.abc import Sequence
from pathlib import Path

from lssd.errors import InputError
from lssd.media import find_files

# What a folder is searched for; a file that is named itself is tried whatever its suffix.
_SOUND = (
    ".aac .ac3 .aif .aifc .aiff .amr .ape .au .caf .dts .eac3 .flac .m4a .m4b .mka .mp2 .mp3 .mpc .oga .ogg "
    ".opus .snd .spx .tta .w64 .wav .wma .wv"
)
_FILM = (
    ".3g2 .3gp .asf .avi .divx .dv .f4v .flv .m1v .m2ts .m2v .m4v .mkv .mov .mp4 .mpeg .mpg .mts .mxf .ogv "
    ".rm .rmvb .ts .vob .webm .wmv .y4m"
)
_SUFFIXES = frozenset(f"{_SOUND} {_FILM}".split())


def find_media(paths: Sequence[str | Path]) -> list[Path]:
    """The files behind paths: a file itself, a folder's media files sorted by name, each file once.

    InputError when there is none.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        found.update(dict.fromkeys(find_files(path, _SUFFIXES) if path.is_dir() else [path]))
    if not found:
        named = ", ".join(str(path) for path in paths) or "no path"
        raise InputError(f"no sound or film in {named}; name files, or folders that hold some")
    return list(found)
