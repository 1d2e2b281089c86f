"""Results of several training seeds on the page and in the terminal."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lssd.errors import InputError
from lssd.evaluation import compare_seeds
from lssd.measures import mean_interval
from lssd.reporting import Arm, Study, seed_scores
from lssd.reporting.report import report, report_study


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
    told = [line for line in seed_scores.lines(seed_scores.gather(of_arms)) if " against mono: " in line]
    assert len(told) == 2 and all(line.endswith("; of the pairs of seeds 0, 1 alone") for line in told)
    twins_lost = [r for r in arms if r.model.weights_sha256 != "twin 2"]
    found = seed_scores.gather(seed_scores.split(twins_lost)[1])
    assert all(one.against_untrained.notes == ("of the pairs of seeds 0, 1 alone",) for one in found)
    assert all(one.against_first is None or not one.against_first.notes for one in found)
    single = [r for r in arms if r.model.arm != "dubs" or r.model.training_seed == 0]
    found = [one for one in seed_scores.gather(seed_scores.split(single)[1]) if one.arm == "dubs"]
    assert "1 pair of training seeds says nothing of other seeds" in found[0].against_first
    assert seed_scores.lines(found)[0].startswith("The voices task, dubs (seed 0) against ")
    with pytest.raises(InputError, match="two results of mono-seed-0 on voices"):
        report([*arms, arms[0]], tmp_path / "page")


REFERENCE = "log-mel statistics"


@pytest.fixture
def reference(planted):
    return planted(REFERENCE, "voices", 0.6)


def test_a_reference_is_compared_with_every_seed_of_each_arm(arms, reference):
    found = seed_scores.gather(seed_scores.split(arms)[1], references=[reference])
    assert [(one.task, one.arm) for one in found] == [
        *[("voices", "mono"), ("voices", "dubs"), ("scenes", "mono"), ("scenes", "dubs")]
    ]
    for one in found[:2]:
        expected = compare_seeds([reference] * 3, list(one.results.values()))
        assert one.reference == reference
        assert one.against_reference.by_seed == expected.by_seed
        assert (one.against_reference.low, one.against_reference.high) == (expected.low, expected.high)
    assert [one.against_reference.difference > 0 for one in found[:2]] == [False, True]
    assert all(one.reference is None and one.against_reference is None for one in found[2:])
    told = seed_scores.lines(found)
    assert [line.split(": ")[0] for line in told if REFERENCE in line] == [
        f"The voices task, {arm} (seeds 0, 1, 2) against {REFERENCE}" for arm in ("mono", "dubs")
    ]


def test_a_reference_of_another_protocol_is_none(arms, reference):
    other = replace(reference, protocol="knn")
    found = seed_scores.gather(seed_scores.split(arms)[1], references=[other])
    assert all(one.reference is None for one in found)
    assert REFERENCE not in seed_scores.show(found)


@pytest.fixture
def seed_runs(tmp_path, run_folder):
    """The finished runs of one way of training, one a seed: seed_runs(name, recall of each seed)."""

    def make(name: str, recalls: list[float]) -> Path:
        for seed, recall in enumerate(recalls):
            made = run_folder(f"{name}-{seed}", recall)
            lines = (made / "metrics.jsonl").read_text().splitlines()[:-1]  # the last is cut off
            last = json.loads(lines[-1])
            last["eval"] |= {"clips": 64, "recall@1_knowing_scene": 0.5}
            (made / "metrics.jsonl").write_text("\n".join([*lines[:-1], json.dumps(last)]) + "\n")
            (made / "recipe.yaml").write_text(f"extends: demo\nname: {name}\nseed: {seed}\n")
            (made / "model").mkdir()
            facts = {"steps": 50, "seconds": 9.0, "wait_share": 0.0}
            (made / "finished.json").write_text(json.dumps(facts))
            (tmp_path / "runs" / name).mkdir(parents=True, exist_ok=True)
            made.rename(tmp_path / "runs" / name / f"seed-{seed}")
        return tmp_path / "runs" / name

    return make


def test_a_study_of_several_seeds_shows_each_and_a_reference(arms, reference, seed_runs, parse, tmp_path):
    recalls = {"mono": [0.20, 0.24, 0.22], "dubs": [0.30, 0.36, 0.34]}
    study = Study(
        "A study",
        [
            Arm(name, "", seed_runs(name, recalls[name]), [one for one in arms if one.model.arm == name])
            for name in recalls
        ],
        random_init=[one for one in arms if one.model.name == "random-init"],
        references=[reference],
    )
    told = []
    page = parse(report_study(study, tmp_path / "page", told.append))
    mono, dubs = ([one for one in arms if one.model.arm == name and one.task == "voices"] for name in recalls)
    expected = compare_seeds(mono, dubs)
    line = next(one for one in told if one.startswith("The voices task, dubs (seeds 0, 1, 2) against mono: "))
    assert f"{expected.difference:+.1f} points" in line
    # Two arms on two tasks: with twins, with the reference on the one task that it was judged on, and dubs
    # with mono; each arm's retrieval, and their difference.
    assert sum("against their untrained twins: " in one for one in told) == 4
    assert sum(f"against {REFERENCE}: " in one for one in told) == 2
    assert sum("against mono: " in one for one in told) == 2
    assert told[:2] == [
        "mono, seeds 0, 1, 2: held-out recall@1 22.0% (95% interval 17.0% to 27.0%), 12.8 to 15.4 x chance "
        "among 64 clips; 44.0% of what knowing every scene alone would give",
        *[one for one in told if one.startswith("dubs, seeds 0, 1, 2: held-out recall@1 33.3% ")],
    ]
    pairs = mean_interval([0.10, 0.12, 0.12])
    assert told[2] == (
        "held-out recall@1, dubs less mono: +11.3 points (95% interval "
        f"{100 * pairs.low:+.1f} points to {100 * pairs.high:+.1f} points), 3 pairs of seeds"
    )
    for one in told:
        if " against " in one:
            assert one.split(": ", 1)[1] in page.text, "the terminal says what the page says"
    for words in (f"against {REFERENCE}", "60.0%", "0: 70.0%, 1: 72.5%", "mono, seed 2", "dubs, seed 0"):
        assert words in page.text
    assert "No random-init result" not in page.text and "ONE training run" not in page.text
    # A curve a run, one colour an arm.
    curves = page.all("polyline")
    assert len(curves) == 3 * 6
    assert len({curve["class"] for curve in curves}) == 2


def test_a_reference_stands_beside_networks_that_have_no_seeds(planted, reference, parse, tmp_path):
    study = Study(
        "A study",
        [Arm(name, results=[planted(name, "voices", share)]) for name, share in (("a", 0.5), ("b", 0.7))],
        random_init=[planted("random-init", "voices", 0.2)],
        references=[reference],
    )
    page = parse(report_study(study, tmp_path / "page"))
    assert REFERENCE in page.text and "60.0%" in page.text
