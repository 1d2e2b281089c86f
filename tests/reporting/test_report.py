import dataclasses
import itertools
import json
import re

import pytest

from lssd.cli import main
from lssd.errors import InputError
from lssd.evaluation import ModelReference, Result
from lssd.reporting import Arm, Cost, Stage, Study
from lssd.reporting.report import report, report_study

HOSTILE = "<script>alert('x')</script>&\"<b>"


def study_of(planted, run_folder, **changes):
    arms = (
        Arm(
            "mono",
            "original twice",
            run_folder("m", 0.30),
            (planted("a", "scene", 0.50), planted("a", "count", 0.50)),
        ),
        Arm(
            "dubs",
            "a dub second",
            run_folder("d", 0.45),
            (planted("b", "scene", 0.60), planted("b", "count", 0.51)),
        ),
    )
    values = {
        "title": "A study",
        "arms": arms,
        "random_init": (planted("random-init", "scene", 0.21), planted("random-init", "count", 0.22)),
        "stages": (Stage("Ingest", 75, "64 titles"), Stage("Pretrain", 3725, "400 steps")),
        "cost": Cost(memory_peak_bytes=3 * 2**30, wait_share=0.042),
        "seeds": {"films": 11},
        "versions": {"torch": "2.13"},
        "commands": ["lssd demo --out demo"],
    }
    return Study(**(values | changes))


def test_the_page_of_a_study_says_what_the_results_say(planted, run_folder, parse, tmp_path):
    path = report_study(study_of(planted, run_folder), tmp_path / "page")
    assert path == tmp_path / "page" / "index.html"
    page = parse(path)
    assert "+10.0 points (95% interval +" in page.text  # scene: planted 10 points
    assert "no difference detectable (minimum " in page.text  # count: planted 1 point
    assert (
        "dubs scores higher than mono on The scene task and is not told apart from it on The count task."
        in page.text
    )
    assert "ONE training run with one seed" in page.text and "another training seed" in page.text
    for number in ("60.0%", "59.5 to 60.5", "21.0%", "12.5%", "14.3%", "400"):
        assert number in page.text
    assert "picture and sound find each other first in 45.0% of cases, 28.8 × chance" in page.text
    assert "1 min 15 s" in page.text and "1 h 02 min" in page.text and "3.0 GiB" in page.text
    assert "lssd demo --out demo" in page.text and "4.2%" in page.text and "Seeds" in page.text
    assert page.text.index("Verdict") < page.text.index("Task by task") < page.text.index("How to reproduce")


def test_the_page_is_accessible(planted, run_folder, parse, tmp_path):
    page = parse(report_study(study_of(planted, run_folder), tmp_path))
    assert page.all("html")[0]["lang"] == "en" and page.all("title")
    assert len(page.all("h1")) == 1
    assert page.all("table") and len(page.all("caption")) == len(page.all("table"))
    assert all("scope" in cell for cell in page.all("th"))
    drawn = [svg for svg in page.all("svg") if svg.get("role") == "img"]
    assert len(drawn) == 2 + 3 and all(svg["aria-label"] for svg in drawn)
    scene = next(svg["aria-label"] for svg in drawn if "scene" in svg["aria-label"])
    assert "dubs 60.0% (59.5% to 60.5%)" in scene and "chance 12.5%" in scene and "random init 21.0%" in scene
    identifiers = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    assert {section["aria-labelledby"] for section in page.all("section")} <= set(identifiers)


def test_dots_lie_where_the_numbers_are(planted, run_folder, parse, tmp_path):
    page = parse(report_study(study_of(planted, run_folder), tmp_path))
    places = [float(circle["cx"].rstrip("%")) for circle in page.all("circle")]
    # The scale runs from 2% to 98% of the width; circles are mono and random init, dubs are diamonds.
    assert places[:2] == pytest.approx([2 + 96 * 0.50, 2 + 96 * 0.21], abs=0.01)
    curves = page.all("polyline")
    assert len(curves) == 6
    points = [tuple(map(float, point.split(","))) for point in curves[0]["points"].split()]
    assert len(points) == 50 and points[0][0] == 0 and points[-1][0] == 1000
    assert all(later[1] > earlier[1] for earlier, later in itertools.pairwise(points)), "loss falls"


def test_what_is_missing_is_said(planted, run_folder, parse, tmp_path):
    bare = study_of(
        planted,
        run_folder,
        random_init=(),
        stages=(),
        cost=Cost(),
        commands=(),
        arms=(
            Arm("mono", results=(planted("a", "scene", 0.5),)),
            Arm("dubs", run_folder=run_folder("x", 0.2, chance=None), results=(planted("b", "scene", 0.5),)),
        ),
    )
    page = parse(report_study(bare, tmp_path / "page"))
    assert "No random-init result was given for The scene task" in page.text
    assert "No training steps recorded for mono" in page.text
    assert "No held-out retrieval recorded for mono" in page.text and "20.0%" in page.text
    assert "No corpus was given" in page.text and "No stage was recorded" in page.text
    assert "No command was recorded" in page.text
    empty = parse(report_study(Study("Nothing yet", (Arm("mono"),)), tmp_path / "empty"))
    assert "Nothing to compare" in empty.text and "No results" in empty.text


def test_a_corpus_that_cannot_be_read_leaves_a_sentence(planted, run_folder, parse, tmp_path):
    page = parse(report_study(study_of(planted, run_folder, corpus=tmp_path / "none"), tmp_path / "page"))
    assert "The clip could not be drawn" in page.text and "is not a corpus" in page.text


def test_hostile_names_stay_words(planted, parse, tmp_path):
    study = Study(
        HOSTILE,
        (
            Arm(HOSTILE, HOSTILE, None, (planted("a", HOSTILE, 0.5, notes=(HOSTILE,)),)),
            Arm("b", HOSTILE, None, (planted("b", HOSTILE, 0.6, covers=HOSTILE),)),
        ),
        stages=(Stage(HOSTILE, 1, HOSTILE),),
        cost=Cost(machine=HOSTILE),
        commands=(HOSTILE,),
        versions={HOSTILE: HOSTILE},
        seeds={HOSTILE: HOSTILE},
        summary=HOSTILE,
    )
    page = parse(report_study(study, tmp_path))
    assert page.text.count("<script>alert") >= 14
    assert not page.all("script") and not page.all("b")


def test_report_takes_files_folders_and_results(planted, parse, tmp_path):
    planted("mono", "scene", 0.5), planted("dubs", "scene", 0.6), planted("random-init", "scene", 0.2)
    results = sorted((tmp_path / "results").glob("*.json"))
    by_folder = report([tmp_path / "results"], tmp_path / "one")
    by_file = report(results, tmp_path / "two")
    by_value = report([Result.read(path) for path in results], tmp_path / "three", title="Evaluation results")
    assert by_folder.read_bytes() == by_file.read_bytes() == by_value.read_bytes()
    page = parse(by_folder)
    assert "2 models on 1 task." in page.text and "+10.0 points" in page.text
    assert "20.0%" in page.text and "12.5%" in page.text and "ONE training run" in page.text
    alone = parse(report(results[:1], tmp_path / "four"))
    assert "1 model on 1 task." in alone.text and "Verdict" not in alone.text


def test_results_that_cannot_be_compared_say_why(planted, parse, tmp_path):
    planted("mono", "scene", 0.5), planted("dubs", "scene", 0.6, items=300)
    page = parse(report([tmp_path / "results"], tmp_path / "page"))
    assert "cannot be compared: mono and dubs were judged on different items" in page.text


def test_the_terminal_is_told_every_verdict_and_why_there_is_none(planted, tmp_path):
    planted("mono", "scene", 0.5), planted("dubs", "scene", 0.6, items=300)
    planted("mono", "count", 0.5), planted("dubs", "count", 0.6)
    told = []
    report([tmp_path / "results"], tmp_path / "page", tell=told.append)
    count, how, scene = sorted(told)
    assert how.startswith("The minimum is the least true difference")
    assert count.startswith("The count task, dubs against mono: +10.0 points")
    assert scene.startswith("The scene task, dubs against mono: cannot be compared: mono and dubs were")


def test_the_command_prints_verdicts_and_refuses_a_margin_that_is_none(planted, tmp_path, capsys):
    planted("mono", "scene", 0.5), planted("dubs", "scene", 0.6, items=300)
    command = ["report", str(tmp_path / "results"), "--out", str(tmp_path / "page")]
    for margin in ("0", "-1", "nan"):
        assert main([*command, "--margin", margin]) == 2
        assert "the margin must be above 0 points" in capsys.readouterr().err
    assert not (tmp_path / "page").exists()
    assert main(command) == 0
    assert "dubs against mono: cannot be compared: " in capsys.readouterr().out


def test_names_in_results_steer_no_terminal(planted, tmp_path, capsys):
    hostile = "a\x1b[31m\x07\u009b2J\u202eb\nforged"
    planted("mono", hostile, 0.5), planted(hostile, hostile, 0.6)
    assert main(["report", str(tmp_path / "results"), "--out", str(tmp_path / "page")]) == 0
    out = capsys.readouterr().out
    assert r"a\x1b[31m\x07\x9b2J\u202eb" in out
    assert not set("\x1b\x07\u009b\u202e") & set(out)
    assert not any(line.startswith("forged") for line in out.splitlines())


def test_numbers_of_items_are_given_by_model_where_they_differ(planted, parse, tmp_path):
    planted("mono", "scene", 0.5, missing=3), planted("dubs", "scene", 0.6)
    page = parse(report([tmp_path / "results"], tmp_path / "page"))
    assert "3 missing; mono" in page.text and "mono lacks 3 items, dubs 0" in page.text
    alike = parse(report([planted("a", "count", 0.5, missing=2)], tmp_path / "alike"))
    assert "2 missing" in alike.text and "2 missing;" not in alike.text


def test_each_model_is_set_against_its_own_twin(planted, parse, tmp_path):
    def of(name, share, weights, settings, untrained=""):
        model = ModelReference(name, "", weights, settings, untrained)
        return dataclasses.replace(planted(name, "scene", share), model=model)

    results = [
        of("small", 0.5, "1", "narrow", "3"),
        of("large", 0.6, "2", "wide", "4"),
        of("module", 0.7, "5", ""),
        of("random-init", 0.3, "4", "wide"),
        of("random-init", 0.2, "3", "narrow"),
        of("random-init", 0.1, "6", "narrow"),
    ]
    page = parse(report(results, tmp_path / "page"))
    assert "against the untrained network: small +30.0 points" in page.text
    assert "large +30.0 points" in page.text and "module +" not in page.text.split("untrained network:")[1]
    assert "random init of small" in page.text and "random init of large" in page.text
    assert "untrained network of another model" not in page.text
    alone = parse(report([results[0], results[5]], tmp_path / "alone"))
    assert "small +40.0 points" in alone.text
    assert "small: set against the untrained network of another model of the same" in alone.text


def test_wrong_requests(planted, tmp_path):
    with pytest.raises(InputError, match="no result to report"):
        report([], tmp_path / "page")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no result to report"):
        report([tmp_path / "empty"], tmp_path / "page")
    twice = [planted("mono", "scene", 0.5), planted("mono", "scene", 0.6)]
    with pytest.raises(InputError, match="two results of mono on scene"):
        report(twice, tmp_path / "page")
    with pytest.raises(InputError, match="at least one arm"):
        report_study(Study("Empty", ()), tmp_path / "page")
    with pytest.raises(InputError, match="names of their own"):
        report_study(Study("Twins", (Arm("a"), Arm("a"))), tmp_path / "page")
    assert not (tmp_path / "page").exists()


def test_only_random_init_results_make_a_page(planted, parse, tmp_path):
    page = parse(report([planted("random-init", "scene", 0.2)], tmp_path / "page"))
    assert "20.0%" in page.text and "0 models on 1 task." in page.text


def test_a_task_at_chance_is_said_to_tell_nothing(planted, parse, tmp_path):
    results = [planted("mono", "scene", 0.125), planted("dubs", "scene", 0.125)]
    page = parse(report(results, tmp_path / "page"))
    assert "neither is above chance, so this task cannot tell them apart" in page.text


def test_models_are_set_against_the_untrained_network(planted, parse, tmp_path):
    results = [planted("mono", "scene", 0.5), planted("random-init", "scene", 0.2)]
    page = parse(report(results, tmp_path / "page"))
    assert "against the untrained network: mono +30.0 points" in page.text
    assert "neither is above chance" not in page.text


ATTACK = "<script>alert(1)</script><img src=x onerror=alert(1)>\x1b[2J\u202e"


@pytest.mark.parametrize("field", ["n", "missing", "classes", "chance", "majority", "seconds", "level"])
def test_a_number_of_a_result_that_is_markup_is_refused(planted, tmp_path, field):
    path = planted("mono", "scene", 0.5).source
    value = json.loads(path.read_text())
    (value["scores"]["top1_acc"] if field == "level" else value)[field] = ATTACK
    path.write_text(json.dumps(value))
    with pytest.raises(InputError) as caught:
        report([path], tmp_path / "page")
    assert str(caught.value).isprintable() and field in str(caught.value)
    assert not (tmp_path / "page").exists()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("value", 0.99, "lies outside of its interval"),
        ("low", 0.4999, "scores.top1_acc.low is 0.4999, but 0.parquet gives 0.49"),
        ("high", 0.7, "scores.top1_acc.high is 0.7, but 0.parquet gives 0.50"),
        ("level", 0.5, "scores.top1_acc.low is"),
        ("n", 4000, "n is 4000, but 0.parquet gives 400"),
        ("classes", 80, "classes is 80, but 0.parquet gives 8"),
        ("chance", 0.01, "chance is 0.01, but 0.parquet gives 0.125"),
    ],
)
def test_a_score_edited_by_hand_is_refused(planted, tmp_path, capsys, field, value, words):
    """Also that of a single model, which nothing is compared with."""
    path = planted("mono", "scene", 0.5).source
    result = json.loads(path.read_text())
    (result["scores"]["top1_acc"] if field in ("value", "low", "high", "level") else result)[field] = value
    path.write_text(json.dumps(result))
    assert main(["report", str(path), "--out", str(tmp_path / "page")]) == 2
    assert words in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "page").exists()


def test_numbers_of_a_result_that_are_markup_stay_words(planted, parse, tmp_path):
    """A result that a program made may hold anything where nothing can be computed again."""
    results = [planted("mono", "scene", 0.5, missing=0), planted("random-init", "scene", 0.2)]
    results = [dataclasses.replace(result, missing=ATTACK) for result in results]
    path = report(results, tmp_path / "page")
    page = parse(path)
    assert not page.all("script") and not page.all("img")
    assert "\x1b" not in path.read_text(encoding="utf-8") and "\u202e" not in path.read_text(encoding="utf-8")
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert not any(
        str(value).strip().lower().startswith("javascript:")
        for _, attributes in page.elements
        for value in attributes.values()
    )


def test_the_verdict_on_top_is_a_plain_sentence(planted, parse, tmp_path):
    results = [planted(model, task, 0.5) for model in ("mono", "dubs") for task in ("scene", "count")]
    page = parse(report(results, tmp_path / "page"))
    assert "No difference between dubs and mono was found on any of the 2 tasks." in page.text
    assert "accuracy: dubs 50.0% against mono 50.0%" in page.text and "corrected for 2 tasks" in page.text
    assert "top1_acc" not in page.text and "on 0" not in page.text and "of 2 tests" not in page.text


def test_page_and_terminal_give_one_least_detectable_difference(planted, run_folder, parse, tmp_path):
    told = []
    study = study_of(planted, run_folder)
    page = parse(report_study(study, tmp_path / "page", told.append))
    minima = {found for line in told for found in re.findall(r"minimum (?:detectable )?[0-9.]+", line)}
    assert len(minima) >= 2 and all(found in page.text for found in minima)
    count = next(line for line in told if line.startswith("The count task, dubs against mono"))
    assert count.split(": ", 1)[1] in page.text
    assert any("least true difference" in line and "correction for 2 tasks" in line for line in told)
    assert "least true difference" in page.text


def test_seeds_of_the_probe_are_named_where_there_are_some(planted, parse, tmp_path):
    without = parse(report([planted("a", "scene", 0.5), planted("b", "scene", 0.6)], tmp_path / "one"))
    assert "seeds of the probe" not in without.text
    drawn = [planted(name, "count", 0.5, seeds=(0, 1, 2)) for name in ("a", "b")]
    assert "and the seeds of the probe" in parse(report(drawn, tmp_path / "three")).text


def test_a_note_of_several_models_stands_once(planted, parse, tmp_path):
    results = [planted(name, "scene", 0.5, notes=("two are alike", "two are alike")) for name in ("a", "b")]
    page = parse(report(results, tmp_path / "page"))
    assert page.text.count("two are alike") == 1 and "a, b on The scene task: two are alike." in page.text


def test_blocks_that_scroll_are_reached_by_the_keyboard(planted, run_folder, parse, tmp_path):
    page = parse(report_study(study_of(planted, run_folder), tmp_path / "page"))
    blocks = [*page.all("pre"), *(box for box in page.all("div") if box.get("class") == "scroll")]
    assert len(page.all("pre")) == 1 and all(box["tabindex"] == "0" and box["aria-label"] for box in blocks)
