"""What is installed, by room, and how to get what is missing."""

import importlib
import importlib.util
import shutil
from importlib import metadata

from lssd.engine import available_cpus
from lssd.errors import InputError, install_hint

# room, import name, distribution, and the extra that brings it ("" for the base installation)
_PARTS = (
    ("media", "av", "av", ""),
    ("corpus", "scenedetect", "scenedetect-headless", ""),
    ("corpus", "pyarrow", "pyarrow", ""),
    ("models", "torch", "torch", ""),
    ("models", "huggingface_hub", "huggingface_hub", "hub"),
    ("pretraining", "tensorboard", "tensorboard", ""),
    ("pretraining", "wandb", "wandb", "wandb"),
    ("evaluation", "ray", "ray", "ray"),
    ("reporting", "matplotlib", "matplotlib", ""),
    ("filmset", "espeakng_loader", "espeakng-loader", "filmset"),
)
_ENCODERS = ("libx264", "aac", "flac", "libopus")
_GIB = 1 << 30

Check = tuple[str, str, bool, str]


def doctor(room: str | None = None) -> list[Check]:
    """Check each part that rooms need: (room, part, there, version or the way to get it).

    InputError for a room that has nothing to check.
    """
    further = {
        "media": _check_encoders,
        "filmset": _check_speech,
        "models": _check_device,
        "corpus": _check_disk,
        "dubbing": _check_dubbing,
    }
    rooms = sorted({*(part[0] for part in _PARTS), *further})
    if room is not None and room not in rooms:
        raise InputError(f"no room '{room}' to check; rooms: {', '.join(rooms)}")
    checks = [_check_package(*part) for part in _PARTS if room in (None, part[0])]
    for name, check in further.items():
        if room in (None, name):
            checks += check()
    return sorted(checks)


def _check_package(room: str, module: str, distribution: str, extra: str) -> Check:
    if importlib.util.find_spec(module) is None:
        return room, distribution, False, install_hint(extra)
    return room, distribution, True, metadata.version(distribution)


def _check_encoders() -> list[Check]:
    from lssd.media import has_encoder

    found = [(name, has_encoder(name)) for name in _ENCODERS]
    words = {True: "in PyAV's FFmpeg", False: "install PyAV from its wheel"}
    return [("media", f"encoder {name}", there, words[there]) for name, there in found]


def _check_speech() -> list[Check]:
    from lssd.errors import LssdError
    from lssd.speech import Synthesiser, voices

    try:
        with Synthesiser() as synthesiser:
            spoken = synthesiser.speak("hello", "en", voices("en")[0])
    except LssdError as error:
        return [("filmset", "a spoken line", False, str(error))]
    return [("filmset", "a spoken line", True, f"{len(spoken)} samples")]


def _check_dubbing() -> list[Check]:
    """Every backend of every step; one that lacks weights names the option that says where they are."""
    from lssd.dubbing import standings

    checks = []
    for step, found in standings().items():
        for one in found:
            declaration = one.backend.declaration
            licences = f"{declaration.code_license}; weights {declaration.weights_license}"
            words = one.obstacle or f"{declaration.about} ({licences})"
            checks.append(("dubbing", f"{step}: {declaration.name}", not one.obstacle, words))
    return checks


def _check_device() -> list[Check]:
    torch = importlib.import_module("torch")
    if torch.cuda.is_available():
        return [("models", "device", True, torch.cuda.get_device_name())]
    return [("models", "device", True, f"CPU, {available_cpus()} cores")]


def _check_disk() -> list[Check]:
    free = shutil.disk_usage(".").free / _GIB
    return [("corpus", "free space here", free > 1, f"{free:.0f} GiB")]
