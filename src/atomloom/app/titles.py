"""What a result of the market room shows, in the one line that stands over its figure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from atomloom.market.alert_book import Alerts
    from atomloom.market.control_groups import Controls
    from atomloom.market.cycles import Growth, LeapYears
    from atomloom.market.events import Events
    from atomloom.market.start_points import StartSensitivity
    from atomloom.market.warning_record import EarlyWarning


def of_events(found: Events) -> str:
    """Say how many events were false, and how little that may show.

    Examples
    --------
    >>> import numpy as np
    >>> from atomloom.market import find_events
    >>> of_events(find_events([0.5, 0.99, 0.5], [0, 5, 9], [0.1, 0.3, 0.2], threshold=0.9, null_quantile=0.5))
    'No large move followed 0 of 1 events above CDF 0.9: 0% (95%: 0% to 79%); knowing nothing gives 50%'
    """
    rate, interval, config = found.false_positive_rate, found.false_positive_interval, found.config
    above = f" above CDF {config['threshold']:g}" if "threshold" in config else ""
    if rate is None or interval is None:
        return f"{len(found):,} events{above}, none of which can be judged"
    chance = f"; knowing nothing gives {config['null_quantile']:.0%}" if "null_quantile" in config else ""
    judged = found.n_true + found.n_false
    return (
        f"No large move followed {found.n_false:,} of {judged:,} events{above}: {rate:.0%} "
        f"(95%: {interval[0]:.0%} to {interval[1]:.0%}){chance}"
    )


def of_controls(found: Controls) -> str:
    """Say whether VPIN is better than what knows no order flow: the last line of the summary."""
    return f"{_short(found.symbol)}: {found.summary().splitlines()[-1]}"


def of_starts(found: StartSensitivity) -> dict[str, str]:
    """Say for each price how much the first bucket matters."""
    said = {
        price: f"{price}: VPIN varies by {spread['relative']:.1%} of its mean (median over time) with where the first "
        f"{found.by} begins; two starts share {spread['agreement']:.0%} of their events"
        for price, spread in found.spread.items()
    }
    first = next(iter(said))
    return {**said, first: f"{_short(found.symbol)}, {said[first]}"}


def of_warnings(found: EarlyWarning) -> str:
    """Say how often both were unusual."""
    seen = found.to_dict()
    share = "" if seen["warning_share"] is None else f", {seen['warning_share']:.1%} of the buckets that have both"
    return f"{_short(found.symbol)}: {seen['n_warnings']:,} warnings by VPIN and HHI together (shaded){share}"


def of_alerts(found: Alerts) -> str:
    """Say how many alerts there are, of how many instruments, and how late.

    Examples
    --------
    >>> from atomloom.market import Alert, Alerts
    >>> of_alerts(Alerts((Alert(0, "ES", "vpin", 0.4, 0.995, 0, "00"),)))
    '1 alert of 1 instrument, none late: over past data'
    >>> of_alerts(Alerts())
    'No alert'
    """
    if not len(found):
        return "No alert"
    symbols, late = len({one.symbol for one in found}), sorted(one.latency_ns / 1e9 for one in found)
    counts = f"{_many(len(found), 'alert')} of {_many(symbols, 'instrument')}"
    if not any(late):
        return f"{counts}, none late: over past data"
    return f"{counts}, late by {late[len(late) // 2]:.3g} s (median), {late[-1]:.3g} s at most"


def of_years(found: LeapYears) -> str:
    """Say whether the daily line stands where it should.

    Examples
    --------
    >>> import numpy as np
    >>> from atomloom.market import leap_year_check
    >>> of_years(leap_year_check(np.arange(365 * 2) * 86_400 * 10**9))
    'Daily line: as many cycles as days in each of 2 years'
    """
    off = found.peak != found.days
    if not off.any():
        return f"Daily line: as many cycles as days in each of {_many(len(found), 'year')}"
    named = [f"{year} at {peak}" for year, peak in zip(found.year[off][:4], found.peak[off][:4], strict=True)]
    more = ", ..." if int(off.sum()) > len(named) else ""
    return (
        f"Daily line: as many cycles as days in {len(found) - int(off.sum()):,} of {_many(len(found), 'year')} "
        f"(not in {', '.join(named)}{more})"
    )


def of_growth(found: Growth) -> str:
    """Say whether the power grows: whether its slope is beyond what scatter explains (5%, Student's t)."""
    from atomloom.market import t_cdf  # noqa: PLC0415  # with the room behind it

    band = f"Power from {found.above:g} to {found.below:g} Hz"
    if math.isnan(found.slope):
        return f"{band}: too few windows for a trend"
    beyond = abs(found.slope) / found.slope_error if found.slope_error else math.inf
    clear = math.isinf(beyond) or 2 * float(t_cdf(-beyond, len(found) - 2)) < 0.05
    verdict = ("grows" if found.slope > 0 else "falls") if clear else "shows no clear trend"
    return f"{band} {verdict}: ln(power) {found.slope:+.3g} a year, standard error {found.slope_error:.2g}"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _short(symbol: str) -> str:
    return symbol if len(symbol) <= 16 else f"{symbol[:15]}\N{HORIZONTAL ELLIPSIS}"
