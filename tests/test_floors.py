"""The floors of the house: who may import whom, read from the source of every module."""

import ast
import pathlib
import re
from typing import NamedTuple

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
OURS = ("zoo", "data_prep", "configs", "docs_site", "tests")

# Floor 0 is at the bottom. A module imports from lower floors and from its own package; two packages of one floor
# never import each other. What lies in zoo/ itself, but for errors.py and command.py, are the commands, on top of all.
FLOORS = (
    ("zoo.errors", "zoo.terminal"),
    ("zoo.progress", "zoo.report"),
    ("zoo.command", "zoo.keras_internals"),
    ("zoo.formats",),
    ("zoo.reference", "zoo.solvers", "zoo.layers", "zoo.catalogue", "zoo.images"),
    ("zoo.netdef",),
    ("zoo.converters", "zoo.inspection"),
    ("zoo.input",),
    ("zoo.export", "zoo.training"),
    ("zoo.pycaffe", "zoo.timing"),
    ("zoo.detection", "zoo.api", "zoo.cv", "zoo.visualization"),
    ("zoo.pages",),
    ("commands",),
)
LEVEL = {package: floor for floor, packages in enumerate(FLOORS) for package in packages}
TYPES = re.compile(
    r"zoo\.layers\.(forks\.)?\w+"
)  # the files of layer types; what they share lies in packages of zoo.layers
SHARED = ("zoo.layers.forks", "zoo.layers.base", "zoo.layers.ops", "zoo.layers.keras_layers")
DATA_PREP_MAY = ("zoo.errors", "zoo.progress", "zoo.report", "zoo.terminal", "zoo.command", "zoo.formats", "data_prep")
CONFIGS_MAY = ("zoo.errors", "zoo.report", "zoo.command", "zoo.formats", "zoo.pycaffe", "configs")


class Import(NamedTuple):
    """One import of a module of ours."""

    target: str
    line: int
    at_once: bool  # at module level, so that it runs when the module is imported


def modules(root):
    """Returns {dotted name: path} of the modules under `root` that are ours."""
    found = {}
    for top in OURS:
        for path in sorted((root / top).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name, path, known):
    """Yields every `Import` of ours in the module `name`, those inside functions and by literal name included."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    inside = {
        id(node)
        for scope in ast.walk(tree)
        if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or _for_types_alone(scope)
        for node in ast.walk(scope)
    }
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        for target in _targets(node, package, known):
            if target.split(".")[0] in OURS:
                yield Import(target, node.lineno, id(node) not in inside)


def _for_types_alone(node):
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _targets(node, package, known):
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            up = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*up, base] if base else up)
        return [f"{base}.{a.name}" if f"{base}.{a.name}" in known else base for a in node.names]
    if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in ("import_module", "__import__") and isinstance(node.args[0].value, str):
            return [node.args[0].value]
    return []


def package_of(name):
    """Returns the package of FLOORS that a module belongs to; its top-level package outside zoo."""
    parts = name.split(".")
    if parts[0] != "zoo" or name == "zoo":
        return parts[0]
    package = ".".join(parts[:2])
    return package if package in LEVEL or len(parts) > 2 else "commands"


def why_not(importer, target, at_once=True):
    """Returns what is wrong with `importer` importing `target`, or None."""
    mine, theirs = package_of(importer), package_of(target)
    if mine == "tests" or target == "zoo":
        return None
    if theirs == "tests":
        return "nothing but tests imports tests"
    if mine == "docs_site":
        return None
    if mine == "data_prep":
        return None if theirs in DATA_PREP_MAY else "data_prep imports zoo.formats and zoo.errors only"
    if mine == "configs":
        return None if theirs in CONFIGS_MAY else "configs imports zoo.pycaffe and zoo.formats only"
    if theirs in ("data_prep", "configs", "docs_site"):
        return f"zoo never imports {theirs}"
    for package in (mine, theirs):
        if package not in LEVEL and package != "zoo":
            return f"{package} is on no floor: give it one in FLOORS"
    if mine == "zoo":
        return (
            None
            if theirs in ("zoo.api", "zoo.command", "zoo.errors") and not at_once
            else "zoo/__init__.py imports nothing at once"
        )
    if TYPES.fullmatch(target) and target not in SHARED and mine == theirs:
        return "layer types never import each other, and nothing that they share imports one"
    if theirs == "zoo.reference" and mine in ("zoo.netdef", "zoo.converters"):
        return "a reference implementation proves nothing if the code under test imports it"
    if mine != theirs and LEVEL[theirs] >= LEVEL[mine]:
        return f"{theirs} is not below {mine}"
    return None


def violations(root):
    """Returns a line for each import that the floors forbid."""
    known = modules(root)
    there = {*known, *OURS, *(name.rpartition(".")[0] for name in known)}
    return [
        f"{path.relative_to(root)}:{found.line}: imports {found.target}: {reason}"
        for name, path in known.items()
        for found in imports(name, path, known)
        if (
            reason := why_not(name, found.target, found.at_once)
            or (found.target not in there and "there is no such module")
        )
    ]


def cycle(root):
    """Returns the modules of one cycle of module-level imports, first and last the same, or None.

    A package's `__init__` importing its own modules, which by that have it as parent, is none.
    """
    known = modules(root)
    graph = {}
    for name, path in known.items():
        targets = {found.target for found in imports(name, path, known) if found.at_once}
        graph[name] = sorted(t for t in targets if t in known and not f"{name}.".startswith(f"{t}."))
    done, path = set(), []

    def visit(name):
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return None
        path.append(name)
        found = next((c for target in graph[name] if (c := visit(target))), None)
        path.pop()
        done.add(name)
        return found

    return next((c for name in graph if (c := visit(name))), None)


def test_floors():
    assert len(modules(ROOT)) > 50
    assert not violations(ROOT), "\n" + "\n".join(violations(ROOT))


def test_no_cycles():
    found = cycle(ROOT)
    assert found is None, " imports ".join(found)


def make(root, files):
    """Writes a tree of modules, with every package's `__init__.py`."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        for folder in path.relative_to(root).parents:
            if folder != pathlib.Path() and not (root / folder / "__init__.py").exists():
                (root / folder / "__init__.py").write_text("")
    return root


SOUND = {
    "zoo/errors.py": "import os\n",
    "zoo/formats/prototxt.py": "from zoo.errors import Place\n",
    "zoo/reference/__init__.py": "from zoo.reference.run import run\n",
    "zoo/reference/run.py": "from zoo.reference import layer\nfrom zoo.formats import prototxt\n",
    "zoo/reference/layer.py": "import numpy\n",
    "zoo/solvers/rules.py": "from zoo import errors\n",
    "zoo/layers/base/fields.py": "import math\n",
    "zoo/layers/relu.py": "from zoo.layers.base import fields\nfrom zoo.formats import prototxt\n",
    "zoo/layers/elu.py": "import zoo.layers.base.fields\n",
    "zoo/netdef/net.py": "from zoo.layers.base import fields\nfrom zoo import layers\n",
    "zoo/converters/build.py": "from . import plan\nfrom zoo import layers\nfrom zoo.solvers import rules\n",
    "zoo/converters/plan.py": "from ..formats import prototxt\nfrom zoo.netdef import net\n",
    "zoo/input/pipeline.py": "from zoo.converters.plan import plan\n",
    "zoo/training/loop.py": "from zoo.input import pipeline\n",
    "zoo/pycaffe/net.py": "def f():\n    from zoo.training import loop\n",
    "zoo/train.py": "from zoo.pycaffe import net\nfrom zoo.reference import run\n",
    "data_prep/mnist.py": "from zoo.formats import prototxt\nfrom data_prep import common\n",
    "data_prep/common.py": "from zoo.errors import ZooError\n",
    "configs/generate/resnet.py": "from zoo.pycaffe import net\nfrom configs.generate import text\n",
    "configs/generate/text.py": "from zoo.formats import prototxt\n",
    "tests/test_all.py": "import zoo.train\nimport data_prep.mnist\n",
}


def test_a_sound_tree_passes(tmp_path):
    make(tmp_path, SOUND)
    assert violations(tmp_path) == []
    assert cycle(tmp_path) is None


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("zoo/errors.py", "from zoo.formats import prototxt", "zoo.formats is not below zoo.errors"),
        ("zoo/formats/prototxt.py", "import zoo.converters.plan", "zoo.converters is not below zoo.formats"),
        ("zoo/formats/prototxt.py", "def f():\n    from ..input import pipeline", "zoo.input is not below zoo.formats"),
        ("zoo/reference/run.py", "from zoo.converters import plan", "zoo.converters is not below zoo.reference"),
        ("zoo/reference/run.py", "from zoo.solvers import rules", "zoo.solvers is not below zoo.reference"),
        ("zoo/solvers/rules.py", "from zoo.reference import run", "zoo.reference is not below zoo.solvers"),
        ("zoo/converters/plan.py", "from zoo.reference import run", "a reference implementation proves nothing"),
        ("zoo/converters/plan.py", "x = __import__('zoo.training.loop')", "zoo.training is not below zoo.converters"),
        ("zoo/layers/relu.py", "from zoo.layers.elu import x", "layer types never import each other"),
        ("zoo/layers/relu.py", "from . import elu", "layer types never import each other"),
        ("zoo/layers/base/fields.py", "from zoo.layers import elu", "nothing that they share imports one"),
        ("zoo/layers/relu.py", "from zoo.netdef import net", "zoo.netdef is not below zoo.layers"),
        ("zoo/netdef/net.py", "from zoo.converters import plan", "zoo.converters is not below zoo.netdef"),
        ("zoo/train.py", "from zoo.netdef.attic import net", "there is no such module"),
        ("zoo/input/pipeline.py", "from zoo.training import loop", "zoo.training is not below zoo.input"),
        ("zoo/pycaffe/net.py", "from zoo import train", "commands is not below zoo.pycaffe"),
        ("zoo/training/loop.py", "class A:\n    from data_prep import mnist", "zoo never imports data_prep"),
        ("zoo/train.py", "import tests.test_all", "nothing but tests imports tests"),
        ("data_prep/mnist.py", "from zoo.input import pipeline", "data_prep imports zoo.formats and zoo.errors only"),
        ("data_prep/mnist.py", "from zoo import train", "data_prep imports zoo.formats and zoo.errors only"),
        ("data_prep/mnist.py", "from configs import generate", "data_prep imports zoo.formats and zoo.errors only"),
        ("configs/generate/text.py", "from zoo.netdef import net", "configs imports zoo.pycaffe and zoo.formats only"),
        ("zoo/train.py", "from configs.generate import text", "zoo never imports configs"),
        ("zoo/attic/old.py", "from zoo.errors import Place", "zoo.attic is on no floor"),
        ("zoo/__init__.py", "from zoo.errors import Place", "zoo/__init__.py imports nothing"),
    ],
)
def test_a_broken_floor_is_found(tmp_path, file, text, says):
    make(tmp_path, {**SOUND, file: text + "\n"})
    found = violations(tmp_path)
    assert len(found) == 1, found
    assert found[0].startswith(f"{file}:")
    assert says in found[0]


def test_a_cycle_is_found(tmp_path):
    make(tmp_path, {**SOUND, "zoo/converters/plan.py": "from zoo.converters.build import build\n"})
    assert violations(tmp_path) == []
    assert cycle(tmp_path) == ["zoo.converters.build", "zoo.converters.plan", "zoo.converters.build"]


def test_an_import_inside_a_function_makes_no_cycle(tmp_path):
    make(tmp_path, {**SOUND, "zoo/converters/plan.py": "def f():\n    from zoo.converters.build import build\n"})
    assert cycle(tmp_path) is None
