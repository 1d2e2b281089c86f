"""The results of `dub`, by film and language."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class LanguageReport:
    """One dub: the number of lines, how many of them are spoken, and flags as (utterance id, remark).

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
    """The result for one film. `film`: the path written, "" where none was; `reason`: why the film failed.

    made, kept: how many steps ran and how many were reused, by name; seconds: how long steps ran, by name,
    and how long of that backends ran, by "backend " and the step's name.
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
