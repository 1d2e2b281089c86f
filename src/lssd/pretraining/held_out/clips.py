"""Measures on held-out titles during training: what a network has learned beyond its own clips."""

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor

from lssd.corpus import Catalog, Member, rows_of
from lssd.corpus.schema import LabelRow
from lssd.errors import CorpusError, MediaError
from lssd.models import ProjectionHead
from lssd.models.evaluating import evaluating
from lssd.models.model import Tower
from lssd.pretraining.distributed import World, gather_objects
from lssd.pretraining.held_out.measures import COLLAPSED_BELOW, ClipEmbeddings, ClipFacts, summarise
from lssd.pretraining.network import Network
from lssd.pretraining.recipe import Recipe
from lssd.views import (
    CacheSettings,
    ClipCache,
    ClipEntry,
    ClipIndex,
    Corpora,
    Decoder,
    Selection,
    ViewSettings,
    Window,
    centre_window,
)

_logger = logging.getLogger(__name__)
_NO_LABELS = ("fingerprint", "language")  # not of what a clip shows; known of each track


@dataclass(frozen=True)
class Share:
    """What one process measured: embeddings of its clips, and why it could not measure the others."""

    embeddings: tuple[ClipEmbeddings, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Monitor:
    """The held-out clips of a run; `clips` is empty when the corpus has no held-out title.

    labels: of the clips by id, by name. batch: clips that are read, and windows that pass through an
    encoder, at once.
    """

    clips: tuple[ClipEntry, ...]
    recipe: Recipe
    corpora: Corpora
    cache: CacheSettings | None
    labels: Mapping[str, Mapping[str, str]]
    batch: int = 16

    @classmethod
    def prepare(cls, recipe: Recipe, corpora: Corpora, cache: CacheSettings | None) -> "Monitor":
        """Draw up to `monitor.clips` held-out clips at random; which ones depends on the seed alone."""
        try:
            background = recipe.views.primary == "background"
            selection = Selection(splits=recipe.monitor.splits, require_background=background)
            clips = ClipIndex.read_all(corpora, selection, recipe.views, every=False).clips
        except CorpusError:
            return cls((), recipe, corpora, cache, {})
        order = np.random.default_rng([recipe.seed]).permutation(len(clips))[: recipe.monitor.clips]
        chosen = tuple(clips[position] for position in sorted(order))
        labels = [_read_labels(catalog, chosen) for catalog in corpora.catalogs]
        return cls(chosen, recipe, corpora, cache, {clip: own for one in labels for clip, own in one.items()})

    def measure(self, network: Network, world: World) -> dict[str, float]:
        """The measures of `summarise` on process 0, {} on the others; every process must call it.

        Each clip is heard and seen in its middle window, through the heads of the primary instances. The
        values are the same to the bit on any number of equal processes. Clips that cannot be read, or
        whose embeddings are not finite, are counted as `left_out`, and a collapse is logged as a warning.
        """
        shares = gather_objects(self.embed(network, world.rank, world.size))
        if world.rank != 0:
            return {}
        values = self.summarise(shares, 1 / network.scale().item())
        if values.get("collapsed"):
            _warn_of_collapse(values)
        return values

    def embed(self, network: Network, rank: int = 0, processes: int = 1) -> Share:
        """Embed one process's share of the clips, in evaluation mode and without gradients.

        Whole batches are shared out, so an encoder is given the same ones however many processes there are.
        """
        cache = ClipCache(self.cache.folder, self.cache.limit_bytes) if self.cache else None
        decoder = Decoder(self.recipe.views, self.corpora, cache)
        embeddings: list[ClipEmbeddings] = []
        left_out: list[str] = []
        with torch.no_grad(), evaluating(network):
            for first in range(rank * self.batch, len(self.clips), processes * self.batch):
                readings = []
                for position in range(first, min(first + self.batch, len(self.clips))):
                    try:
                        readings.append(_read(position, self.clips[position], decoder))
                    except (CorpusError, MediaError) as error:
                        reason = " ".join(str(error).split())
                        left_out.append(f"clip {self.clips[position].clip_id} cannot be read ({reason})")
                for found in _embed(network, readings, self.batch):
                    if found.finite:
                        embeddings.append(found)
                    else:
                        clip_id = self.clips[found.position].clip_id
                        left_out.append(f"the embeddings of clip {clip_id} are not finite")
        return Share(tuple(embeddings), tuple(left_out))

    def summarise(self, shares: Sequence[Share], temperature: float) -> dict[str, float]:
        """The measures over the shares of all processes, in any order (`held_out.summarise`)."""
        clips = sorted((one for share in shares for one in share.embeddings), key=lambda one: one.position)
        facts = [self._facts(self.clips[clip.position]) for clip in clips]
        recipe = self.recipe
        values = summarise(clips, facts, temperature, recipe.monitor.neighbours)
        left_out = [reason for share in shares for reason in share.left_out]
        if left_out:
            _logger.warning(
                "%d of %d held-out clips are left out: %s", len(left_out), len(self.clips), left_out[0]
            )
            values["left_out"] = len(left_out)
        return values

    def _facts(self, clip: ClipEntry) -> ClipFacts:
        windows = _windows(clip, self.recipe.views)
        return ClipFacts(
            title_id=clip.title_id,
            languages=[track.language for track in _tracks(clip, self.recipe.views)],
            two_windows=windows.first != windows.last,
            labels=self.labels.get(clip.clip_id, {}),
        )


@dataclass(frozen=True)
class _Reading:
    """A held-out clip as tensors: its windows (first, centre, last; None without pictures) and sounds."""

    position: int
    frames_3TCHW: Tensor | None
    waveform_MCS: Tensor


def _read(position: int, clip: ClipEntry, decoder: Decoder) -> _Reading:
    windows = _windows(clip, decoder.settings)
    pictures = decoder.settings.pictures
    tracks = _tracks(clip, decoder.settings)
    return _Reading(
        position,
        torch.stack([decoder.frames(clip, window) for window in windows]) if pictures else None,
        torch.stack([decoder.sound(track, windows.centre) for track in tracks]),
    )


def _tracks(clip: ClipEntry, settings: ViewSettings) -> tuple[Member, ...]:
    """The sounds of a clip that are measured: the background where the views take that, else all speech."""
    if settings.primary == "background" and clip.background is not None:
        return (clip.background,)
    return (clip.original, *clip.dubs)


class _Windows(NamedTuple):
    """The first, the middle and the last window of a clip, all with the middle crop."""

    first: Window
    centre: Window
    last: Window


def _windows(clip: ClipEntry, settings: ViewSettings) -> _Windows:
    centre = centre_window(clip, settings)
    last = max(0, int(clip.duration_s * settings.fps + 1e-6) - settings.window_frames)
    return _Windows(replace(centre, start_frame=0), centre, replace(centre, start_frame=last))


def _embed(network: Network, readings: Sequence[_Reading], batch: int) -> Iterator[ClipEmbeddings]:
    """Pass the windows of clips through the encoders and their primary heads."""
    if not readings:
        return
    waveforms = torch.cat([reading.waveform_MCS for reading in readings])
    sounds, z_sounds = _project(network.audio, network.audio_head, waveforms, batch)
    pictures = z_pictures = None
    frames = [reading.frames_3TCHW for reading in readings if reading.frames_3TCHW is not None]
    if network.video is not None and network.video_head is not None and frames:
        pictures, z_pictures = _project(network.video, network.video_head, torch.cat(frames), batch)
    heard = 0
    for number, reading in enumerate(readings):
        own = slice(heard, heard + len(reading.waveform_MCS))
        heard = own.stop
        yield ClipEmbeddings(
            reading.position,
            sounds[own],
            z_sounds[own],
            None if pictures is None else pictures[3 * number + 1],
            None if z_pictures is None else z_pictures[3 * number : 3 * number + 3],
        )


def _project(tower: Tower, head: ProjectionHead, raw: Tensor, batch: int) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings (N, D) and projections (N, Z) of raw windows, both float32."""
    device = next(tower.parameters()).device
    outputs = [tower(part.to(device)) for part in raw.split(batch)]
    projections = [head(output) for output in outputs]
    return _to_numpy(outputs), _to_numpy(projections)


def _to_numpy(rows: list[Tensor]) -> np.ndarray:
    found: np.ndarray = torch.cat(rows).float().cpu().numpy()
    return found


def _read_labels(catalog: Catalog, clips: Sequence[ClipEntry]) -> dict[str, dict[str, str]]:
    """Labels of clips by id and name, without those of which a clip has several values."""
    wanted = pa.array([clip.clip_id for clip in clips], pa.string())
    rows = rows_of(LabelRow, catalog.labels.filter(pc.is_in(catalog.labels["clip_id"], value_set=wanted)))
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in rows:
        if row.name not in _NO_LABELS and row.value is not None:
            found[row.clip_id][row.name].add(row.value)
    return {
        clip_id: {name: next(iter(values)) for name, values in names.items() if len(values) == 1}
        for clip_id, names in found.items()
    }


def _warn_of_collapse(values: Mapping[str, float]) -> None:
    spreads = {name: values[f"spread_{name}"] for name in ("sound", "picture") if f"spread_{name}" in values}
    modality = min(spreads, key=lambda name: spreads[name])
    _logger.warning(
        "the embeddings of %s have collapsed: distinct held-out clips differ by %.1g (1 - mean cosine; below "
        "%g the objective cannot tell them apart); lower optimiser.lr, or warm up for longer",
        modality,
        spreads[modality],
        COLLAPSED_BELOW,
    )
