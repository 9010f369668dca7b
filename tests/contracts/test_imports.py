"""Contracts on imports: the floors hold, and the front door is light."""

from __future__ import annotations

import subprocess
import sys

import pytest
from importlinter.cli import lint_imports

from contracts.tracked import ROOT

HEAVY = ("numpy", "numba", "pandas", "h5py", "hdf5plugin", "pyarrow", "matplotlib", "rich")


def test_the_floors_hold(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("logging.config.dictConfig", lambda _: None)  # it would silence every logger for later tests
    code = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True, no_logo=True)
    assert code == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    "statement",
    [
        "import atomloom",
        "import atomloom.engine, atomloom.errors",
        "from atomloom.app.cli import run; run(['--help'])",
        "from atomloom.app.cli import run; run(['demo', '--help'])",
        "from atomloom.app.cli import run; run(['doctor', '--json'])",
        "from atomloom.engine.budget import machine; machine()",
    ],
)
def test_light(statement: str) -> None:
    heavy = f"import sys; print(sorted(set({HEAVY}) & set(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", f"{statement}\n{heavy}"], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
