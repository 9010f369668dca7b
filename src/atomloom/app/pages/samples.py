"""The page of a run of `atomloom samples`: some samples, where they come from, what they are worth, what they take."""

from __future__ import annotations

import textwrap
from html import escape
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from atomloom.app import page as html
from atomloom.app.pages import Page
from atomloom.app.pages.parts import how_it_ran, what_was_asked
from atomloom.app.samples_words import duration, rate_of, size_of, threads_word

if TYPE_CHECKING:
    from atomloom.app.runs import RunFolder

_PANELS = 12
_LONG = 90
_TITLE = 36  # characters of a line above a window
_FEW = 100.0  # samples of each window from which on it is said what that means


def page(run: RunFolder) -> Page:
    """Build the page from the files of the folder."""
    summary = run.record["summary"]
    return Page(
        "Training samples, by number", lede(summary),
        [*sections(run, summary), how_it_ran(run), what_was_asked(_short(run.record))],
    )  # fmt: skip


def lede(summary: dict[str, Any]) -> str:
    """Say what there is."""
    size, rate = size_of(summary["recipe_bytes"]), summary["rate"]
    whole = duration(summary["n"] / rate["rate"])
    return (
        f"{summary['n']:,} samples of {summary['bars']:,} bars of {summary['source']}. Each is a function of its "
        f"number: the recipe takes {size}, and this machine goes through all of them in {whole}."
    )


def sections(run: RunFolder, summary: dict[str, Any]) -> list[str]:
    """Draw everything that is of the samples themselves."""
    found = [html.tiles(_tiles(summary)), _some(run, summary), _where(run, summary), _worth(summary)]
    if len(run.read_frame("states.csv")):
        found.append(_states(run))
    return [*found, _takes(run, summary), _series(run)]


def short(run: RunFolder, summary: dict[str, Any]) -> str:
    """Say in one section what was streamed, with some of the samples."""
    rate, honest = summary["rate"], summary["honesty"]
    note = (
        f"Windows of {summary['lookback']} bars of 20 trades, each with a trade state drawn for it. A sample is "
        f"a function of its number, so nothing is stored but a recipe; {rate['samples']:,} of them came in "
        f"{rate['seconds']:.2f} s, and {_count(1e9)} would in {duration(1e9 / rate['rate'])}. They have "
        f"{honest['windows']:,} windows, which overlap: for what prices can teach, they are worth "
        f"{_count(honest['effective'])} that do not."
    )
    return html.section(
        "A million training samples",
        html.tiles([
            ("a second", _million(rate["rate"])), ("threads", str(rate["threads"])),
            ("a sample", f"{summary['sample_bytes']:,} B"), ("the recipe", size_of(summary["recipe_bytes"])),
        ]),
        html.figure(_picture(run, summary, 4), "The first four: prices in units of the last close, volume below."),
        note=note,
    )  # fmt: skip


def _tiles(summary: dict[str, Any]) -> list[tuple[str, str]]:
    honest = summary["honesty"]
    return [
        ("samples", _count(summary["n"])), ("windows", f"{summary['windows']:,}"),
        ("samples of a window", _count(honest["reuse"])), ("without overlap", _count(honest["effective"])),
        ("a sample", f"{summary['sample_bytes']:,} B"), ("the recipe", size_of(summary["recipe_bytes"])),
        ("a second", _million(summary["rate"]["rate"])),
    ]  # fmt: skip


def _count(number: float) -> str:
    """Write a number that may be very large.

    Examples
    --------
    >>> _count(40_000_000), _count(10**12), _count(15_250), _count(3.25)
    ('40 million', '1 trillion', '15,250', '3.2')
    """
    for word, size in (("trillion", 1e12), ("billion", 1e9), ("million", 1e6)):
        if number >= size:
            return f"{number / size:,.4g} {word}"
    return f"{number:,.0f}" if number >= 100 else f"{number:.2g}"


def _million(rate: float) -> str:
    return f"{rate / 1e6:.1f} million" if rate >= 1e6 else f"{rate:,.0f}"


def _some(run: RunFolder, summary: dict[str, Any]) -> str:
    last = "the last close of the window" if summary["spec"]["scale"] == "last_close" else "one, as they are"
    below = ", volume below" if "volume" in summary["channels"] else ""
    caption = (
        f"Prices in units of {last}{below}; bars count back from the last that is seen. What is written above is the "
        "trade state."
    )
    of = f" of part {summary['parts'][0]['part']!r}" if summary["parts"] else ""
    note = f"The first of them{of}; sample.parquet has more."
    return html.section("Some samples", html.figure(_picture(run, summary, _PANELS), caption), note=note)


def _picture(run: RunFolder, summary: dict[str, Any], most: int) -> str:
    """Draw the first samples."""
    from atomloom.app import samples_charts  # noqa: PLC0415  # matplotlib is loaded when figures are drawn

    names = summary["channels"]
    fields = list(summary["spec"]["state"])
    held = _read(run, [f"{name}_scaled" for name in names] + ["id", "idx", *fields, *_others(summary)])
    panels = []
    for k in range(min(most, len(held["id"]))):
        channels = {name: _decoded(held[f"{name}_scaled"][k], name, summary["spec"]) for name in names}
        panels.append((_title(held, k, fields, summary), channels))
    return samples_charts.windows(panels)


def _others(summary: dict[str, Any]) -> list[str]:
    return [name for name in ("symbol", "label") if name in summary["fields"]]


def _read(run: RunFolder, names: list[str]) -> dict[str, Any]:
    """Read columns of the samples that the folder has."""
    from atomloom._lazy import need  # noqa: PLC0415  # same

    table = need("pyarrow.parquet").ParquetFile(run.path / "sample.parquet").read(names)
    return {name: table[name].to_pylist() for name in names}


def _decoded(values: Any, name: str, spec: dict[str, Any]) -> Any:
    """Give a channel as numbers again where it was made small."""
    found = np.asarray(values, dtype=float)
    if spec["dtype"] == "int16":
        found = found / 10_000.0
    small = spec["dtype"] in ("int16", "float16") and name in ("open", "high", "low", "close")
    return found + 1.0 if small else found


def _title(held: dict[str, Any], k: int, fields: list[str], summary: dict[str, Any]) -> str:
    """Write the state of a sample in two or three lines."""
    symbol = f" {held['symbol'][k]}" if "symbol" in held else ""
    words = [f"{name.replace('_', ' ')} {_number(held[name][k])}" for name in fields[:6]]
    if "label" in held and summary["spec"]["horizon"]:
        words.append(f"label {_number(held['label'][k])}")
    lines = textwrap.wrap(", ".join(word.replace(" ", "\0") for word in words), _TITLE)
    lines = [line.replace("\0", " ").rstrip(",") for line in lines]
    return "\n".join([f"sample {int(held['id'][k])}:{symbol} row {int(held['idx'][k]):,}", *lines])


def _number(value: Any) -> str:
    """Write a number of a state.

    Examples
    --------
    >>> _number(np.float32(53210.4)), _number(np.int8(-1)), _number(0.99987), _number(-0.0), _number(0.00030412)
    ('53,210', '-1', '0.9999', '0', '0.0003')
    """
    number = float(value)
    if abs(number) >= 1000 or number == round(number):
        return f"{number + 0.0:,.0f}"
    return f"{number:.4f}".rstrip("0") if abs(number) >= 5e-4 else f"{number:.1g}"


def _where(run: RunFolder, summary: dict[str, Any]) -> str:
    from atomloom.app import samples_charts  # noqa: PLC0415  # same

    split = summary["spec"].get("split")
    series, parts = run.read_frame("series.csv"), run.read_frame("parts.csv")
    called = dict(enumerate(summary["symbols"])), dict(enumerate(split["parts"] if split else [""]))
    series["symbol"], parts["symbol"] = series["symbol"].map(called[0]), parts["symbol"].map(called[0])
    parts["part"] = parts["part"].map(called[1])
    embargo = split["embargo"] if split else 0
    svg = samples_charts.coverage(series, parts, own=summary["part"] or "", embargo=embargo)
    horizon, lookback = summary["spec"]["horizon"], summary["lookback"]
    behind = "bar" if horizon == 1 else f"{horizon:,} bars"
    label = f"; its label looks at the {behind} behind it" if horizon else ""
    note = f"A window is {lookback:,} bars of one symbol, with none left out among them{label}. "
    if split:
        gap = f", and {_embargo(embargo)} behind each border (embargo)" if embargo else ""
        note += f"Parts are cut by time. What would reach over a border is left out (purged){gap}: "
        note += "no two parts share a bar."
    more = len(summary["symbols"]) - len(set(series["symbol"]))
    several = len(summary["symbols"]) > 1
    rows = [
        (row.part or "all", *((str(row.symbol),) if several else ()), f"{row.begin:,} to {row.stop - 1:,}",
         f"{row.first_end:,} to {row.last_end:,}", f"{row.windows:,}")
        for row in cast("Any", parts.itertuples(index=False))
    ]  # fmt: skip
    header = ("part", *(("symbol",) if several else ()), "bars", "windows end at", "windows")
    told = [html.table(header, rows, text=(0, 1) if several else (0,))] if split or several else []
    caption = f"{more:,} more symbols are not drawn." if more > 0 else ""
    return html.section("Where they come from", html.figure(svg, caption), *told, note=note)


def _parts(summary: dict[str, Any]) -> list[str]:
    """Say how samples are divided among parts, and what each is worth."""
    if not summary["parts"]:
        return []
    written = summary["written"]
    rows = [
        (row["part"], f"{row['n']:,}", f"{row['honesty']['reuse']:,.4g}", f"{row['honesty']['effective']:,.4g}",
         written["folders"][row["part"]] if written else f"open_dataset(run, part={row['part']!r})")
        for row in summary["parts"]
    ]  # fmt: skip
    return [html.table(("part", "samples", "of a window", "without overlap", "where"), rows, text=(0, 4))]


def _embargo(embargo: int | str) -> str:
    """Say what is left out behind a border: a number of bars, or a length of time.

    Examples
    --------
    >>> _embargo(1000), _embargo("5D")
    ('1,000 bars', '5D')
    """
    return embargo if isinstance(embargo, str) else f"{embargo:,} bar{'s' * (embargo != 1)}"


def _worth(summary: dict[str, Any]) -> str:
    honest = summary["honesty"]
    windows, bars, samples = (f"{honest[name]:,}" for name in ("windows", "bars", "samples"))
    unique = f"{honest['mean_uniqueness']:.2g}"
    many, few = _count(honest["reuse"]), _count(honest["effective"])
    words = [
        f"There are {windows} windows of {bars} bars, and {samples} samples of them: each comes {many} times.",
        f"Windows that start a bar apart share all bars but one: mean uniqueness is {unique} (AFML, chapter 4).",
        f"For what prices can teach, all samples together are worth {few} windows without a bar in common.",
    ]
    if honest["reuse"] > _FEW:
        words.append(
            "Samples of one window differ in their trade state alone. More of them teach more about states, and "
            "nothing more about prices; more bars do."
        )
    if summary["parts"]:
        words.append("These numbers are of all parts together; no bar is in two of them.")
    if not summary["spec"].get("split"):
        words.append(
            "Nothing is held out: these are all windows there are. A random split of samples would share bars; a split "
            "in the settings cuts time instead."
        )
    told = "".join(f"<p>{escape(text)}</p>" for text in words)
    return html.section("What they are worth", told, *_parts(summary))


def _states(run: RunFolder) -> str:
    from atomloom.app import samples_charts  # noqa: PLC0415  # same

    table = run.read_frame("states.csv")
    count = int(table.groupby("field")["count"].sum().max())
    told = "Shares of values among the first {:,} samples, in colour; the law that they are drawn by, as a line{}."
    free = table[table["expected"] != table["expected"]]["field"].unique()
    lack = f" ({', '.join(map(str, free))}: computed, so there is none)" if len(free) else ""
    return html.section(
        "The trade states, beside their laws", html.figure(samples_charts.states(table), told.format(count, lack))
    )


def _takes(run: RunFolder, summary: dict[str, Any]) -> str:
    n, rate, written = summary["n"], summary["rate"], summary["written"]
    rows = [(
        "recipe", size_of(summary["recipe_bytes"]), f"{summary['recipe_bytes'] / n:.2g}",
        f"{rate_of(rate['rate'])} on {threads_word(rate['threads'])}, computed",
    )]  # fmt: skip
    for row in cast("Any", run.read_frame("formats.csv").itertuples(index=False)):
        kind = f"{row.format} {row.compression}".strip()
        if not float(row.bytes or "nan") >= 0:
            rows.append((kind, "", "", str(row.note)))
            continue
        own = written is not None and (written["format"], written["compression"] or "") == (row.format, row.compression)
        size, each = (written["bytes"], written["sample_bytes"]) if own else (float(row.bytes) * n, float(row.bytes))
        told = f"{rate_of(written['rate'])} written, {threads_word(written['jobs'])}" if own and written["rate"] else ""
        rows.append((kind, size_of(size), f"{each:,.0f}", told))
    note = (
        "Files are an export: for other tools, or for those who would rather read than compute. Bytes of formats that "
        "were not written are those of some of these samples, times their number."
    )
    return html.section(
        "What they take", html.table(("as", "all samples", "bytes a sample", "here"), rows, text=(0, 3)), note=note
    )


def _series(run: RunFolder) -> str:
    from atomloom.app import samples_charts  # noqa: PLC0415  # same

    note = str(run.record.get("diagnosis_note", ""))
    if not (run.path / "facts.csv").is_file():
        return html.section("The series itself", note=note)
    rows = [
        (row.fact, f"{float(row.value):.3g}", row.what)
        for row in cast("Any", run.read_frame("facts.csv").itertuples(index=False))
    ]
    return html.section(
        "The series itself",
        html.figure(samples_charts.memory(run.read_frame("curves.csv"))),
        html.table(("fact", "value", "what it is"), rows, text=(0, 2), wrap=(2,)),
        note=f"{note} Stylised facts of the bars that windows are cut from: samples have them, being these bars.",
    )


def _short(record: dict[str, Any]) -> dict[str, Any]:
    """Leave long settings to run.json; those of a sample stand at the top, as in a file."""
    asked = dict(record["config"])
    sample = asked.pop("sample")
    flat = {**asked, **sample}
    told = {name: value for name, value in flat.items() if not isinstance(value, dict) and len(str(value)) < _LONG}
    told |= {name: value for name, value in flat.items() if isinstance(value, dict)}
    return {**record, "config": told}
