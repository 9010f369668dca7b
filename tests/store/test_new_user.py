"""What a newcomer's file may be, and whether the advice of a refusal leads on."""

from __future__ import annotations

import pytest

from atomloom.errors import BadInput
from atomloom.store import ingest, open_store, read_csv

MIXED = "symbol,time,price,size\n" + "".join(
    f"{'AB'[k % 2]},2024-03-04T14:30:{k:02d},{100 + k % 2},5\n" for k in range(20)
)


def test_instruments_are_not_mixed_without_a_word(tmp_path) -> None:
    file = tmp_path / "mixed.csv"
    file.write_text(MIXED)
    with pytest.raises(BadInput, match=r"rows of several instruments: 'symbol' is 'A', 'B'.*Hint: "):
        read_csv(file)
    with pytest.raises(BadInput, match="several instruments"):
        ingest(file, tmp_path / "ticks.h5", symbol="X")
    assert not (tmp_path / "ticks.h5").exists()


@pytest.mark.parametrize("name", ["Symbol", "TICKER", "instrument", "instrument_id"])
def test_the_column_may_have_other_names(tmp_path, name) -> None:
    (tmp_path / "mixed.csv").write_text(MIXED.replace("symbol", name, 1))
    with pytest.raises(BadInput, match="several instruments"):
        read_csv(tmp_path / "mixed.csv")


def test_one_instrument_or_columns_by_position_are_taken(tmp_path) -> None:
    file = tmp_path / "one.csv"
    file.write_text(MIXED.replace("\nB,", "\nA,"))
    assert len(read_csv(file).trades) == 20
    file.write_text(MIXED)
    assert len(read_csv(file, columns={"ts": 1, "price": 2, "size": 3}).trades) == 20


def test_a_far_fetched_column_is_not_proposed(tmp_path) -> None:
    file = tmp_path / "named.csv"
    file.write_text("when,paid,lots\n2024-03-04T14:30:00,100,5\n")
    with pytest.raises(BadInput) as refused:
        read_csv(file)
    assert "did you mean" not in str(refused.value)
    file.write_text("tiem,price,size\n2024-03-04T14:30:00,100,5\n")
    with pytest.raises(BadInput, match="did you mean 'tiem'"):
        read_csv(file)


def test_a_format_of_the_other_kind_names_its_sibling(tmp_path) -> None:
    with pytest.raises(BadInput, match=r"kind='trades', or format='quantconnect-quote'"):
        ingest(b"", tmp_path / "ticks.h5", symbol="X", kind="quotes", format="quantconnect")
    with pytest.raises(BadInput, match=r"kind='quotes', or format='tardis-trades'"):
        ingest(b"", tmp_path / "ticks.h5", symbol="X", format="tardis-quotes")


def test_a_file_without_header_names_the_vendor_whose_width_it_has(tmp_path) -> None:
    file = tmp_path / "20131007_ibm.csv"
    file.write_text("33156320,1790500,200,P,20002020,0\n33156321,1790500,200,P,20002020,0\n")
    with pytest.raises(BadInput, match=r"no header.*format='quantconnect' of ingest if it is such"):
        ingest(file, tmp_path / "ticks.h5", symbol="IBM")


def test_fractions_are_refused_with_the_way_to_keep_them(tmp_path) -> None:
    file = tmp_path / "coin.csv"
    file.write_text("time,price,size\n2024-03-04T14:30:00,100,0.5\n")
    with pytest.raises(BadInput, match=r"size is not a whole number.*lot"):
        read_csv(file)
    file.write_text("time;price;size\n2024-03-04T14:30:00;100,25;5\n")
    with pytest.raises(BadInput, match=r"decimal"):
        read_csv(file, delimiter=";")


def test_prices_of_zero_and_below_are_kept_and_can_be_left_out(tmp_path) -> None:
    file = tmp_path / "oil.csv"
    file.write_text(
        "time,price,size\n2020-04-20T18:08:00,0.01,1\n2020-04-20T18:09:00,-37.63,2\n2020-04-20T18:10:00,0,3\n"
    )
    report = ingest(file, tmp_path / "ticks.h5", symbol="CL")
    assert (report.n_stored, report.n_rejected) == (3, 0)
    oil = open_store(tmp_path / "ticks.h5")["CL"]
    assert oil.trades().price.tolist() == [0.01, -37.63, 0.0]
    assert oil.where("price > 0").trades().size.tolist() == [1]
