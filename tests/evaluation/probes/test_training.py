"""The stacked trainer against a literal loop in plain torch that is handed the same random numbers."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from lssd.evaluation.probes import networks, training
from lssd.evaluation.probes.division import DeviceDivision, Division
from lssd.evaluation.probes.streams import DropoutStream, drop_count, first_biases, first_weights, order
from lssd.evaluation.probes.training import Point, Schedule, Setting, batch_bounds, train

CPU = torch.device("cpu")
FEATURES, CLASSES = 12, 5
SHORT = Schedule(hidden=32, batch=64, epochs=12, check_every=12)
POINTS = [(1e-3, "xavier_normal"), (1e-2, "xavier_uniform"), (3e-3, "xavier_normal")]


def placed(
    number: int = 0, items: int = 150, multilabel: bool = False, spread: float = 1.0
) -> DeviceDivision:
    rng = np.random.default_rng(number)

    def part(count):
        y = rng.integers(0, CLASSES, count)
        x = 2 * np.eye(CLASSES, FEATURES)[y] + spread * rng.normal(size=(count, FEATURES)) + 1
        labels = rng.random((CLASSES, CLASSES))[y] > 0.6 if multilabel else y
        return x.astype(np.float32), labels

    (x, y), (x_valid, y_valid), (x_test, _) = part(items), part(80), part(40)
    division = Division(x, y, x_valid, y_valid, x_test)
    return DeviceDivision.of(number, division, CLASSES, CPU, torch.float32)


def setting(schedule: Schedule, multilabel: bool = False, metric: str = "mAP", seed: int = 3) -> Setting:
    return Setting(CLASSES, multilabel, metric, seed, schedule)


def literal_scores(data: DeviceDivision, number: int, point: Point, how: Setting) -> torch.Tensor:
    """Linear, BatchNorm1d, dropout by the given mask, ReLU; torch's autograd and Adam; validation scores.

    Biases before a BatchNorm stand still: their true gradient is zero, and Adam would blow up its rounding.
    """
    schedule = how.schedule
    widths = [FEATURES, *[schedule.hidden] * point.hidden_layers, CLASSES]
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    linears = [nn.Linear(columns, rows) for rows, columns in shapes]
    norms = [nn.BatchNorm1d(schedule.hidden) for _ in range(point.hidden_layers)]
    weights = first_weights(how.seed, data.number, number, shapes, point.initialization)
    biases = first_biases(how.seed, data.number, number, shapes)
    for linear, weight, bias in zip(linears, weights, biases, strict=True):
        linear.weight.data, linear.bias.data = weight.clone(), bias.clone()
    for linear in linears[:-1]:
        linear.bias.requires_grad_(False)
    every = [parameter for module in (*linears, *norms) for parameter in module.parameters()]
    optimizer = torch.optim.Adam([p for p in every if p.requires_grad], lr=point.lr)

    def forward(x, masks):
        for layer, (linear, norm) in enumerate(zip(linears, norms, strict=False)):
            norm.train(masks is not None)
            x = norm(linear(x))
            if masks is not None:
                x = x * masks[layer].T / (1 - schedule.dropout)
            x = x.relu()
        return linears[-1](x)

    for epoch in range(1, schedule.epochs + 1):
        items = order(how.seed, data.number, epoch if schedule.reshuffle else 0, len(data.x_train_ND))
        dropout = DropoutStream(how.seed, data.number, epoch, point.hidden_layers, CPU)
        for start in range(0, len(items), schedule.batch):
            rows = items[start : start + schedule.batch]
            masks = [dropout.keep(schedule.hidden, len(rows), schedule.dropout) for _ in norms]
            out, target = forward(data.x_train_ND[rows], masks), data.train_NC[rows]
            if how.multilabel:
                loss = binary_cross_entropy_with_logits(out, target)
            else:
                loss = cross_entropy(out, target.argmax(1))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        scores = forward(data.x_valid_MD, None)
        return scores if how.multilabel else scores.log_softmax(1)


@pytest.mark.parametrize("reshuffle", [True, False])
@pytest.mark.parametrize("multilabel", [False, True])
@pytest.mark.parametrize("layers", [0, 1, 2])
def test_equals_a_literal_loop_alone_and_in_a_stack(layers, multilabel, reshuffle):
    data = placed(multilabel=multilabel)
    schedule = Schedule(reshuffle, SHORT.hidden, 0.1, SHORT.batch, SHORT.epochs, SHORT.check_every)
    how = setting(schedule, multilabel)
    jobs = [(data, number, Point(layers, lr, kind)) for number, (lr, kind) in enumerate(POINTS)]
    for width in (1, len(jobs)):
        for (_, number, point), trained in zip(jobs, train(jobs, how, width), strict=True):
            expected = literal_scores(data, number, point, how).numpy()
            np.testing.assert_allclose(trained.scores(data.x_valid_MD, how), expected, atol=3e-5)
            assert np.abs(expected).max() > 0.5


def test_divisions_of_unequal_sizes_share_a_stack():
    # Batches of 64: two full ones each, then 22, 21 or none at all.
    divisions = [placed(0, 150), placed(1, 149), placed(2, 128)]
    how = setting(SHORT)
    jobs = [(data, 4, Point(2, 1e-3, "xavier_normal")) for data in divisions]
    for data, trained in zip(divisions, train(jobs, how, 3), strict=True):
        expected = literal_scores(data, 4, jobs[0][2], how).numpy()
        np.testing.assert_allclose(trained.scores(data.x_valid_MD, how), expected, atol=3e-5)


def test_a_network_does_not_depend_on_what_else_is_in_the_stack():
    data, other = placed(0), placed(1)
    how = setting(Schedule(hidden=32, batch=64, epochs=60, check_every=3, patience=3), metric="top1_acc")
    job = (data, 2, Point(1, 3e-3, "xavier_normal"))
    fast = (data, 1, Point(1, 3e-2, "xavier_uniform"))
    (alone,) = train([job], how, 1)
    for stack in ([fast, job], [job, (other, 2, job[2])], [(other, 0, fast[2]), job, fast]):
        together = train(stack, how, len(stack))[stack.index(job)]
        assert (together.epoch, together.epochs) == (alone.epoch, alone.epochs)
        assert together.value == pytest.approx(alone.value, abs=1e-12)
        np.testing.assert_allclose(
            together.scores(data.x_test_KD, how), alone.scores(data.x_test_KD, how), atol=1e-3
        )


def test_seeds_and_grid_points_differ_and_repeat_to_the_bit():
    data, point = placed(), Point(1, 1e-3, "xavier_normal")

    def scores(seed, number):
        how = setting(SHORT, seed=seed)
        return train([(data, number, point)], how)[0].scores(data.x_test_KD, how)

    np.testing.assert_array_equal(scores(0, 0), scores(0, 0))
    for first, second in itertools.combinations([scores(0, 0), scores(1, 0), scores(0, 1)], 2):
        assert np.abs(first - second).max() > 1e-2


def test_stops_keeps_the_best_and_drops_out_of_the_stack(monkeypatch):
    data = placed(spread=2.0)
    jobs = [(data, number, Point(1, lr, kind)) for number, (lr, kind) in enumerate(POINTS)]
    values = _watch_values(monkeypatch)
    train(jobs, setting(Schedule(hidden=32, batch=64, epochs=150, check_every=3, patience=1000)), 3)
    history = np.array(values).T  # (networks, checks), nobody stopped
    patience = 4
    best, stop = zip(*(_simulate(row, patience) for row in history), strict=True)
    assert len(set(stop)) == 3, "the case must let them stop at different checks"

    sizes = []
    derive = networks.Networks.derive
    monkeypatch.setattr(
        networks.Networks, "derive", lambda self, *rest: sizes.append(len(self)) or derive(self, *rest)
    )
    how = setting(Schedule(hidden=32, batch=64, epochs=150, check_every=3, patience=patience))
    trained = train(jobs, how, 3)
    assert [network.epochs for network in trained] == [3 * (check + 1) for check in stop]
    assert [network.epoch for network in trained] == [3 * (check + 1) for check in best]
    assert [network.value for network in trained] == pytest.approx(
        [max(r[: s + 1]) for r, s in zip(history, stop, strict=True)]
    )
    steps = len(batch_bounds(150, 64))
    assert sum(sizes) == steps * sum(network.epochs for network in trained)
    for network in trained:  # the state is that of the best check, not the last
        scores = torch.from_numpy(network.scores(data.x_valid_MD, how))[None]
        assert training.metric_per_network("mAP", scores, data.valid_MC).item() == pytest.approx(
            network.value
        )


def _watch_values(monkeypatch) -> list[list[float]]:
    values: list[list[float]] = []
    original = training.metric_per_network

    def watched(*arguments):
        found = original(*arguments)
        values.append(found.tolist())
        return found

    monkeypatch.setattr(training, "metric_per_network", watched)
    return values


def _simulate(values, patience: int) -> tuple[int, int]:
    """The best check until `patience` checks in a row were no better than all before, and the last one."""
    best = 0
    for check, value in enumerate(values):
        if value > values[best]:
            best = check
        if check - best >= patience:
            return best, check
    return best, len(values) - 1


def test_a_last_batch_of_one_joins_the_one_before():
    assert batch_bounds(129, 64) == [(0, 64), (64, 129)]
    assert batch_bounds(130, 64) == [(0, 64), (64, 128), (128, 130)]
    assert batch_bounds(1, 64) == [(0, 1)]
    how = setting(SHORT)
    data = placed(items=129)
    (trained,) = train([(data, 0, Point(2, 1e-3, "xavier_normal"))], how)
    assert np.isfinite(trained.scores(data.x_test_KD, how)).all()


def test_a_network_that_diverges_has_no_value_and_harms_no_other():
    data, how = placed(), setting(SHORT)
    steady, wild = (data, 0, Point(0, 1e-3, "xavier_normal")), (data, 1, Point(0, 1e38, "xavier_normal"))
    (alone,) = train([steady], how)
    kept, lost = train([steady, wild], how, 2)
    assert (lost.value, lost.epoch) == (-np.inf, 0)
    np.testing.assert_allclose(kept.scores(data.x_test_KD, how), alone.scores(data.x_test_KD, how), atol=1e-5)


def test_first_weights_are_xaviers_and_dropout_drops_its_share():
    shapes = [(1024, 300), (1024, 1024), (7, 1024)]
    for kind, gain in itertools.product(("xavier_normal", "xavier_uniform"), (1,)):
        drawn = first_weights(0, 0, 0, shapes, kind)
        for layer, (weight, (rows, columns)) in enumerate(zip(drawn, shapes, strict=True)):
            reference = torch.empty(rows, columns)
            factor = gain if layer == 0 else nn.init.calculate_gain("relu")
            getattr(nn.init, f"{kind}_")(reference, gain=factor)
            assert weight.std().item() == pytest.approx(reference.std().item(), rel=0.05)
            assert abs(weight.mean().item()) < 4 * reference.std().item() / (rows * columns) ** 0.5
            if kind == "xavier_uniform":
                assert weight.abs().max().item() == pytest.approx(reference.abs().max().item(), rel=0.01)
    stream = DropoutStream(0, 0, 1, 1, CPU)
    keep = torch.stack([stream.keep(1000, 999, 0.1) for _ in range(3)])
    assert set(keep.unique().tolist()) == {0.0, 1.0}
    assert 1 - keep.mean().item() == pytest.approx(
        drop_count(0.1) / 65536, abs=5 * (0.09 / keep.numel()) ** 0.5
    )
    assert not torch.equal(keep[0], keep[1])
    assert abs(np.corrcoef(keep[0].ravel(), keep[1].ravel())[0, 1]) < 0.01
