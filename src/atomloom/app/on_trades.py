"""How every command on trades goes: settings, their source, the run; and what is told about the trades."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from atomloom.app import pipeline
from atomloom.app.sources import settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from atomloom.app.options import RunOptions
    from atomloom.app.runs import RunFolder
    from atomloom.store.quotes import Quotes
    from atomloom.store.schema import Trades


def execute(
    command: str,
    defaults: Any,
    run: RunOptions,
    file: Path | None,
    given: dict[str, Any],
    own: Iterable[str],
    work: Callable[..., dict[str, Any]],
    say: Callable[[RunFolder], list[tuple[str, str]]],
    check: Callable[[Any], None] | None = None,
) -> None:
    """Settle what a command on trades is asked, and run it; or print its settings, if that is what was asked.

    Parameters
    ----------
    command, defaults, run, file, given, own
        As :func:`atomloom.app.sources.settle`.
    work : callable
        Takes the file, the settings, the options, the folder and the chatter; gives the summary.
    say : callable
        Tells a finished run in pairs of a word and a text.
    check : callable, optional
        Looks at the settings before there is a folder.
    """
    settings = settle(command, defaults, run, file, given, own)
    if settings is None:
        return
    if check is not None:
        check(settings)
    path = pipeline.source_of(run, file)
    pipeline.execute(command, settings, run, str(path), partial(work, path, settings, run), say)


def about(folder: RunFolder, ticks: Trades | Quotes) -> dict[str, Any]:
    """Summarise the trades of a run, or its quotes."""
    volume = getattr(ticks, "volume", None)
    first, last = (f"{moment}Z" for moment in ticks.ts[[0, -1]].astype("datetime64[ns]").astype("datetime64[ms]"))
    account = folder.record.get("ingest")
    return {
        "symbol": ticks.symbol,
        "quotes" if volume is None else "trades": len(ticks),
        **({"rows_read": account["n_read"], "rejected": account["n_rejected"]} if account else {}),
        **({} if volume is None else {"volume": volume}),
        "first": first,
        "last": last,
    }


def trades_line(summary: dict[str, Any]) -> tuple[str, str]:
    """Tell which trades, or quotes, a run is about.

    Examples
    --------
    >>> trades_line({"trades": 5, "symbol": "ES", "first": "2013-09-01T22:00Z", "last": "2013-09-03T18:51Z"})
    ('trades', '5 of ES, 2013-09-01T22:00 to 2013-09-03T18:51 UTC')
    """
    kind = "trades" if "trades" in summary else "quotes"
    count = f"{summary[kind]:,}"
    if summary.get("rejected"):
        count += f" of {summary['rows_read']:,} rows ({summary['rejected']:,} rejected, see rejects.csv)"
    return kind, f"{count} of {summary['symbol']}, {summary['first'][:16]} to {summary['last'][:16]} UTC"
