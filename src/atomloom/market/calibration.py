"""What a calibration gives back: a row per combination, the best of them, and what its rate is worth."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.market.effects import PARTS, main_effects, pooled, rates, wilson_ends
from atomloom.market.events import wilson
from atomloom.market.points import POINT, config_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from atomloom.market.spec import VPINConfig


@dataclass(frozen=True, eq=False, repr=False)
class Calibration:
    """Events and false positive rates of every combination of a grid, before and after a split in time.

    Attributes
    ----------
    rows : (S * P,) structured array
        ``symbol``, the parameters, and what was found (``n_bars .. infeasible``); a block per symbol, in the
        order of the grid. ``train_`` and ``test_`` columns count the events on either side of the split.
    axes : dict of str to tuple
        Axes of the grid; empty if it was a list of combinations.
    min_events : int
        Judged training events that a combination must have to be called best.
    seconds : dict of str to float
        Work by stage, summed over threads.
    provenance : dict
        Versions, hash of the grid, symbols, trades, split, wall time.

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> from atomloom.market import VPINConfig, calibrate
    >>> from atomloom.store import read_trades
    >>> base = VPINConfig(buckets_per_day=50, support_days=0.5)
    >>> found = calibrate(read_trades(es_2013_09()), {"threshold": (0.8, 0.9), "nu": (0.0, 0.1)}, base=base)
    >>> found
    Calibration(ES, 4 combinations, 4 feasible)
    """

    rows: NDArray[np.void]
    axes: dict[str, tuple[Any, ...]]
    min_events: int = 20
    seconds: dict[str, float] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        feasible, symbols = int((self.rows["infeasible"] == "").sum()), self.symbols
        of = f" of {len(self):,} runs" if len(symbols) > 1 else ""
        combinations = len(self) // max(1, len(symbols))
        return f"Calibration({', '.join(symbols)}, {combinations:,} combinations, {feasible:,}{of} feasible)"

    @property
    def symbols(self) -> list[str]:
        """Instruments, in order."""
        return list(dict.fromkeys(self.rows["symbol"].tolist()))

    @property
    def varied(self) -> list[str]:
        """Parameters that take more than one value."""
        return [name for name in POINT.names or () if len(np.unique(self.rows[name])) > 1]

    @property
    def settings(self) -> dict[str, Any]:
        """What was asked for: parameters that do not vary, values of those that do, split and events needed."""
        rows, varied = self.rows, set(self.varied)
        same = {} if not len(rows) else {name: rows[name][0].item() for name in POINT.names or () if name not in varied}
        if "bucket_volume" in same:
            same["bucket_volume"] = same["bucket_volume"] or None
        values = {name: np.unique(rows[name]).tolist() for name in self.varied}
        kept: dict[str, Any] = {name: self.provenance[name] for name in ("split", "grid") if name in self.provenance}
        return {**same, **values, **kept, "min_events": self.min_events}

    @property
    def looks_ahead(self) -> tuple[str, ...]:
        """Which parts of the signal use data from after the split, in any combination: see ``VPINConfig``."""
        found = {"bucket_volume": (self.rows["bucket_volume"] == 0).any()}
        found |= {name: (self.rows[name] == "sample").any() for name in ("sigma", "cdf")}
        return tuple(name for name, does in found.items() if does)

    def combined(self) -> NDArray[np.void]:
        """Rows with the events of all symbols added up, one per combination (the rows themselves for one symbol)."""
        n = len(self.rows) // len(self.symbols)
        blocks = self.rows.reshape(-1, n)
        out: NDArray[np.void] = blocks[0].copy()
        for prefix in PARTS.values():
            for kind in ("true", "false", "undecided"):
                out[f"{prefix}_{kind}"] = blocks[f"{prefix}_{kind}"].sum(axis=0)
        out["n_events"] = blocks["n_events"].sum(axis=0)
        names = np.array("+".join(self.symbols))
        out = out.astype(
            [(name, names.dtype if name == "symbol" else out.dtype[name]) for name in out.dtype.names or ()]
        )
        out["symbol"] = names
        return out

    def best(self, min_events: int | None = None) -> dict[str, Any] | None:
        """Find the combination with the lowest false positive rate in training, and say what it is worth.

        Parameters
        ----------
        min_events : int, optional
            Judged training events it must have; that of the calibration where not given.

        Returns
        -------
        dict or None
            The parameters, and for ``train`` and ``test`` the rate, its Wilson interval and the events it is
            taken from. Ties go to more training events, then to the order of the grid. None if no
            combination has the events.

        Notes
        -----
        The lowest of many rates is low by selection: only the test part had no hand in choosing it.
        """
        rows = self.combined()
        rate, judged = rates(rows, "train")
        usable = np.flatnonzero(judged >= max(1, self.min_events if min_events is None else min_events))
        if not len(usable):
            return None
        row = rows[usable[np.lexsort((-judged[usable], rate[usable]))[0]]]
        return {"config": config_of(row), **_judgement(row)}

    def config(self, min_events: int | None = None) -> VPINConfig:
        """Give the configuration of :meth:`best`; BadInput if there is none."""
        best = self.best(min_events)
        if best is None:
            message = f"no combination has {self.min_events if min_events is None else min_events} judged training "
            raise BadInput(message + "events. Hint: lower min_events, or give more data.")
        chosen: VPINConfig = best["config"]
        return chosen

    @property
    def false_positive_rate(self) -> float:
        """Rate of :meth:`best` in the test part, which had no hand in choosing it: what ``alerts`` takes.

        Raises
        ------
        BadInput
            If there is no best combination, or none of its test events can be judged.
        """
        best = self.best()
        rate = None if best is None else best["test"]["false_positive_rate"]
        if rate is None:
            message = "the best combination has no event in the test part that can be judged. "
            raise BadInput(message + "Hint: give more data, or lower min_events.")
        return float(rate)

    def shrinkage(self) -> dict[str, Any]:
        """How much worse the best tenth in training does in the test part.

        Returns
        -------
        dict
            ``n`` combinations with enough events in both parts among the best tenth, the ``median`` of test
            rate less training rate over them, and the rate of ``all`` combinations in the test part.
        """
        rows = self.combined()
        train, judged = rates(rows, "train")
        test, tested = rates(rows, "test")
        usable = np.flatnonzero((judged >= max(1, self.min_events)) & (tested > 0))
        top = usable[np.argsort(train[usable], kind="stable")[: -(-len(usable) // 10)]]
        every = float(np.median(test[usable])) if len(usable) else None
        median = float(np.median(test[top] - train[top])) if len(top) else None
        return {"n": len(top), "median": median, "median_test_of_all": every}

    def sensitivity(self, part: str = "all") -> dict[str, float]:
        """Share of the rate's variance that each parameter explains on its own: :func:`main_effects`."""
        return main_effects(self.combined(), self.varied, part)

    def curve(self, over: str = "threshold", part: str = "all") -> pd.DataFrame:
        """Rate of all events pooled by one parameter, for a figure: :func:`pooled`."""
        import pandas as pd  # noqa: PLC0415 - heavy; only this method needs it

        return pd.DataFrame(pooled(self.combined(), [self._known(over)], part))

    def table(self, across: str, down: str, part: str = "all") -> pd.DataFrame:
        """Pooled rate by two parameters, one across and one down, for a heat map."""
        import pandas as pd  # noqa: PLC0415 - heavy; only this method needs it

        found = pd.DataFrame(pooled(self.combined(), [self._known(across), self._known(down)], part))
        return found.pivot_table(index=down, columns=across, values="false_positive_rate", dropna=False)

    def to_frame(self) -> pd.DataFrame:
        """Return a row per symbol and combination, with rates and Wilson intervals of all, train and test."""
        import pandas as pd  # noqa: PLC0415 - heavy; only this method needs it

        frame = pd.DataFrame({name: self.rows[name] for name in self.rows.dtype.names or ()})
        for part, prefix in PARTS.items():
            rate, judged = rates(self.rows, part)
            low, high = wilson_ends(self.rows[f"{prefix}_false"], judged)
            name = "" if part == "all" else f"{part}_"
            for column, values in (("rate", rate), ("low", low), ("high", high)):
                frame[f"{name}false_positive_{column}"] = values
        return frame

    def to_dict(self) -> dict[str, Any]:
        """Return sizes, the best combination, shrinkage, sensitivity, times and provenance as plain values."""
        best = self.best()
        return {
            "n_combinations": len(self.combined()),
            "n_runs": len(self),
            "n_feasible": int((self.rows["infeasible"] == "").sum()),
            "min_events": self.min_events,
            "best": None if best is None else {**best, "config": best["config"].to_dict()},
            "shrinkage": self.shrinkage(),
            "sensitivity": self.sensitivity(),
            "looks_ahead": ",".join(self.looks_ahead),
            "seconds": self.seconds,
            **self.provenance,
        }

    def summary(self) -> str:
        """Return the calibration in a few lines of text, with what it does not show."""
        values = self.to_dict()
        lines = [f"{self!r}, split at {values.get('split')}"]
        best = values["best"]
        if best is None:
            lines.append(f"no combination has {self.min_events} judged training events: nothing to choose from")
        else:
            tries = f"the lowest of {values['n_combinations']:,} correlated tries, so it is low by selection"
            lines += [
                "best in training: " + ", ".join(f"{name} {best['config'][name]}" for name in self.varied),
                f"  training {_said(best['train'])}",
                f"  test     {_said(best['test'])}",
                f"  the training rate is {tries}; only the test rate had no hand in the choice",
            ]
        shrink = values["shrinkage"]
        if shrink["median"] is not None:
            lines.append(
                f"best tenth in training ({shrink['n']:,}): test rate {shrink['median']:+.0%} against training "
                f"(median); all combinations in test: median {shrink['median_test_of_all']:.0%}"
            )
        known = {name: share for name, share in values["sensitivity"].items() if not np.isnan(share)}
        explained = ", ".join(f"{name} {share:.0%}" for name, share in known.items())
        lines.append(f"variance of the rate explained alone by: {explained or 'nothing, it does not vary'}")
        if self.looks_ahead:
            lines.append(f"looks ahead, over the split too, in: {', '.join(self.looks_ahead)}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        lines = "<br>".join(html.escape(line) for line in self.summary().splitlines())
        return f"<div><b>{html.escape(repr(self))}</b><br>{lines}</div>"

    def _known(self, name: str) -> str:
        if name not in self.varied:
            raise BadInput(f"{name!r} does not vary. Hint: choose one of {', '.join(self.varied)}.")
        return name


def _judgement(row: Any) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for part in ("train", "test"):
        false, judged = int(row[f"{part}_false"]), int(row[f"{part}_true"]) + int(row[f"{part}_false"])
        out[part] = {
            "false_positive_rate": false / judged if judged else None,
            "interval": wilson(false, judged) if judged else None,
            "judged": judged,
            "false": false,
        }
    return out


def _said(part: dict[str, Any]) -> str:
    if not part["judged"]:
        return "no event could be judged"
    low, high = part["interval"]
    return (
        f"false positive rate {part['false_positive_rate']:.0%} ({part['false']} of {part['judged']}, "
        f"95% interval {low:.0%} to {high:.0%})"
    )
