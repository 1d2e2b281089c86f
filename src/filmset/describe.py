"""A film set in numbers."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from filmset.render import FilmSet


@dataclass(frozen=True)
class LanguageNumbers:
    """Titles of which a language is the original, and tracks in it."""

    original_of: int
    tracks: int


@dataclass(frozen=True)
class FilmSetDescription:
    """The numbers of a film set. lines: of dialogue. The fields from `splits` on count by name, the commonest
    first."""

    kind: ClassVar[Literal["filmset"]] = "filmset"

    path: str
    seed: int
    titles: int
    hours: float
    shots: int
    lines: int
    languages: dict[str, LanguageNumbers]
    splits: dict[str, int]
    directors: dict[str, int]
    scenes: dict[str, int]
    transitions: dict[str, int]
    events: dict[str, int]
    faults: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """The form that `lssd inspect FILMS --json` prints."""
        languages = {
            code: {"original of": numbers.original_of, "tracks": numbers.tracks}
            for code, numbers in self.languages.items()
        }
        return asdict(self) | {"languages": languages}


def describe_filmset(folder: str | Path) -> FilmSetDescription:
    """Count what a film set holds. InputError when the folder holds none."""
    films = FilmSet.open(folder)
    shots = [shot for title in films.titles for shot in title.shots]
    spoken = Counter(language for title in films.titles for language in title.languages)
    originals = Counter(title.original_language for title in films.titles)
    faults = (track.fault.kind for title in films.titles for track in title.tracks if track.fault)
    return FilmSetDescription(
        path=str(folder),
        seed=films.settings.seed,
        titles=len(films.titles),
        hours=sum(float(title.frames / title.rate) for title in films.titles) / 3600,
        shots=len(shots),
        lines=sum(len(shot.lines) for shot in shots),
        languages={
            language: LanguageNumbers(originals[language], count)
            for language, count in sorted(spoken.items(), key=lambda item: (-item[1], item[0]))
        },
        splits=_counted(title.split for title in films.titles),
        directors=_counted(title.director for title in films.titles),
        scenes=_counted(shot.scene.kind for shot in shots),
        transitions=_counted(shot.transition.kind for title in films.titles for shot in title.shots[1:]),
        events=_counted(event.kind for shot in shots for event in shot.events),
        faults=_counted(faults),
    )


def _counted(names: Iterable[str]) -> dict[str, int]:
    """How often each name occurs, the commonest first."""
    return dict(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))
