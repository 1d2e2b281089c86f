"""Does pretraining learn? A film set, with real films where there are some, and titles held out.

    python studies/pretraining.py OUT [--real FOLDER ...] [--titles 64] [--set schedule.steps=1500]

Renders films, ingests them (with the folders' films, every second of which is held out), trains the recipe
`demo` with measures on the held-out titles along the way, and writes the page with the curves to OUT/page.
Two bars, exit code 1 below them: every term of the objective that is trained falls, and held-out recall@1
reaches 5 times chance. Killed and started again it goes on.
"""

import argparse
import csv
import sys
from pathlib import Path

from filmset import Settings
from filmset.render import render
from lssd.corpus import ClipSettings, IngestSettings
from lssd.corpus.ingest import ingest
from lssd.media import find_files
from lssd.pretraining import Run
from lssd.pretraining.metrics import read_metrics
from lssd.pretraining.pretrain import pretrain
from lssd.reporting.report import report

BAR = 5.0
FILMS = {".mkv", ".mp4"}
_WINDOW = 50  # lines of metrics whose mean a loss is judged by


def write_titles(out: Path, films: Path, real: list[Path]) -> Path:
    """One titles table for both: the film set's own rows, and the real films with every second held out.

    Files of one film share what stands before the last underscore (film_de.mp4), and so their split.
    """
    rows = []
    with (films / "titles.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            rows.append({"path": str((films / row["path"]).resolve()), "split": row["split"]})
    names = sorted({path.stem.rpartition("_")[0] or path.stem for path in real})
    for path in real:
        number = names.index(path.stem.rpartition("_")[0] or path.stem)
        rows.append({"path": str(path.resolve()), "split": "test" if number % 2 else "train"})
    table = out / "titles.csv"
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["path", "split"])
        writer.writeheader()
        writer.writerows(rows)
    return table


def make_corpus(out: Path, titles: int, real: list[Path]) -> Path:
    films = out / "films"
    settings = Settings(seed=31, seconds=45.0, sizes=("160x96",), held_out=0.25)
    render(films, titles, settings, workers=2)
    how = IngestSettings(
        clips=ClipSettings(short_side=96),
        titles=write_titles(out, films, real),
        labels=films / "labels.csv",
        original="en" if real else None,
        workers=2,
    )
    ingest([films, *real], out / "corpus", how)
    return out / "corpus"


def judge(run: Run) -> bool:
    lines = [line for line in read_metrics(run.folder) if "loss" in line]
    fell = True
    for term in ("loss", "cross", "audio", "video"):
        values = [line[term] for line in lines if line.get(term) is not None]
        first, last = (sum(part) / len(part) for part in (values[:_WINDOW], values[-_WINDOW:]))
        print(f"{term}: {first:.3f} at first, {last:.3f} at the end")
        if term in ("loss", "cross", "audio"):  # lambda_v is 0 in the recipe: watched alone
            fell &= last < first
    print("| step | recall@1, picture to sound | sound to picture | times chance |\n|---|---|---|---|")
    for line in read_metrics(run.folder):
        if "eval" in line:
            found = line["eval"]
            both = [f"{found[name]:.1%}" for name in ("video_to_audio@1", "audio_to_video@1")]
            print(f"| {line['step']} | {' | '.join(both)} | {found['recall@1'] / found['chance@1']:.1f} |")
    times = run.held_out["recall@1"] / run.held_out["chance@1"]
    print(f"held-out recall@1 among {run.held_out['clips']:.0f} clips: {times:.1f} x chance; bar {BAR:g} x")
    return fell and times >= BAR


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--real", type=Path, nargs="+", default=[], metavar="FOLDER", help="of films with several languages"
    )
    parser.add_argument("--titles", type=int, default=64)
    parser.add_argument("--recipe", default="demo")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    real = [file for folder in options.real for file in find_files(folder, FILMS)]
    corpus = make_corpus(options.out, options.titles, real)
    settings = ("schedule.steps=1500", "monitor.every=250", "monitor.clips=512", *options.set)
    run = pretrain(options.recipe, corpus, options.out / "run", settings=settings)
    assert isinstance(run, Run)
    held = judge(run)
    page = report([run.folder], options.out / "page")
    print(f"curves: {page}")
    print(f"bars: {'held' if held else 'MISSED'}")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
