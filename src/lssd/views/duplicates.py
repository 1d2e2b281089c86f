"""Groups of clips that show the same: intros, recaps, one film under two titles.

Letters of shapes: N clips, U different fingerprints, M bands.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lssd.errors import CorpusError

_BLOCK = 1 << 16  # texts that are Python objects at once
_DIGITS, _WORDS, _BITS = 48, 3, 192
_ONES = np.unpackbits(np.arange(1 << 16, dtype=np.uint16).view(np.uint8).reshape(-1, 2), axis=1).sum(
    1, np.uint8
)
_MOST = 47  # above, no fingerprint could have the ones and zeros that `group_duplicates` asks for


def group_duplicates(fingerprints: Sequence[str | None] | pa.ChunkedArray, distance: int = 10) -> np.ndarray:
    """Number the groups of near-duplicates: int64 (N,), the position of each group's first clip.

    fingerprints: 48 hexadecimal digits a clip, the 64-bit difference hashes of three of its pictures;
    None is alone. distance: bits of the 192 in which two of one group may differ, 0 to 47; groups are
    the connected components of such pairs, so the ends of a chain may differ in more.

    A fingerprint is also alone when its ones or its zeros are not more than twice the distance. Flat
    pictures have nearly no differences to hash, and any two hashes of w ones differ in at most 2w bits:
    they would match whatever they show.

    Exact, by multi-index hashing (Norouzi et al., 2012): of distance + 2 bands of bits, two that differ
    in no more than `distance` bits agree in at least two bands. A second band keeps the buckets small
    where bits are not evenly zero and one, as in dark pictures. Raises CorpusError for a fingerprint
    that is none, ValueError for a distance out of range.
    """
    if not 0 <= distance <= _MOST:
        raise ValueError(f"distance must lie between 0 and {_MOST}")
    words_NW, known = _parse(fingerprints)
    ones_N = _count_ones(words_NW)
    telling = known & (np.minimum(ones_N, _BITS - ones_N) > 2 * distance)
    numbers_N = np.arange(len(fingerprints))
    if not telling.any():
        return numbers_N
    words_UW, inverse = np.unique(words_NW[telling], axis=0, return_inverse=True)
    # The component of each clip that has a telling fingerprint, then the first clip of that component.
    components = _components(words_UW, distance)[inverse.reshape(-1)]
    clips = np.flatnonzero(telling)
    _, first, back = np.unique(components, return_index=True, return_inverse=True)
    numbers_N[clips] = clips[first][back.reshape(-1)]
    return numbers_N


def _parse(fingerprints: Sequence[str | None] | pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """The hashes as (N, 3) uint64, zero where there is none, and where there is one as (N,) bool."""
    if not isinstance(fingerprints, pa.ChunkedArray):
        fingerprints = pa.chunked_array([pa.array(fingerprints, pa.string())])
    known = pc.is_valid(fingerprints).to_numpy()
    texts = fingerprints.drop_null()
    words_NW = np.zeros((len(fingerprints), _WORDS), dtype=np.uint64)
    wrong = texts.filter(pc.not_equal(pc.utf8_length(texts), _DIGITS))
    if len(wrong):
        raise CorpusError(f"the fingerprint '{wrong[0]}' of a clip does not have {_DIGITS} digits")
    blocks = (texts.slice(start, _BLOCK).to_pylist() for start in range(0, len(texts), _BLOCK))
    try:
        data = b"".join(bytes.fromhex("".join(block)) for block in blocks)
    except ValueError as error:
        raise CorpusError(f"a fingerprint of a clip is no hexadecimal number: {error}") from error
    words_NW[known] = np.frombuffer(data, dtype=">u8").reshape(-1, _WORDS)
    return words_NW, known


def _count_ones(words_NW: np.ndarray) -> np.ndarray:
    return _ONES[words_NW.view(np.uint16)].sum(axis=1, dtype=np.uint8)


def _components(words_UW: np.ndarray, distance: int) -> np.ndarray:
    """The connected components of different fingerprints at most `distance` apart: (U,) labels."""
    labels_U = np.arange(len(words_UW))
    # At least six, so that two bands fit into 64 bits.
    bands_MU = _bands(words_UW, max(distance + 2, 6))
    width = np.uint64(32)
    for one, other in combinations(bands_MU, 2):
        for left, right in _bucket_pairs(one << width | other):
            # What belongs together already need not be compared again.
            fresh = labels_U[left] != labels_U[right]
            left, right = left[fresh], right[fresh]
            near = _count_ones(words_UW[left] ^ words_UW[right]) <= distance
            if near.any():
                labels_U = _join(labels_U, left[near], right[near])
    return labels_U


def _bands(words_UW: np.ndarray, bands: int) -> np.ndarray:
    """The values of every `bands`-th bit, since neighbouring bits often agree: (M, U) uint64."""
    bits_UB = np.unpackbits(words_UW.astype(">u8").view(np.uint8).reshape(len(words_UW), -1), axis=1)
    values_MU = np.zeros((bands, len(words_UW)), dtype=np.uint64)
    for bit in range(_BITS):
        band_U = values_MU[bit % bands]
        band_U <<= np.uint64(1)
        band_U |= bits_UB[:, bit]
    return values_MU


def _bucket_pairs(keys_U: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All pairs of positions with equal keys, each once, in portions of at most U pairs.

    Keys 7, 5, 7, 7 give first the neighbours after sorting, (0, 2) and (2, 3), then those two apart: (0, 3).
    """
    # Equal keys side by side: where each bucket starts, and for each position where its bucket ends.
    order = np.argsort(keys_U)
    keys_U = keys_U[order]
    starts = np.flatnonzero(np.r_[True, keys_U[1:] != keys_U[:-1]])
    sizes = np.diff(np.r_[starts, len(keys_U)])
    ends = np.repeat(starts + sizes, sizes)
    # Each position with the one `step` further on, while that is still in its bucket.
    active, step = np.arange(len(keys_U)), 1
    while True:
        active = active[active + step < ends[active]]
        if not len(active):
            return
        yield order[active], order[active + step]
        step += 1


def _join(labels_U: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Labels after the components of these pairs became one each."""
    edges = (np.ones(len(left), dtype=bool), (labels_U[left], labels_U[right]))
    _, joined = connected_components(coo_array(edges, shape=(len(labels_U),) * 2), directed=False)
    return joined[labels_U]
