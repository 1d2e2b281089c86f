"""Foreign models: Python modules that follow HEAR's API (Turian et al., 2022), checked when they are loaded.

A module is named "hear:package.module" or "hear:path/to/file.py". What follows an "@" is the model file
that its `load_model` is given: "hear:hearbaseline.naive@weights.pt". Naming one runs its code.
"""

import importlib
import importlib.util
import os
import re
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn

from lssd.embedding.table import Failure
from lssd.engine import Progress
from lssd.errors import InputError
from lssd.evaluation.foreign.embed import SoundEmbedder
from lssd.evaluation.hear import SAMPLE_RATES
from lssd.media import spelled
from lssd.models import Model, load_model, weights_hash
from lssd.store import hash_file, hash_json

PREFIX = "hear:"
_FUNCTIONS = ("load_model", "get_scene_embeddings", "get_timestamp_embeddings")
_SIZES = ("scene_embedding_size", "timestamp_embedding_size")
_DOTTED = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*)*)(?:@(.+))?")
_FILE = re.compile(r"(.+?\.py)(?:@(.+))?")
_TRIAL = (4, 2.74)  # sounds and seconds, as the API's validator tries


class ImportedCode:
    """Hashes of the code of imported modules, each taken when the module is first asked for.

    What runs is what was imported, whatever becomes of its files later; a module that is reloaded is hashed
    again. There is one of these a process, `IMPORTED`, as there is one `sys.modules`.
    """

    def __init__(self) -> None:
        self._hashes: WeakKeyDictionary[ModuleType, tuple[object, Any]] = WeakKeyDictionary()

    def hash(self, module: ModuleType, compute: Callable[[Path], Any], path: Path) -> Any:
        """`compute(path)`, as it was when this module was first asked for."""
        if self._hashes.get(module, (None,))[0] is not module.__spec__:
            self._hashes[module] = (module.__spec__, compute(path))
        return self._hashes[module][1]


IMPORTED = ImportedCode()


@dataclass(frozen=True)
class HearModule:
    """A loaded module that passed the checks of the API.

    name       what reports call it: the module's name, with that of its model file
    identity   SHA-256 of all that its embeddings depend on: code, weights, model file, options
    """

    name: str
    sample_rate: int
    embedding_size: int
    identity: str
    device: str
    model: nn.Module
    function: Callable[[Tensor, nn.Module], Tensor]

    def embed(
        self,
        paths: Sequence[str | Path],
        *,
        cache: str | Path | None = None,
        workers: int | None = None,
        progress: Progress | None = None,
    ) -> tuple[dict[str, np.ndarray], tuple[Failure, ...]]:
        """The scene embeddings of files, float32 (D,) by path, and the files left out, each once.

        Files are read whole and mono at the module's rate. Those of equal length go together, as many as
        HEAR's own program takes at once; memory is that of the longest file and such a batch. `workers`
        threads read ahead. With a `cache` folder, what the same code and weights embedded before is not
        computed again.

        InputError when no file can be embedded, or when the module breaks the API on one of them.
        """
        about = {"format": 1, "hear": self.name, "identity": self.identity, "sample_rate": self.sample_rate}
        embedder = SoundEmbedder(self.scenes, self.sample_rate, self.embedding_size, about, workers)
        return embedder.embed([Path(path) for path in paths], cache, progress)

    @torch.no_grad()
    def scenes(self, audio_NS: np.ndarray) -> np.ndarray:
        """The module's embeddings of mono sounds at its rate, float32 (N, D), which may hold NaN.

        InputError where what it returns breaks the API; what it raises is passed on.
        """
        found = self.function(torch.from_numpy(audio_NS).to(self.device), self.model)
        if not isinstance(found, Tensor):
            raise _violation(self.name, f"get_scene_embeddings returned {_kind(found)}, not a tensor")
        if found.dtype != torch.float32:
            raise _violation(self.name, f"embeddings are {found.dtype}, not torch.float32")
        if found.ndim != 2:
            raise _violation(self.name, f"embeddings have shape {tuple(found.shape)}, not (n_sounds, size)")
        if len(found) != len(audio_NS):
            raise _violation(self.name, f"{len(audio_NS)} sounds gave {len(found)} embeddings")
        if found.shape[1] != self.embedding_size:
            size = self.embedding_size
            raise _violation(
                self.name, f"embeddings have {found.shape[1]} numbers, and scene_embedding_size is {size}"
            )
        return found.detach().cpu().numpy()


def load_any(model: Model | HearModule | str | Path, device: str | None = None) -> Model | HearModule:
    """What a MODEL argument names: a model of ours (as `load_model` takes it), or a module ("hear:...").

    What is loaded goes to `device`, by default to a GPU where there is one. Raises InputError for a module
    that cannot be had or breaks the API; CheckpointError for ours.
    """
    if isinstance(model, (Model, HearModule)):
        return model
    if is_module(model):
        return load_module(str(model), device=device)
    return load_model(model).to(device or default_device())


def default_device() -> str:
    """Where models run unless it is said where."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def is_module(model: object) -> bool:
    """Whether a MODEL argument names a module."""
    return isinstance(model, (str, Path)) and str(model).startswith(PREFIX)


def load_module(
    text: str,
    options: Mapping[str, Any] | None = None,
    device: str | None = None,
    imported: ImportedCode = IMPORTED,
) -> HearModule:
    """Import a module, load its model and try it on noise.

    `options` are passed to its `load_model` by name. `device` is a GPU by default, where there is one.
    InputError says in one line what cannot be imported or loaded, or how it breaks the API.
    """
    source, model_file = parse(text)
    module = _import(source)
    name = module.__name__ if not source.endswith(".py") else Path(source).stem
    for function in _FUNCTIONS:
        if not callable(getattr(module, function, None)):
            raise _violation(name, f"it has no function {function}")
    arguments = [model_file] if model_file else []
    model = _try(name, "load_model", lambda: module.load_model(*arguments, **(options or {})))
    _check_model(name, model)
    device = device or default_device()
    model = _try(name, "moving the model", lambda: model.to(device).eval())
    hashed = _hash_path(Path(model_file)) if model_file else None
    pieces = {
        "code": _code(module, imported),
        "weights": _weights(model, elsewhere=hashed is None),
        "file": hashed or model_file,  # a name of something elsewhere is all that is known of it
        "options": sorted((key, repr(value)) for key, value in (options or {}).items()),
    }
    loaded = HearModule(
        name=spelled(name + (f"@{'/'.join(Path(model_file).parts[-2:])}" if model_file else "")),
        sample_rate=model.sample_rate,
        embedding_size=model.scene_embedding_size,
        identity=hash_json(pieces),
        device=device,
        model=model,
        function=module.get_scene_embeddings,
    )
    sounds, seconds = _TRIAL
    shape = sounds, int(seconds * loaded.sample_rate)
    noise_NS = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    found_ND = _try(loaded.name, "get_scene_embeddings", lambda: loaded.scenes(noise_NS))
    if not np.isfinite(found_ND).all():
        raise _violation(loaded.name, "embeddings of noise hold NaN or infinity")
    return loaded


def parse(text: str) -> tuple[str, str]:
    """The module (a dotted name, or the path of a .py) and the model file ("" for none) that a text names."""
    rest = text.removeprefix(PREFIX)
    match = _FILE.fullmatch(rest)
    if match is not None and not Path(match[1]).expanduser().is_file() and _DOTTED.fullmatch(rest):
        match = None  # the .py is part of the model file's name, or of nothing
    match = match or _DOTTED.fullmatch(rest)
    if match is None:
        raise InputError(
            f"'{text}' names no module; write {PREFIX}package.module or {PREFIX}path/to/file.py, with "
            "@MODEL_FILE where it takes one"
        )
    model_file = match[2] or ""
    return match[1], str(Path(model_file).expanduser()) if model_file.startswith("~") else model_file


def _import(source: str) -> ModuleType:
    if not source.endswith(".py"):
        hint = "; install it here, or give the path of its .py file"
        return _try(source, "importing it", lambda: importlib.import_module(source), hint)
    path = Path(source).expanduser().resolve()
    if not path.is_file():
        raise InputError(f"no module at {path}")
    name = f"{path.stem}_{hash_json([str(path), hash_file(path)], 12)}"  # an edited file is another module
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))  # last: what lies beside it shadows nothing
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        _try(path.stem, "importing it", lambda: spec.loader.exec_module(module))  # type: ignore[union-attr]
    except InputError:
        del sys.modules[name]
        raise
    return module


def _check_model(name: str, model: object) -> None:
    if not isinstance(model, nn.Module):
        raise _violation(name, f"load_model returned {_kind(model)}, not a torch.nn.Module")
    rate = getattr(model, "sample_rate", None)
    if rate not in SAMPLE_RATES:
        raise _violation(name, f"sample_rate is {rate!r}, none of {', '.join(map(str, SAMPLE_RATES))}")
    for size in _SIZES:
        value = getattr(model, size, None)
        if not isinstance(value, int) or value < 1:
            raise _violation(name, f"{size} is {value!r}, not a positive int")


def _try(name: str, what: str, function: Callable[[], Any], hint: str = "") -> Any:
    """Run foreign code. InputError, in one line, for whatever it raises."""
    try:
        return function()
    except InputError:
        raise
    except Exception as error:  # it may raise anything
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(f"module {name}: {what} failed: {reason}{hint}") from error


def _violation(name: str, what: str) -> InputError:
    return InputError(f"module {name} breaks the HEAR API: {what}")


def _kind(value: object) -> str:
    return f"a {type(value).__module__}.{type(value).__qualname__}"


def _code(module: ModuleType, imported: ImportedCode) -> list[tuple[str, str]]:
    """Hashes of a module's files: its whole package's, or its own and those of imported modules beside it."""
    path = Path(str(module.__file__)).resolve()
    package = sys.modules.get(module.__name__.partition(".")[0])
    roots = [Path(place).resolve() for place in getattr(package, "__path__", ())]
    root = next((place for place in roots if place in path.parents), None)
    if package is not None and root is not None:
        return imported.hash(package, _hash_tree, root)
    files = {**{one: Path(str(one.__file__)) for one in _modules_in(path.parent)}, module: path}
    return sorted(
        (str(file.relative_to(path.parent)), imported.hash(one, hash_file, file))
        for one, file in files.items()
    )


def _modules_in(folder: Path) -> Iterator[ModuleType]:
    """The loaded modules that lie directly in a folder; none where that is an installation's."""
    if folder.name == "site-packages":
        return
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__dict__", {}).get("__file__")  # not by name: some modules load on that
        if isinstance(file, str) and file.startswith(f"{folder}{os.sep}") and Path(file).is_file():
            top = Path(file).relative_to(folder).parts[0].removesuffix(".py")
            if top == name.partition(".")[0]:
                yield module


def _weights(model: nn.Module, elsewhere: bool) -> str:
    """A hash of the weights, wherever they came from; a fresh one each time where they cannot be hashed.

    A module without registered weights may keep them as plain attributes. Unless they come from the model
    file (`elsewhere` says that they do not), a change of them would then go unnoticed.
    """
    try:
        if elsewhere and not model.state_dict():
            return uuid.uuid4().hex
        return weights_hash(model)
    except Exception:  # noqa: BLE001 - a foreign state may hold anything
        return uuid.uuid4().hex


def _hash_path(path: Path) -> str | list[tuple[str, str]] | None:
    """A hash of a file, hashes of a folder's, None for what is neither (the name of something elsewhere)."""
    if path.is_dir():
        return _hash_tree(path)
    return hash_file(path) if path.is_file() else None


def _hash_tree(folder: Path) -> list[tuple[str, str]]:
    files = (file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return sorted((str(file.relative_to(folder)), hash_file(file)) for file in files)
