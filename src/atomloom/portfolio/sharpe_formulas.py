"""What a Sharpe ratio is worth: how sure it is, how long it must be watched, and what luck alone would reach.

All ratios are per period, never annualised: mean / standard deviation of the returns of one period. Kurtosis is 3 for
the normal (not in excess of it). Arguments are numbers or arrays that broadcast.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.portfolio.normal import normal_cdf, normal_quantile

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Reals = NDArray[np.float64]

EULER_MASCHERONI = 0.5772156649015329


def probabilistic_sharpe(
    sharpe: ArrayLike, n: ArrayLike, skew: ArrayLike = 0.0, kurtosis: ArrayLike = 3.0, reference: ArrayLike = 0.0
) -> Any:
    """Give the probability that the true Sharpe ratio lies above a reference (PSR).

    Parameters
    ----------
    sharpe : float or array
        Estimated from n returns, per period.
    n : float or array
        Returns it was estimated from; at least 2.
    skew, kurtosis : float or array
        Of these returns; 0 and 3 for the normal.
    reference : float or array
        Per period.

    Returns
    -------
    float or array
        ``Phi((sharpe - reference) sqrt(n - 1) / sqrt(1 - skew sharpe + (kurtosis - 1) / 4 sharpe^2))``; NaN where
        the root is of no positive number, or something is NaN.

    Raises
    ------
    BadInput
        For n below 2, or a kurtosis below 1.

    References
    ----------
    Bailey and Lopez de Prado, The Sharpe Ratio Efficient Frontier, Journal of Risk 15 (2012), equation 9;
    AFML chapter 14.7.

    Examples
    --------
    The paper's fund, two years of months:

    >>> round(probabilistic_sharpe(1.585 / 12**0.5, 24, -2.448, 10.164), 4)
    0.9132
    """
    ratio, length, *shape, least = _numbers(sharpe, n, skew, kurtosis, reference)
    if np.any(length < 2.0):
        raise BadInput(f"n is {np.min(length):g}. Hint: a Sharpe ratio takes at least 2 returns.")
    spread = _spread(ratio, *shape)
    with np.errstate(invalid="ignore", divide="ignore"):
        return normal_cdf((ratio - least) * np.sqrt(length - 1.0) / np.sqrt(spread))


def expected_max_sharpe(n_trials: ArrayLike, std: ArrayLike = 1.0) -> Any:
    """Give the largest Sharpe ratio to be expected among trials that have no edge: what luck alone reaches.

    Parameters
    ----------
    n_trials : float or array
        Number of trials, at least 1. One trial has nothing to be chosen from: 0.
    std : float or array
        Standard deviation of the trials' Sharpe ratios, per period.

    Returns
    -------
    float or array
        ``std ((1 - g) Q(1 - 1 / n) + g Q(1 - 1 / (n e)))`` with the normal quantile Q and Euler's g = 0.5772...

    Raises
    ------
    BadInput
        For fewer than one trial, or a negative deviation.

    Notes
    -----
    With `std` taken over the trials themselves this also holds for correlated trials: the factor
    ``sqrt(1 - correlation)`` by which their largest ratio is smaller is already in the deviation.

    References
    ----------
    Bailey and Lopez de Prado, The Deflated Sharpe Ratio, Journal of Portfolio Management 40 (2014), equation 1.

    Examples
    --------
    >>> expected_max_sharpe(100), expected_max_sharpe(1)
    (2.53060289320..., 0.0)
    """
    trials, spread = _numbers(n_trials, std)
    if np.any(trials < 1.0):
        raise BadInput(f"n_trials is {np.min(trials):g}. Hint: count every trial; there is at least one.")
    if np.any(spread < 0.0):
        raise BadInput(f"std is {np.min(spread):g}. Hint: a standard deviation is not negative.")
    share = 1.0 / np.maximum(trials, 1.0)
    upper = (1.0 - EULER_MASCHERONI) * normal_quantile(share) + EULER_MASCHERONI * normal_quantile(share / math.e)
    return _plain(spread * np.where(trials > 1.0, np.maximum(-upper, 0.0), 0.0))


def deflated_sharpe(
    sharpe: ArrayLike, n: ArrayLike, n_trials: ArrayLike, std: ArrayLike, skew: ArrayLike = 0.0,
    kurtosis: ArrayLike = 3.0, *, n_effective: ArrayLike | None = None,
) -> Any:  # fmt: skip
    """Give the probability that the best of many trials has an edge beyond what luck alone reaches (DSR).

    Parameters
    ----------
    sharpe : float or array
        Of the best trial, per period.
    n : float or array
        Returns it was estimated from.
    n_trials : float or array
        Raw count of all trials, also of those that failed or were dropped.
    std : float or array
        Standard deviation of the Sharpe ratios across the trials, per period.
    skew, kurtosis : float or array
        Of the best trial's returns.
    n_effective : float or array, optional
        Count of independent trials to use instead. Only with a `std` of one trial over samples (about
        ``sqrt(1 / n)``), not across trials: see the notes. Warned about.

    Returns
    -------
    float or array
        PSR with ``expected_max_sharpe(n_trials, std)`` as the reference.

    Warns
    -----
    UserWarning
        When `n_effective` is given.

    Notes
    -----
    The deviation across correlated trials is already smaller by ``sqrt(1 - correlation)``. An effective number of
    trials on top of it corrects twice: with 500 trials without edge, correlated 0.3 or 0.7, it accepted the best in
    half of all searches (bench/bench_verdict.py). For a decision whose error rate is known at any correlation use
    :func:`max_t`; this one accepts too rarely where trials are independent.

    References
    ----------
    Bailey and Lopez de Prado, The Deflated Sharpe Ratio, Journal of Portfolio Management 40 (2014).

    Examples
    --------
    The paper's example: 100 trials whose yearly ratios vary by 1/2, the best 2.5 a year in 1250 days.

    >>> round(deflated_sharpe(2.5 / 250**0.5, 1250, 100, (0.5 / 250) ** 0.5, -3, 10), 4)
    0.9004
    """
    trials = n_trials
    if n_effective is not None:
        warnings.warn(
            "n_effective with a standard deviation across correlated trials corrects twice for their correlation and "
            "lets noise through; give the standard deviation of one trial over samples, or the raw count. "
            "Hint: max_t needs no such number.",
            UserWarning, stacklevel=2,
        )  # fmt: skip
        trials = n_effective
    return probabilistic_sharpe(sharpe, n, skew, kurtosis, expected_max_sharpe(trials, std))


def min_track_record(
    sharpe: ArrayLike, skew: ArrayLike = 0.0, kurtosis: ArrayLike = 3.0, reference: ArrayLike = 0.0,
    confidence: ArrayLike = 0.95,
) -> Any:  # fmt: skip
    """Give how many returns are needed to be sure that a Sharpe ratio lies above a reference (MinTRL).

    Parameters
    ----------
    sharpe : float or array
        Per period.
    skew, kurtosis : float or array
    reference : float or array
        Per period.
    confidence : float or array
        Strictly between 0 and 1.

    Returns
    -------
    float or array
        Periods: ``1 + (1 - skew sharpe + (kurtosis - 1) / 4 sharpe^2) (Q(confidence) / (sharpe - reference))^2``;
        inf where the ratio does not lie above the reference.

    Raises
    ------
    BadInput
        For a confidence that is none.

    References
    ----------
    Bailey and Lopez de Prado, The Sharpe Ratio Efficient Frontier, Journal of Risk 15 (2012), equation 11.

    Examples
    --------
    A yearly ratio of 2 rather than 1, in years of daily returns:

    >>> round(min_track_record(2 / 250**0.5, reference=1 / 250**0.5) / 250, 4)
    2.7312
    """
    ratio, *shape, least, sure = _numbers(sharpe, skew, kurtosis, reference, confidence)
    if np.any((sure <= 0.0) | (sure >= 1.0)):
        raise BadInput("confidence is not between 0 and 1. Hint: give for example 0.95.")
    above = ratio - least
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        needed = 1.0 + _spread(ratio, *shape) * (normal_quantile(sure) / above) ** 2
    return _plain(np.where(above <= 0.0, np.inf, needed))


def min_backtest_length(n_trials: ArrayLike, sharpe: ArrayLike = 1.0) -> Any:
    """Give how long a backtest must be so that luck among so many trials is not expected to reach a Sharpe ratio.

    Parameters
    ----------
    n_trials : float or array
        Independent trials; correlated ones need less.
    sharpe : float or array
        Ratio of the best, for example a year; the answer then is in years.

    Returns
    -------
    float or array
        ``(expected_max_sharpe(n_trials) / sharpe)^2``, in the unit of time of the ratio; inf for a ratio of 0 or less.

    References
    ----------
    Bailey, Borwein, Lopez de Prado and Zhu, Pseudo-Mathematics and Financial Charlatanism, Notices of the AMS 61
    (2014), theorem 1 (before its upper bound ``2 ln(n_trials) / sharpe^2``).

    Examples
    --------
    With 45 trials, five years of data are used up by luck:

    >>> round(min_backtest_length(45), 3)
    4.998
    """
    trials, ratio = _numbers(n_trials, sharpe)
    with np.errstate(divide="ignore", invalid="ignore"):
        length = (np.asarray(expected_max_sharpe(trials)) / ratio) ** 2
    return _plain(np.where(ratio <= 0.0, np.inf, length))


def _numbers(*given: ArrayLike) -> list[Any]:
    try:
        return [np.asarray(value, dtype=np.float64) for value in given]
    except (TypeError, ValueError) as error:
        raise BadInput(f"an argument is no number: {error}. Hint: give floats or arrays of them.") from None


def _spread(sharpe: Reals, skew: Reals, kurtosis: Reals) -> Reals:
    """Give n times the variance of an estimated ratio; NaN where the moments allow none."""
    if np.any(kurtosis < 1.0):
        message = f"kurtosis is {np.min(kurtosis):g}; no distribution has less than 1. Hint: it is 3 for the normal."
        raise BadInput(message)
    spread: Reals = 1.0 - skew * sharpe + 0.25 * (kurtosis - 1.0) * sharpe**2
    return np.where(spread > 0.0, spread, np.nan)


def _plain(values: Any) -> Any:
    found = np.asarray(values)
    return float(found) if found.ndim == 0 else found
