"""The doctor's facts: right about this installation, and gathered without anything heavy."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomloom.app import facts
from atomloom.app.cli import run


def test_versions_are_those_that_python_imports() -> None:
    import h5py
    import numpy as np

    rows = {row["name"]: row for row in facts.libraries()}
    if not rows:
        pytest.skip("atomloom is not pip-installed here, so its requirements are unknown")
    assert rows["numpy"]["version"] == np.__version__
    assert rows["h5py"]["version"] == h5py.__version__
    assert all(row["ok"] for row in rows.values())


def test_every_extra_of_the_metadata_is_listed_but_all() -> None:
    declared = set(metadata.metadata("atomloom").get_all("Provides-Extra") or []) - {"all"}
    assert {row["name"] for row in facts.extras()} - {"all"} == declared


@given(st.lists(st.integers(0, 99), min_size=1, max_size=4), st.lists(st.integers(0, 99), min_size=1, max_size=4))
def test_versions_compare_like_padded_tuples(seen: list[int], floor: list[int]) -> None:
    width = max(len(seen), len(floor))
    padded = [tuple(part + [0] * (width - len(part))) for part in (seen, floor)]
    assert facts.at_least(".".join(map(str, seen)), ".".join(map(str, floor))) == (padded[0] >= padded[1])


def test_filters_are_those_that_hdf5plugin_registers() -> None:
    import hdf5plugin

    plugin_path = Path(hdf5plugin.PLUGIN_PATH)
    assert len(facts.hdf5_filters()["hdf5plugin"]) == len(
        [path for path in plugin_path.iterdir() if path.suffix == ".so"]
    )
    assert {"blosc", "zstd"} <= set(facts.hdf5_filters()["hdf5plugin"])


def test_memory_and_cores_agree_with_psutil() -> None:
    import psutil

    seen = facts.examine()
    assert seen["memory"]["total"] == psutil.virtual_memory().total
    assert seen["cores"]["logical"] == psutil.cpu_count()
    assert seen["cores"]["affinity"] == len(os.sched_getaffinity(0))
    assert 1 <= seen["cores"]["cores"] <= seen["cores"]["affinity"]


def test_the_doctor_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom atomloom.app.cli import run\ncode = run(['doctor', '--json'])\n"
        "heavy = {'numpy', 'numba', 'pandas', 'h5py', 'hdf5plugin', 'matplotlib', 'pyarrow'} & set(sys.modules)\n"
        "print(sorted(heavy), file=sys.stderr)\nsys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "[]"
    assert json.loads(done.stdout)["python"]["version"] == ".".join(map(str, sys.version_info[:3]))


def test_affinity_narrows_the_cores() -> None:
    one = min(os.sched_getaffinity(0))
    code = f"import os; os.sched_setaffinity(0, {{{one}}})\nfrom atomloom.app.cli import run; run(['doctor', '--json'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["cores"]["cores"] == 1


def test_a_missing_core_library_is_a_problem_and_exit_3(monkeypatch, capsys) -> None:
    real = facts.installed
    monkeypatch.setattr(facts, "installed", lambda name: None if name == "numba" else real(name))
    assert run(["doctor"]) == 3
    assert re.search(
        r"problem: numba is missing, needed >= [\d.]+\. Hint: python -m pip install", capsys.readouterr().out
    )


def test_an_old_library_is_named_with_both_versions(monkeypatch) -> None:
    real = facts.installed
    monkeypatch.setattr(facts, "installed", lambda name: "0.1" if name in {"click", "ruff"} else real(name))
    assert any(text.startswith("click is 0.1, needed >= ") for text in facts.examine()["problems"])
    tests = next(row for row in facts.extras() if row["name"] == "test")
    assert any("ruff (has 0.1, needs " in text for text in tests["missing"])
    assert not tests["present"]


def test_a_small_dev_shm_is_a_fact_and_no_problem(monkeypatch) -> None:
    """The engine shares by memfd, which the size of /dev/shm does not limit."""
    real = facts.disk
    small = {"path": "/dev/shm", "free": 64 << 20, "total": 64 << 20}
    monkeypatch.setattr(facts, "disk", lambda path: small if path == facts._SHM else real(path))
    seen = facts.examine()
    assert seen["shm"] == small
    assert not [text for text in seen["problems"] if "shm" in text]


def test_without_metadata_the_doctor_says_so(monkeypatch, capsys) -> None:
    def missing(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(facts.metadata, "requires", missing)
    assert run(["doctor"]) == 0
    assert "atomloom is not pip-installed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo 'NVIDIA X1, 81559 MiB, 555.42'", [{"name": "NVIDIA X1", "memory": "81559 MiB", "driver": "555.42"}]),
        ("exit 9", []),
    ],
)
def test_gpus_come_from_nvidia_smi(script, expected, tmp_path, monkeypatch) -> None:
    if Path("/proc/driver/nvidia/gpus").exists():
        pytest.skip("this machine has a driver of its own")
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert facts.gpus() == expected


def test_what_a_run_records_names_no_host_and_no_path() -> None:
    text = json.dumps(facts.provenance())
    assert str(Path.home()) not in text
    words = set(re.findall(r"[A-Za-z0-9-]+", text)) - {"localhost"}
    assert os.uname().nodename not in words  # as a word: a short name may be a part of another
    assert sys.prefix not in text
