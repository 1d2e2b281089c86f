"""The average of the weights: by the rule, restored to the bit, and what a run measures and keeps."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import lssd.pretraining.loop as loop
from lssd.errors import InputError
from lssd.models import load_model
from lssd.models.folders import list_checkpoints
from lssd.pretraining import Run, load_recipe
from lssd.pretraining.averaging import WeightAverage
from lssd.pretraining.checkpoint import read_weights
from lssd.pretraining.metrics import read_metrics
from lssd.pretraining.pretrain import pretrain


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def disturb(module: nn.Module, seed: int) -> None:
    """Other weights, and statistics of another batch."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
        module.train()(torch.randn(8, 3, generator=generator))


def test_the_average_is_torchs_once_it_is_warm() -> None:
    module = network()
    average = WeightAverage(module, 0.8)
    theirs = AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(0.8), use_buffers=True)
    theirs.update_parameters(module)  # its first call copies
    for step in range(40, 60):  # (1 + 40) / (10 + 40) is above 0.8
        disturb(module, step)
        average.update(module, step)
        theirs.update_parameters(module)
    for name, tensor in theirs.module.state_dict().items():
        # Torch averages counters too, and truncates.
        if tensor.is_floating_point():
            torch.testing.assert_close(average.state_dict()[name], tensor, rtol=1e-5, atol=1e-6)
    assert average.state_dict()["1.num_batches_tracked"] == module.state_dict()["1.num_batches_tracked"]


def test_the_first_steps_weigh_less_by_the_stated_rule() -> None:
    module = network()
    average = WeightAverage(module, 0.9)
    expected = {name: parameter.detach().double().numpy() for name, parameter in module.named_parameters()}
    for step in range(100):
        disturb(module, step)
        average.update(module, step)
        decay = min(0.9, (1 + step) / (10 + step))
        for name, parameter in module.named_parameters():
            expected[name] = decay * expected[name] + (1 - decay) * parameter.detach().double().numpy()
    for name, array in expected.items():
        assert average.state_dict()[name].numpy() == pytest.approx(array, abs=1e-5), name


def test_a_network_gets_its_own_weights_back_to_the_bit() -> None:
    module = network()
    average = WeightAverage(module, 0.9)
    disturb(module, 1)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    with pytest.raises(ZeroDivisionError), average.applied(module):
        assert all(torch.equal(module.state_dict()[name], t) for name, t in average.state_dict().items())
        assert not torch.equal(module.state_dict()["0.weight"], before["0.weight"])
        raise ZeroDivisionError
    assert all(torch.equal(module.state_dict()[name], tensor) for name, tensor in before.items())


@pytest.fixture(scope="module")
def runs(corpus: Path, tmp_path_factory: pytest.TempPathFactory, small: tuple[str, ...]) -> tuple[Run, Run]:
    """One run without an average and one with."""
    root = tmp_path_factory.mktemp("runs")
    found = []
    for name, settings in {"plain": (), "averaged": ("optimiser.average=0.5",)}.items():
        run = pretrain(
            "demo", corpus, root / name, settings=(*small, "monitor.every=3", *settings), quiet=True
        )
        assert isinstance(run, Run)
        found.append(run)
    return found[0], found[1]


def test_an_average_changes_what_is_measured_and_kept_but_nothing_of_the_training(
    runs: tuple[Run, Run],
) -> None:
    plain, averaged = runs
    last = [list_checkpoints(run.folder)[-1].folder for run in runs]
    trained = load_file(last[1] / "trained.safetensors")
    assert all(torch.equal(tensor, trained[name]) for name, tensor in read_weights(last[0]).items())
    losses = [[line.get("loss") for line in read_metrics(run.folder) if "loss" in line] for run in runs]
    assert losses[0] == losses[1]
    assert plain.held_out["cross_loss"] != averaged.held_out["cross_loss"]

    for run, folder in zip(runs, last, strict=True):
        saved = read_weights(folder)
        model = load_model(run.model).state_dict()
        assert all(torch.equal(tensor, saved[name]) for name, tensor in model.items())


def test_an_average_goes_on_from_a_checkpoint_to_the_bit_in_parts_too(
    runs: tuple[Run, Run],
    corpus: Path,
    tmp_path: Path,
    small: tuple[str, ...],
    small_mvit: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = (*small, "monitor.every=3", "optimiser.average=0.5")
    real = loop.take_step

    def stop(training: loop.Training, batch: loop.Batch, **options: object) -> loop.StepResult:
        if training.step == 6:
            raise KeyboardInterrupt
        return real(training, batch, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(loop, "take_step", stop)
        with pytest.raises(KeyboardInterrupt):
            pretrain("demo", corpus, tmp_path / "r", settings=settings, quiet=True)
    again = pretrain("demo", corpus, tmp_path / "r", settings=settings, quiet=True)
    assert isinstance(again, Run) and again.held_out == runs[1].held_out
    one, other = (load_model(run.model).state_dict() for run in (runs[1], again))
    assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())

    sound, heard = 0.1 * torch.randn(2, 1, 48_000, generator=torch.Generator().manual_seed(0)), []
    for chunk in ("null", "2"):
        settings = (*small_mvit, "optimiser.average=0.5", f"machine.chunk={chunk}")
        run = pretrain("demo", corpus, tmp_path / chunk, settings=settings, quiet=True)
        assert isinstance(run, Run)
        heard.append(load_model(run.model).embed_audio(sound))
    torch.testing.assert_close(*heard, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("decay", [0.0, 1.0, -0.5])
def test_a_decay_that_averages_nothing_is_refused(decay: float, small: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="average"):
        load_recipe("demo", (*small, f"optimiser.average={decay}"))
