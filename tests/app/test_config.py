"""Configuration: what is printed can be read back, and what is wrong is refused with its place."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomloom.app import config
from atomloom.errors import BadInput


@dataclass(frozen=True)
class Inner:
    """Inner settings.

    Attributes
    ----------
    rate, speed : float
        How fast, in metres per second;
        two lines.
    name : str
    """

    rate: float = 0.5
    speed: float = 2.0
    name: str = 'a "quoted" \\ name'


@dataclass(frozen=True)
class Outer:
    """Outer settings.

    Attributes
    ----------
    bars : int
        Bars in each bucket.
    """

    bars: int = 30
    flag: bool = True
    limit: int | None = None
    axes: tuple[float, ...] = (1.0, 2.5)
    inner: Inner = field(default_factory=Inner)


def test_the_printed_default_reads_back_as_the_default(tmp_path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(config.to_toml(Outer(), "A title."))
    assert config.load(file, Outer(bars=1)) == Outer()
    text = file.read_text()
    assert "# Bars in each bucket.\nbars = 30\n" in text
    assert "# How fast, in metres per second;\n# two lines.\nrate = 0.5\nspeed = 2.0\n" in text
    assert "\n\n[inner]\n" in text
    assert "# limit =\n" in text


@given(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(st.characters(codec="utf-8")))
def test_any_value_survives_the_round_trip(bars: int, rate: float, name: str) -> None:
    spec = Outer(bars=bars, inner=Inner(rate=rate, name=name))
    assert config.update(Outer(), tomllib.loads(config.to_toml(spec))) == spec


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("brs = 1", r"settings.toml has no setting 'brs'\. Did you mean 'bars'\?"),
        ("[inner]\nspede = 1", r"inner has no setting 'spede'\. Did you mean 'speed'\?"),
        ("bars = 1.5", r"bars is 1\.5 \(float\); it must be like 30 \(int\)"),
        ("bars = true", r"bars is True \(bool\); it must be like 30 \(int\)"),
        ("inner = 3", "inner is 3; it must be a table"),
        ("axes = 3", r"axes is 3; it must be a list such as \[1\.0, 2\.5\]"),
        ('axes = ["a"]', r"axes is 'a' \(str\); it must be like 1\.0"),
        ("flag = 1", r"flag is 1 \(int\); it must be like True"),
        ("bars = ", "settings.toml is not TOML: "),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(text, said, tmp_path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(text)
    with pytest.raises(BadInput, match=said):
        config.load(file, Outer())


def test_a_file_that_is_no_text_is_refused(tmp_path) -> None:
    file = tmp_path / "settings.toml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="is not UTF-8 text"):
        config.load(file, Outer())


def test_a_whole_number_serves_as_a_float_and_a_list_as_a_tuple() -> None:
    assert config.update(Outer(), {"axes": [1, 2], "inner": {"rate": 3}}) == Outer(
        axes=(1.0, 2.0), inner=Inner(rate=3.0)
    )
