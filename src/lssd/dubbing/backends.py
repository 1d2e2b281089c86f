"""Which backends exist, which can be used on this machine, and which a preset uses for a step."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module, resources
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from lssd import config
from lssd.dubbing.declaration import Backend, BackendError
from lssd.errors import InputError

STEPS = (
    "separation",
    "segmentation",
    "transcription",
    "diarisation",
    "translation",
    "speaking",
    "stretching",
    "conversion",
)
POLICIES = ("any", "permissive")
# Licences that neither bind what is made with them nor forbid selling it.
_PERMISSIVE = {
    "none",
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC-BY-4.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "PSF-2.0",
    "Unlicense",
    "Zlib",
}
_PLACES = ("model", "folder", "url")  # settings that say where something is, and have no default


@dataclass(frozen=True)
class Standing:
    """A backend, and what keeps it from being used here and how to mend that; "" where nothing does."""

    backend: type[Backend]
    obstacle: str = ""


def backends(step: str) -> dict[str, type[Backend]]:
    """The backends of a step by name: built in, or from installed packages (entry points `lssd.dubbing`)."""
    if step not in STEPS:
        raise InputError(f"no step '{step}' with backends; steps: {', '.join(STEPS)}")
    found: dict[str, type[Backend]] = {
        backend.declaration.name: backend for backend in import_module(f"lssd.dubbing.{step}").BACKENDS
    }
    for point in entry_points(group="lssd.dubbing"):
        backend = point.load()
        if backend.declaration.step == step:
            found[backend.declaration.name] = backend
    return found


def standings(
    policy: str = "any", settings: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, list[Standing]]:
    """Every backend and whether it can be used, by step; loads none. InputError for an unknown policy."""
    return {
        step: [
            Standing(one, obstacle(one, policy, (settings or {}).get(name)))
            for name, one in backends(step).items()
        ]
        for step in STEPS
    }


def obstacle(backend: type[Backend], policy: str = "any", settings: Mapping[str, Any] | None = None) -> str:
    """Why a backend cannot be used here with these settings: one line, "" when it can."""
    if policy not in POLICIES:
        raise InputError(f"no licence policy '{policy}'; there are {', '.join(POLICIES)}")
    declaration = backend.declaration
    binding = {
        licence
        for licence in (declaration.code_license, declaration.weights_license)
        if not _PERMISSIVE.intersection(licence.split(" OR "))
    }
    if policy == "permissive" and binding:
        return f"refused: {' and '.join(sorted(binding))} is not permissive"
    if missing := declaration.missing():
        places = [name for name in _PLACES if name in backend.Settings.__dataclass_fields__]
        then = f"; then --set {declaration.name}.{places[0]}=...: {declaration.weights}" if places else ""
        return f"{', '.join(missing)} is not installed: {declaration.install}{then}"
    defaults = {field.name: field.default for field in dataclasses.fields(backend.Settings)}
    lacking = [name for name in _PLACES if defaults.get(name) == "" and not (settings or {}).get(name)]
    if lacking:
        return f"needs {declaration.weights or lacking[0]}: --set {declaration.name}.{lacking[0]}=..."
    return ""


def build_settings(backend: type[Backend], settings: Mapping[str, Any] | None) -> Any:
    """The backend's settings with these values. InputError for an unknown key or a wrong type."""
    return config.build(backend.Settings, settings or {}, f"backend {backend.declaration.name}")


def read_preset(preset: str) -> dict[str, list[str]]:
    """Names of backends by step, best first, of a packaged preset or a YAML file. InputError for neither."""
    packaged = resources.files("lssd.dubbing") / "presets"
    names = sorted(
        entry.name.removesuffix(".yaml") for entry in packaged.iterdir() if entry.name.endswith(".yaml")
    )
    if preset in names:
        with resources.as_file(packaged / f"{preset}.yaml") as path:
            found = config.read_yaml(path)
    elif Path(preset).suffix in (".yaml", ".yml"):
        found = config.read_yaml(preset)
    else:
        raise InputError(f"no preset '{preset}'; there are {', '.join(names)}, or give a YAML file")
    for step, chosen in found.items():
        if chosen is not None and not (
            isinstance(chosen, list) and all(isinstance(name, str) for name in chosen)
        ):
            raise InputError(f"preset {preset}: '{step}' must be a list of backends, such as [none]")
        unknown = [name for name in chosen or () if name not in backends(step)]
        if unknown:
            known = ", ".join(backends(step))
            raise InputError(f"preset {preset}: no backend '{unknown[0]}' for {step}; there are {known}")
    if lacking := [step for step in STEPS if not found.get(step)]:
        raise InputError(f"preset {preset} names no backend for {', '.join(lacking)}")
    return found


def choose(
    step: str,
    names: Sequence[str],
    policy: str,
    settings: Mapping[str, Mapping[str, Any]],
    language: str | None = None,
) -> list[type[Backend]]:
    """Those of these backends that can be used, in order. BackendError, with each obstacle, when none can."""
    usable, obstacles = [], []
    known = backends(step)
    for name in names:
        backend = known[name]
        why = obstacle(backend, policy, settings.get(name))
        languages = backend.declaration.languages
        if not why and language is not None and languages is not None and language not in languages:
            why = f"does not know {language}"
        if why:
            obstacles.append(f"{name} {why}")
        else:
            usable.append(backend)
    if not usable:
        raise BackendError(f"no backend for {step}: {'; '.join(obstacles)}")
    return usable
