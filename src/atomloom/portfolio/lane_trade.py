"""The assets of one lane, one after the other: how far it is off target, and what it holds after a trade."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from llvmlite import ir
from numba import types
from numba.core import cgutils

from atomloom.kernels.jit import vector_code
from atomloom.portfolio.lane_layout import LANES
from atomloom.portfolio.lane_words import LONG, data_of, fold

if TYPE_CHECKING:
    from collections.abc import Callable

# These loops are as long as there are assets: mostly a handful. Compiled from Python, half of the time of a trade
# went into checks for negative places and for overlapping arrays.


def _element(builder: Any, data: Any, at: Any) -> Any:
    return builder.load(builder.gep(data, [at]))


def _of_lane(builder: Any, lane: Any) -> Callable[[Any], Any]:
    """Say where the number of an asset lies in rows of lanes."""
    return lambda i: builder.add(builder.mul(i, LONG(LANES)), lane)


@vector_code
def share_traded(
    _: Any, lane: Any, held: Any, target: Any, scale: Any, prices: Any, row: Any, assets: Any, inverse: Any
) -> Any:
    """Over the assets: weight that target and holdings differ by, and the same times the scale of costs.

    Parameters
    ----------
    lane : int64
    held, target : (assets * 64,) float64
    scale : (columns,) float64
        Of the costs of each column.
    prices : (rows * columns,) float64
    row : int64
        Where the price row begins.
    assets : int64
    inverse : float64
        1 / value of the lane.

    Returns
    -------
    tuple of float64
    """
    pair = cast("Any", types).UniTuple(types.float64, 2)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        held_at, target_at, scale_at, prices_at = data_of(context, builder, signature, args, (1, 2, 3, 4))
        number, kind = ir.DoubleType(), [ir.DoubleType()]
        size = builder.module.declare_intrinsic("llvm.fabs.f64", (), ir.FunctionType(number, kind))
        place = _of_lane(builder, args[0])

        def add(i: Any, sums: list[Any]) -> list[Any]:
            price = _element(builder, prices_at, builder.add(args[5], i))
            weight = builder.fmul(builder.fmul(_element(builder, held_at, place(i)), price), args[7])
            change = builder.call(size, [builder.fsub(_element(builder, target_at, place(i)), weight)])
            return [builder.fadd(sums[0], change), builder.fma(change, _element(builder, scale_at, i), sums[1])]

        sums = fold(builder, args[6], [number(0.0), number(0.0)], add)
        return cast("Any", cgutils).pack_array(builder, sums)

    return pair(lane, held, target, scale, prices, row, assets, inverse), generate


@vector_code
def hold_target(_: Any, lane: Any, held: Any, target: Any, reciprocals: Any, row: Any, assets: Any, value: Any) -> Any:
    """Hold of each asset what its target weight is of a value; gives the sum of the weights.

    Parameters
    ----------
    lane : int64
    held : (assets * 64,) float64
        Out: units of each asset.
    target : (assets * 64,) float64
    reciprocals : (rows * columns,) float64
        Of prices.
    row : int64
        Where the price row begins.
    assets : int64
    value : float64

    Returns
    -------
    float64
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        held_at, target_at, inverse_at = data_of(context, builder, signature, args, (1, 2, 3))
        place = _of_lane(builder, args[0])

        def put(i: Any, sums: list[Any]) -> list[Any]:
            weight = _element(builder, target_at, place(i))
            per_price = _element(builder, inverse_at, builder.add(args[4], i))
            units = builder.fmul(builder.fmul(weight, args[6]), per_price)
            builder.store(units, builder.gep(held_at, [place(i)]))
            return [builder.fadd(sums[0], weight)]

        return fold(builder, args[5], [ir.DoubleType()(0.0)], put)[0]

    return types.float64(lane, held, target, reciprocals, row, assets, value), generate
