"""Turn the E-mini S&P 500 tick file of mlfinpy into the HDF5 file that atomloom ships.

usage: python scripts/make_es_sample.py path/to/tick_data.csv[.gz] [OUT.h5]

The source is ``mlfinpy/dataset/data/tick_data.csv`` of the MIT-licensed package mlfinpy 0.1.2
(see NOTICE). Its times are Chicago exchange time without an offset; they become UTC.
The same input gives the same bytes, but for the id that each store is given when it is made.
"""

from __future__ import annotations

import sys
from pathlib import Path

from atomloom.store import Trades, read_csv, write_trades

OUT = Path(__file__).resolve().parents[1] / "src" / "atomloom" / "data" / "es_2013-09.h5"
SOURCE = "mlfinpy 0.1.2, mlfinpy/dataset/data/tick_data.csv (MIT); Chicago time converted to UTC"


def main(arguments: list[str]) -> int:
    if not 1 <= len(arguments) <= 2:
        print(__doc__, file=sys.stderr)
        return 2
    csv = Path(arguments[0])
    out = Path(arguments[1]) if len(arguments) == 2 else OUT
    read = read_csv(csv, tz="America/Chicago", tick_size=0.25, symbol="ES")
    if read.n_rejected:
        print(read.summary(), file=sys.stderr)
        return 1
    trades: Trades = read.trades
    out.unlink(missing_ok=True)
    write_trades(out, trades, level=9, source=SOURCE)
    print(f"{out.name}: {trades!r}, {out.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
