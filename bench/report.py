"""Make docs/performance.md and the table of README.md from ``bench/results``: ``python -m bench.report``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ORDER = (
    "dispatch", "startup", "return", "share", "held", "bits", "crash", "interrupt", "partition", "journal", "ingest",
    "store", "bars", "vpin", "calibrate", "stream", "nufft",
    "trajectory",
)  # fmt: skip
START, END = "<!-- bench:start -->", "<!-- bench:end -->"
HEADER = ["| what | atomloom | peer | ratio | to reach | |", "|---|---|---|---|---|---|"]


def number(value):
    """Three significant digits, words as they are.

    >>> number(1234.5), number(0.01234), number(3), number("hangs"), number(None)
    ('1,234', '0.0123', '3', 'hangs', '-')
    """
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    text = f"{value:.3g}"
    return text if "e" not in text else f"{value:.6f}".rstrip("0")


def verdict(one):
    """Whether a row reaches its number, and by how much it misses it."""
    if one["ok"] is None:
        return ""
    return "met" if one["ok"] else f"**missed by {one['missed_by']}**"


def cells(one):
    unit = one["unit"]
    peer = one["peer"]
    if peer and one["peer_value"] is not None:
        words = isinstance(one["peer_value"], str)
        peer = f"{peer}: {number(one['peer_value'])}" + ("" if words or unit.startswith("of ") else f" {unit}")
    ratio = "" if one["ratio"] is None else f"{number(one['ratio'])}x"
    return [one["what"], f"{number(one['value'])} {unit}", peer, ratio, one["reach"], verdict(one)]


def table(rows):
    """The lines of a table."""
    return [*HEADER, *("| " + " | ".join(cell.replace("|", "/") for cell in cells(one)) + " |" for one in rows)]


def results(folder):
    """Every result that is there, in the order of the page."""
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in Path(folder).glob("*.json")}
    return [found[name] for name in ORDER if name in found] + [
        found[name] for name in sorted(found) if name not in ORDER
    ]


def conditions(found):
    """Say once what all results share, and what differs."""
    machines = sorted({
        f"{one['machine']['processor']}, {one['machine']['cores']} cores, {one['machine']['memory_gib']:.0f} GiB, "
        f"Linux {one['machine']['kernel']}"
        for one in found
    })  # fmt: skip
    versions = sorted({", ".join(f"{tool} {number}" for tool, number in one["versions"].items()) for one in found})
    loads = [one["machine"]["load_before"] for one in found]
    busy = [one["machine"]["others_busy"] for one in found]
    shared = (
        f"The machine is shared: while a benchmark ran, other programs kept up to {min(busy):.2f} to {max(busy):.2f} "
        f"cores busy (load average before: {min(loads):.2f} to {max(loads):.2f}). "
        "Absolute times move with that; ratios, measured in turn in one run, much less."
    )
    return [
        *(f"- Machine: {one}." for one in machines),
        *(f"- Versions: {one}." for one in versions),
        f"- {shared}",
    ]


def page(found):
    """The text of docs/performance.md."""
    rows = [one for result in found for one in result["rows"] if one["ok"] is not None]
    met = sum(one["ok"] for one in rows)
    said = (
        f"Of {len(rows)} numbers to reach, {met} are met. A ratio is atomloom / peer, both measured in the same run: "
        "below 1 is faster where the unit is a time, above 1 is faster for GB/s. Results are checked before a time "
        "counts, and failed runs are not timed."
    )
    lines = [
        "# Performance",
        "",
        "Made by `python -m bench.report` from `bench/results/*.json`, which `python -m bench.run` writes.",
        "",
        said,
        "",
        *conditions(found),
        "",
        "Missing joblib? `python -m pip install -e '.[bench]'` brings what the peers need.",
    ]
    for result in found:
        lines += ["", f"## {result['title']}", "", result["claim"], ""]
        lines += [*table(result["rows"]), ""]
        lines += [
            f"Measured: {result['repeats']}. Script: `bench/bench_{result['name']}.py`, {result['seconds']:.0f} s."
        ]
        lines += [f"{one['what']}: {one['note']}." for one in result["rows"] if one["note"]]
    return "\n".join(lines) + "\n"


def headline(found):
    """The lines of the table in README.md."""
    rows = [one for result in found for one in result["rows"] if one["headline"]]
    everything = [one for result in found for one in result["rows"] if one["ok"] is not None]
    met = sum(one["ok"] for one in everything)
    cores = sorted({one["machine"]["cores"] for one in found})
    said = f"{met} of {len(everything)} numbers to reach are met; {' and '.join(map(str, cores))} shared cores."
    return [*table(rows), "", said]


def filled(text, lines):
    """README.md with its region replaced.

    Raises
    ------
    ValueError
        When the region is not there exactly once.
    """
    if text.count(START) != 1 or text.count(END) != 1 or text.index(START) > text.index(END):
        raise ValueError(f"README.md must hold {START} and, after it, {END}, once each")
    head, tail = text.partition(START)[0], text.partition(END)[2]
    return "\n".join([head + START, "", *lines, "", END + tail]) if lines else f"{head}{START}\n{END}{tail}"


def main():
    found = results(ROOT / "bench" / "results")
    if not found:
        print("bench/results is empty. Hint: python -m bench.run", file=sys.stderr)
        return 1
    (ROOT / "docs" / "performance.md").write_text(page(found), encoding="utf-8")
    readme = ROOT / "README.md"
    readme.write_text(filled(readme.read_text(encoding="utf-8"), headline(found)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
