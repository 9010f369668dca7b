"""Run one function in a process of its own, with a time limit: what hangs or dies there harms nobody.

Used as ``python -m bench.child MODULE:FUNCTION JSON-ARGUMENTS``; the result is the last line of stdout.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MARK = "\x02result "


class Stopped(RuntimeError):
    """The process did not end in time and was stopped."""


def environment():
    """The tree that holds these benchmarks is the one that is measured."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path.rstrip(os.pathsep), "PYTHONDONTWRITEBYTECODE": "", "NO_COLOR": "1"}


def fresh(function, limit, **arguments):
    """Call ``"module:function"`` in a fresh interpreter; give its result.

    Raises
    ------
    Stopped
        After ``limit`` seconds; the whole process group is ended.
    RuntimeError
        When it fails, with the end of its stderr.
    """
    command = [sys.executable, "-m", "bench.child", function, json.dumps(arguments)]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        out, errors = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        raise Stopped(f"{function} was stopped after {limit:g} s") from None
    finally:
        end_group(process)
    if process.returncode != 0 or MARK not in out:
        raise RuntimeError(f"{function} failed (exit {process.returncode}):\n{errors[-2000:]}")
    return json.loads(out.rpartition(MARK)[2])


def end_group(process):
    """End a process started in a session of its own, with everything it left behind."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def main():
    module, _, name = sys.argv[1].partition(":")
    with contextlib.suppress(ImportError):
        from atomloom import AntiPattern

        warnings.simplefilter("ignore", AntiPattern)  # no-op molecules are what is to be measured
    result = getattr(importlib.import_module(module), name)(**json.loads(sys.argv[2]))
    sys.stdout.write(f"\n{MARK}{json.dumps(result)}\n")


if __name__ == "__main__":
    main()
