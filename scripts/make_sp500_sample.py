"""Turn the prices of 20 S&P 500 stocks of skfolio into the Parquet file that atomloom ships.

usage: python scripts/make_sp500_sample.py path/to/sp500_dataset.csv.gz [OUT.parquet]

The source is ``skfolio/datasets/data/sp500_dataset.csv.gz`` of the BSD-3-licensed package skfolio (see NOTICE).
Its prices have three decimals at most; they are kept as decimals, so that no digit is lost.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

OUT = Path(__file__).resolve().parents[1] / "src" / "atomloom" / "data" / "sp500_20.parquet"


def thousandths(values: np.ndarray) -> pa.Array:
    """Give prices as decimals with three places; refuse any that have more."""
    whole = np.rint(values * 1000).astype(np.int64)
    if not np.array_equal(whole / 1000, values):
        raise SystemExit("the prices have more than three decimals")
    words = np.zeros((len(whole), 2), dtype=np.int64)  # little-endian, 128 bits; prices are not negative
    words[:, 0] = whole
    return pa.Array.from_buffers(pa.decimal128(9, 3), len(whole), [None, pa.py_buffer(words.tobytes())])


def main(arguments: list[str]) -> int:
    if not 1 <= len(arguments) <= 2:
        print(__doc__, file=sys.stderr)
        return 2
    out = Path(arguments[1]) if len(arguments) == 2 else OUT
    read = pyarrow.csv.read_csv(arguments[0])  # what is compressed is known by its name
    columns = {name: thousandths(read[name].to_numpy()) for name in read.column_names[1:]}
    table = pa.table({"date": read.column(0).cast(pa.date32())} | columns)
    pyarrow.parquet.write_table(
        table, out, compression="zstd", compression_level=19, use_dictionary=False, store_decimal_as_integer=True,
        column_encoding=dict.fromkeys(table.column_names, "DELTA_BINARY_PACKED"),
    )  # fmt: skip
    print(f"{out.name}: {table.num_rows:,} rows, {len(columns)} stocks, {out.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
