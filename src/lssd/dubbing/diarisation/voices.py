"""Speakers by clustering the sound of their lines: no model and no download, but coarse."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.cluster.hierarchy import ClusterNode, linkage, to_tree

from lssd.dubbing.declaration import Backend, Declaration
from lssd.dubbing.diarisation.features import describe
from lssd.dubbing.lines import Line
from lssd.dubbing.segmentation.mono import RATE, read_mono
from lssd.dubbing.sound import Sound
from lssd.errors import InputError

_LONGEST_S = 10.0  # of a line is listened to
# How far one person's lines lie from each other: standard deviations in octaves and of the cepstra, pooled
# over the people of rendered films, who speak in six styles; pitch counts half as much again.
_SPREAD = np.array([0.25, 1.46, 1.24, 1.06, 0.78, 0.88, 0.78, 0.75, 0.57, 0.65, 0.55, 0.45])


class Voices(Backend):
    """Agglomerative clustering (Ward, 1963) of median pitch and mean cepstra of the lines.

    It separates women from men and clearly different voices, but not similar ones, and one person who both
    shouts and whispers may become two. For real films, give your own diarisation as RTTM.
    """

    declaration: ClassVar[Declaration] = Declaration(
        step="diarisation",
        name="voices",
        about="clusters lines by pitch and mean spectrum; rough, no downloads",
        code_license="Apache-2.0",
        weights_license="none",
        sample_rate=RATE,
        languages=None,
        device="cpu",
        version=1,
    )

    @dataclass(frozen=True)
    class Settings:
        """Two groups of lines are two people where both of these say so; in units of `_SPREAD`.

        apart: between the groups' means. evidence: Ward's distance, which grows with the groups, so that a
        few odd lines make no new person. most: speakers at most, 0 for any number.
        """

        apart: float = 4.0
        evidence: float = 10.0
        most: int = 0

        def __post_init__(self) -> None:
            if min(self.apart, self.evidence, self.most) < 0:
                raise InputError("voices: apart, evidence and most are not negative")

    def diarise(self, speech: Sound, lines: Sequence[Line]) -> list[str]:
        """Names S1, S2 ... by first line. A line without a voiced sound goes with the line before."""
        described = [self._described(speech, line) for line in lines]
        known = [index for index, one in enumerate(described) if one is not None]
        labels = self._clusters(np.array([described[index] for index in known]))
        by_line = dict(zip(known, labels, strict=True))
        names: dict[int, str] = {}
        speakers: list[str] = []
        last = labels[0] if labels else 0
        for index in range(len(lines)):
            last = by_line.get(index, last)
            speakers.append(names.setdefault(last, f"S{len(names) + 1}"))
        return speakers

    def _described(self, speech: Sound, line: Line) -> np.ndarray | None:
        return describe(read_mono(speech, line.start_s, min(line.end_s, line.start_s + _LONGEST_S)))

    def _clusters(self, voices_NF: np.ndarray) -> list[int]:
        """A number a line: of the groups into which the tree of lines falls from its top."""
        if len(voices_NF) < 2:
            return [0] * len(voices_NF)
        scaled_NF = voices_NF / _SPREAD
        groups = [to_tree(linkage(scaled_NF, "ward"))]
        while not self.settings.most or len(groups) < self.settings.most:
            divisible = [group for group in groups if self._are_two(group, scaled_NF)]
            if not divisible:
                break
            largest = max(divisible, key=lambda group: group.dist)
            groups.remove(largest)
            groups += [largest.left, largest.right]
        labels = [0] * len(voices_NF)
        for number, group in enumerate(groups):
            for index in group.pre_order():
                labels[index] = number
        return labels

    def _are_two(self, group: ClusterNode, scaled_NF: np.ndarray) -> bool:
        if group.is_leaf() or group.dist < self.settings.evidence:
            return False
        left, right = (scaled_NF[half.pre_order()].mean(axis=0) for half in (group.left, group.right))
        return float(np.linalg.norm(left - right)) >= self.settings.apart
