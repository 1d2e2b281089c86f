"""The walls of the house: imports run downwards, a verb lives in its file, the README's tree is true."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src"
VERBS = {
    "lssd.corpus.ingest": "ingest",
    "lssd.corpus.verify": "verify",
    "lssd.demo": "demo",
    "lssd.doctor": "doctor",
    "lssd.dubbing.dub": "dub",
    "lssd.embedding.embed": "embed",
    "lssd.evaluation.evaluate": "evaluate",
    "lssd.inspect": "inspect",
    "lssd.models.average": "average",
    "lssd.pretraining.pretrain": "pretrain",
    "lssd.reporting.report": "report",
    "lssd.reporting.view": "view",
}
# What the film set may use besides the lowest floors, and who may use the film set (when it runs).
FILMSET_FLOORS = 2
FILMSET_USES = {"lssd.reporting.markup"}
FILMSET_USERS = {
    "lssd.cli.filmset",
    "lssd.demo",
    "lssd.inspect",
    "lssd.reporting.terminal",  # a type alone
    "lssd.reporting.view",
}

Import = tuple[
    str, str, bool
]  # the importing module, the imported one, and whether it happens at import time


def module_of(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in sorted(SOURCE.rglob("*.py"))}


def imports_of(module: str, tree: ast.Module) -> Iterator[Import]:
    """Imports of `lssd` and `filmset` in a module, those for type checkers and in functions included."""
    lazy = {id(child) for node in ast.walk(tree) if _is_lazy(node) for child in ast.walk(node)}
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else node.module for name in inner]
        for name in sorted(set(names)):
            if name.partition(".")[0] in ("lssd", "filmset"):
                yield module, name, id(node) not in lazy


def _is_lazy(node: ast.AST) -> bool:
    checking = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    return checking or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


@pytest.fixture(scope="module")
def imports() -> list[Import]:
    return [
        one
        for module, path in MODULES.items()
        for one in imports_of(module, ast.parse(path.read_text(encoding="utf-8")))
    ]


def floors() -> dict[str, int]:
    """Room -> floor, from the table in docs/architecture.md."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", text, flags=re.MULTILINE)
    return {room: int(floor) for floor, rooms in rows for room in re.findall(r"`(\w+)`", rooms)}


def room_of(module: str) -> str:
    return ".".join(module.split(".")[1:2])


def upward(imports: list[Import]) -> list[str]:
    """Imports that do not run downwards."""
    floor, faults = floors(), []
    for module, name, _ in imports:
        importer, imported = room_of(module), room_of(name)
        if importer in ("__main__", "") or imported in ("", importer) or not name.startswith("lssd."):
            continue
        if module.startswith("lssd.") and floor[importer] <= floor[imported]:
            faults.append(f"{module} imports {name}")
    return faults


def circles(imports: list[Import]) -> list[str]:
    """Modules that need themselves, at import time or when a function imports what it needs."""
    graph: dict[str, set[str]] = {}
    for module, name, _ in imports:
        if module != name:
            graph.setdefault(module, set()).add(name)
    reached: dict[str, set[str]] = {}
    for module in graph:
        seen, todo = set(), [module]
        while todo:
            for name in graph.get(todo.pop(), ()):
                if name not in seen:
                    seen.add(name)
                    todo.append(name)
        reached[module] = seen
    # A package's front imports its own files, which may name the front's sub-packages: that is no circle.
    return sorted(module for module, seen in reached.items() if module in seen)


def test_every_room_has_a_floor() -> None:
    rooms = {room_of(module) for module in MODULES if module.startswith("lssd.")} - {"__main__"}
    assert rooms == set(floors())


def test_imports_run_downwards(imports: list[Import]) -> None:
    assert upward(imports) == []


def test_no_circles(imports: list[Import]) -> None:
    assert circles(imports) == []


def test_faults_would_be_found(imports: list[Import]) -> None:
    planted = "from lssd.reporting import report_study\nfrom lssd.pretraining.loop import train\n"
    added = [*imports_of("lssd.store.atomic", ast.parse(planted))]
    assert upward(imports + added) == [
        "lssd.store.atomic imports lssd.reporting",
        "lssd.store.atomic imports lssd.pretraining.loop",
    ]
    assert "lssd.store.atomic" in circles(imports + added)
    in_function = "def read(): from lssd.embedding.reading.pool import ReadingPool"
    planted_lazily = [*imports_of("lssd.embedding.reading.plan", ast.parse(in_function))]
    assert circles(imports + planted_lazily) == [
        "lssd.embedding.reading.plan",
        "lssd.embedding.reading.pool",
    ]


def test_the_film_set_stands_beside_the_house(imports: list[Import]) -> None:
    floor = floors()
    for module, name, at_import in imports:
        if module.startswith("filmset") and name.startswith("lssd"):
            low = name == "lssd" or floor[room_of(name)] <= FILMSET_FLOORS
            assert low or name in FILMSET_USES, f"{module} imports {name}"
        if module.startswith("lssd") and name.startswith("filmset"):
            assert module in FILMSET_USERS, f"{module} imports {name}"
            assert not at_import, f"{module} imports {name} before it is needed"


def test_every_verb_lives_in_its_file() -> None:
    from lssd import cli

    for module, verb in VERBS.items():
        tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert verb in functions, f"{module} has no function {verb}"
    assert set(cli.VERBS) == {*VERBS.values(), "filmset"}
    assert {f"lssd.cli.{verb}" for verb in cli.VERBS} <= set(MODULES)


def test_public_verbs_are_functions_whatever_was_imported_before() -> None:
    import lssd
    import lssd.corpus.ingest
    import lssd.evaluation.evaluate

    for name in lssd.__all__:
        assert getattr(lssd, name) is not None
    assert callable(lssd.ingest) and callable(lssd.evaluate)


def test_a_room_is_there_after_the_import_of_the_house_alone() -> None:
    """In a process of its own: here, other tests have imported the rooms."""
    program = (
        "import lssd; print(lssd.models.create.__name__, lssd.media.probe.__name__, hasattr(lssd, 'cellar'))"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert told.stdout.split() == ["create", "probe", "False"], told.stderr


def test_the_readme_shows_the_tree() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    tree = text.partition("```\nsrc/lssd/\n")[2].partition("```")[0]
    shown = set(re.findall(r"^  (\w+(?:\.py|/))", tree, flags=re.MULTILINE))
    shown |= set(re.findall(r"\s{2,}(\w+\.py)", tree))
    there = {path.name for path in (SOURCE / "lssd").glob("*.py")} - {"__init__.py", "__main__.py"}
    there |= {
        f"{path.name}/"
        for path in (SOURCE / "lssd").iterdir()
        if path.is_dir() and path.name != "__pycache__"
    }
    assert shown == there


def test_files_that_the_guide_names_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:src|tests|docs|benchmarks|studies)/[\w./-]+)`", text))
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_files_have_a_size_to_read() -> None:
    long = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    assert {name: lines for name, lines in long.items() if lines > 600} == {}
