"""The front doors of store and market: light to open, complete."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from atomloom import market, store


@pytest.mark.parametrize("room", [market, store])
def test_every_export_loads(room):
    assert sorted(room.__all__) == dir(room)
    for name in room.__all__:
        assert getattr(room, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute"):
        room.nothing_like_this  # noqa: B018


def test_opening_the_doors_loads_nothing_heavy():
    heavy = "{'numba', 'pandas', 'h5py', 'pyarrow', 'hdf5plugin', 'scipy'}"
    code = f"import atomloom.market, atomloom.store, atomloom.data, sys; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
    code = f"""
import sys
from atomloom.market import VPINConfig
from atomloom.store import Trades
VPINConfig(nu=0), Trades([0], [1], [1])
print({heavy} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_reference_page_names_every_export(root):
    named = set(re.findall(r"\w+", (root / "docs" / "reference" / "market.md").read_text(encoding="utf-8")))
    assert set(market.__all__) <= named, f"docs/reference/market.md lacks {sorted(set(market.__all__) - named)}"
