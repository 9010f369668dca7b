"""Other stores with the same trades: each knows its size and reads all, a day, or the rows with large sizes."""

from __future__ import annotations

from importlib.util import find_spec

NAMES = ("ts", "px", "size", "venue")


def found():
    """The peers that are installed, by name; ArcticDB is no dependency (licence), but is measured where it is."""
    known = (
        ("Parquet, delta + zstd (pyarrow)", "pyarrow", Parquet),
        ("Parquet, zstd (polars)", "polars", Polars),
        ("DuckDB", "duckdb", DuckDB),
        ("ArcticDB", "arcticdb", ArcticDB),
    )
    return {name: peer for name, module, peer in known if find_spec(module)}


def table(made):
    import pyarrow as pa

    columns = {name: pa.array(getattr(made, name)) for name in NAMES}
    columns["ts"] = columns["ts"].cast(pa.timestamp("ns"))
    return pa.table(columns)


class Parquet:
    def __init__(self, folder, made):
        from pyarrow import parquet

        self.path = folder / "delta.parquet"
        parquet.write_table(
            table(made), self.path, compression="zstd", use_dictionary=False,
            column_encoding={"ts": "DELTA_BINARY_PACKED", "px": "DELTA_BINARY_PACKED",
                             "size": "DELTA_BINARY_PACKED", "venue": "PLAIN"},
        )  # fmt: skip
        self.megabytes = self.path.stat().st_size / 1e6

    def _read(self, **how):
        from pyarrow import parquet

        return parquet.read_table(self.path, columns=["ts", "px", "size"], **how)

    def full(self):
        return self._read()["size"].to_numpy()

    def day(self, start, end):
        import pyarrow as pa

        bounds = [pa.scalar(moment, pa.timestamp("ns")) for moment in (start, end)]
        return self._read(filters=[("ts", ">=", bounds[0]), ("ts", "<", bounds[1])]).num_rows

    def value(self, least):
        return self._read(filters=[("size", ">=", least)]).num_rows


class Polars:
    def __init__(self, folder, made):
        import polars as pl

        self.path = folder / "polars.parquet"
        pl.from_arrow(table(made)).write_parquet(self.path, compression="zstd")
        self.megabytes = self.path.stat().st_size / 1e6

    def full(self):
        import polars as pl

        return pl.read_parquet(self.path, columns=["ts", "px", "size"])["size"].to_numpy()

    def day(self, start, end):
        import polars as pl

        within = (pl.col("ts") >= start) & (pl.col("ts") < end)
        return pl.scan_parquet(self.path).select("ts", "px", "size").filter(within).collect().height

    def value(self, least):
        import polars as pl

        return pl.scan_parquet(self.path).select("ts", "px", "size").filter(pl.col("size") >= least).collect().height


class DuckDB:
    def __init__(self, folder, made):
        import duckdb

        path = folder / "duck.db"
        self.made = table(made)
        self.link = duckdb.connect(str(path))
        self.link.register("made", self.made)
        self.link.execute("create table t as select * from made order by ts")
        self.link.execute("checkpoint")
        self.link.unregister("made")
        del self.made
        self.megabytes = path.stat().st_size / 1e6

    def full(self):
        return self.link.execute("select ts, px, size from t").fetchnumpy()["size"]

    def day(self, start, end):
        query = f"select ts, px, size from t where ts >= '{start}' and ts < '{end}'"
        return len(self.link.execute(query).fetchnumpy()["px"])

    def value(self, least):
        return len(self.link.execute("select ts, px, size from t where size >= ?", [least]).fetchnumpy()["px"])


class ArcticDB:
    value = None

    def __init__(self, folder, made):
        import pandas as pd
        from arcticdb import Arctic

        root = folder / "arctic"
        self.library = Arctic(f"lmdb://{root}?map_size=4GB").create_library("t")
        index = pd.DatetimeIndex(made.ts.astype("datetime64[ns]"))
        frame = pd.DataFrame({"px": made.px, "size": made.size, "venue": made.venue}, index=index)
        self.library.write("t", frame)
        self.megabytes = sum(file.stat().st_blocks * 512 for file in root.rglob("*") if file.is_file()) / 1e6

    def full(self):
        return self.library.read("t", columns=["px", "size"]).data["size"].to_numpy()

    def day(self, start, end):
        import pandas as pd

        span = pd.Timestamp(start), pd.Timestamp(end) - pd.Timedelta(1, "ns")
        return len(self.library.read("t", columns=["px", "size"], date_range=span).data)
