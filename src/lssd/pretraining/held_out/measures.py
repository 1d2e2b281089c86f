"""What the embeddings of held-out clips say about a network, in numbers.

Shapes: N clips or sounds, D size of an encoder's output, Z size of a projection.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from lssd.measures import (
    alignment,
    chance_rate,
    cosine_similarity,
    majority_rate,
    normalise_rows,
    predict_neighbours,
    recall_at_k,
    uniformity,
)
from lssd.pretraining.losses import nt_xent

Values = dict[str, float]

COLLAPSED_BELOW = 1e-3
"""Where `spread` says that embeddings have collapsed.

Measured on projections of sounds of the film set (60-120 clips). Collapsed: trained without negatives,
1.5e-4 after 20 steps and falling; diverged at a learning rate of 0.1, 1e-7. Not collapsed: untrained
encoders 0.0035 (Acoustic ResNet50), 0.034 (MViTv2-S) and 0.05-0.16 (the demo's, three seeds); in training
at most 30 steps old 0.08-0.7. At a temperature of 0.07 a spread of 0.001 moves a logit by 0.014, so that
the loss is that of guessing: the softmax tells no clip from another.
"""
KNOWING = "recall@1_knowing_"  # with the name of a label: what recall@1 would be if it were known
_RANKS = (1, 5, 10)


@dataclass(frozen=True)
class Measure:
    """A measure as people read it. chance: the key of what guessing scores; share: of 0 to 1."""

    key: str
    name: str
    chance: str | None = None
    share: bool = True


_MEASURES = (
    Measure("video_to_audio@1", "Recall@1, picture to sound", "chance@1"),
    Measure("audio_to_video@1", "Recall@1, sound to picture", "chance@1"),
    Measure("audio_to_dub@1", "Recall@1, original to dub", "dub_chance@1"),
    Measure("knn_language", "Language of sound by neighbours", "knn_language_chance"),
    Measure("alignment", "Alignment, picture and sound", share=False),
    Measure("dub_alignment", "Alignment, original and dub", share=False),
    Measure("uniformity_picture", "Uniformity, picture", share=False),
    Measure("uniformity_sound", "Uniformity, sound", share=False),
    Measure("rank_picture", "Effective rank, picture", share=False),
    Measure("rank_sound", "Effective rank, sound", share=False),
    Measure("spread_picture", "Spread, picture", share=False),
    Measure("spread_sound", "Spread, sound", share=False),
)
_LABEL = re.compile(r"knn_(.+)_(sound|picture)")


@dataclass(frozen=True)
class ClipEmbeddings:
    """One held-out clip as a network sees it.

    position: among the held-out clips. sounds_MD, z_sounds_MZ: of its centre window, the original first,
    then its dubs. picture_D, z_pictures_3Z: of the centre window; of the first, the centre and the last
    one; None without pictures.
    """

    position: int
    sounds_MD: np.ndarray
    z_sounds_MZ: np.ndarray
    picture_D: np.ndarray | None = None
    z_pictures_3Z: np.ndarray | None = None

    @property
    def finite(self) -> bool:
        arrays = (self.sounds_MD, self.z_sounds_MZ, self.picture_D, self.z_pictures_3Z)
        return all(bool(np.isfinite(array).all()) for array in arrays if array is not None)


@dataclass(frozen=True)
class ClipFacts:
    """What is known of one held-out clip: its title, the language of each sound, and labels by name.

    two_windows: its first and its last window are different.
    """

    title_id: str
    languages: Sequence[str | None]
    two_windows: bool = True
    labels: Mapping[str, str] = field(default_factory=dict)


def summarise(
    clips: Sequence[ClipEmbeddings], facts: Sequence[ClipFacts], temperature: float, neighbours: int
) -> Values:
    """All measures that these clips permit; facts[i] is about clips[i]. Shares are in [0, 1].

    clips: how many.
    video_to_audio@k, audio_to_video@k: a clip's own sound among the k nearest of all clips' to its picture,
    and the reverse; recall@k: their mean; chance@k; k = 1, 5, 10.
    recall@1_knowing_NAME: what recall@1 would be on average if every clip's label were known and nothing
    else, where all clips have one of that name: labels over clips.
    audio_to_dub@k, dub_chance@k, dubbed_clips: a clip's dub among all clips' dubs by its original sound.
    cross_loss, sound_loss, picture_loss: Eq. 1 over all clips, of picture and sound, of original and dub,
    of first and last window.
    alignment, dub_alignment: mean squared distance of picture and sound, of original and dub, 0 to 4.
    uniformity_picture, _sound, _dub: Wang & Isola (2020): 0 when all are equal, lower is better.
    rank_picture, rank_sound: `effective_rank`; spread_picture, spread_sound: `spread`.
    collapsed: 1 when one of the spreads is below `COLLAPSED_BELOW`, else 0.
    knn_language, knn_NAME_sound, knn_NAME_picture: `accuracy_across_titles` of what the encoders give,
    before the heads; beside it knn_language_chance, knn_NAME_chance and _majority.

    Retrieval, losses and geometry are of projections. What a corpus lacks (pictures, dubs, labels, a second
    clip) is left out.
    """
    values: Values = {"clips": len(clips)}
    if not clips:
        return values
    z_a = np.stack([clip.z_sounds_MZ[0] for clip in clips])
    values |= _geometry("sound", z_a)
    if clips[0].z_pictures_3Z is not None:
        z_v = np.stack([clip.z_pictures_3Z for clip in clips if clip.z_pictures_3Z is not None])
        values |= _across_modalities(z_v[:, 1], z_a, temperature) | _geometry("picture", z_v[:, 1])
        apart = z_v[[fact.two_windows for fact in facts]]
        values |= _loss("picture_loss", apart[:, 0], apart[:, 2], temperature)
    values |= _dubs(clips, temperature)
    spreads = [value for name, value in values.items() if name.startswith("spread_")]
    if spreads:
        values["collapsed"] = float(min(spreads) < COLLAPSED_BELOW)
    if "recall@1" in values:
        values |= _knowing_labels(facts)
    return values | _language(clips, facts, neighbours) | _labels(clips, facts, neighbours)


def measures_in(values: Mapping[str, object]) -> list[Measure]:
    """What of `summarise`'s keys is for people to see, of those that are there: shares first."""
    labels = [match for match in map(_LABEL.fullmatch, values) if match is not None]
    by_neighbours = [
        Measure(match[0], f"{match[1].capitalize()} of {match[2]} by neighbours", f"knn_{match[1]}_chance")
        for match in labels
    ]
    found = [*_MEASURES, *sorted(by_neighbours, key=lambda measure: measure.key)]
    return sorted((one for one in found if one.key in values), key=lambda measure: not measure.share)


def spread(z_NZ: np.ndarray) -> float:
    """1 - the mean cosine of distinct rows: 0 when all are equal, about 1 when random. N >= 2."""
    z = normalise_rows(z_NZ)
    n = len(z)
    # The mean over pairs, from the length of the sum: |sum z|^2 = sum |z|^2 + sum over pairs.
    pairs = np.square(z.sum(axis=0)).sum() - np.square(z).sum()
    return float(1.0 - pairs / (n * (n - 1)))


def effective_rank(z_NZ: np.ndarray) -> float:
    """Over how many dimensions rows spread: exp of the entropy of the normalised singular values.

    From 1 (all on one line) to min(N, Z). Roy & Vetterli, "The effective rank" (EUSIPCO 2007); as a
    measure of collapse: Garrido et al., "RankMe" (ICML 2023).
    """
    values = np.linalg.svd(np.asarray(z_NZ, dtype=np.float64), compute_uv=False)
    shares = values[values > 0] / values.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def accuracy_across_titles(
    x_ND: np.ndarray, labels: Sequence[str], titles: Sequence[str], neighbours: int
) -> Values:
    """How often an item's nearest neighbours of other titles name its label, with what guessing scores.

    Keys "" (the accuracy), "_chance" (1 / classes) and "_majority" (always the commonest label). Items of
    the same title never vote: they share a cast, a place and a mix. Empty when there is one label alone,
    or none that occurs in two titles.
    """
    truth, owners = np.asarray(labels), np.asarray(titles)
    if not any(len(set(owners[truth == label])) > 1 for label in set(labels)) or len(set(labels)) < 2:
        return {}
    predicted = np.empty_like(truth)
    for title in set(titles):
        own = owners == title
        predicted[own] = predict_neighbours(x_ND[~own], truth[~own], x_ND[own], neighbours)
    return {
        "": float((predicted == truth).mean()),
        "_chance": chance_rate(truth),
        "_majority": majority_rate(truth),
    }


def _across_modalities(z_v: np.ndarray, z_a: np.ndarray, temperature: float) -> Values:
    recall = recall_at_k(cosine_similarity(z_v, z_a), _RANKS)
    values: Values = {}
    for position, k in enumerate(_RANKS):
        both = recall.video_to_audio[position], recall.audio_to_video[position]
        values[f"video_to_audio@{k}"], values[f"audio_to_video@{k}"] = both
        values[f"recall@{k}"] = sum(both) / 2
        values[f"chance@{k}"] = recall.chance[position]
    values |= _loss("cross_loss", z_v, z_a, temperature)
    return values | {"alignment": alignment(z_v, z_a)}


def _knowing_labels(facts: Sequence[ClipFacts]) -> Values:
    """A clip is found with probability 1 / (clips of its label), so that each label adds 1 to the sum."""
    shared = set.intersection(*(set(fact.labels) for fact in facts))
    return {
        f"{KNOWING}{name}": len({fact.labels[name] for fact in facts}) / len(facts) for name in sorted(shared)
    }


def _dubs(clips: Sequence[ClipEmbeddings], temperature: float) -> Values:
    """Original sounds against one dub each, languages in turn."""
    dubbed = [clip.z_sounds_MZ for clip in clips if len(clip.z_sounds_MZ) > 1]
    turns = [clip.position for clip in clips if len(clip.z_sounds_MZ) > 1]
    if not dubbed:
        return {}
    original = np.stack([z_MZ[0] for z_MZ in dubbed])
    dub = np.stack([z_MZ[1 + turn % (len(z_MZ) - 1)] for z_MZ, turn in zip(dubbed, turns, strict=True)])
    recall = recall_at_k(cosine_similarity(original, dub), _RANKS)
    values: Values = {"dubbed_clips": len(dubbed)}
    for position, k in enumerate(_RANKS):
        values[f"audio_to_dub@{k}"] = recall.video_to_audio[position]  # rows are the queries
        values[f"dub_chance@{k}"] = recall.chance[position]
    values |= _loss("sound_loss", original, dub, temperature)
    values["dub_alignment"] = alignment(original, dub)
    return values | ({"uniformity_dub": uniformity(dub)} if len(dub) > 1 else {})


def _loss(name: str, x_NZ: np.ndarray, y_NZ: np.ndarray, temperature: float) -> Values:
    """Eq. 1, when there is a second clip to contrast with."""
    if len(x_NZ) < 2:
        return {}
    losses = nt_xent(torch.from_numpy(x_NZ), torch.from_numpy(y_NZ), temperature)
    return {name: float(losses.mean())}


def _geometry(name: str, z_NZ: np.ndarray) -> Values:
    if len(z_NZ) < 2:
        return {}
    return {
        f"uniformity_{name}": uniformity(z_NZ),
        f"rank_{name}": effective_rank(z_NZ),
        f"spread_{name}": spread(z_NZ),
    }


def _language(clips: Sequence[ClipEmbeddings], facts: Sequence[ClipFacts], neighbours: int) -> Values:
    """Whether sounds of a language lie together: all sounds of all clips."""
    heard = [
        (vector, language, fact.title_id)
        for clip, fact in zip(clips, facts, strict=True)
        for vector, language in zip(clip.sounds_MD, fact.languages, strict=True)
        if language is not None
    ]
    if not heard:
        return {}
    vectors, languages, titles = zip(*heard, strict=True)
    found = accuracy_across_titles(np.stack(vectors), languages, titles, neighbours)
    return {f"knn_language{key}": rate for key, rate in found.items()}


def _labels(clips: Sequence[ClipEmbeddings], facts: Sequence[ClipFacts], neighbours: int) -> Values:
    """Whether clips of a label lie together: original sounds, and pictures."""
    values: Values = {}
    for name in sorted({name for fact in facts for name in fact.labels}):
        pairs = [(clip, fact) for clip, fact in zip(clips, facts, strict=True) if name in fact.labels]
        labels, titles = [fact.labels[name] for _, fact in pairs], [fact.title_id for _, fact in pairs]
        rows = {
            "_sound": [clip.sounds_MD[0] for clip, _ in pairs],
            "_picture": [clip.picture_D for clip, _ in pairs if clip.picture_D is not None],
        }
        for modality, vectors in rows.items():
            found = accuracy_across_titles(np.stack(vectors), labels, titles, neighbours) if vectors else {}
            for key, rate in found.items():
                values[f"knn_{name}{key or modality}"] = rate
    return values
