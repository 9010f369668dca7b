"""Statistics of the returns of 64 portfolios, from eight values of each, written for vector registers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from llvmlite import ir
from numba import types
from numba.core import cgutils

from atomloom.kernels.jit import vector_code
from atomloom.portfolio.lane_layout import LANES, LAST, PEAK, STEPS
from atomloom.portfolio.lane_words import LONG, WIDTH, constant, data_of, everywhere, fused, load, store, where

if TYPE_CHECKING:
    from collections.abc import Sequence


class Fall(NamedTuple):
    """What is known of a lane's drawdowns: five registers.

    Attributes
    ----------
    peak : register
        Highest value so far.
    low, low_peak : register
        Value and peak of the deepest drawdown.
    peak_row : register
        Row of the peak.
    under : register
        Rows of the longest drawdown.
    """

    peak: Any
    low: Any
    low_peak: Any
    peak_row: Any
    under: Any


def _inverses(builder: Any, values: Sequence[Any]) -> list[Any]:
    """Reciprocals of eight values by one division: of the product of all, times the products of the others."""
    mul = builder.fmul
    pairs = [mul(values[k], values[k + 1]) for k in range(0, STEPS, 2)]
    fours = [mul(pairs[0], pairs[1]), mul(pairs[2], pairs[3])]
    inverse = builder.fdiv(constant(1.0), mul(fours[0], fours[1]))
    halves = [mul(inverse, fours[1]), mul(inverse, fours[0])]
    quarters = [mul(halves[k // 2], pairs[k ^ 1]) for k in range(STEPS // 2)]
    return [mul(quarters[k // 2], values[k ^ 1]) for k in range(STEPS)]


def _sums(builder: Any, values: Sequence[Any], sums: list[Any]) -> list[Any]:
    """Take the eight returns between nine values into S1, S2, S3, S4, DOWN and HITS."""
    nothing, one = constant(0.0), constant(1.0)
    s1, s2, s3, s4, down, hits = sums
    inverses = _inverses(builder, values[:-1])
    for before, value, inverse in zip(values[:-1], values[1:], inverses, strict=True):
        r = builder.fmul(builder.fsub(value, before), inverse)
        square = builder.fmul(r, r)
        loss = where(builder, "<", r, nothing)
        s1, s2 = builder.fadd(s1, r), builder.fadd(s2, square)
        s3, s4 = fused(builder, square, r, s3), fused(builder, square, square, s4)
        down = fused(builder, loss, loss, down)
        hits = builder.select(builder.fcmp_ordered(">", r, nothing), builder.fadd(hits, one), hits)
    return [s1, s2, s3, s4, down, hits]


def _deeper(builder: Any, value: Any, fall: Fall) -> Any:
    """Whether a value is a deeper drawdown: ``value / peak < low / low_peak``, by products unless the peaks agree."""
    products = builder.fcmp_ordered("<", builder.fmul(value, fall.low_peak), builder.fmul(fall.low, fall.peak))
    same = builder.fcmp_ordered("==", fall.low_peak, fall.peak)
    return builder.select(same, builder.fcmp_ordered("<", value, fall.low), products)


def _below(builder: Any, lowest: Any, last: Any, fall: Fall) -> Fall:
    """Take values into the drawdowns none of which is a peak: only the lowest of them can be the deepest."""
    deeper = _deeper(builder, lowest, fall)
    length = builder.fsub(last, fall.peak_row)
    return fall._replace(
        low=builder.select(deeper, lowest, fall.low),
        low_peak=builder.select(deeper, fall.peak, fall.low_peak),
        under=where(builder, ">", length, fall.under),
    )


def _one_by_one(builder: Any, values: Sequence[Any], rows: Sequence[Any], fall: Fall) -> Fall:
    """Take values into the drawdowns, any of which may be a peak."""
    for value, row in zip(values, rows, strict=True):
        higher = builder.fcmp_ordered(">=", value, fall.peak)
        fall = fall._replace(
            peak=builder.select(higher, value, fall.peak), peak_row=builder.select(higher, row, fall.peak_row)
        )
        fall = _below(builder, value, row, fall)
    return fall


def _falls(builder: Any, values: Sequence[Any], rows: Sequence[Any], fall: Fall) -> Fall:
    """Take eight values into the drawdowns: one by one where a lane has a new peak, all at once where none has.

    Both give a lane the same bits: as long as its peak stays, products are compared until the deepest drawdown is
    from this peak, and values from then on; rounding keeps order, so the lowest value decides as the eight would.
    """
    tools = cast("Any", cgutils)
    highest, lowest = values[0], values[0]
    for value in values[1:]:
        highest, lowest = where(builder, ">", value, highest), where(builder, "<", value, lowest)
    peaks = builder.bitcast(builder.fcmp_ordered(">=", highest, fall.peak), ir.IntType(WIDTH))
    slots = [tools.alloca_once_value(builder, register) for register in fall]
    with builder.if_else(builder.icmp_unsigned("!=", peaks, ir.IntType(WIDTH)(0))) as (some, none):
        with some:
            for register, slot in zip(_one_by_one(builder, values, rows, fall), slots, strict=True):
                builder.store(register, slot)
        with none:
            for register, slot in zip(_below(builder, lowest, rows[-1], fall), slots, strict=True):
                builder.store(register, slot)
    return Fall(*(builder.load(slot) for slot in slots))


@vector_code
def lane_statistics(_: Any, s: Any, row: Any, last: Any) -> Any:
    """Take eight values of every lane into its statistics; callable from kernels only.

    Every lane has the same bits whatever its neighbours do, so that a configuration is the same in any block.

    Parameters
    ----------
    s : (STATE_ROWS * 64,) float64
        In and out; rows VALUES to VALUES + 7 have the values. Where there are fewer than eight, the last is repeated.
    row : float64
        Number of the first of the eight returns.
    last : float64
        Number of the last of them; repeated values count as that.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = data_of(context, builder, signature, args, (0,))[0]
        last_row = everywhere(builder, args[2])
        rows = []
        for k in range(STEPS):
            step = everywhere(builder, builder.fadd(args[1], ir.Constant(ir.DoubleType(), float(k))))
            rows.append(where(builder, "<", step, last_row))
        tools = cast("Any", cgutils)
        with tools.for_range_slice(builder, LONG(0), LONG(LANES), LONG(WIDTH), LONG) as (lane, _more):

            def at(k: int, lane: Any = lane) -> Any:
                return builder.add(lane, LONG(k * LANES))

            values = [load(builder, data, at(LAST + k)) for k in range(STEPS + 1)]
            sums = _sums(builder, values, [load(builder, data, at(k)) for k in range(PEAK)])
            for k, register in enumerate(sums):
                store(builder, register, data, at(k))
            fall = Fall(*(load(builder, data, at(k)) for k in range(PEAK, LAST)))
            for k, register in enumerate(_falls(builder, values[1:], rows, fall), start=PEAK):
                store(builder, register, data, at(k))
            store(builder, values[-1], data, at(LAST))
        return context.get_dummy_value()

    return types.void(s, row, last), generate
