"""The card of a model, and its way to the hub."""

import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from tests.conftest import TINY_CONVOLUTIONS

from lssd.corpus import Catalog
from lssd.errors import CheckpointError, InputError, LssdError, MissingExtraError
from lssd.models import save_model
from lssd.pretraining.card import describe_data, write_card
from lssd.pretraining.network import Network
from lssd.pretraining.publishing import check_push, push_model
from lssd.pretraining.recipe import Recipe, load_recipe
from lssd.views import ClipIndex, Selection

SMALL = (
    "description=Made for a test",
    "views.batch_size=6",
    "views.frames=2",
    "views.size=16",
    "views.short_side=[16,20]",
    *TINY_CONVOLUTIONS,
    "machine.wandb=secret-project",
)
START = {
    "place": "/home/me/parent.safetensors",
    "sha256": "ab" * 32,
    "recipe": "demo-parent",
    "step": 40,
    "hub": False,
    "new": [],
    "left_out": [],
    "taken_up": {},
}


@pytest.fixture(scope="module")
def index(corpus: Path) -> ClipIndex:
    return ClipIndex.read(Catalog.open(corpus), Selection())


def make_run(run: Path, recipe: Recipe, start: dict[str, Any] | None = None) -> Path:
    """The folder that a run of 100 steps leaves: loss 101 - step, a line every 5 steps."""
    save_model(Network.create(recipe).to_model(), run / "model")
    (run / "recipe.yaml").write_text(f"name: {recipe.name}\n")
    environment = {
        "lssd": "9.9",
        "torch": "8.8",
        "corpus": "/home/me/films",
        "data": "cd" * 32,
        "start": start,
    }
    (run / "environment.json").write_text(json.dumps(environment))
    lines: list[dict[str, Any]] = [
        {"step": step, "loss": 101.0 - step, "cross": 1.0, "audio": 2.0} for step in range(5, 101, 5)
    ]
    lines.insert(5, {"step": 25, "loss": None})
    for step, recall in ((50, 0.2), (100, 0.375)):
        measured = {"clips": 64, "video_to_audio@1": recall, "chance@1": 1 / 64, "knn_scene|a_sound": 0.5}
        lines.append({"step": step, "eval": {**measured, "knn_scene|a_chance": 0.25, "alignment": 0.75}})
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    state = {"step": 100, "tally": {"total_s": 321.0, "wait_s": 12.0, "skipped": 1, "replaced": 4}}
    (run / "checkpoints/00000100").mkdir(parents=True)
    (run / "checkpoints/00000100/state.json").write_text(json.dumps(state))
    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, index: ClipIndex) -> Path:
    recipe = load_recipe("demo", SMALL)
    folder = make_run(tmp_path_factory.mktemp("run") / "r", recipe, START)
    write_card(folder, recipe, describe_data(index), instances=600, hardware="2 cores")
    return folder


@pytest.fixture(scope="module")
def card(run: Path) -> str:
    return (run / "model/README.md").read_text(encoding="utf-8")


def rows(card: str, first: str) -> list[list[str]]:
    """The cells below the table head that begins with `first`."""
    lines = card.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {first} |"))
    found = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return found


def test_the_data_are_described_as_the_catalog_holds_them(index: ClipIndex, corpus: Path) -> None:
    """Five train titles: four with German and French dubs (3 clips each), one English alone (2 clips)."""
    data = describe_data(index)
    catalog = Catalog.open(corpus)
    train = {row["title_id"] for row in catalog.titles.to_pylist() if row["split"] == "train"}
    seconds = [row["duration_s"] for row in catalog.clips.to_pylist() if row["title_id"] in train]
    assert (data.titles, data.clips, data.dubbed_clips, data.background_clips) == (5, 14, 12, 0)
    assert data.hours == pytest.approx(sum(seconds) / 3600)
    spoken = {code: (found.original, found.dub) for code, found in data.languages.items()}
    assert spoken == {"de": (0, 12), "en": (14, 0), "fr": (0, 12)}
    assert data.languages["en"].hours == pytest.approx(data.hours)


def test_the_front_matter_is_what_the_hub_reads(card: str) -> None:
    _, front, _ = card.split("---\n", 2)
    facts = yaml.safe_load(front)
    assert facts["library_name"] == "lssd" and facts["license"] == "other" and facts["license_name"]
    assert facts["language"] == ["de", "en", "fr"] and {"audio", "video"} <= set(facts["tags"])


def test_the_usage_runs_as_it_stands(card: str, run: Path) -> None:
    code = re.search(r"```python\n(.*?)```", card, re.DOTALL)
    assert code is not None
    here: dict[str, Any] = {}
    exec(code[1].replace("OWNER/NAME", str(run / "model")), here)
    size = here["model"].embedding_size
    assert code[1].count(f"# (1, {size})") == 2
    assert here["model"].embed_video(here["frames"]).shape == (1, size)


def test_the_run_is_told_in_numbers(card: str, run: Path) -> None:
    figures = dict(rows(card, "quantity"))
    assert figures["steps"] == "100" and figures["instances"] == "600" and figures["hardware"] == "2 cores"
    assert figures["seconds"] == "321, of which 12 waiting for data"
    assert figures["clips replaced (not readable)"] == "4" and figures["lssd"] == "9.9"
    weights = json.loads((run / "model/config.json").read_text())["weights_sha256"]
    assert figures["SHA-256 of the weights"] == weights
    losses = rows(card, "steps | loss")
    assert len(losses) == 10
    # Steps 5 and 10: the mean of 96 and 91. No line of the picture's own term.
    assert losses[0] == ["5 to 10", "93.500", "1.000", "2.000"] and losses[-1][:2] == ["95 to 100", "3.500"]
    held_out = {cells[0]: cells[1:] for cells in rows(card, "measure")}
    assert held_out["Recall@1, picture to sound"] == ["20.0%", "37.5%", "1.6%"]
    assert held_out["Scene\\|a of sound by neighbours"] == ["50.0%", "50.0%", "25.0%"]
    assert held_out["Alignment, picture and sound"] == ["0.75", "0.75", "–"]
    assert "English (en)" in [cells[0] for cells in rows(card, "language")]


def test_the_recipe_stands_in_it_and_nothing_of_this_machine(card: str, run: Path) -> None:
    text = re.search(r"```yaml\n(.*?)```", card, re.DOTALL)
    assert text is not None
    recipe = yaml.safe_load(text[1])
    assert recipe["views"]["batch_size"] == 6 and recipe["name"] == "demo" and "machine" not in recipe
    assert "demo-parent after 40 steps" in card and START["sha256"] in card
    for private in ("/home/me", "secret-project", str(run)):
        assert private not in card
    for part in ("18/505,081", "Apache-2.0", "Intended use", "Limits", "cd" * 32):
        assert part in card


def test_sound_alone_and_little_to_tell(index: ClipIndex, tmp_path: Path) -> None:
    settings = [item for item in SMALL if not item.startswith("video.")]
    recipe = load_recipe("demo", [*settings, "video=null", "views.pictures=false"])
    with pytest.raises(InputError, match="no model"):
        write_card(tmp_path, recipe, describe_data(index))
    run = make_run(tmp_path, recipe)
    (run / "metrics.jsonl").unlink()
    (run / "checkpoints/00000100/state.json").unlink()
    (run / "checkpoints/00000100").rmdir()
    card = write_card(run, recipe, describe_data(index)).read_text()
    assert "embed_video" not in card and "from random weights" in card and "No loss was logged" in card
    assert "video" not in yaml.safe_load(card.split("---\n", 2)[1])["tags"]
    code = re.search(r"```python\n(.*?)```", card, re.DOTALL)
    assert code is not None
    exec(code[1].replace("OWNER/NAME", str(run / "model")), {})


class FakeHub:
    """The hub as its client shows it: repositories, branches, and what is uploaded."""

    def __init__(self) -> None:
        self.private: dict[str, bool] = {"me/public": False}
        self.branches: list[tuple[str, str]] = []
        self.uploads: list[dict[str, Any]] = []
        self.error: Exception | None = None

    def create_repo(self, repo_id: str, *, private: bool, exist_ok: bool) -> str:
        if self.error:
            raise self.error
        assert exist_ok
        self.private.setdefault(repo_id, private)
        return f"https://hub.test/{repo_id}"

    def validate_repo_id(self, repo_id: str) -> None:
        if repo_id.count("/") != 1:
            raise ValueError("Repo id must be in the form\n'repo_name'")

    def whoami(self) -> dict[str, str]:
        if self.error:
            raise self.error
        return {"name": "me"}

    def model_info(self, repo_id: str) -> SimpleNamespace:
        return SimpleNamespace(private=self.private[repo_id])

    def create_branch(self, repo_id: str, *, branch: str, exist_ok: bool) -> None:
        assert exist_ok
        self.branches.append((repo_id, branch))

    def upload_folder(self, **upload: Any) -> None:
        self.uploads.append(upload)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    fake = FakeHub()
    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(HfApi=lambda: fake, utils=fake))
    return fake


@pytest.mark.parametrize("part", ["", "model"])
def test_three_files_go_to_the_hub(run: Path, hub: FakeHub, part: str) -> None:
    assert push_model(run / part, "me/films") == "https://hub.test/me/films"
    (upload,) = hub.uploads
    assert upload["folder_path"] == str(run / "model") and upload["repo_id"] == "me/films"
    assert upload["allow_patterns"] == ["config.json", "model.safetensors", "README.md"]
    assert upload["revision"] is None and hub.private["me/films"] and not hub.branches


def test_a_branch_and_what_is_public_are_asked_for(run: Path, hub: FakeHub) -> None:
    url = push_model(run, "me/public", private=False, revision="v1")
    assert url == "https://hub.test/me/public/tree/v1"
    assert hub.branches == [("me/public", "v1")] and hub.uploads[0]["revision"] == "v1"
    with pytest.raises(InputError, match="already and public"):
        push_model(run, "me/public")
    assert len(hub.uploads) == 1


class LocalTokenNotFoundError(OSError):
    pass


class HttpError(OSError):
    def __init__(self, status: int) -> None:
        super().__init__(f"{status} Client Error.\nInvalid\nRequest ID: x")
        self.response = SimpleNamespace(status_code=status)


@pytest.mark.parametrize(
    ("error", "kind", "hint"),
    [
        (LocalTokenNotFoundError("no token"), InputError, "hf auth login"),
        (HttpError(401), InputError, "hf auth login"),
        (HttpError(403), InputError, "hf auth login"),
        (HttpError(404), InputError, "check the name"),
        (ValueError("Repo id must be in the form\n'repo_name'"), InputError, "check the name"),
        (HttpError(503), LssdError, "when the hub can be reached"),
        (ConnectionError("offline mode is enabled"), LssdError, "HF_HUB_OFFLINE"),
    ],
)
def test_what_the_hub_says_is_one_line(
    run: Path, hub: FakeHub, error: Exception, kind: type[LssdError], hint: str
) -> None:
    hub.error = error
    with pytest.raises(LssdError, match=re.escape(hint)) as caught:
        push_model(run, "me/films")
    assert type(caught.value) is kind and "\n" not in str(caught.value) and "me/films" in str(caught.value)
    assert str(error).split()[0] in str(caught.value)
    with pytest.raises(kind, match=re.escape(hint)):
        check_push("me/films")


def test_a_push_is_checked_before_it_and_writes_nothing(hub: FakeHub) -> None:
    check_push("me/films")
    with pytest.raises(InputError, match="check the name OWNER/NAME"):
        check_push("films")
    assert list(hub.private) == ["me/public"] and not hub.uploads


def test_what_is_no_whole_model_is_not_pushed(
    run: Path, hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CheckpointError, match=r"lacks config\.json, model\.safetensors, README\.md"):
        push_model(tmp_path, "me/films")
    for file in (run / "model").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match="truncated"):
        push_model(tmp_path, "me/films")
    assert not hub.uploads
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r"pip install -c constraints.txt -e '.\[hub\]'"):
        push_model(run, "me/films")


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (None, "started from random weights."),
        (
            {"hub": True, "place": "somebody/films", "new": ["the sounds' projection head"]},
            f"started from the model `somebody/films` of the hub (SHA-256 `{'ab' * 32}`). "
            "Drawn anew: the sounds' projection head.",
        ),
        (
            {"new": ["the sounds' projection head"]},
            f"started from the encoders of a model (SHA-256 `{'ab' * 32}`).",
        ),
        ({"recipe": "demo-parent", "step": 40}, "of recipe demo-parent after 40 steps (SHA-256"),
    ],
)
def test_what_it_started_from(
    index: ClipIndex, tmp_path: Path, start: dict[str, Any] | None, words: str
) -> None:
    recipe = load_recipe("demo", SMALL)
    run = make_run(tmp_path, recipe, start and {**START, "recipe": None, "step": None, **start})
    card = write_card(run, recipe, describe_data(index)).read_text(encoding="utf-8")
    assert words in card and "/home/me" not in card
