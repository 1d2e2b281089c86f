"""Channels: from the layout of a track to the number that is asked for."""

import numpy as np

from lssd.errors import InputError

# ITU-R BS.775 downmix of a channel to (left, right); the low-frequency effects channel is left out.
_HALF = 2**-0.5
_SIDES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("FL", "FLC", "DL"), (1.0, 0.0)),
    **dict.fromkeys(("FR", "FRC", "DR"), (0.0, 1.0)),
    **dict.fromkeys(("BL", "SL", "TFL", "TBL"), (_HALF, 0.0)),
    **dict.fromkeys(("BR", "SR", "TFR", "TBR"), (0.0, _HALF)),
    "FC": (_HALF, _HALF),
    "BC": (0.5, 0.5),
    "LFE": (0.0, 0.0),
}


def downmix_matrix(names: tuple[str, ...], channels: int) -> np.ndarray:
    """The fixed matrix (channels, len(names)) from a layout's channel names to a number of channels.

    1: the mean of all channels. As many as there are: unchanged. From mono: copies. 2 from more:
    left = FL + 0.707 FC + 0.707 BL (or SL), right alike, LFE left out, divided by the sum of a side's
    weights so that nothing can clip; layouts without names give their mean on both sides.

    Raises InputError for any other pair.
    """
    have = len(names)
    if channels == 1:
        return np.full((1, have), 1 / have, np.float32)
    if channels == have:
        return np.eye(have, dtype=np.float32)
    if have == 1:
        return np.ones((channels, 1), np.float32)
    if channels == 2:
        sides = np.array([_SIDES.get(name, (0.0, 0.0)) for name in names]).T
        weights = sides.sum(axis=1, keepdims=True)
        mean = np.full((2, have), 1 / have)
        return np.where(weights > 0, sides / np.maximum(weights, 1e-9), mean).astype(np.float32)
    choices = " or ".join(map(str, sorted({1, 2, have})))
    raise InputError(f"cannot turn {have} sound channels into {channels}; ask for {choices}")


def mix(samples_CS: np.ndarray, names: tuple[str, ...], channels: int) -> np.ndarray:
    """Samples float32 (C, S) with the number of channels asked for; see `downmix_matrix`."""
    if samples_CS.shape[0] == channels:
        return samples_CS
    return downmix_matrix(names, channels) @ samples_CS
