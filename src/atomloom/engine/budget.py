"""What the machine has: cores and memory that this process may really use.

Nothing heavy is imported, so that ``atomloom doctor`` answers at once.
"""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from atomloom.errors import BadInput

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_SIZE = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*([kmgt]?i?)b?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Machine:
    """Cores and memory, as hardware, as affinity, and as the control group allow them.

    Attributes
    ----------
    logical, affinity, physical : int
        Logical processors of the machine; those this process may run on; distinct
        physical cores among the latter.
    quota : float or None
        Processors granted by the control group (``cpu.max``), or None without a limit.
    cores : int
        What ``num_threads=None`` means: physical cores within affinity and quota.
    memory_total, memory_available : int
        Bytes of the machine, and bytes free for use within every limit.
    memory_limit : int or None
        Bytes granted by the control group, or None without a limit.

    Examples
    --------
    >>> machine().memory_available <= machine().memory_total
    True
    """

    logical: int
    affinity: int
    physical: int
    quota: float | None
    cores: int
    memory_total: int
    memory_available: int
    memory_limit: int | None


def machine() -> Machine:
    """Look at this process's share of the machine; a millisecond, nothing cached.

    Examples
    --------
    >>> machine().cores >= 1
    True
    """
    allowed = _affinity()
    physical = _physical(allowed)
    quota = _cpu_quota()
    usable = usable_cores()
    total, available = _meminfo()
    limit, used = _memory_limit()
    if limit is not None and limit < total:
        available = min(available, max(0, limit - used))
    else:
        limit = None
    return Machine(os.cpu_count() or 1, len(allowed), physical, quota, usable, total, available, limit)


def usable_cores() -> int:
    """Physical cores within affinity and control-group quota (what ``num_threads=None`` means).

    Examples
    --------
    >>> usable_cores() <= (os.cpu_count() or 1)
    True
    """
    allowed = _affinity()
    physical = _physical(allowed)
    quota = _cpu_quota()
    return physical if quota is None else min(physical, max(1, int(quota)))


def resolve_threads(num_threads: int | None) -> int:
    """Turn ``num_threads`` into a number of workers.

    None means the physical cores that this process may use; -1 all logical processors,
    -2 all but one, and so on, as in joblib.

    Raises
    ------
    BadInput
        For 0, a boolean, or anything that is not an integer.

    Examples
    --------
    >>> resolve_threads(3)
    3
    """
    if num_threads is None:
        return usable_cores()
    if isinstance(num_threads, bool) or not hasattr(num_threads, "__index__"):
        raise BadInput(f"num_threads is {num_threads!r}; it must be an integer or None.")
    asked = int(num_threads)
    if asked == 0:
        raise BadInput("num_threads is 0. Hint: 1 is sequential, None all physical cores, -1 all processors.")
    return asked if asked > 0 else max(1, len(_affinity()) + 1 + asked)


def parse_size(size: float | str, name: str = "memory") -> int:
    """Read a size in bytes: a number, or a text such as ``"2GB"``, ``"512 MiB"``.

    Examples
    --------
    >>> parse_size("2GB"), parse_size("1.5 KiB"), parse_size(300)
    (2000000000, 1536, 300)
    """
    if isinstance(size, str):
        match = _SIZE.fullmatch(size)
        if match is None:
            raise BadInput(f"{name} is {size!r}; it must read like '2GB', '512MiB' or a number of bytes.")
        bytes_ = int(float(match[1]) * _UNITS[match[2].lower()])
    elif isinstance(size, bool) or not isinstance(size, int | float):
        raise BadInput(f"{name} is {size!r}; it must be a number of bytes or a text such as '2GB'.")
    else:
        bytes_ = int(size) if math.isfinite(size) else 0
    if bytes_ <= 0:
        raise BadInput(f"{name} is {size!r}; it must be positive and finite.")
    return bytes_


def show_size(size: float) -> str:
    """Write a number of bytes for people.

    Examples
    --------
    >>> show_size(1536), show_size(2_000_000_000)
    ('1.5 KB', '2.0 GB')
    """
    for unit in ("B", "KB", "MB", "GB"):
        if abs(size) < 1000:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def _affinity() -> frozenset[int]:
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


@lru_cache(maxsize=8)
def _physical(allowed: frozenset[int]) -> int:
    """Count distinct cores among the allowed processors; hyper-threads of one core count once."""
    cores = set()
    for cpu in allowed:
        topology = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology")
        try:
            cores.add((topology / "thread_siblings_list").read_text().strip())
        except OSError:
            cores.add(str(cpu))
    return max(1, len(cores))


@lru_cache(maxsize=8)
def _cgroup_files(name_v2: str, name_v1: str) -> tuple[Path, ...]:
    """List the files of that name in this process's own control groups, innermost first."""
    files = []
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return ()
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            base, name = Path("/sys/fs/cgroup"), name_v2
        elif set(controllers.split(",")) & {name_v1.split(".", maxsplit=1)[0], name_v1.split("/", maxsplit=1)[0]}:
            base, name = Path("/sys/fs/cgroup") / controllers, name_v1.rpartition("/")[2]
        else:
            continue
        inner = base / path.strip("/")
        files += [folder / name for folder in (inner, *inner.parents) if folder.is_relative_to(base)]
    return tuple(files)


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None


def _cpu_quota() -> float | None:
    quotas = []
    for path in _cgroup_files("cpu.max", "cpu/cpu.cfs_quota_us"):
        text = _read(path)
        if text is None:
            continue
        if path.name == "cpu.max":
            granted, _, period = text.partition(" ")
        else:
            granted, period = text, _read(path.with_name("cpu.cfs_period_us")) or "0"
        if granted not in ("max", "-1") and float(period or 0) > 0:
            quotas.append(float(granted) / float(period))
    return min(quotas, default=None)


def _memory_limit() -> tuple[int | None, int]:
    """Find the tightest memory limit of the control groups and what is used under it, in bytes."""
    tightest: tuple[int | None, int] = (None, 0)
    for path in _cgroup_files("memory.max", "memory/memory.limit_in_bytes"):
        text = _read(path)
        if text is None or text == "max":
            continue
        limit = int(text)
        current = "memory.current" if path.name == "memory.max" else "memory.usage_in_bytes"
        used = int(_read(path.with_name(current)) or 0)
        if tightest[0] is None or limit - used < tightest[0] - tightest[1]:
            tightest = (limit, used)
    return tightest


def _meminfo() -> tuple[int, int]:
    text = _read(Path("/proc/meminfo"))
    if text is None:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return total, total
    fields = dict(line.split(":", 1) for line in text.splitlines())
    total = int(fields["MemTotal"].split()[0]) * 1024
    return total, int(fields.get("MemAvailable", fields["MemFree"]).split()[0]) * 1024
