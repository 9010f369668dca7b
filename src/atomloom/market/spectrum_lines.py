"""Is there a clock in the trades? The power at a line against its neighbours and against surrogates."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.market.bars import count
from atomloom.market.exact_phase import event_times, event_weights, exact, fixed
from atomloom.market.imbalance import check_share
from atomloom.market.spectra import some_sums, some_threads
from atomloom.market.surrogates import Blocks, PValue, blocks_of, check_surrogates, p_value, streams
from atomloom.market.tables import html_table

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

_DAILY = Fraction(1, 86_400)


@dataclass(frozen=True, eq=False, repr=False)
class LineTest:
    """Outcome of a test for a line in the spectrum of event times.

    Attributes
    ----------
    frequency : Fraction
        Of the line, Hz.
    harmonics : int
        The power of the line and of its multiples up to this is added up.
    power : float
        Sum over harmonics of |sum of w exp(-2 pi i h f t)|^2 / sum of w^2; ``harmonics`` for random times.
    neighbour_power : (2 K,) float64
        The same at f + k comb, k = -K .. -1, 1 .. K.
    neighbour_p : PValue
        Neighbours that reach the power of the line.
    surrogate_p : PValue
        Surrogates that do.
    surrogate_power : (S,) float64
    amplitude : float
        Absolute sum of w exp(-2 pi i f t) over the sum of |w|: the share of the weight that beats in step, roughly,
        where it is well above ``1 / sqrt(n_events)``.
    level : float
        Both p-values must be at most this for the line to count as found.
    n_events, n_blocks : int
    block_seconds : float
    comb : Fraction
        Spacing of the neighbours, Hz.
    seed : int
        Of the surrogates.
    weighted : bool
        Whether events had weights.

    Examples
    --------
    >>> line_test(np.arange(500) * 60 * 10**9, Fraction(1, 60), surrogates=99).found
    True
    """

    frequency: Fraction
    harmonics: int
    power: float
    neighbour_power: NDArray[np.float64]
    neighbour_p: PValue
    surrogate_p: PValue
    surrogate_power: NDArray[np.float64]
    amplitude: float
    level: float
    n_events: int
    n_blocks: int
    block_seconds: float
    comb: Fraction
    seed: int
    weighted: bool

    def __repr__(self) -> str:
        what = "found" if self.found else "not found"
        return f"LineTest(every {1 / float(self.frequency):g} s, {what}, {self.contrast:.3g} times its neighbours)"

    @property
    def contrast(self) -> float:
        """Power over the median of the neighbours; NaN where these have none."""
        near = float(np.median(self.neighbour_power))
        return self.power / near if near > 0 else math.nan

    @property
    def config(self) -> dict[str, Any]:
        """What was asked for: with the same times and weights it gives the same test, to the bit."""
        return {
            "frequency": str(self.frequency),
            "harmonics": self.harmonics,
            "neighbours": len(self.neighbour_power) // 2,
            "comb": str(self.comb),
            "block_seconds": self.block_seconds,
            "surrogates": len(self.surrogate_power),
            "seed": self.seed,
            "level": self.level,
            "weighted": self.weighted,
        }

    @property
    def found(self) -> bool:
        """Whether the line stands out among its neighbours and among surrogates, both."""
        return max(self.neighbour_p.value, self.surrogate_p.value) <= self.level

    def to_dict(self) -> dict[str, Any]:
        """Return the scalars as plain values."""
        return {
            "frequency": float(self.frequency),
            "period": 1 / float(self.frequency),
            "harmonics": self.harmonics,
            "power": self.power,
            "contrast": None if math.isnan(self.contrast) else self.contrast,
            "amplitude": self.amplitude,
            "found": self.found,
            "level": self.level,
            **{f"neighbour_{name}": value for name, value in asdict(self.neighbour_p).items()},
            **{f"surrogate_{name}": value for name, value in asdict(self.surrogate_p).items()},
            "n_events": self.n_events,
            "n_blocks": self.n_blocks,
            "block_seconds": self.block_seconds,
            "seed": self.seed,
        }

    def to_frame(self) -> pd.DataFrame:
        """Return the line and its neighbours, one row each, as a pandas DataFrame."""
        import pandas as pd  # noqa: PLC0415 - heavy; only this method needs it

        half = len(self.neighbour_power) // 2
        power = np.concatenate([self.neighbour_power[:half], [self.power], self.neighbour_power[half:]])
        return pd.DataFrame({"offset": np.arange(-half, half + 1), "power": power})

    def summary(self) -> str:
        """Return the outcome in a few lines of text."""
        near, shifted = self.neighbour_p, self.surrogate_p
        return (
            f"line every {1 / float(self.frequency):g} s with {self.harmonics} harmonics: power {self.power:.4g}, "
            f"{self.contrast:.3g} times the median of its {near.n} neighbours (p {near.value:.3g})\n"
            f"surrogates: p {shifted.value:.3g} (95% interval {shifted.low:.3g} to {shifted.high:.3g} of "
            f"{shifted.n:,}); amplitude {self.amplitude:.3g} of {self.n_events:,} events\n"
            + ("a line" if self.found else "no line that both tests see")
            + f" at level {self.level:g}"
        )

    def _repr_html_(self) -> str:
        return html_table(repr(self), self.to_dict())


def line_test(
    times: ArrayLike,
    frequency: float | Fraction = Fraction(1, 60),
    *,
    weights: ArrayLike | None = None,
    harmonics: int = 1,
    neighbours: int = 40,
    comb: float | Fraction = _DAILY,
    block: float | None = None,
    surrogates: int = 999,
    seed: int = 0,
    level: float = 0.05,
    threads: int | None = None,
) -> LineTest:
    """Test whether events keep to a clock, against neighbouring harmonics and against surrogates.

    Parameters
    ----------
    times : (T,) int64 ns or datetime64
    frequency : float or Fraction
        Of the line, Hz; once a minute by default.
    weights : (T,) float64, optional
    harmonics : int
        Short pulses put power into multiples of the line as well: add up that many.
    neighbours : int
        On each side.
    comb : float or Fraction
        Spacing of the neighbours, Hz: one cycle per day, because sessions that repeat daily put power at every
        multiple of it. Once a minute is the 1440th, compared with 1400 .. 1480.
    block : float, optional
        Seconds of the blocks that surrogates shift; five periods where not given.
    surrogates : int
    seed : int
    level : float
    threads : int, optional

    Returns
    -------
    LineTest

    Raises
    ------
    BadInput
        If a parameter is out of range.

    Notes
    -----
    Theory (power is exponential for a Poisson process) calls bursts of trades lines. Here the null hypothesis keeps
    them: the data are cut into blocks of five periods and each block is shifted by a random part of a period as a
    whole. Within blocks nothing changes, between blocks a common beat is lost. A shift of a block only turns its
    Fourier coefficient, so a surrogate costs O(blocks * harmonics), not O(T). What repeats daily at the same
    second, the burst at the open say, is not kept by the shifts: that is what the neighbours are for. Random numbers
    are counter-based (Philox) and keyed by the number of the surrogate. O(T (neighbours + harmonics)) time.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> times = np.sort(rng.integers(0, 2 * 86_400 * 10**9, 5000))
    >>> line_test(times).found
    False
    >>> times[::10] = times[::10] // (60 * 10**9) * 60 * 10**9
    >>> line_test(np.sort(times))
    LineTest(every 60 s, found, ... times its neighbours)
    """
    line, spacing = exact(frequency), exact(comb, "comb")
    count(neighbours, "neighbours")
    if line <= 0 or spacing <= 0 or spacing * neighbours >= line:
        message = (
            f"frequency is {float(line):g} Hz, with {neighbours} neighbours {float(spacing):g} Hz apart. "
            "Hint: all positive, and the neighbours above 0 Hz."
        )
        raise BadInput(message)
    for name, number, most in (("harmonics", harmonics, 64), ("neighbours", neighbours, 10_000)):
        if count(number, name) > most:
            message = f"{name} is {number!r}. Hint: give a whole number from 1 to {most:,}."
            raise BadInput(message)
    check_surrogates(surrogates, seed)
    check_share(level, "level")
    column = event_times(times)
    given = event_weights(weights, len(column))
    length = round((5 / line if block is None else exact(block, "block")) * 10**9)
    if not 1 <= length < 2**62:
        message = f"blocks of {length:,} ns cannot be made. Hint: give block in seconds, five periods or more."
        raise BadInput(message)
    cut = blocks_of(column, given, length)
    total, square = (float(len(column)),) * 2 if given is None else (float(np.abs(given).sum()), float(given @ given))
    near = _neighbours(cut, (line, spacing), harmonics, neighbours, some_threads(threads)) / square
    power, amplitude, others = _surrogates(cut, line, harmonics, surrogates, seed)
    return LineTest(
        frequency=line,
        harmonics=int(harmonics),
        power=power / square,
        neighbour_power=near,
        neighbour_p=p_value(int((near >= power / square).sum()), len(near)),
        surrogate_p=p_value(int((others >= power).sum()), surrogates),
        surrogate_power=others / square,
        amplitude=amplitude / total,
        level=float(level),
        n_events=len(column),
        n_blocks=len(cut.edges) - 1,
        block_seconds=length / 1e9,
        comb=spacing,
        seed=int(seed),
        weighted=given is not None,
    )


def _neighbours(
    cut: Blocks, line: tuple[Fraction, Fraction], harmonics: int, k: int, threads: int
) -> NDArray[np.float64]:
    """Power at f + j comb and its multiples, j = -k .. -1, 1 .. k."""
    frequency, comb = line
    power = np.zeros(2 * k + 1)
    origin = int(cut.times[0])
    for h in range(1, harmonics + 1):
        grid = (h * (frequency - k * comb), h * comb, 2 * k + 1)
        power += np.abs(some_sums(cut.times, cut.weights, origin, grid, threads)) ** 2
    return np.delete(power, k)


def _surrogates(
    cut: Blocks, line: Fraction, harmonics: int, n: int, seed: int
) -> tuple[float, float, NDArray[np.float64]]:
    """Power of the line, its first harmonic's amplitude, and the power of each surrogate."""
    from atomloom.market import spectrum_kernels  # noqa: PLC0415 - numba loads when a formula is first used

    weights = np.ones(1) if cut.weights is None else cut.weights
    weights.flags.writeable = False
    sums = spectrum_kernels.block_sums(cut.times, weights, int(cut.times[0]), fixed(line), harmonics, cut.edges)
    still = np.zeros(len(sums), np.uint64)
    power = float(spectrum_kernels.shifted_power(sums, still))
    others = np.empty(n)
    for number, rng in enumerate(streams(seed, n)):
        shifts = rng.integers(0, 2**64, len(sums), dtype=np.uint64, endpoint=False)
        others[number] = spectrum_kernels.shifted_power(sums, shifts)
    return power, float(abs(sums[:, 0].sum())), others
