"""The k nearest training items by cosine vote with weights exp(cosine / temperature); nothing is chosen.

Shape suffixes: N training and M judged items, D features, C classes, k neighbours.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize

from lssd.evaluation.metrics import metric_per_network
from lssd.evaluation.probes.division import DeviceDivision, Division, ProbeOutput
from lssd.evaluation.probes.products import product

NEIGHBOURS, TEMPERATURE = 10, 0.07
_ROWS = 1024  # judged at a time


def judge_neighbours(
    divisions: Sequence[Division], classes: int, multilabel: bool, metric: str, device: torch.device
) -> ProbeOutput:
    """Scores are the neighbours' weighted mean labels: in 0..1, and of sum 1 where items have one class."""
    scores, validation = [], []
    for division in divisions:
        data = DeviceDivision.of(0, division, classes, device, torch.float32)
        reference_ND = normalize(data.x_train_ND)
        shares_MC = _vote(reference_ND, data.train_NC, normalize(data.x_valid_MD))
        validation.append(metric_per_network(metric, shares_MC[None], data.valid_MC).item())
        scores.append(_vote(reference_ND, data.train_NC, normalize(data.x_test_KD)).cpu().numpy())
    chosen = tuple({"k": min(NEIGHBOURS, len(division.x_train_ND))} for division in divisions)
    return ProbeOutput(tuple(scores), tuple(validation), chosen)


def _vote(train_ND: Tensor, train_NC: Tensor, judged_MD: Tensor) -> Tensor:
    """The votes for each class, (M, C)."""
    shares = []
    for rows_MD in judged_MD.split(_ROWS):
        cosine_MN = product(rows_MD[None], train_ND.T[None])[0]
        nearest = cosine_MN.topk(min(NEIGHBOURS, len(train_ND)), dim=1)
        weights_Mk = (nearest.values / TEMPERATURE).softmax(dim=1)
        shares.append(torch.einsum("mk,mkc->mc", weights_Mk, train_NC[nearest.indices]))
    return torch.cat(shares)
