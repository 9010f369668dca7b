"""Peak memory of a process and of its tree, sampled from outside while something runs.

PSS counts a page that n processes map as 1/n in each, so the sum over a tree counts every
page once.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from bench.child import ROOT, environment

INTERVAL = 0.01
PAGE = os.sysconf("SC_PAGE_SIZE")


def tree(root, without):
    """The process and its descendants, but for one."""
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        if pid == without:
            continue
        found.append(pid)
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                with contextlib.suppress(OSError):
                    waiting += [int(child) for child in (task / "children").read_text().split()]
    return found


def pss(pid):
    with contextlib.suppress(OSError, IndexError, ValueError):
        return 1024 * int(Path(f"/proc/{pid}/smaps_rollup").read_text().partition("\nPss:")[2].split(None, 1)[0])
    return 0


def rss(pid):
    """Resident bytes, shared memory that is mapped included."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        return PAGE * int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return 0


@contextlib.contextmanager
def frozen(pids):
    """Stop processes, so that a page which moves from one to another is not counted twice."""
    send(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        send(pids, signal.SIGCONT)


def send(pids, number):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def sample(root, interval, freeze):
    """Until stdin closes, keep the peaks; then print them."""
    me = os.getpid()
    peak = {"tree_pss": 0, "root_rss": 0}
    samples = 0
    while True:
        began = time.monotonic()
        pids = tree(root, me)
        with frozen(pids if freeze else []):
            peak["root_rss"] = max(peak["root_rss"], rss(root))
            peak["tree_pss"] = max(peak["tree_pss"], sum(map(pss, pids)))
        peak["root_rss"] = max(peak["root_rss"], rss(root))
        samples += 1
        if samples == 1:
            print("ready", flush=True)
        pause = max(interval, 2 * (time.monotonic() - began))  # what is watched shall have the most of the time
        if select.select([sys.stdin], [], [], pause)[0]:
            break
    print(json.dumps({**peak, "samples": samples}), flush=True)


class Peak:
    """What was seen: bytes at entry and at the peak."""

    def __init__(self):
        self.base_pss = self.base_rss = 0
        self.tree_pss = self.root_rss = self.samples = 0

    @property
    def tree_growth(self):
        return self.tree_pss - self.base_pss

    @property
    def root_growth(self):
        return self.root_rss - self.base_rss


@contextlib.contextmanager
def watched(interval=INTERVAL, *, freeze=False):
    """Watch this process and its children; the values are there after the block."""
    peak = Peak()
    peak.base_pss, peak.base_rss = pss(os.getpid()), rss(os.getpid())
    command = [sys.executable, "-m", "bench.memory", str(os.getpid()), str(interval), str(int(freeze))]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        process.stdout.readline()
        yield peak
        out, _ = process.communicate("end\n", timeout=30)
        for name, value in json.loads(out).items():
            setattr(peak, name, value)
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    sample(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3] == "1")
