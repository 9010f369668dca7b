"""Spectra of irregular times: any band of frequencies, from phases that stay exact for years of nanoseconds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom._lazy import need
from atomloom.engine.budget import resolve_threads, usable_cores
from atomloom.errors import BadInput
from atomloom.market.bars import count
from atomloom.market.exact_phase import FINEST, event_times, event_weights, exact, fixed
from atomloom.market.tables import html_table

if TYPE_CHECKING:
    from fractions import Fraction

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

_PIECE = 6_000_000  # most events at a time: more would wait for fresh memory, fewer for the FFT of each piece
_MOST_MODES = 2**24
_DIRECT = 10**8  # terms up to which a direct sum is soon done


@dataclass(frozen=True, eq=False, repr=False)
class Spectrum:
    """Fourier coefficients of weighted events at evenly spaced frequencies.

    Attributes
    ----------
    low, step : Fraction
        First frequency and spacing, Hz, exact.
    coefficient : (M,) complex128
        Sum of w exp(-2 pi i f (t - origin)).
    origin : int
        ns; phases count from here.
    n_events : int
    total, square : float
        Sum of the weights and of their squares.
    span_ns : int
        From the first event to the last.
    eps : float
        Accuracy that was asked for.
    weighted : bool
        Whether events had weights.

    Examples
    --------
    >>> from fractions import Fraction
    >>> Spectrum(Fraction(1), Fraction(1, 2), np.array([2.0 + 0j, 0j]), 0, 4, 4.0, 4.0, 9, 1e-9).power
    array([1., 0.])
    """

    low: Fraction
    step: Fraction
    coefficient: NDArray[np.complex128]
    origin: int
    n_events: int
    total: float
    square: float
    span_ns: int
    eps: float
    weighted: bool = False

    def __len__(self) -> int:
        return len(self.coefficient)

    def __repr__(self) -> str:
        first, last = float(self.low), float(self.low + self.step * (len(self) - 1))
        return f"Spectrum({self.n_events:,} events, {len(self):,} frequencies, {first:g} .. {last:g} Hz)"

    @property
    def config(self) -> dict[str, Any]:
        """What was asked for, the band as exact fractions of a Hz."""
        return {
            "low": str(self.low),
            "step": str(self.step),
            "modes": len(self),
            "origin": self.origin,
            "eps": self.eps,
            "weighted": self.weighted,
        }

    @property
    def frequency(self) -> NDArray[np.float64]:
        """Frequencies, (M,) float64, Hz."""
        return float(self.low) + np.arange(len(self), dtype=np.float64) * float(self.step)

    @property
    def power(self) -> NDArray[np.float64]:
        """|coefficient|^2 / sum of w^2, (M,) float64: 1 on average for events at random times."""
        real, imaginary = self.coefficient.real, self.coefficient.imag
        return (real * real + imaginary * imaginary) / float(self.square)

    def at(self, frequency: float | Fraction) -> float:
        """Return the power at the frequency nearest to the one given.

        Raises
        ------
        BadInput
            If it lies outside the band.
        """
        place = round((exact(frequency) - self.low) / self.step)
        if not 0 <= place < len(self):
            message = f"{float(frequency):g} Hz lies outside the band of {self!r}. Hint: ask for another band."
            raise BadInput(message)
        return float(self.power[place])

    def peaks(self, n: int = 10) -> NDArray[np.void]:
        """Return the n highest local maxima, (n,) structured array of ``frequency, power``, highest first."""
        count(n, "n")
        power = self.power
        around = np.concatenate([[-np.inf], power, [-np.inf]])
        tops = np.flatnonzero((power > around[:-2]) & (power >= around[2:]))
        best = tops[np.argsort(-power[tops], kind="stable")][:n]
        out = np.zeros(len(best), np.dtype([("frequency", np.float64), ("power", np.float64)]))
        out["frequency"], out["power"] = self.frequency[best], power[best]
        return out

    def to_frame(self) -> pd.DataFrame:
        """Return one row per frequency as a pandas DataFrame."""
        import pandas as pd  # noqa: PLC0415 - heavy; only this method needs it

        return pd.DataFrame({"frequency": self.frequency, "power": self.power})

    def to_dict(self) -> dict[str, Any]:
        """Return the scalars as plain values."""
        best = self.peaks(1)
        return {
            "n_events": self.n_events,
            "n_frequencies": len(self),
            "low": float(self.low),
            "high": float(self.low + self.step * (len(self) - 1)),
            "step": float(self.step),
            "span_seconds": self.span_ns / 1e9,
            "eps": self.eps,
            "power_mean": float(self.power.mean()),
            "peak_frequency": float(best["frequency"][0]),
            "peak_power": float(best["power"][0]),
        }

    def summary(self) -> str:
        """Return the highest peaks in a few lines of text."""
        lines = [f"{self!r}, mean power {self.power.mean():.3g} (1 for random times)"]
        lines += [f"  {row['frequency']:.9g} Hz (every {1 / abs(row['frequency']):.6g} s): power {row['power']:.4g}"
                  for row in self.peaks(5) if row["frequency"]]  # fmt: skip
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return html_table(repr(self), self.to_dict())


def spectrum(
    times: ArrayLike,
    weights: ArrayLike | None = None,
    band: tuple[float | Fraction, float | Fraction] = (0.0, 1 / 30),
    *,
    modes: int | None = None,
    eps: float = 1e-9,
    threads: int | None = None,
) -> Spectrum:
    """Compute the spectrum of events in a band of frequencies.

    Parameters
    ----------
    times : (T,) int64 ns or datetime64
        Of the events, in any order.
    weights : (T,) float64, optional
        1 for each where not given.
    band : (float, float)
        First and last frequency, Hz; Fractions are taken exactly.
    modes : int, optional
        Frequencies, evenly spaced, both ends among them. Without it as many as the span of the data can tell
        apart.
    eps : float
        Greatest error of a coefficient over the sum of the weights without their signs; 1e-12 at the least.
    threads : int, optional
        All physical cores where not given; -1 for all, -2 for all but one; never more than there are.

    Returns
    -------
    Spectrum

    Raises
    ------
    MissingExtra
        If finufft is not installed.
    BadInput
        If times, weights, band or modes cannot be used, or frequencies lie closer together than 2^-128 cycles per ns.

    Notes
    -----
    A nonuniform FFT of type 1 (Barnett, Magland and af Klinteberg 2019, finufft) of the events, demodulated to the
    middle of the band. Frequencies are exact fractions; phases are multiplied out in 128-bit whole numbers and
    reduced modulo one turn before they become floating point, so seven years of nanoseconds cost no digit. O(T + M
    log M) time; 24 bytes for each of up to six million events at a time.

    Examples
    --------
    >>> from fractions import Fraction
    >>> times = np.arange(1000) * 60 * 10**9  # one event a minute
    >>> spectrum(times, band=(Fraction(1, 120), Fraction(1, 30)), modes=4).power.round(6)  # doctest: +SKIP
    array([   0., 1000.,    0., 1000.])
    """
    column = event_times(times)
    given = event_weights(weights, len(column))
    low, high = _ends(band)
    if not low < high:
        message = f"band is ({float(low):g}, {float(high):g}). Hint: give (low, high) in Hz with low < high."
        raise BadInput(message)
    _check_eps(eps)
    origin, last = int(column.min()), int(column.max())
    modes = _modes(modes, low, high, last - origin)
    step = (high - low) / (modes - 1)
    if step < FINEST:
        message = (
            f"the band is {float(high - low):g} Hz wide, {modes:,} frequencies {float(step):g} Hz apart. "
            f"Hint: phases tell frequencies {float(FINEST):.3g} Hz apart from each other, not closer ones."
        )
        raise BadInput(message)
    total, square = (float(len(column)),) * 2 if given is None else (float(given.sum()), float(given @ given))
    coefficient = transform(column, given, origin, (low, step, modes), eps, some_threads(threads))
    return Spectrum(low, step, coefficient, origin, len(column), total, square, last - origin, eps, given is not None)


def transform(
    times: NDArray[np.int64],
    weights: NDArray[np.float64] | None,
    origin: int,
    grid: tuple[Fraction, Fraction, int],
    eps: float,
    threads: int,
) -> NDArray[np.complex128]:
    """Sum w exp(-2 pi i f (t - origin)) at f = low + k step, k < modes, by the nonuniform FFT, piece by piece.

    Examples
    --------
    >>> from fractions import Fraction
    >>> transform(np.array([0]), None, 0, (Fraction(1), Fraction(1), 2), 1e-9, 1).real  # doctest: +SKIP
    array([1., 1.])
    """
    from atomloom.market import spectrum_kernels  # noqa: PLC0415 - numba loads when a formula is first used

    finufft = need("finufft", extra="nufft", why="spectra of irregular times")
    low, step, modes = grid
    spacing, centre = fixed(step), fixed(low + step * (modes // 2))
    pieces = -(-len(times) // max(_PIECE, 8 * modes))
    piece = -(-len(times) // pieces)
    place, strength = np.empty(piece), np.empty(2 * piece)
    plan = finufft.Plan(1, (modes,), 1, max(eps / 4, 1e-14), -1, nthreads=threads)  # its eps is a rough one
    out = np.zeros(modes, np.complex128)

    def prepare(part: NDArray[np.int64], lo: int, hi: int) -> None:
        spectrum_kernels.demodulate(part[lo:hi], origin, spacing, centre, place[lo:hi], strength[2 * lo : 2 * hi])

    with ThreadPoolExecutor(threads) as pool:
        for begin in range(0, len(times), piece):
            part = times[begin : begin + piece]
            n = len(part)
            cuts = [n * k // threads for k in range(threads + 1)]
            for done in [pool.submit(prepare, part, lo, hi) for lo, hi in pairwise(cuts)]:
                done.result()
            charge = strength[: 2 * n].view(np.complex128)
            if weights is not None:
                charge *= weights[begin : begin + n]
            plan.setpts(place[:n])
            out += plan.execute(charge)
    return out


def some_threads(threads: int | None) -> int:
    """Return a number of threads, at most one per physical core: more only stand in each other's way.

    Examples
    --------
    >>> some_threads(1)
    1
    """
    return min(resolve_threads(threads), usable_cores())


def some_sums(
    times: NDArray[np.int64],
    weights: NDArray[np.float64] | None,
    origin: int,
    grid: tuple[Fraction, Fraction, int],
    threads: int,
) -> NDArray[np.complex128]:
    """Sum at a few frequencies as :func:`transform` does; term by term where that is soon done, or finufft absent.

    Examples
    --------
    >>> from fractions import Fraction
    >>> some_sums(np.array([0]), None, 0, (Fraction(1), Fraction(1), 2), 1).real
    array([1., 1.])
    """
    from atomloom.market import spectrum_kernels  # noqa: PLC0415 - numba loads when a formula is first used

    low, step, modes = grid
    if len(times) * modes > _DIRECT and find_spec("finufft") is not None:
        return transform(times, weights, origin, grid, 1e-11, threads)
    words = np.stack([fixed(low + step * k) for k in range(modes)])
    each = np.ones(1) if weights is None else weights
    sums: NDArray[np.complex128] = spectrum_kernels.direct_sum(times, _still(each), origin, words)
    return sums


def _still(column: NDArray[np.float64]) -> NDArray[np.float64]:
    view = column.view()
    view.flags.writeable = False
    return view


def _check_eps(eps: Any) -> None:
    if not isinstance(eps, (int, float)) or not 1e-12 <= eps <= 1e-1:
        message = f"eps is {eps!r}. Hint: give an accuracy from 1e-12 to 0.1."
        raise BadInput(message)


def _ends(band: Any) -> tuple[Fraction, Fraction]:
    if not (isinstance(band, (tuple, list, np.ndarray)) and len(band) == 2):
        message = f"band is {band!r}. Hint: give (low, high) in Hz, for example (0.0, 1 / 30)."
        raise BadInput(message)
    return exact(band[0], "band[0]"), exact(band[1], "band[1]")


def _modes(modes: Any, low: Fraction, high: Fraction, span_ns: int) -> int:
    if modes is None:
        modes = max(2, int((high - low) * span_ns / 10**9) + 1)
        if modes > _MOST_MODES:
            message = (
                f"the band is {float(high - low):g} Hz wide and the data span {span_ns / 1e9:g} s: that tells more "
                f"than {_MOST_MODES:,} frequencies apart. Hint: narrow the band, or give modes."
            )
            raise BadInput(message)
    if isinstance(modes, bool) or not isinstance(modes, (int, np.integer)) or not 2 <= modes <= _MOST_MODES:
        message = f"modes is {modes!r}. Hint: give a whole number from 2 to {_MOST_MODES:,}."
        raise BadInput(message)
    return int(modes)
