"""Optuna's samplers as searchers: many asked for at a time, many told at a time."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom._lazy import need
from atomloom.errors import BadInput
from atomloom.portfolio.method_table import check_names
from atomloom.portfolio.search_space import Between, values_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

_PLAIN = bool | int | float | str | None


class OptunaSearch:
    """Lets a study of Optuna propose configurations; for :func:`search`.

    Parameters
    ----------
    study : optuna.study.Study
        One that maximises. Sampler and storage are its own; trials it already has are learnt from, and not counted.
    space : mapping of str to values
        As of :class:`RandomSearch`: a :class:`Between`, a sequence to choose from (unordered, to the sampler), or a
        single value for all.
    where : callable, optional
        Constraint on one configuration: takes some of its parameters by their names and says whether to try it. What it
        refuses is told to the study as pruned, counts as a trial, and is not simulated.

    Raises
    ------
    BadInput
        For a study that minimises or has several objectives, and a space that is none.
    MissingExtra
        Without optuna (``pip install "atomloom[tune]"``).

    Notes
    -----
    Proposals of a batch are made without the results of the same batch: a sampler that learns (TPE, Gaussian processes)
    wants batches of some tens and, if it has it, ``constant_liar=True``. Optuna proposes some hundred (TPE) to some
    thousand (random) configurations a second, and that is how fast such a search is. A sampler that has gone through
    all its points (of a grid, say) ends the search.

    Examples
    --------
    >>> import optuna
    >>> from atomloom.portfolio import Between, search
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=1))
    >>> space = {"method": ["momentum", "inverse_volatility"], "lookback": Between(21, 126), "top": 1, "interval": 5}
    >>> prices = np.exp(np.cumsum(np.random.default_rng(0).normal(0.0003, 0.01, (600, 3)), axis=0))
    >>> found = search(prices, OptunaSearch(study, space), 30, batch=10)
    >>> (
    ...     len(study.trials),
    ...     found.ledger()["counted"],
    ...     found.configs[found.best]["lookback"] == study.best_params["lookback"],
    ... )
    (30, 30, True)
    """

    def __init__(self, study: Any, space: Mapping[str, Any], where: Callable[..., Any] | None = None) -> None:
        if not callable(getattr(study, "ask", None)) or not callable(getattr(study, "tell", None)):
            raise BadInput(f"the study is {study!r}. Hint: optuna.create_study(direction='maximize').")
        directions = [str(getattr(each, "name", each)).lower() for each in getattr(study, "directions", ["maximize"])]
        if directions != ["maximize"]:
            seen = f"the study has the directions {', '.join(directions)}"
            raise BadInput(
                f"{seen}. Hint: optuna.create_study(direction='maximize'); scores are the larger the better."
            )
        if not hasattr(space, "items") or not space:
            raise BadInput("the space has no parameters. Hint: {'lookback': Between(21, 252), ...}.")
        self.study, self.space, self.where = study, dict(space), where
        self._values = {name: values_of(name, own) for name, own in space.items() if not isinstance(own, Between)}
        self.space |= self._values  # a generator is read once
        self._distributions = {
            name: self._distribution(name, own)
            for name, own in space.items()
            if isinstance(own, Between) or len(self._values[name]) > 1
        }
        self._state = need("optuna.trial", extra="tune", why="a search by its samplers").TrialState
        self._asked: list[tuple[Any, bool]] = []
        self._over = False

    def _distribution(self, name: str, values: Any) -> Any:
        kinds = need("optuna.distributions", extra="tune", why="a search by its samplers")
        if not isinstance(values, Between):
            listed = self._values[name]
            plain = all(isinstance(value, _PLAIN) for value in listed)
            return kinds.CategoricalDistribution(listed if plain else range(len(listed)))
        whole = isinstance(values.low, int) and isinstance(values.high, int)
        kind = kinds.IntDistribution if whole else kinds.FloatDistribution
        return kind(values.low, values.high, log=values.log)

    def ask(self, k: int) -> list[dict[str, Any] | None]:
        """Propose k configurations; None for what ``where`` refuses. Nothing once the sampler has ended the study."""
        self._asked = []
        found: list[dict[str, Any] | None] = []
        with self._stoppable():
            try:
                while len(found) < k and not self._over:
                    trial = self.study.ask(self._distributions)
                    self._asked.append((trial, False))
                    config = {name: self._value(name, trial.params) for name in self.space}
                    kept = self._allowed(config)
                    self._asked[-1] = trial, kept
                    found.append(config if kept else None)
            except BaseException:
                for trial, _ in self._asked:  # nobody will tell them
                    self.study.tell(trial, state=self._state.FAIL)
                raise
        return found

    def tell(self, asked: Any, scores: Reals) -> None:  # noqa: ARG002 - trials are kept
        """Tell the study how they did: complete, failed, or pruned."""
        with self._stoppable():
            for (trial, kept), score in zip(self._asked, scores, strict=True):
                if not kept:
                    self.study.tell(trial, state=self._state.PRUNED)
                elif np.isnan(score):
                    self.study.tell(trial, state=self._state.FAIL)
                else:
                    self.study.tell(trial, float(score))
        self._asked = []

    @contextmanager
    def _stoppable(self) -> Iterator[None]:
        """Let a sampler that has gone through all its points end the search: Optuna itself has no word for it here."""
        self.study.stop = lambda: setattr(self, "_over", True)
        try:
            yield
        finally:
            del self.study.stop

    def _value(self, name: str, params: Mapping[str, Any]) -> Any:
        if name not in params:
            return self._values[name][0]
        listed = self._values.get(name)
        if listed is None or all(isinstance(value, _PLAIN) for value in listed):
            return params[name]
        return listed[params[name]]

    def _allowed(self, config: Mapping[str, Any]) -> bool:
        if self.where is None:
            return True
        wanted = wanted_by(self.where)
        check_names("where asks for a parameter that", wanted, config)
        return bool(self.where(**{name: config[name] for name in wanted}))

    def __repr__(self) -> str:
        return f"OptunaSearch({type(self.study.sampler).__name__}, {', '.join(self.space)})"


def wanted_by(function: Callable[..., Any]) -> list[str]:
    """Names that a constraint asks for.

    Examples
    --------
    >>> wanted_by(lambda lookback, interval: interval <= lookback)
    ['lookback', 'interval']
    """
    import inspect  # noqa: PLC0415 - only where there is a constraint

    return list(inspect.signature(function).parameters)
