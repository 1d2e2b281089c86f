"""What came of a request for dubs."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class LanguageReport:
    """A dub: how many lines there are, how many speak, and flags as (utterance id, what).

    `reason`: why there is no track; "" where there is one.
    """

    language: str
    lines: int = 0
    spoken: int = 0
    reason: str = ""
    flags: tuple[tuple[str, str], ...] = ()

    @property
    def ok(self) -> bool:
        return not self.reason


@dataclass(frozen=True)
class DubReport:
    """What came of a film. `film`: the new one, "" where none was written; `reason`: why nothing was done.

    made, kept: how many steps ran and how many stood, by name; seconds: how long steps ran, by name, and
    of it the backends, by "backend " and the step's name.
    """

    source: str
    folder: str = ""
    film: str = ""
    languages: tuple[LanguageReport, ...] = ()
    flags: tuple[str, ...] = ()
    reason: str = ""
    made: dict[str, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether there is a film with all that was asked for, or all that could be."""
        return bool(self.film)
