"""The door of the command line: answers ``--help`` at once, and opens everything else."""

from __future__ import annotations

import sys

HELP = """\
Usage: atomloom [OPTIONS] COMMAND [ARGS]...

  High-performance computing for financial machine learning.

  Start with `atomloom demo`; look at the machine with `atomloom doctor`.

Options:
  --version   Show the version and exit.
  --debug     Show the traceback of an error.
  -h, --help  Show this message and exit.

Commands:
  bars        Cut trades into bars and write a report.
  calibrate   Calibrate VPIN over thousands of combinations of parameters.
  demo        Run VPIN and a sweep on embedded real data and write a report.
  doctor      Look at this machine and installation.
  hhi         Measure fragmentation over venues and write a report.
  ingest      Put files of ticks into a store; every row is stored or listed.
  report      Rebuild the report of a run from its folder.
  samples     Make training samples by the hundred million.
  spectrum    Find what beats in the times of trades (extra nufft).
  store       List, describe, verify, search and export a store.
  sweep       Sweep portfolio configurations; say whether the best is luck.
  trajectory  Find the optimal trading trajectory, with its proof.
  vpin        Run VPIN on your own trades and write a report.
"""


def main() -> None:
    """Enter from the shell.

    The help is kept here as text, because importing the parser takes longer than everything
    else that a look at the help needs; a test keeps it equal to what the parser would say.

    Examples
    --------
    >>> import sys
    >>> sys.argv = ["atomloom", "--help"]
    >>> main()
    Traceback (most recent call last):
    SystemExit: 0
    """
    if sys.argv[1:] in (["--help"], ["-h"]):
        sys.stdout.write(HELP)
        raise SystemExit(0)
    from atomloom.app.interrupts import guarded  # noqa: PLC0415  # nothing but the text is needed for the help

    try:
        with guarded():
            from atomloom.app.cli import main as parse  # noqa: PLC0415  # same

            parse()
    except KeyboardInterrupt:  # before the parser could take it
        raise SystemExit(130) from None
