"""Synthetic dubs: the same picture and background with other words (the paper's section 6).

separation, segmentation, transcription, diarisation,
translation, speaking, stretching, conversion         the steps that have backends, a package each
declaration, backends, backend_pool                   what backends are, which can be used, their processes
film, transcript, script, subtitles                   a film and what is said in it
voicing, placing, matching, remixing, tracks          a line, its place, its sound; a whole track
pipeline, dub                                         a film, many films
workspace, sidecars, sound                            what steps leave on disk, kept by what it was made of
provenance, reports, settings                         what is recorded, reported, asked for

The public names load at first use: a backend's process needs none of the others'.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lssd.dubbing.backends import standings
    from lssd.dubbing.dub import ONLY
    from lssd.dubbing.reports import DubReport, LanguageReport
    from lssd.dubbing.settings import DubSettings

_HOMES = {
    "DubReport": "reports",
    "DubSettings": "settings",
    "LanguageReport": "reports",
    "ONLY": "dub",
    "standings": "backends",
}

__all__ = ["ONLY", "DubReport", "DubSettings", "LanguageReport", "standings"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"lssd.dubbing.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'lssd.dubbing' has no attribute '{name}'")
