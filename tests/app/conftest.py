"""One finished demo run for all tests of the app: it is real, and the tests only copy from it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

CLI = [sys.executable, "-c", "from atomloom.app.front import main; main()"]


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The demo, run once as a user runs it: its folder and what it printed."""
    place = tmp_path_factory.mktemp("demo")
    command = [*CLI, "demo", "--out", "first", "--json", "--threads", "2"]
    done = subprocess.run(
        command, cwd=place, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"}
    )
    assert done.returncode == 0, done.stderr
    return place / "first", done


@pytest.fixture
def finished(demo, tmp_path) -> Path:
    """A copy of the finished demo's folder, to be changed at will."""
    folder = tmp_path / "finished"
    shutil.copytree(demo[0], folder)
    return folder
