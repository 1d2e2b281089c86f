"""Model folders from the Hugging Face hub: "owner/name", or "owner/name@revision".

Only the two files of a model folder are fetched, neither of which holds code. `huggingface_hub` is an
optional extra and is imported on the first fetch; without a hub id there is no use of the network.
"""

import importlib
import re
from collections.abc import Callable
from pathlib import Path

from lssd.errors import CheckpointError, MissingExtraError, install_hint

WEIGHTS_FILE = "model.safetensors"
CONFIG_FILE = "config.json"

Download = Callable[..., str]
_HUB_ID = re.compile(r"(?P<repository>\w[\w.-]*/\w[\w.-]*)(@(?P<revision>\w[\w./-]*))?", re.ASCII)


def is_hub_id(text: str) -> bool:
    """Whether a text names a model of the hub: "owner/name[@revision]", and no local path.

    What exists here is a path, and so is what lies in an existing folder: "runs/model" is one where there
    is a folder "runs".
    """
    path = Path(text)
    return _HUB_ID.fullmatch(text) is not None and not path.exists() and not path.parent.is_dir()


def fetch_model(hub_id: str, download: Download | None = None) -> Path:
    """The local folder of a hub's model, fetched unless the hub's own cache holds it.

    `download` stands for `huggingface_hub.hf_hub_download`. Raises MissingExtraError without that package
    and CheckpointError when the model cannot be had; both messages name the folder in which to put the
    files by hand.
    """
    match = _HUB_ID.fullmatch(hub_id)
    if match is None:
        raise CheckpointError(f"'{hub_id}' is no hub id; expected owner/name or owner/name@revision")
    by_hand = f"put its {CONFIG_FILE} and {WEIGHTS_FILE} into {Path(hub_id).absolute()}"
    if download is None:
        try:
            download = importlib.import_module("huggingface_hub").hf_hub_download
        except ImportError as error:
            raise MissingExtraError(
                f"no model folder {hub_id} here, and fetching it from the hub needs a package that is not "
                f"installed: {install_hint('hub')}; or {by_hand}"
            ) from error
    fetched = []
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        try:
            fetched.append(Path(download(match["repository"], name, revision=match["revision"])))
        except Exception as error:  # the hub's client lets through errors of whatever carries it
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise CheckpointError(f"cannot fetch {name} of {hub_id} ({reason}); or {by_hand}") from error
    return fetched[0].parent
