"""search: configurations that a searcher asks for in batches, and is told the scores of."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from atomloom.errors import BadInput, Infeasible
from atomloom.portfolio.asking import ask
from atomloom.portfolio.configs import Configs, as_configs, joined, of_mappings
from atomloom.portfolio.execution import EXECUTION
from atomloom.portfolio.method_table import METHODS, check_names
from atomloom.portfolio.prices import as_prices
from atomloom.portfolio.search_space import Between, RandomSearch, values_of
from atomloom.portfolio.sweep_plan import start_row
from atomloom.portfolio.sweep_table import FIGURES
from atomloom.portfolio.sweeping import sweep
from atomloom.portfolio.trial_ledger import TrialLedger, as_ledger
from atomloom.portfolio.trial_record import TrialRecord, record_of_pruned

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from atomloom.portfolio.prices import Prices
    from atomloom.portfolio.sweep_result import SweepResult

    Reals = NDArray[np.float64]

LESS_IS_BETTER = ("volatility", "max_drawdown", "drawdown_rows", "turnover", "costs", "trades")
"""Figures that a searcher is told the negative of."""
_LAST_ONLY = ("journal", "out", "progress", "verdict", "ledger")  # of the sweep over all trials
_OF_METHODS = frozenset(parameter.name for info in METHODS.values() for parameter in info.parameters)
_OF_HISTORY = ("method", "lookback", "volatility_lookback", "volatility_target")


class Searcher(Protocol):
    """What :func:`search` asks and tells.

    Notes
    -----
    ``ask(k)`` gives up to k configurations: mappings, or :class:`Configs`; None in a list is a trial that was pruned,
    which counts and is not simulated. Nothing ends the search. ``tell(asked, scores)`` gets what was asked for and a
    score for each, the larger the better; nan for those that failed or were pruned. A searcher with a ``space`` (as of
    :class:`RandomSearch`) tells by it how long histories can become.

    Examples
    --------
    >>> class Doubling:
    ...     space = {"method": "momentum", "lookback": [10, 160], "top": 1}
    ...     lookback = 5
    ...
    ...     def ask(self, k):
    ...         self.lookback *= 2
    ...         return [self.space | {"lookback": self.lookback}] if self.lookback <= 160 else []
    ...
    ...     def tell(self, asked, scores):
    ...         assert len(asked) == len(scores)
    >>> prices = np.exp(np.cumsum(np.random.default_rng(0).normal(0.0003, 0.01, (600, 3)), axis=0))
    >>> found = search(prices, Doubling(), 100)
    >>> [found.configs[k]["lookback"] for k in range(len(found))]
    [10, 20, 40, 80, 160]
    """

    def ask(self, k: int, /) -> Any:
        """Propose up to k configurations."""

    def tell(self, asked: Any, scores: Reals, /) -> None:
        """Take their scores."""


def search(
    prices: Any,
    searcher: Any,
    n_trials: int,
    *,
    batch: int = 1000,
    score: str | Callable[[SweepResult], Any] = "sharpe",
    start: Any = None,
    ledger: Any = None,
    **options: Any,
) -> SweepResult:
    """Let a searcher propose configurations in batches and tell it how each did; then judge all of them.

    Parameters
    ----------
    prices : (T, N) array or DataFrame
        See :func:`as_prices`.
    searcher : Searcher
        :class:`OptunaSearch`, :class:`RandomSearch`, or anything with ``ask`` and ``tell``, see :class:`Searcher`.
    n_trials : int
        Trials to be made, pruned ones among them.
    batch : int
        Most that are asked for at a time; a sampler that learns wants some tens, one that does not some thousands.
    score : str or callable
        What the searcher is told: a figure of the table (less of volatility, drawdown, turnover, costs and trades is
        better), or a function of the :class:`SweepResult` of the batch that gives a number for each configuration.
    start : int or time, optional
        Price row of the entry, the same for all. By the longest history of the searcher's ``space`` where not given.
    ledger : path or TrialLedger, optional
        As of :func:`sweep`. What was tried before a search broke off is counted too, and what failed or was pruned.
    **options
        Of :func:`sweep`; its ``n_trials`` is found here.

    Returns
    -------
    SweepResult
        Of every configuration that was asked for, in that order: equal to :func:`sweep` over them all, to the bit.
        ``ledger()`` counts failed and pruned ones too, and so does the verdict.

    Raises
    ------
    BadInput
        For what cannot be used, and a searcher that proposes nothing, more than it is asked for, or no configurations.
    Infeasible
        If no configuration can be worked.

    Notes
    -----
    Every batch is a sweep of its own, and all together are one more, in which they are judged; tables of targets are
    made once. A searcher that learns has looked at every row that its scores are made of: test windows are then no
    longer unseen, and the best of a thousand proposals may be the best of many more. Give a ``score`` of train rows
    only where a stretch is to stay unseen, and compare with a :class:`RandomSearch` of the same space.

    Examples
    --------
    >>> from atomloom.portfolio import Between, RandomSearch
    >>> prices = np.exp(np.cumsum(np.random.default_rng(0).normal(0.0003, 0.01, (600, 3)), axis=0))
    >>> space = {"method": "momentum", "lookback": Between(21, 126), "top": [1, 2], "interval": Between(1, 21)}
    >>> found = search(prices, RandomSearch(space, n=40), 40, batch=16)
    >>> found, found.ledger()["counted"]
    (SweepResult(40 configurations, 472 returns, no splits), 40)
    """
    _whole(n_trials, "n_trials")
    _whole(batch, "batch")
    known = [name for name in inspect.signature(sweep).parameters if name not in ("prices", "configs", "n_trials")]
    check_names("an option of search", options, known)
    if not callable(score) and score not in FIGURES:
        raise BadInput(f"score is {score!r}. Hint: a function, or one of {', '.join(FIGURES)}.")
    given = {name: options.pop(name) for name in ("times", "names") if name in options}
    held = replace(as_prices(prices, **given), memo={})
    asker = _Drawn(searcher) if isinstance(searcher, RandomSearch) else searcher
    if not callable(getattr(asker, "ask", None)) or not callable(getattr(asker, "tell", None)):
        raise BadInput(f"the searcher is {searcher!r}. Hint: an OptunaSearch, or anything with ask(k) and tell(...).")
    book = None if ledger is None else as_ledger(ledger)
    first = _start(start, asker, held)
    batches = _Batches(held, asker, score, options | {"start": first}, book)
    own = None
    try:
        while batches.n_trials < n_trials and batches.another(min(batch, n_trials - batches.n_trials)):
            pass
        asked = batches.asked()
        own = None if book is None else TrialLedger(book.path, book.name, pruned=book.pruned + batches.n_pruned)
        found = sweep(held, asked, start=first, n_trials=batches.n_trials, ledger=own, **options)
    except BaseException as error:
        if own is None or not isinstance(error, Infeasible):  # a sweep that finds nothing to work has counted all
            batches.leave()
        raise
    return replace(found, settings=found.settings | {"pruned": batches.n_pruned if own is None else own.pruned})


class _Kept(TrialLedger):
    """Keeps the records of batches until it is known whether they are counted together."""

    def __init__(self, book: TrialLedger) -> None:
        super().__init__(book.path, book.name)
        self.kept: list[TrialRecord] = []

    def count(self, record: TrialRecord) -> tuple[TrialRecord, ...]:
        """Keep it."""
        self.kept.append(record)
        return (record,)


class _Batches:
    """Batches that were asked for, simulated and told."""

    def __init__(self, prices: Prices, searcher: Any, score: Any, options: Mapping[str, Any], book: Any) -> None:
        self.prices, self.searcher, self.score = prices, searcher, score
        self.options = {name: value for name, value in options.items() if name not in _LAST_ONLY}
        self.parts: list[Configs] = []
        self.book = book
        self.notes = None if book is None else _Kept(book)
        self.n_pruned = 0

    @property
    def n_trials(self) -> int:
        return sum(len(part) for part in self.parts) + self.n_pruned

    def another(self, k: int) -> bool:
        """Ask for a batch, simulate it and tell its scores; false where nothing is proposed any more."""
        asked = _proposals(self.searcher.ask(k), k)
        if not len(asked):
            return False
        whole = isinstance(asked, Configs)
        rows = np.arange(len(asked)) if whole else np.flatnonzero([each is not None for each in asked])
        self.n_pruned += len(asked) - len(rows)
        scores = np.full(len(asked), np.nan)
        try:
            if len(rows):
                configs = as_configs([_own(asked[row]) for row in rows.tolist()])
                found = self._worked(configs)
                self.parts.append(configs)
                if found is not None:
                    scores[rows] = self._scores(found)
        finally:
            self.searcher.tell(asked, scores)
        return True

    def _worked(self, configs: Configs) -> SweepResult | None:
        try:
            return sweep(self.prices, configs, verdict=False, ledger=self.notes, **self.options)
        except Infeasible:  # not one of them; others may
            return None

    def _scores(self, found: SweepResult) -> Reals:
        if callable(self.score):
            scores = np.asarray(self.score(found), dtype=np.float64)
            if scores.shape != (len(found),):
                seen = f"score gave shape {scores.shape} for {len(found):,} configurations"
                raise BadInput(f"{seen}. Hint: a number for each; nan where there is none.")
        else:
            scores = found.figure(self.score) * (-1.0 if self.score in LESS_IS_BETTER else 1.0)
        return np.where(found.codes == 1, np.nan, scores)

    def asked(self) -> Configs:
        """All configurations, one batch after the other."""
        if not self.parts:
            seen = f"pruned all of its {self.n_pruned:,} trials" if self.n_pruned else "proposed no configuration"
            raise BadInput(f"the searcher {seen}. Hint: ask(k) gives up to k mappings.")
        return joined(self.parts)

    def leave(self) -> None:
        """Count what was tried before the search broke off."""
        if self.notes is None or not (self.notes.kept or self.n_pruned):
            return
        *records, last = self.notes.kept or [record_of_pruned(self.prices, 0, self.book)]
        for record in (*records, replace(last, pruned=self.n_pruned + self.book.pruned)):
            self.book.count(record)


def _proposals(asked: Any, k: int) -> Any:
    """Take what a searcher proposes, or refuse it."""
    if not isinstance(asked, Configs | Sequence) or isinstance(asked, str | bytes):
        hint = f"ask(k) gives a list of up to {k:,} mappings, or Configs; an empty one where there are no more"
        raise BadInput(f"the searcher proposed {asked!r:.60}. Hint: {hint}.")
    if len(asked) > k:
        raise BadInput(f"the searcher proposed {len(asked):,} configurations. Hint: at most {k:,} were asked for.")
    return asked


def _own(config: Any) -> Any:
    """Leave out parameters of other methods: of a space every method gets all."""
    if not isinstance(config, Mapping) or config.get("method") is None:
        return config
    own = _taken_by(config["method"])
    return {name: value for name, value in config.items() if name in own or name not in _OF_METHODS}


def _taken_by(method: Any) -> Any:
    if isinstance(method, str):
        return {parameter.name for parameter in METHODS[method].parameters} if method in METHODS else _OF_METHODS
    if hasattr(method, "get_params"):
        return {"lookback", *method.get_params()}
    try:
        return {"lookback", *inspect.signature(method).parameters}
    except (TypeError, ValueError):
        return _OF_METHODS


class _Drawn:
    """A random search that is asked for its configurations piece by piece."""

    def __init__(self, search: RandomSearch) -> None:
        self.space = search.space
        self._search = search
        self._first = 0

    def ask(self, k: int) -> Any:
        left = min(k, self._search.n - self._first)
        if left <= 0:
            return []
        drawn = replace(self._search, n=left, _first=self._first)
        self._first += left
        return drawn.configs()

    def tell(self, asked: Any, scores: Reals) -> None:
        """Take note of nothing."""


def _start(given: Any, searcher: Any, prices: Prices) -> Any:
    """Entry of all trials: as it was given, or by the longest history that the space has."""
    if given is not None:
        return given
    space = getattr(searcher, "space", None)
    if space is None:
        seen = "nobody says how long histories can become, and all trials need the same start"
        raise BadInput(f"{seen}. Hint: give start=, or the searcher a space.")
    return start_row(ask(_corners(space, len(prices)), 252.0), len(prices), None)


def _corners(space: Mapping[str, Any], rows: int) -> Configs:
    """Give configurations of a space, those with the longest histories among them."""
    axes: dict[str, list[Any]] = {}
    most = rows // 2 - max(_listed("lag", space.get("lag", EXECUTION["lag"].default), 0))
    for name, values in space.items():
        listed = _listed(name, values, most)
        if name == "lag":
            axes[name] = [max(listed)]
        elif name in _OF_HISTORY:
            axes[name] = _ends(listed, most)
        elif name != "skip":  # may be too long for some lookbacks, and makes none longer
            axes[name] = listed[:1]
    return of_mappings([dict(zip(axes, point, strict=True)) for point in itertools.product(*axes.values())])


def _ends(listed: list[Any], most: int) -> list[Any]:
    """Leave of numbers the least, the most, and the longest history that half of the rows allow."""
    others = [value for value in listed if not isinstance(value, int | float)]
    numbers = [value for value in listed if isinstance(value, int | float)]
    if not numbers:
        return others
    middle = max((value for value in numbers if value <= most), default=min(numbers))
    return [*others, *sorted({min(numbers), middle, max(numbers)})]


def _listed(name: str, values: Any, most: int) -> list[Any]:
    """Values of a parameter; of a range both ends, and the longest history that half of the rows allow."""
    if isinstance(values, Between):
        return sorted({values.low, values.high, min(max(values.low, most), values.high)})
    return values_of(name, values)


def _whole(value: Any, name: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadInput(f"{name} is {value!r}. Hint: a whole number of at least 1.")
