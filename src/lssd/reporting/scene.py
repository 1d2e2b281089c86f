"""One clip in all its languages: its stills, and each track's log-mel beside its difference to the original.

After the paper's Figure 4: the same picture, the same scene around the words, other words.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.compute as pc
import torch
from matplotlib.image import imsave

from lssd.corpus import Catalog, Member, rows_of
from lssd.corpus.schema import ClipRow, TitleRow, TrackRow
from lssd.errors import CorpusError, MediaError
from lssd.languages import display_name
from lssd.media import read_frames, read_sound
from lssd.models import LogMel
from lssd.reporting.markup import image, paragraph, text

_STILLS = 5
_STILL_SIDE = 180
_RATE = 48_000  # of the log-mel that the paper draws, `LogMel`'s default
_WIDTH = 480  # columns of a panel at most
_RANGE_DB = 80.0
_DIFFERENCE_DB = 30.0
_LONGEST_S = 3600.0  # that a clip may last, whatever a catalog says
_CANDIDATES = 12  # clips that are looked at for the figure


class SceneTrack(NamedTuple):
    """A sound of the clip: the name of its language, its role, and its log-mel (F, L) in dB."""

    language: str
    role: str
    mel_FL: np.ndarray


@dataclass(frozen=True)
class Scene:
    """A clip as shown: stills uint8 (T, H, W, 3) at `times_s`, and its tracks, the original first."""

    clip_id: str
    title: str
    duration_s: float
    times_s: tuple[float, ...]
    stills: np.ndarray
    tracks: tuple[SceneTrack, ...]


def read_scene(corpus: Path) -> Scene | None:
    """A clip with as many languages as any in the corpus, decoded; None when the corpus has no clip.

    Of the longest such clips, the one whose tracks differ most: one in which somebody speaks.
    Raises CorpusError and MediaError when the corpus cannot be read.
    """
    catalog = Catalog.open(corpus)
    sounds: dict[str, list[Member]] = {}
    for member in rows_of(Member, catalog.members.filter(pc.equal(catalog.members["kind"], "sound"))):
        sounds.setdefault(member.clip_id, []).append(member)
    clips = [clip for clip in rows_of(ClipRow, catalog.clips) if clip.clip_id in sounds]
    if not clips:
        return None
    spoken = {clip_id: len({member.language for member in members}) for clip_id, members in sounds.items()}
    for clip in clips:
        if not 0 < clip.duration_s <= _LONGEST_S:
            raise CorpusError(f"{corpus}: clip {clip.clip_id} lasts {clip.duration_s} s in the catalog")
    clips = [clip for clip in clips if spoken[clip.clip_id] == max(spoken.values())]
    clips.sort(key=lambda clip: (-clip.duration_s, clip.clip_id))
    tracks = {clip: _read_tracks(catalog, clip, sounds[clip.clip_id]) for clip in clips[:_CANDIDATES]}
    chosen = max(tracks, key=lambda clip: _difference(tracks[clip]))
    return _read_picture(catalog, chosen, tracks[chosen])


def _read_tracks(catalog: Catalog, clip: ClipRow, sounds: list[Member]) -> tuple[SceneTrack, ...]:
    """The sounds of a clip: the original first, then the others by the names of their languages."""
    roles = {row.track_id: row.role for row in rows_of(TrackRow, catalog.tracks) if row.kept}

    def order(sound: Member) -> tuple[bool, str, str]:
        role = roles.get(str(sound.track_id))
        return role != "original", display_name(sound.language), str(sound.track_id)

    tracks = []
    for sound in sorted(sounds, key=order):
        samples_CS = read_sound(catalog.read(sound), 0, 0.0, clip.duration_s, _RATE, channels=1)
        role = roles.get(str(sound.track_id)) or "unknown"
        tracks.append(SceneTrack(display_name(sound.language), role, log_mel(samples_CS)))
    return tuple(tracks)


def _difference(tracks: tuple[SceneTrack, ...]) -> float:
    """Mean distance in dB of the other tracks to the first, near-silence left out."""
    shown = _above_floor([track.mel_FL for track in tracks])
    return float(np.mean([np.abs(mel - shown[0]).mean() for mel in shown[1:]] or [0.0]))


def _above_floor(mels: list[np.ndarray]) -> list[np.ndarray]:
    """Log-mels clipped to the range that the panels show: differences of near-silence say nothing."""
    floor = max(float(mel.max()) for mel in mels) - _RANGE_DB
    return [np.maximum(mel, floor) for mel in mels]


def _read_picture(catalog: Catalog, clip: ClipRow, tracks: tuple[SceneTrack, ...]) -> Scene:
    members = catalog.members.filter(pc.equal(catalog.members["clip_id"], clip.clip_id))
    picture = next(member for member in rows_of(Member, members) if member.kind == "picture")
    times_s = tuple((index + 0.5) * clip.duration_s / _STILLS for index in range(_STILLS))
    stills = read_frames(catalog.read(picture), times_s, short_side=_STILL_SIDE)
    names = {row.title_id: row.name for row in rows_of(TitleRow, catalog.titles)}
    title = names.get(clip.title_id) or clip.title_id
    return Scene(clip.clip_id, title, clip.duration_s, times_s, stills, tracks)


def log_mel(samples_CS: np.ndarray) -> np.ndarray:
    """The method's log-mel of mono sound at 48 kHz, (96, T) in dB."""
    with torch.no_grad():
        mel_BCFT = LogMel()(torch.from_numpy(samples_CS)[None])
    return mel_BCFT[0, 0].numpy()


def scene_figure(corpus: Path) -> str:
    """The figure as markup; a sentence instead when the corpus cannot show one."""
    try:
        scene = read_scene(corpus)
    except (CorpusError, MediaError) as error:
        return paragraph(f"The clip could not be drawn: {error}", "note")
    if scene is None:
        return paragraph("The corpus holds no clip with sound, so there is none to show.", "note")
    return scene_markup(scene)


def scene_markup(scene: Scene) -> str:
    """A scene as markup: stills on top; below, a row a track."""
    stills = "".join(
        image(_jpeg(still), f"{scene.title} at {time_s:.1f} s of the clip", "still", "image/jpeg")
        for still, time_s in zip(scene.stills, scene.times_s, strict=True)
    )
    top = max(float(track.mel_FL.max()) for track in scene.tracks)
    shown = _above_floor([track.mel_FL for track in scene.tracks])
    original = scene.tracks[0].language
    cells = ['<div class="head first">Track</div><div class="head">Log-mel</div>']
    cells.append(f'<div class="head">Difference to {text(original)}</div>')
    span = f"0 to {scene.duration_s:.1f} s, 96 mel bands"
    for (language, role, _), mel in zip(scene.tracks, shown, strict=True):
        cells.append(f'<div class="language">{text(language)} <span>{text(role)}</span></div>')
        panel = _panel(mel, top - _RANGE_DB, top, "magma")
        cells.append(image(panel, f"Log-mel spectrogram of the {language} track, {span}", "mel"))
        if mel is shown[0]:
            cells.append('<div class="head">–</div>')
            continue
        panel = _panel(mel - shown[0], -_DIFFERENCE_DB, _DIFFERENCE_DB, "RdBu_r")
        words = f"{language} minus {original} log-mel, {span}: blue is quieter, red is louder"
        cells.append(image(panel, words, "mel"))
    ends = f"<span>0 s</span><span>{scene.duration_s:.1f} s</span>"
    cells.append('<div class="corner"></div>' + 2 * f'<div class="axis" aria-hidden="true">{ends}</div>')
    return (
        f'<div class="stills">{stills}</div>\n<div class="sounds">{"".join(cells)}</div>\n'
        f"{_scale('magma', f'−{_RANGE_DB:.0f} dB', 'the loudest')}"
        f"{_scale('RdBu_r', f'−{_DIFFERENCE_DB:.0f} dB', f'+{_DIFFERENCE_DB:.0f} dB, difference')}"
    )


def _panel(values_FT: np.ndarray, low: float, high: float, colours: str) -> bytes:
    """A spectrogram as PNG, low frequencies at the bottom, at most `_WIDTH` columns."""
    columns = np.array_split(np.arange(values_FT.shape[1]), min(_WIDTH, values_FT.shape[1]))
    shown = np.stack([values_FT[:, part].mean(axis=1) for part in columns], axis=1)
    buffer = io.BytesIO()
    imsave(buffer, shown, vmin=low, vmax=high, cmap=colours, origin="lower", format="png")
    return buffer.getvalue()


def _jpeg(still: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    imsave(buffer, np.ascontiguousarray(still), format="jpg", pil_kwargs={"quality": 85})
    return buffer.getvalue()


def _scale(colours: str, low: str, high: str) -> str:
    ramp = _panel(np.linspace(0, 1, 128)[None].repeat(2, axis=0), 0, 1, colours)
    return f'<div class="scale">{low} {image(ramp, "", "ramp")} {high}</div>'
