"""What a corpus holds, in numbers."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from lssd.corpus.catalog import Catalog
from lssd.corpus.schema import ClipRow, LabelRow, Member, QuarantineRow, ShotRow, TitleRow, TrackRow, rows_of


@dataclass(frozen=True)
class LanguageNumbers:
    """Titles and clips heard in a language, titles of which it is the original, and hours of these clips."""

    titles: int
    original_of: int
    clips: int
    hours: float


@dataclass(frozen=True)
class LabelNumbers:
    """Clips that have a label of one name, and how many values that label has."""

    clips: int
    values: int


@dataclass(frozen=True)
class ShotNumbers:
    """Shots that are kept, and those that are not, by reason."""

    kept: int
    rejected: dict[str, int]


@dataclass(frozen=True)
class CorpusDescription:
    """The numbers of a corpus.

    hours: of clips. splits: titles by split. languages: by code, "None" where it is not known.
    clips_by_language_count: clips by the number of languages that they are heard in. background: clips with
    a background track. labels: by name. tracks_not_kept: by reason.
    """

    kind: ClassVar[Literal["corpus"]] = "corpus"

    path: str
    titles: int
    clips: int
    hours: float
    splits: dict[str, int]
    languages: dict[str, LanguageNumbers]
    clips_by_language_count: dict[int, int]
    background: int
    labels: dict[str, LabelNumbers]
    shots: ShotNumbers
    tracks_not_kept: dict[str, int]
    quarantine: list[QuarantineRow]

    def to_json(self) -> dict[str, Any]:
        """The form that `lssd inspect CORPUS --json` prints."""
        return asdict(self)


def describe_corpus(path: str | Path) -> CorpusDescription:
    """Count what a corpus holds. Raises CorpusError when the folder is no corpus."""
    catalog = Catalog.open(path)
    titles, tracks = rows_of(TitleRow, catalog.titles), rows_of(TrackRow, catalog.tracks)
    shots = rows_of(ShotRow, catalog.shots)
    clips = {clip.clip_id: clip for clip in rows_of(ClipRow, catalog.clips)}
    voiceless = {(row.title_id, row.track_id) for row in tracks if row.kept and row.role == "background"}
    spoken: dict[str, set[str | None]] = defaultdict(set)
    background: set[str] = set()
    for member in rows_of(Member, catalog.members):
        if member.kind != "sound" or member.clip_id not in clips:
            continue
        if (clips[member.clip_id].title_id, member.track_id) in voiceless:
            background.add(member.clip_id)
        else:
            spoken[member.clip_id].add(member.language)
    return CorpusDescription(
        path=str(path),
        titles=len(titles),
        clips=len(clips),
        hours=sum(clip.duration_s for clip in clips.values()) / 3600,
        splits=dict(sorted(Counter(row.split for row in titles).items())),
        languages=_languages(titles, spoken, clips),
        clips_by_language_count=dict(sorted(Counter(len(found) for found in spoken.values()).items())),
        background=len(background),
        labels=_labels(rows_of(LabelRow, catalog.labels)),
        shots=ShotNumbers(sum(shot.kept for shot in shots), _reasons(shots)),
        tracks_not_kept=_reasons(tracks),
        quarantine=rows_of(QuarantineRow, catalog.quarantine),
    )


def _languages(
    titles: list[TitleRow], spoken: dict[str, set[str | None]], clips: dict[str, ClipRow]
) -> dict[str, LanguageNumbers]:
    found: dict[str, LanguageNumbers] = {}
    for language in sorted({code for codes in spoken.values() for code in codes}, key=str):
        heard = [clips[clip_id] for clip_id, codes in spoken.items() if language in codes]
        found[str(language)] = LanguageNumbers(
            titles=len({clip.title_id for clip in heard}),
            original_of=sum(title.original_language == language for title in titles),
            clips=len(heard),
            hours=sum(clip.duration_s for clip in heard) / 3600,
        )
    return found


def _labels(labels: Iterable[LabelRow]) -> dict[str, LabelNumbers]:
    clips: dict[str, set[str]] = defaultdict(set)
    values: dict[str, set[str]] = defaultdict(set)
    for label in labels:
        clips[label.name].add(label.clip_id)
        values[label.name].add(label.value)
    return {name: LabelNumbers(len(clips[name]), len(values[name])) for name in sorted(clips)}


def _reasons(rows: Iterable[ShotRow] | Iterable[TrackRow]) -> dict[str, int]:
    """How many rows are not kept, by reason, the commonest first."""
    return dict(Counter(str(row.reason) for row in rows if not row.kept).most_common())
