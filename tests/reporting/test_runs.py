"""What a run's metrics say appears on the page, as drawn and as told."""

import json
import math

import pytest

from lssd.reporting import Arm, Study
from lssd.reporting.charts import Curve, Mark, curve_chart
from lssd.reporting.report import report, report_study
from lssd.reporting.runs import health, held_out

EVALUATIONS = (20, 40, 60)


@pytest.fixture
def run(tmp_path):
    """A run folder: run(name, recalls, **changes of its last evaluation and of all its steps)."""

    def write(name, recalls=(0.1, 0.3, 0.5), steps=None, **last):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        lines = []
        for step in range(1, 61):
            speed = {"instances_per_s": 100.0 if step > 1 else 1.0, "mfu": 0.31 if step > 1 else 0.01}
            counts = {"data_wait_share": 0.2 / step, "replaced": step // 20, "skipped": 0}
            line = {"step": step, "cross": 4.0 - step / 25, "audio": 2.0, **speed, **counts}
            lines.append(line if steps is None else {"step": step, **steps})
        for step, recall in zip(EVALUATIONS, recalls, strict=False):
            measured = {
                "clips": 64,
                "recall@1": recall,
                "video_to_audio@1": recall,
                "audio_to_video@1": recall / 2,
                "chance@1": 1 / 64,
                "chance@5": 5 / 64,
                "knn_language": 1 - recall,
                "knn_language_chance": 0.25,
                "knn_language_majority": 0.3,
                "knn_scene_sound": recall,
                "knn_scene_picture": 0.75,
                "knn_scene_chance": 0.05,
                "alignment": 1.25,
                "uniformity_sound": -2.5,
                "rank_sound": 33.3,
                "collapsed": 0.0,
            }
            lines.append({"step": step, "eval": measured})
        if last:
            lines[-1]["eval"].update(last)
        (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        return Arm(name, run_folder=folder)

    return write


def cells(page, caption):
    """The table of a caption as rows of texts, from the page's visible words."""
    start = page.words.index(caption)
    return [word.strip() for word in page.words[start:] if word.strip()]


def test_measures_on_held_out_titles_are_drawn_with_chance(run, parse_markup):
    page = parse_markup(held_out([run("mono"), run("dubs", (0.2, 0.4, 0.6))]))
    assert not page.faults
    charts = {svg["aria-label"]: svg for svg in page.all("svg") if svg.get("role") == "img"}
    names = [label.split(" over steps")[0] for label in charts]
    assert names == [
        "Recall@1, picture to sound",
        "Recall@1, sound to picture",
        "Language of sound by neighbours",
        "Scene of picture by neighbours",
        "Scene of sound by neighbours",
        "Alignment, picture and sound",
        "Uniformity, sound",
    ]
    label = next(iter(charts))
    assert "steps 20 to 60: mono 10 to 50; dubs 20 to 60; chance 1.56" in label
    assert len(page.all("polyline")) == 2 * len(charts)
    # Alignment and uniformity have no chance.
    marks = [line for line in page.all("line") if line.get("class") == "mark"]
    assert len(marks) == len(charts) - 2
    # The last points: 50% of a scale from 0 to 60%, drawn downwards over 1000.
    points = page.all("polyline")[0]["points"].split()
    assert points[-1] == f"1000.0,{1000 * (1 - 50 / 60):.1f}" and len(points) == 3


def test_the_last_measures_stand_in_a_table(run, parse_markup):
    page = parse_markup(held_out([run("mono"), run("dubs", (0.2, 0.4, 0.6), alignment=None)]))
    words = cells(page, "Measures on held-out titles at the last step")
    assert words[1:5] == ["Measure", "mono", "dubs", "Chance"]

    def row(name):
        return words[words.index(name) + 1 : words.index(name) + 4]

    assert row("Recall@1, sound to picture") == ["25.0%", "30.0%", "1.6%"]
    assert row("Language of sound by neighbours") == ["50.0%", "40.0%", "25.0%"]
    assert row("Alignment, picture and sound") == ["1.25", "–", "–"]
    assert row("Effective rank, sound") == ["33.3", "33.3", "–"]


def test_one_evaluation_makes_a_table_and_no_chart(run, parse_markup):
    page = parse_markup(held_out([run("mono", (0.4,))]))
    assert not page.all("svg") and "40.0%" in page.text and not page.faults
    assert held_out([Arm("none")]) == ""


def test_a_mark_lies_at_its_value(parse_markup):
    page = parse_markup(curve_chart("t", [Curve("a", [0, 1], [0.0, 100.0], 0)], "%", [Mark("chance", 25.0)]))
    (mark,) = [line for line in page.all("line") if line.get("class") == "mark"]
    inner = page.all("svg")[1]
    top, height = float(inner["y"]), float(inner["height"])
    assert float(mark["y1"]) == pytest.approx(top + 0.75 * height)
    beyond = curve_chart("t", [Curve("a", [0, 1], [40.0, 60.0], 0)], "%", [Mark("chance", 5.0)])
    ticks = [word for word in parse_markup(beyond).words if word.endswith("%")]
    assert "0%" in ticks, "the scale reaches down to chance"
    assert curve_chart("t", [], "%", [Mark("chance", 5.0)]) == ""


def test_how_the_runs_went_is_a_table(run, parse_markup):
    page = parse_markup(health([run("mono"), run("bare", steps={"cross": 1.0})]))
    words = cells(page, "How the runs went: speed and utilisation are medians over the logged steps")
    head = [
        "Arm",
        "Instances a second",
        "Utilisation",
        "Waiting for data",
        "Clips replaced",
        "Updates left out",
    ]
    assert words[1:7] == head
    assert words[7:13] == ["mono", "100", "31.0%", "0.3%", "3", "0"] and len(words) == 13
    assert health([Arm("none")]) == "" and "warning" not in health([run("plain")])


@pytest.mark.parametrize(
    ("collapsed", "until"), [((0, 1, 1), "at the end"), ((1, 0, 0), "but not at the end")]
)
def test_a_collapse_is_said(run, parse_markup, collapsed, until):
    arm = run("mono")
    path = arm.run_folder / "metrics.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line, value in zip([line for line in lines if "eval" in line], collapsed, strict=True):
        line["eval"]["collapsed"] = float(value)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    page = parse_markup(health([arm, run("well")]))
    assert len([p for p in page.all("p") if p.get("class") == "warning"]) == 1
    step = EVALUATIONS[collapsed.index(1)]
    assert (
        f"mono: the embeddings of distinct held-out clips were nearly equal at step {step}, {until}"
        in page.text
    )


def test_values_that_are_no_numbers_leave_gaps(run, parse_markup):
    steps = {"instances_per_s": None, "mfu": math.nan, "data_wait_share": 0.5}
    page = parse_markup(health([run("mono", steps=steps)]))
    assert "50.0%" in page.text and "Utilisation" not in page.text
    page = parse_markup(held_out([run("dubs", knn_language=None, alignment=math.inf)]))
    assert not page.faults and "nan" not in page.text.lower() and "inf" not in page.text.lower()


def test_the_page_of_a_study_holds_both(run, parse, tmp_path):
    page = parse(report_study(Study("A study", (run("mono"), run("dubs"))), tmp_path / "page"))
    for words in ("What held-out titles tell", "How the runs went", "By neighbours", "Utilisation"):
        assert words in page.text
    assert page.text.index("Picture and sound find each other") < page.text.index("What held-out titles tell")


def test_run_folders_are_reported_with_results_and_alone(run, planted, parse, tmp_path):
    arm = run("a/demo")
    other = run("b/demo")
    alone = parse(report([arm.run_folder], tmp_path / "alone"))
    assert "1 run." in alone.text and "How the runs went" in alone.text and "Task by task" not in alone.text
    both = parse(
        report([planted("mono", "scene", 0.5), arm.run_folder, str(other.run_folder)], tmp_path / "both")
    )
    assert "1 model on 1 task, 2 runs." in both.text and "Task by task" in both.text
    assert str(arm.run_folder) in both.text and str(other.run_folder) in both.text
    plain = parse(report([planted("mono", "scene", 0.5)], tmp_path / "plain"))
    assert "How the runs went" not in plain.text and "By neighbours" not in plain.text


def test_numbers_that_cannot_be_are_left_out_and_named(run, parse, tmp_path):
    arm = run("hostile")
    path = arm.run_folder / "metrics.jsonl"
    wrong = [
        "[1, 2]",
        '{"step": "<b>", "cross": 1.0}',
        '{"step": NaN, "cross": 1.0}',
        '{"step": 61, "cross": 1e400}',
        '{"step": 62, "cross": 1' + "0" * 400 + "}",
        '{"step": 63, "data_wait_share": 12.5}',
        '{"step": 64, "eval": "<script>alert(1)</script>"}',
        '{"step": 65, "eval": {"recall@1": 4.5, "collapsed": "<script>"}}',
    ]
    path.write_text(path.read_text() + "\n".join(wrong) + "\n")
    page = parse(report([arm.run_folder], tmp_path / "page"))
    assert (
        "hostile: 9 entries of metrics.jsonl are left out; the first: line 64 is not of a step." in page.text
    )
    assert "450.0%" not in page.text and "1250.0%" not in page.text and not page.all("script")


@pytest.mark.parametrize("content", [b'{"step": ' + b"9" * 5000 + b"}", b"\xff\xfe", b"[" * 100_000])
def test_a_file_of_metrics_that_cannot_be_read_is_said(tmp_path, parse, content):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "metrics.jsonl").write_bytes(content)
    page = parse(report([folder], tmp_path / "page"))
    assert "the file is not JSON lines of sensible size" in page.text
