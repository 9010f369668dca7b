"""Facts about this machine and installation, gathered without importing anything heavy."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import atomloom
from atomloom.engine.budget import machine

_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9._-]+)\s*(\[[^\]]*\])?\s*([^;]*)(?:;.*?extra\s*==\s*['\"]([^'\"]+)['\"].*)?")
_FLOOR = re.compile(r">=\s*([0-9][0-9.]*)")
_SHM = Path("/dev/shm")  # noqa: S108  # its free space is looked at, nothing is written
# What every h5py wheel carries inside HDF5 itself or registers on import.
_H5PY_FILTERS = ("gzip", "shuffle", "fletcher32", "scaleoffset", "lzf")


def installed(name: str) -> str | None:
    """Look up the version of an installed distribution, or None.

    Examples
    --------
    >>> installed("no-such-distribution") is None
    True
    """
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def requirements() -> dict[str, list[tuple[str, str]]]:
    """Read what atomloom declares: extra (``""`` is the core) -> (distribution, lowest version).

    An installation without metadata (a bare source tree on ``PYTHONPATH``) gives ``{}``.

    Examples
    --------
    >>> all(isinstance(name, str) for name in requirements())
    True
    """
    try:
        lines = metadata.requires("atomloom") or []
    except metadata.PackageNotFoundError:
        return {}
    needed: dict[str, list[tuple[str, str]]] = {}
    for line in lines:
        match = _REQUIREMENT.match(line)
        if match is None or match[1].lower() == "atomloom":  # "all" names other extras of our own
            continue
        floor = _FLOOR.search(match[3])
        needed.setdefault(match[4] or "", []).append((match[1], floor[1] if floor else ""))
    return needed


def at_least(version: str, floor: str) -> bool:
    """Compare release numbers only; a pre-release counts as its release.

    Examples
    --------
    >>> at_least("3.10.1", "3.9"), at_least("3.8", "3.9"), at_least("2", "2.0")
    (True, False, True)
    """
    seen = [int(part) for part in re.findall(r"\d+", re.split(r"[a-zA-Z+-]", version, maxsplit=1)[0])]
    wanted = [int(part) for part in re.findall(r"\d+", floor)]
    width = max(len(seen), len(wanted))
    return seen + [0] * (width - len(seen)) >= wanted + [0] * (width - len(wanted))


def libraries() -> list[dict[str, Any]]:
    """List the core libraries: name, version found (None: missing), lowest version, and whether it will do.

    Examples
    --------
    >>> all(set(row) == {"name", "version", "needs", "ok"} for row in libraries())
    True
    """
    rows = []
    for name, floor in requirements().get("", []):
        version = installed(name)
        rows.append(
            {"name": name, "version": version, "needs": floor, "ok": version is not None and at_least(version, floor)}
        )
    return rows


def extras() -> list[dict[str, Any]]:
    """List the extras: what each still misses and the command that gets it.

    Examples
    --------
    >>> all(row["install"].startswith("python -m pip install") for row in extras())
    True
    """
    rows = []
    for extra, wanted in requirements().items():
        if not extra:
            continue
        missing = []
        for name, floor in wanted:
            version = installed(name)
            if version is None or not at_least(version, floor):
                missing.append(name if version is None else f"{name} (has {version}, needs {floor})")
        install = f"python -m pip install 'atomloom[{extra}]'"
        rows.append({"name": extra, "present": not missing, "missing": missing, "install": install})
    return rows


def hdf5_filters() -> dict[str, list[str]]:
    """Name the HDF5 filters at hand, from the files of the installed packages alone.

    Examples
    --------
    >>> sorted(hdf5_filters())
    ['h5py', 'hdf5plugin']
    """
    plugins: list[str] = []
    spec = importlib.util.find_spec("hdf5plugin")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        files = [path for path in Path(folder, "plugins").glob("*") if path.suffix in {".so", ".dylib", ".dll"}]
        plugins += [re.sub(r"^(lib)?h5", "", path.stem) for path in files]
    return {"h5py": list(_H5PY_FILTERS) if installed("h5py") else [], "hdf5plugin": sorted(plugins)}


def gpus() -> list[dict[str, str]]:
    """Name the NVIDIA devices, from ``nvidia-smi`` or else the driver's own files; ``[]`` without one.

    Examples
    --------
    >>> all("name" in row for row in gpus())
    True
    """
    program = shutil.which("nvidia-smi")
    if program:
        query = [program, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
        try:
            done = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603  # a path found by which, fixed arguments
        except (OSError, subprocess.SubprocessError):
            pass  # a program without a working driver: the driver's own files below decide
        else:
            rows = [[part.strip() for part in line.split(",")] for line in done.stdout.splitlines() if line.strip()]
            return [dict(zip(("name", "memory", "driver"), row, strict=False)) for row in rows]
    found = []
    for path in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        model = re.search(r"^Model:\s*(.+)$", path.read_text(), re.MULTILINE)
        found.append({"name": model[1].strip() if model else "unknown"})
    return found


def disk(folder: Path) -> dict[str, Any] | None:
    """Measure the space of a folder in bytes, or None where it does not exist.

    Examples
    --------
    >>> disk(Path.cwd())["free"] >= 0
    True
    """
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return {"path": str(folder), "total": usage.total, "free": usage.free}


def huge_pages_for_shared_memory() -> str | None:
    """Read the kernel's transparent-huge-page setting for shared memory, or None where it has none.

    Examples
    --------
    >>> setting = huge_pages_for_shared_memory()
    >>> setting is None or " " not in setting
    True
    """
    try:
        text = Path("/sys/kernel/mm/transparent_hugepage/shmem_enabled").read_text()
    except OSError:
        return None
    chosen = re.search(r"\[(\w+)\]", text)
    return chosen[1] if chosen else text.strip()


def start_methods() -> list[str]:
    """List the ways this platform can start worker processes.

    Examples
    --------
    >>> "spawn" in start_methods()
    True
    """
    import multiprocessing  # noqa: PLC0415  # only the doctor asks

    return multiprocessing.get_all_start_methods()


def provenance() -> dict[str, Any]:
    """Describe what a run folder records of machine and versions: no host names, no paths.

    Examples
    --------
    >>> sorted(provenance())
    ['machine', 'versions']
    """
    versions = {"atomloom": atomloom.__version__, "python": platform.python_version()}
    versions |= {row["name"]: row["version"] for row in libraries() if row["version"]}
    whole = {"system": platform.system(), "arch": platform.machine(), "kernel": platform.release()}
    return {"versions": versions, "machine": whole | asdict(machine())}


def examine() -> dict[str, Any]:
    """Gather everything ``atomloom doctor`` shows, as one JSON-able dict.

    Returns
    -------
    dict
        Keys ``atomloom, python, platform, cores, memory, libraries, extras, gpus,
        hdf5_filters, temp, shm, start_methods, shmem_huge_pages, problems``; sizes in bytes.

    Examples
    --------
    >>> examine()["cores"]["cores"] >= 1
    True
    """
    share = asdict(machine())
    memory = {key: share.pop(f"memory_{key}") for key in ("total", "available", "limit")}
    facts: dict[str, Any] = {
        "atomloom": atomloom.__version__,
        "python": {
            "version": platform.python_version(),
            "implementation": platform.python_implementation(),
            "executable": sys.executable,
        },
        "platform": platform.platform(),
        "cores": share,
        "memory": memory,
        "libraries": libraries(),
        "extras": extras(),
        "gpus": gpus(),
        "hdf5_filters": hdf5_filters(),
        "temp": disk(Path(tempfile.gettempdir())),
        "shm": disk(_SHM),
        "start_methods": start_methods(),
        "shmem_huge_pages": huge_pages_for_shared_memory(),
    }
    return facts | {"problems": _problems(facts)}


def _problems(facts: dict[str, Any]) -> list[str]:
    """Say what stands in the way of a run, each with its remedy."""
    found = []
    if not facts["libraries"]:
        found.append("atomloom is not pip-installed, so its requirements are unknown. Hint: python -m pip install -e .")
    for row in facts["libraries"]:
        if not row["ok"]:
            seen = row["version"] or "missing"
            hint = f"python -m pip install '{row['name']}>={row['needs']}'"
            found.append(f"{row['name']} is {seen}, needed >= {row['needs']}. Hint: {hint}")
    if facts["temp"] is not None and not os.access(facts["temp"]["path"], os.W_OK):
        found.append("the temp folder cannot be written. Hint: point TMPDIR at one that can.")
    return found
