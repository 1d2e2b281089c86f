"""Upload models to the Hugging Face hub; `lssd.models.hub` downloads them."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lssd.errors import CheckpointError, InputError, LssdError, MissingExtraError, install_hint
from lssd.models import load_model
from lssd.models.folders import is_run
from lssd.models.hub import CONFIG_FILE, WEIGHTS_FILE
from lssd.pretraining.card import CARD

FILES = (CONFIG_FILE, WEIGHTS_FILE, CARD)


def push_model(
    run_or_model: str | Path, repo_id: str, *, private: bool = True, revision: str | None = None
) -> str:
    """Upload a model's weights, configuration and card, and nothing else, in one commit; returns its URL.

    Args:
        run_or_model: the folder of a finished run, or its `model`.
        repo_id: "owner/name"; created if it does not exist.
        private: whether only its owner may see it. An existing public repository is then refused.
        revision: a branch, created if it does not exist. None: the main branch.

    Raises CheckpointError for a model that is incomplete or damaged, MissingExtraError without the extra
    `hub`, InputError when the hub knows no name or nobody who may write there, and LssdError when it
    cannot be reached.
    """
    folder = _model_folder(Path(run_or_model))
    hub = _hub()
    load_model(folder)  # what cannot be read here must not be published
    with _explaining(str(folder), repo_id):
        return _push(hub.HfApi(), folder, repo_id, private, revision)


def check_push(repo_id: str) -> None:
    """Whether a model could be pushed: package, name and token. Writes nothing.

    Raises as `push_model` does.
    """
    hub = _hub()
    with _explaining("a model", repo_id):
        hub.utils.validate_repo_id(repo_id)
        hub.HfApi().whoami()


def _hub() -> Any:
    try:
        return importlib.import_module("huggingface_hub")
    except ImportError as error:
        raise MissingExtraError(
            f"pushing a model needs a package that is not installed: {install_hint('hub')}"
        ) from error


@contextmanager
def _explaining(what: str, repo_id: str) -> Iterator[None]:
    """The hub's errors in one line each."""
    try:
        yield
    except LssdError:
        raise
    except Exception as error:  # the hub's client lets through errors of whatever carries it
        raise _explained(error, what, repo_id) from error


def _model_folder(path: Path) -> Path:
    folder = path / "model" if is_run(path) else path
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise CheckpointError(
            f"{folder} lacks {', '.join(missing)}: give a finished run of lssd pretrain, or its model folder"
        )
    return folder


def _push(api: Any, folder: Path, repo_id: str, private: bool, revision: str | None) -> str:
    url = str(api.create_repo(repo_id, private=private, exist_ok=True))
    if private and not api.model_info(repo_id).private:
        raise InputError(
            f"{repo_id} is there already and public: choose another name, or push publicly on purpose"
        )
    if revision is not None:
        api.create_branch(repo_id, branch=revision, exist_ok=True)
    api.upload_folder(
        repo_id=repo_id,
        folder_path=str(folder),
        allow_patterns=list(FILES),
        revision=revision,
        commit_message="Model of lssd",
    )
    return url if revision is None else f"{url}/tree/{revision}"


def _explained(error: Exception, what: str, repo_id: str) -> LssdError:
    """The error in one line, with the advice that fits."""
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403) or type(error).__name__ == "LocalTokenNotFoundError":
        return InputError(
            f"the hub does not let you write to {repo_id} ({reason}); log in with a token that may: "
            "hf auth login"
        )
    if isinstance(error, ValueError) or status in (400, 404, 409):
        return InputError(f"the hub refuses {repo_id} ({reason}); check the name OWNER/NAME and the revision")
    return LssdError(
        f"cannot push {what} to {repo_id} ({reason}); try again when the hub can be reached, and without "
        "HF_HUB_OFFLINE"
    )
