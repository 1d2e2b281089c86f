"""Results of several training seeds on the page and in the terminal."""

from dataclasses import replace

import pytest

from lssd.errors import InputError
from lssd.evaluation import compare_seeds
from lssd.reporting import seed_scores
from lssd.reporting.report import report


@pytest.fixture
def arms(planted):
    """Two arms of three seeds on two tasks, with a twin a seed; and a network alone."""

    def result(arm, seed, share, task, twin=False):
        name = "random-init" if twin else f"{arm}-seed-{seed}"
        made = planted(name, task, share)
        model = replace(
            made.model,
            weights_sha256=f"{'twin' if twin else arm} {seed}",
            untrained_sha256="" if twin else f"twin {seed}",
            arm="" if twin else arm,
            training_seed=None if twin else seed,
        )
        return replace(made, model=model).write(made.source)

    found = []
    for task, gain in (("voices", 0.2), ("scenes", 0.0)):
        for seed, luck in enumerate((0.0, 0.02, -0.01)):
            found.append(result("mono", seed, 0.5 + luck, task))
            found.append(result("dubs", seed, 0.5 + gain + 1.3 * luck, task))
            found.append(result("", seed, 0.3 + luck / 2, task, twin=True))
    return [*found, planted("alone", "voices", 0.4)]


def test_arms_are_paired_by_seed(arms, parse, tmp_path):
    told = []
    page = parse(report(arms, tmp_path / "page", tell=told.append))
    mono, dubs = ([r for r in arms if r.model.arm == arm and r.task == "voices"] for arm in ("mono", "dubs"))
    expected = compare_seeds(mono, dubs)
    line = next(one for one in told if one.startswith("The voices task, dubs (seeds 0, 1, 2) against mono: "))
    assert f"{expected.difference:+.1f} points" in line and expected.difference == pytest.approx(
        20.0, abs=0.3
    )
    assert any(one.startswith("The scenes task, dubs") and "no difference detectable" in one for one in told)
    assert sum("against their untrained twins: +" in one for one in told) == 4
    assert "Ways of training, over their seeds" in page.text and "0: 70.0%, 1: 72.5%" in page.text
    assert "alone" in page.text  # a network that stands alone is a row as ever, without those of the arms
    assert "dubs-seed-1" not in page.text


def test_seeds_that_one_arm_lacks_are_left_out_of_its_pairs(arms, tmp_path):
    fewer = [r for r in arms if r.model.name != "dubs-seed-2"]
    alone, of_arms = seed_scores.split(fewer)
    assert [one.model.name for one in alone] == ["alone"]
    found = [one for one in seed_scores.gather(of_arms) if one.arm == "dubs"]
    assert [len(one.against_first.by_seed) for one in found] == [2, 2]
    single = [r for r in arms if r.model.arm != "dubs" or r.model.training_seed == 0]
    found = [one for one in seed_scores.gather(seed_scores.split(single)[1]) if one.arm == "dubs"]
    assert "1 training seeds cannot be paired" in found[0].against_first
    with pytest.raises(InputError, match="two results of mono-seed-0 on voices"):
        report([*arms, arms[0]], tmp_path / "page")
