"""What the verbs' arguments share. Nothing heavy is imported here: a wrong argument is answered at once."""

import argparse
import ast
import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lssd.errors import InputError
from lssd.text import printable


class Parser(argparse.ArgumentParser):
    """Argparse, with errors of one line as everywhere else."""

    def error(self, message: str) -> Any:
        self.exit(2, f"{self.prog}: {printable(message)}; see {self.prog} --help\n")


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Help that tells the default of an option added by `add_option`."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        sources = getattr(action, "default_of", ())
        if not sources:
            return action.help
        told = " ".join(_shown(stated_default(source)) for source in sources)
        return f"{action.help}; default {told}"


def add_option(
    parser: argparse.ArgumentParser, *flags: str, default_of: str | Sequence[str] = (), **details: Any
) -> None:
    """Add an option that is absent from the parsed arguments unless it is given.

    What is not given keeps the default that a dataclass or a function states. `default_of` says where, for
    the help: as `stated_default` takes it, one place for each value of the option.
    """
    action = parser.add_argument(*flags, default=argparse.SUPPRESS, **details)
    action.default_of = [default_of] if isinstance(default_of, str) else list(default_of)  # type: ignore[attr-defined]


def add_set(parser: argparse.ArgumentParser, meaning: str) -> None:
    """`--set KEY=VALUE`, which may be given often."""
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=meaning)


def add_embedding(parser: argparse.ArgumentParser) -> None:
    """How embedding is done, wherever it is."""
    add_option(
        parser,
        "--views",
        metavar="N[xS]",
        help="N windows spread over a file (all: end to end), S squares of its pictures (1 or 3), as 10x3",
        default_of="lssd/embedding/embed.py:embed.views",
    )
    add_option(
        parser,
        "--workers",
        type=int,
        metavar="N",
        help="processes (modules: threads) that read; with ray: in all",
    )
    add_engine(parser)


def add_engine(parser: argparse.ArgumentParser) -> None:
    """On which machines the work is done."""
    add_option(parser, "--engine", choices=("local", "ray"), help="ray: many machines")


def given(arguments: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Those of the arguments that were given, by name: keywords of the function that a verb calls."""
    return {name: value for name, value in vars(arguments).items() if name in names}


def require_paths(*paths: str) -> None:
    """InputError for the first that is not there: said before the rooms that would read it are imported."""
    for path in paths:
        if not os.path.exists(path):  # noqa: PTH110 - a name too long for the system is not there either
            raise InputError(f"no such file or folder: {path}")


def stated_default(source: str) -> Any:
    """The default of a dataclass' field or a function's parameter, read from its source.

    `source` is such as "lssd/corpus/cut.py:ClipSettings.short_side". Importing the module instead would make
    help wait for torch. Defaults are literals, or names of literals in the same file.

    >>> stated_default("lssd/corpus/cut.py:ClipSettings.short_side")
    320
    """
    file, _, path = source.partition(":")
    package, _, rest = file.partition("/")
    owner, _, name = path.partition(".")
    spec = find_spec(package)
    assert spec is not None and spec.origin is not None  # our own packages
    tree = ast.parse((Path(spec.origin).parent / rest).read_text(encoding="utf-8"))
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    value = _defaults(next(node for node in tree.body if getattr(node, "name", None) == owner))[name]
    return ast.literal_eval(constants[value.id] if isinstance(value, ast.Name) else value)


def _defaults(node: ast.AST) -> dict[str, ast.expr]:
    """The defaults of a class' fields or a function's parameters by name."""
    if isinstance(node, ast.ClassDef):
        fields = [one for one in node.body if isinstance(one, ast.AnnAssign)]
        return {
            field.target.id: field.value
            for field in fields
            if isinstance(field.target, ast.Name) and field.value is not None
        }
    assert isinstance(node, ast.FunctionDef)
    own = node.args
    plain = own.args[len(own.args) - len(own.defaults) :]
    keyword = zip(own.kwonlyargs, own.kw_defaults, strict=True)
    found = {argument.arg: value for argument, value in zip(plain, own.defaults, strict=True)}
    return found | {argument.arg: value for argument, value in keyword if value is not None}


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(map(_shown, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
