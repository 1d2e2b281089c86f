"""The model card: what a model is, what it was trained on, and what it may be used for."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import yaml

from lssd.errors import InputError
from lssd.languages import display_name
from lssd.models.folders import list_checkpoints
from lssd.pretraining.held_out.measures import measures_in
from lssd.pretraining.metrics import read_metrics
from lssd.pretraining.recipe import Recipe, reproducible_part
from lssd.store import read_json, write_bytes
from lssd.views import ClipIndex

CARD = "README.md"
_TERMS = ("loss", "cross", "video", "audio")
_VERSIONS = ("lssd", "python", "torch", "numpy", "machine")

_METHOD = """\
Encoders trained by contrast on clips of films with several sound tracks, after "Looking Similar, Sounding
Different: Leveraging Counterfactual Cross-Modal Pairs for Audiovisual Representation Learning" (CVPR 2024).
A dub is the same scene with other words: held together with its original, it teaches the scene and not the
language."""
_USE = """\
As a frozen encoder: for probes, retrieval and search in sound and film, and as a start for further training.
An encoder takes one window at a time; longer sound is cut into windows, whose embeddings are averaged."""
_LIMITS = """\
- It knows the languages, genres and places of its training titles; how well it does on others is not measured
  here.
- The measures above are of held-out titles of the same corpus, of one run with one seed.
- It was not made to recognise persons, and must not be used to identify or watch them.
- What films get wrong about people and places, it may have learned."""
_LICENCE = """\
The code that made and loads this model, `lssd`, is under Apache-2.0. The method is the subject of United
States patent application 18/505,081 by the paper's authors, under which that licence grants no rights. The
weights were trained on films: whether and how they may be used and passed on depends on the rights in those
films, for which whoever trained them is responsible. State here what applies before you publish them."""


@dataclass(frozen=True)
class LanguageData:
    """Clips of which a language is the original, clips of which it is a dub, and hours of sound."""

    original: int
    dub: int
    hours: float


@dataclass(frozen=True)
class TrainingData:
    """The numbers of a run's training clips. hours: of picture. languages: by code, "und" where not known."""

    titles: int
    clips: int
    hours: float
    dubbed_clips: int
    background_clips: int
    languages: Mapping[str, LanguageData]


def describe_data(index: ClipIndex) -> TrainingData:
    """Count a run's training clips."""
    heard: dict[str, Counter[str]] = defaultdict(Counter)
    seconds: dict[str, float] = defaultdict(float)
    picture_s, backgrounds = 0.0, 0
    for clip in index.clips:
        picture_s += clip.duration_s
        backgrounds += clip.background is not None
        for role, tracks in (("original", [clip.original]), ("dub", clip.dubs)):
            for track in tracks:
                code = track.language or "und"
                heard[code][role] += 1
                seconds[code] += clip.duration_s
    return TrainingData(
        titles=len(index.titles),
        clips=index.clip_count,
        hours=picture_s / 3600,
        dubbed_clips=index.dubbed,
        background_clips=backgrounds,
        languages={
            code: LanguageData(heard[code]["original"], heard[code]["dub"], seconds[code] / 3600)
            for code in sorted(heard)
        },
    )


def write_card(
    run: Path,
    recipe: Recipe,
    data: TrainingData,
    *,
    instances: int | None = None,
    hardware: str | None = None,
) -> Path:
    """Write `run/model/README.md`, with the front matter of the Hugging Face hub; returns its path.

    Steps and seconds are those of the newest checkpoint; losses and measures those of metrics.jsonl;
    versions and the parent those of environment.json. It names no path of this machine. Writing it again
    gives the same.

    Args:
        data: of the training clips (`describe_data`).
        instances: clips seen in training; hardware: what it ran on, in words. Left out when not given.

    Raises InputError when the run has no model yet.
    """
    folder = run / "model"
    if not (folder / "config.json").is_file():
        raise InputError(f"{run} has no model to write a card for; finish the run first")
    model, environment = read_json(folder / "config.json"), read_json(run / "environment.json")
    lines = read_metrics(run)
    parts = [
        _front_matter(recipe, data),
        f"# {recipe.name}",
        recipe.description,
        _METHOD,
        "## How to load it",
        _usage(model),
        "## What it was trained on",
        _data(recipe, data),
        "## Training",
        _figures(run, environment, model, instances, hardware),
        _lineage(environment),
        "Means over each tenth of the run:",
        _losses(lines),
        *_held_out(lines),
        "## Intended use",
        _USE,
        "## Limits",
        _LIMITS,
        "## Licence and rights",
        _LICENCE,
        "## Recipe",
        f"```yaml\n{yaml.safe_dump(reproducible_part(recipe), sort_keys=False, allow_unicode=True)}```",
    ]
    write_bytes(folder / CARD, ("\n\n".join(part for part in parts if part) + "\n").encode())
    return folder / CARD


def _front_matter(recipe: Recipe, data: TrainingData) -> str:
    tags = ["lssd", "audio", "video", "contrastive-learning", "self-supervised-learning", "dubbing"]
    if recipe.video is None:
        tags.remove("video")
    facts = {
        "library_name": "lssd",
        "pipeline_tag": "feature-extraction",
        "license": "other",
        "license_name": "rights-of-the-training-films",
        "language": [code for code in data.languages if code != "und"],
        "tags": tags,
    }
    return f"---\n{yaml.safe_dump(facts, sort_keys=False)}---"


def _usage(model: Mapping[str, Any]) -> str:
    size, sound = model["embedding_size"], model["audio"]["preprocessing"]
    samples, rate = round(sound["window_s"] * sound["sample_rate"]), sound["sample_rate"]
    code = [
        "import lssd",
        "import torch",
        "",
        'model = lssd.load_model("OWNER/NAME")  # or the folder of this file',
        f"sound = torch.zeros(1, {sound['channels']}, {samples})  # [-1, 1] at {rate} Hz, any length",
        f"model.embed_audio(sound)  # (1, {size})",
    ]
    if model["video"] is not None:
        picture = model["video"]["preprocessing"]
        shape = f"1, {picture['frames']}, 3, {picture['size']}, {picture['size']}"
        code += [
            f"frames = torch.zeros({shape}, dtype=torch.uint8)  # RGB, spread over {picture['window_s']:g} s",
            f"model.embed_video(frames)  # (1, {size})",
        ]
    lines = "\n".join(code)
    return f"```python\n{lines}\n```"


def _data(recipe: Recipe, data: TrainingData) -> str:
    dubbed = f"{data.dubbed_clips} clips ({data.dubbed_clips / data.clips:.0%})"
    facts = (
        f"{data.titles} titles of the splits {', '.join(recipe.data.splits)}: {data.clips} clips, "
        f"{data.hours:.2f} hours of picture; {dubbed} have a dub, {data.background_clips} a track "
        "without speech."
    )
    rows = [
        (
            f"{display_name(None if code == 'und' else code)} ({code})",
            found.original,
            found.dub,
            f"{found.hours:.2f}",
        )
        for code, found in data.languages.items()
    ]
    return f"{facts}\n\n{_table(('language', 'clips as original', 'clips as dub', 'hours'), rows)}"


def _figures(
    run: Path,
    environment: Mapping[str, Any],
    model: Mapping[str, Any],
    instances: int | None,
    hardware: str | None,
) -> str:
    rows: list[tuple[object, ...]] = []
    checkpoints = list_checkpoints(run)
    if checkpoints:
        state = read_json(checkpoints[-1].folder / "state.json")
        rows.append(("steps", state["step"]))
        tally = state["tally"]
        rows.append(("seconds", f"{tally['total_s']:.0f}, of which {tally['wait_s']:.0f} waiting for data"))
        rows.append(("updates left out (gradient not finite)", tally["skipped"]))
        rows.append(("clips replaced (not readable)", tally["replaced"]))
    if instances is not None:
        rows.append(("instances", instances))
    if hardware is not None:
        rows.append(("hardware", hardware))
    rows += [(name, environment[name]) for name in _VERSIONS if name in environment]
    for change in environment.get("changes", []):
        if change["key"] in ("schedule.steps", "schedule.epochs"):
            words = f"{change['key']} {change['now']} instead of {change['before']}"
            rows.append((f"changed after step {change['after_step']}", words))
    rows.append(("SHA-256 of the training clips", environment["data"]))
    rows.append(("SHA-256 of the weights", model["weights_sha256"]))
    return _table(("quantity", "value"), rows)


def _lineage(environment: Mapping[str, Any]) -> str:
    start = environment.get("start")
    if not start:
        return "It started from random weights."
    if start["recipe"] is not None:
        source = f"the weights of recipe {start['recipe']} after {start['step']} steps"
    else:
        source = f"the model `{start['place']}` of the hub" if start["hub"] else "the encoders of a model"
    new = f" Drawn anew: {', '.join(start['new'])}." if start["new"] else " Projection heads included."
    return f"It started from {source} (SHA-256 `{start['sha256']}`).{new}"


def _losses(lines: Sequence[Mapping[str, Any]]) -> str:
    """Means of what was logged in each tenth of the steps."""
    logged = [line for line in lines if line.get("loss") is not None]
    if not logged:
        return "No loss was logged."
    last = logged[-1]["step"]
    terms = [term for term in _TERMS if any(line.get(term) is not None for line in logged)]
    rows = []
    for tenth in range(10):
        found = [line for line in logged if tenth * last < 10 * line["step"] <= (tenth + 1) * last]
        values = ([line[term] for line in found if line.get(term) is not None] for term in terms)
        if found:
            means = (f"{fmean(of_term):.3f}" if of_term else "–" for of_term in values)
            rows.append((f"{found[0]['step']} to {found[-1]['step']}", *means))
    return _table(("steps", *terms), rows)


def _held_out(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """The first and the last measures on held-out titles beside chance."""
    evaluations = [(line["step"], line["eval"]) for line in lines if "eval" in line]
    if not evaluations:
        return []
    (first_step, first), (last_step, last) = evaluations[0], evaluations[-1]

    def shown(value: float | None, share: bool = True) -> str:
        if value is None:
            return "–"
        return f"{value:.1%}" if share else f"{value:.3g}"

    rows: list[tuple[object, ...]] = []
    for measure in measures_in(last):
        then, now = (shown(values.get(measure.key), measure.share) for values in (first, last))
        chance = shown(last.get(measure.chance)) if measure.chance else "–"
        rows.append((measure.name, *([then] if len(evaluations) > 1 else []), now, chance))
    steps = [f"step {last_step}"] if len(evaluations) == 1 else [f"step {first_step}", f"step {last_step}"]
    words = f"Held-out titles, {last['clips']:.0f} clips:"
    if last.get("collapsed"):
        words += " **the embeddings of these clips have collapsed.**"
    return ["## Measures on held-out titles", words, _table(("measure", *steps, "chance"), rows)]


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    def line(cells: Iterable[object]) -> str:
        return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"

    return "\n".join([line(head), line("---" for _ in head), *(line(row) for row in rows)])
