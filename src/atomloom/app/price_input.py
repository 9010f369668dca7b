"""Where the prices of a run come from: the file named, or the stocks that travel with the package."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from atomloom.errors import BadInput

if TYPE_CHECKING:
    from atomloom.app.sweep_settings import PriceSource
    from atomloom.portfolio.price_files import PricesRead
    from atomloom.portfolio.prices import Prices

EMBEDDED = "sp500"
HINDSIGHT = "these stocks were picked with hindsight, among those that are still there: all of them did well"
_MOST_LATE = 0.5

# What the library says to Python, and what a shell can do about it.
_IN_CLI_WORDS = (
    (r'missing="(\w+)"', r"--missing \1"),
    (r'"drop" leaves', "--missing drop leaves"),
    (r"names=\.\.\.", "--assets"),
    (r"end=\.\.\.", "[prices] end of --config"),
    (r'say columns=\{"(\w+)": \.\.\.\}', r"set [prices] \1 in --config"),
    (r"columns names an?", "[prices] names a"),
    (r"\bn_windows is", "--test-windows is"),
    (r"\bor give a timeframe", "or give --timeframe"),
    (r"\bbegin later \(start=\)", "set a later begin in --config"),
    (r"^start is row", "begin is row"),
)


def path_of(data: str | None) -> Path:
    """Find the file of prices; without one, or as "sp500", 20 stocks of the S&P 500 from 1990 to 2022.

    Raises
    ------
    BadInput
        There is no such file.

    Examples
    --------
    >>> path_of(None).name
    'sp500_20.parquet'
    """
    if data is not None and (Path(data).exists() or data != EMBEDDED):
        if not Path(data).is_file():
            what = "is a folder" if Path(data).is_dir() else "does not exist"
            raise BadInput(f"{data} {what}. Hint: a file of prices, or {EMBEDDED} for the stocks of the package.")
        return Path(data)
    from atomloom.data import sp500_20  # noqa: PLC0415 - with the resources behind it

    return sp500_20()


def read(path: Path, how: PriceSource) -> PricesRead:
    """Read prices as the settings say.

    Raises
    ------
    BadInput
        For what is no table of prices, in the words of the command line.
    """
    from atomloom.portfolio.price_files import load_prices  # noqa: PLC0415 - --help owes nobody numpy

    try:
        found = load_prices(
            path, timeframe=how.timeframe or None, names=how.assets or None, columns=how.columns,
            missing=how.missing or "start", start=how.start or None, end=how.end or None, tz=how.tz or None,
        )  # fmt: skip
    except BadInput as error:
        raise BadInput(in_cli_words(str(error).replace(str(path), called(path)))) from error
    if not how.missing and found.late > _MOST_LATE:
        raise BadInput(
            f"{called(path)}: {found.notes[-1]}: more than half. Hint: --assets without it, or --missing start if that "
            "is meant."
        )
    return found._replace(notes=[HINDSIGHT, *found.notes]) if called(path) == EMBEDDED else found


def begin_row(prices: Prices, begin: str) -> int | None:
    """Find the row of prices at which a run begins; None where it does not say.

    Raises
    ------
    BadInput
        If the prices end before.

    Examples
    --------
    >>> from atomloom.portfolio import as_prices
    >>> begin_row(as_prices([1.0, 1.1, 1.2], times=[0, 10, 20]), "1970-01-01")
    0
    """
    if not begin:
        return None
    row = prices.row_at(begin)
    if row > len(prices) - 2 and prices.times is not None:
        first, last = prices.times[[0, -1]].astype("M8[ns]").astype("M8[D]")
        raise BadInput(f"begin is {begin}, and the prices go from {first} to {last}. Hint: a day between them.")
    return row


def called(path: Path) -> str:
    """Name a file as the user does.

    Examples
    --------
    >>> called(path_of(None)), called(Path("p.csv"))
    ('sp500', 'p.csv')
    """
    from atomloom.data import sp500_20  # noqa: PLC0415 - with the resources behind it

    return EMBEDDED if path == sp500_20() else str(path)


def in_cli_words(message: str) -> str:
    """Turn the hints of the library into those of the shell.

    Examples
    --------
    >>> in_cli_words('Hint: missing="start" begins where all have a price.')
    'Hint: --missing start begins where all have a price.'
    """
    for pattern, words in _IN_CLI_WORDS:
        message = re.sub(pattern, words, message)
    return message
