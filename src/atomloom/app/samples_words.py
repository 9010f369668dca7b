"""Runs of `atomloom samples` in words: what they print, and what stands on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def size_of(number: float) -> str:
    """Write bytes.

    Examples
    --------
    >>> size_of(999), size_of(512_000), size_of(52e9), size_of(1.3e15)
    ('999 bytes', '512 kB', '52.0 GB', '1,300.0 TB')
    """
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if number >= factor:
            return f"{number / factor:,.1f} {unit}"
    return f"{number / 1e3:,.0f} kB" if number >= 1e3 else f"{number:,.0f} bytes"


def rate_of(number: float) -> str:
    """Write samples a second.

    Examples
    --------
    >>> rate_of(12_345_678.0), rate_of(512_345.0)
    ('12.3 million samples/s', '512,345 samples/s')
    """
    return f"{number / 1e6:,.1f} million samples/s" if number >= 1e6 else f"{number:,.0f} samples/s"


def duration(seconds: float) -> str:
    """Write a duration that may be of any size.

    Examples
    --------
    >>> duration(0.05), duration(81.0), duration(86_400.0 * 3)
    ('0.1 s', '81 s', '3.0 days')
    """
    if seconds < 10:
        return f"{max(seconds, 0.1):.1f} s"
    for word, length in (("days", 86_400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.1f} {word}"
    return f"{seconds:.0f} s"


def threads_word(threads: int) -> str:
    """Count threads.

    Examples
    --------
    >>> threads_word(1), threads_word(2)
    ('1 thread', '2 threads')
    """
    return f"{threads} thread{'s' * (threads != 1)}"


def what(summary: Mapping[str, Any]) -> str:
    """Say what the samples are."""
    symbols = summary["symbols"]
    of = f" of {len(symbols):,} symbols" if len(symbols) > 1 else ""
    part = f", part {summary['part']!r}" if summary["part"] else ""
    if summary["parts"]:
        part = ", parts " + " and ".join(f"{row['part']} ({row['n']:,})" for row in summary["parts"])
    shape = f"{len(summary['channels'])} x {summary['lookback']}"
    return f"{summary['n']:,} of {shape}, from {summary['windows']:,} windows{of}{part}, seed {summary['seed']}"


def lines(summary: Mapping[str, Any], path: str) -> list[tuple[str, str]]:
    """Tell a run in a few lines."""
    rate, written = summary["rate"], summary["written"]
    whole = duration(summary["n"] / rate["rate"])
    rows = [
        ("samples", what(summary)), ("bars", f"{summary['bars']:,} of {summary['source']}"),
        ("worth", summary["worth"].split("\n")[1]),
        ("recipe", f"{path}/recipe: {size_of(summary['recipe_bytes'])} for any number of them"),
        ("streams", f"{rate_of(rate['rate'])} on {threads_word(rate['threads'])}: all of them in {whole}"),
    ]  # fmt: skip
    if written is not None:
        kind = written["format"] + (f" ({written['compression']})" if written["compression"] else "")
        shards = f"{written['shards']:,} shard{'s' * (written['shards'] != 1)} of {kind}"
        speed = f", {rate_of(written['rate'])}" if written["rate"] else ""
        rows.append(("written", f"{path}/samples: {shards}, {size_of(written['bytes'])}{speed}"))
    else:
        size = size_of(summary["n"] * summary["sample_bytes"])
        rows.append(("written", f"nothing: the recipe is enough (files would take {size}; --format arrow writes them)"))
    return rows


def streamed(summary: Mapping[str, Any]) -> str:
    """Tell how fast samples were streamed, and what they would be computed from."""
    rate = summary["rate"]
    took = f"{rate['samples']:,} of {summary['windows']:,} windows in {rate['seconds']:.2f} s"
    speed = f"{rate_of(rate['rate'])} on {threads_word(rate['threads'])}"
    return f"{took}: {speed}, of a recipe of {size_of(summary['recipe_bytes'])}"


def information(summary: Mapping[str, Any], formats: Sequence[Mapping[str, Any]], stored: Sequence[str]) -> str:
    """Tell what a dataset is, what it is worth, and how large it is in every format."""
    fields = ", ".join(
        f"{name} {dtype}" + (f" {tuple(shape)}" if shape else "") for name, (dtype, shape) in summary["fields"].items()
    )
    span = f", {summary['start']} to {summary['end']} UTC" if summary["start"] else ""
    rows = [
        ("samples", what(summary)), ("bars", f"{summary['bars']:,} of {summary['source']}{span}"),
        ("fields", f"{fields}: {summary['sample_bytes']:,} bytes"),
    ]  # fmt: skip
    for each in summary["parts"] or [summary]:
        worth = each["worth"].split("\n")
        rows += [(f"worth ({each['part']})" if summary["parts"] else "worth", worth[0])]
        rows += [*(("", line) for line in worth[1:]), ("digest", each["digest"])]
    rows += [("stored", each) for each in stored]
    rows += [("recipe", size_of(summary["recipe_bytes"]))]
    rows += [(_kind(row), _size(row, summary["n"])) for row in formats]
    width = max(len(name) for name, _ in rows) + 1
    return "\n".join(f"{name:<{width}} {value}" for name, value in rows)


def _kind(row: Mapping[str, Any]) -> str:
    return f"{row['format']} {row['compression']}".strip()


def _size(row: Mapping[str, Any], n: int) -> str:
    if row["bytes"] is None or row["bytes"] != row["bytes"]:
        return str(row["note"])
    return f"{size_of(row['bytes'] * n)}, {row['bytes']:,.0f} bytes a sample"


def speeds(found: Mapping[str, Any]) -> str:
    """Tell how fast samples came, beside what the machine does when it only fills memory."""
    rows = []
    for name in ("one", "all"):
        own = found[name]
        if name == "all" and own["threads"] == 1:
            continue
        told = (
            f"{own['samples']:,} in {own['seconds']:.2f} s: {rate_of(own['rate'])}, {own['bandwidth'] / 1e9:.1f} GB/s"
        )
        rows.append((threads_word(own["threads"]), told))
        far, near = own["fill"] / 1e9, own["fill_cached"] / 1e9
        told = f"{far:.1f} GB/s into buffers of 84 MB, {near:.1f} GB/s into those of a batch"
        rows.append(
            ("  memory fill", f"{told}: samples come at {own['share']:.0%} and {own['share_cached']:.0%} of that")
        )
    rows.append(("random", f"{rate_of(found['random'])} in batches of 1,024 into one buffer, 1 thread"))
    width = max(len(name) for name, _ in rows) + 1
    return "\n".join(f"{name:<{width}} {value}" for name, value in rows)
