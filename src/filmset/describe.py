"""A film set in numbers."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from filmset.render import FilmSet


def describe_filmset(folder: str | Path) -> dict[str, Any]:
    """What a film set holds, as JSON values. InputError when the folder holds none."""
    films = FilmSet.open(folder)
    shots = [shot for title in films.titles for shot in title.shots]
    spoken = Counter(language for title in films.titles for language in title.languages)
    originals = Counter(title.original_language for title in films.titles)
    faults = (track.fault.kind for title in films.titles for track in title.tracks if track.fault)
    return {
        "path": str(folder),
        "seed": films.settings.seed,
        "titles": len(films.titles),
        "hours": sum(float(title.frames / title.rate) for title in films.titles) / 3600,
        "shots": len(shots),
        "lines": sum(len(shot.lines) for shot in shots),
        "languages": {
            language: {"original of": originals[language], "tracks": count}
            for language, count in sorted(spoken.items(), key=lambda item: (-item[1], item[0]))
        },
        "splits": _counted(title.split for title in films.titles),
        "directors": _counted(title.director for title in films.titles),
        "scenes": _counted(shot.scene.kind for shot in shots),
        "transitions": _counted(shot.transition.kind for title in films.titles for shot in title.shots[1:]),
        "events": _counted(event.kind for shot in shots for event in shot.events),
        "faults": _counted(faults),
    }


def _counted(names: Iterable[str]) -> dict[str, int]:
    """How often each name occurs, the commonest first."""
    return dict(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))
