"""The house rules, read from the syntax tree: nothing climbs, the ground floor stays light."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAY_IMPORT = {
    "edge": {"edge"},
    "pretrain": {"edge", "pretrain"},
    "distill": {"edge", "pretrain", "distill"},
    "federated": {"edge", "pretrain", "distill", "federated"},
    "firmware_sim": {"edge", "firmware_sim"},
}
HEAVY = {"torch", "onnx", "safetensors"}
UNSAFE_MODULES = {
    "pickle",
    "cPickle",
    "_pickle",
    "cloudpickle",
    "dill",
    "joblib",
    "shelve",
    "marshal",
}
UNSAFE_CALLS = {"eval", "exec", "__import__", "import_module"}

Module = tuple[str, ...]


def faults(root: Path) -> list[str]:
    """Every breach of the import rules below `root`, as `file:line: what`."""
    return [
        f"{path.relative_to(root)}:{line}: {what}"
        for path in python_files(root)
        for line, what in file_faults(path.relative_to(root), ast.parse(path.read_bytes()))
    ]


def python_files(root: Path) -> list[Path]:
    return sorted([*root.glob("*.py"), *(p for f in MAY_IMPORT for p in (root / f).rglob("*.py"))])


def file_faults(path: Path, tree: ast.Module) -> Iterator[tuple[int, str]]:
    folder = path.parts[0] if len(path.parts) > 1 else None
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for module in imported(path, node):
                yield from ((node.lineno, what) for what in module_faults(folder, module))
        elif isinstance(node, ast.Call):
            yield from ((node.lineno, what) for what in call_faults(node))


def imported(path: Path, node: ast.Import | ast.ImportFrom) -> list[Module]:
    """Absolute names, ours under `.`; `from .. import x` may import a folder, so x counts."""
    if isinstance(node, ast.Import):
        return [tuple(alias.name.split(".")) for alias in node.names]
    named = tuple((node.module or "").split(".")) if node.module else ()
    if node.level == 0:
        return [named]
    package = (".", *path.parts[:-1])
    if node.level > len(package):
        return [("..",)]
    base = package[: len(package) - node.level + 1] + named
    return [base] if len(base) > 1 else [(*base, alias.name) for alias in node.names]


def module_faults(folder: str | None, module: Module) -> Iterator[str]:
    top = module[0]
    if top == "..":
        yield "a relative import leaves the package"
    elif top == "." and folder and module[1] not in MAY_IMPORT[folder]:
        yield f"{folder} must not import {module[1]}"
    elif top in {*MAY_IMPORT, "cli", "leadone"}:
        yield f"{'.'.join(module)} is ours: import it relatively"
    elif folder == "edge" and top in HEAVY:
        yield f"edge must not import {top}"
    elif top in UNSAFE_MODULES:
        yield f"{top} runs what it reads"


def call_faults(node: ast.Call) -> Iterator[str]:
    name = ast.unparse(node.func)
    options = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
    if name.removeprefix("builtins.").removeprefix("importlib.") in UNSAFE_CALLS:
        yield f"{name}() hides what it runs"
    if name == "torch.load" and options.get("weights_only") != "True":
        yield "torch.load() unpickles without weights_only=True"
    if options.get("allow_pickle", "False") != "False":
        yield f"{name}() unpickles"


def test_no_import_climbs_and_nothing_is_unpickled_or_evaluated() -> None:
    assert faults(ROOT) == []


def test_every_folder_of_the_package_is_checked() -> None:
    folders = {path.relative_to(ROOT).parts[0] for path in python_files(ROOT)}
    assert {*MAY_IMPORT, "cli.py", "__init__.py"} <= folders


@pytest.mark.parametrize(
    ("path", "code", "fault"),
    [
        ("edge/a.py", "from ..pretrain.data import x", "edge must not import pretrain"),
        ("edge/a.py", "from .. import distill", "edge must not import distill"),
        ("edge/a.py", "from ..cli import main", "edge must not import cli"),
        ("edge/__init__.py", "from ..federated import x", "edge must not import federated"),
        ("edge/formats/a.py", "from ...pretrain import x", "edge must not import pretrain"),
        ("edge/formats/a.py", "from ....pretrain import x", "a relative import leaves the package"),
        (
            "pretrain/a.py",
            "def f():\n    from ..distill import x",
            "pretrain must not import distill",
        ),
        ("distill/a.py", "from ..federated.bant import x", "distill must not import federated"),
        ("distill/a.py", "from ..firmware_sim import x", "distill must not import firmware_sim"),
        ("firmware_sim/a.py", "from ..pretrain import x", "firmware_sim must not import pretrain"),
        ("pretrain/a.py", "import edge.record", "edge.record is ours: import it relatively"),
        ("pretrain/a.py", "from edge import x", "edge is ours: import it relatively"),
        ("cli.py", "from leadone.edge import x", "leadone.edge is ours: import it relatively"),
        ("edge/a.py", "import torch.nn as nn", "edge must not import torch"),
        ("edge/a.py", "from onnx import x", "edge must not import onnx"),
        ("edge/a.py", "if True:\n    import safetensors", "edge must not import safetensors"),
        ("cli.py", "import pickle", "pickle runs what it reads"),
        ("distill/a.py", "from joblib import load", "joblib runs what it reads"),
        ("distill/a.py", "eval('1')", "eval() hides what it runs"),
        ("distill/a.py", "exec('1')", "exec() hides what it runs"),
        ("edge/a.py", "importlib.import_module('torch')", "importlib.import_module() hides"),
        ("pretrain/a.py", "torch.load(path)", "torch.load() unpickles"),
        ("edge/a.py", "np.load(path, allow_pickle=True)", "np.load() unpickles"),
    ],
)
def test_the_checker_finds_each_fault(tmp_path: Path, path: str, code: str, fault: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(code)
    (found,) = faults(tmp_path)
    assert found.startswith(f"{path}:") and fault in found


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("edge/a.py", "from .record import Record\nfrom . import events\nimport onnxruntime"),
        ("edge/formats/a.py", "from ..record import Record\nfrom ...edge import errors"),
        ("edge/formats/__init__.py", "from .a import x\nfrom ..errors import y"),
        ("federated/a.py", "from ..distill import x\nfrom ..pretrain import y\nimport torch"),
        ("firmware_sim/a.py", "from ..edge.monitor import Monitor"),
        ("distill/a.py", "model.eval()\ntorch.load(path, weights_only=True)\nnp.load(path)"),
        ("cli.py", "def f():\n    from .federated import x\n    from . import __version__"),
    ],
)
def test_the_checker_leaves_sound_code_alone(tmp_path: Path, path: str, code: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(code)
    assert faults(tmp_path) == []


def test_leadone_and_its_monitor_load_neither_torch_nor_pandas(tmp_path: Path) -> None:
    code = (
        "import sys, leadone\n"
        "from leadone.edge.monitor import Monitor\n"
        "heavy = {'torch', 'pandas', 'onnx', 'wfdb', 'matplotlib', 'onnxruntime', 'cryptography'}\n"
        "print(*sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
