"""How far `atomloom samples` is: samples and megabytes a second, and the time to go, on stderr and in the log."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from atomloom.app.options import Chatter
    from atomloom.app.runs import RunFolder
    from atomloom.samples import Dataset

_SHOWN = 0.1  # seconds between two drawings


class SamplesMeter:
    """Takes the events of an export, or counts of samples; draws a line where stderr is a terminal.

    Parameters
    ----------
    folder : RunFolder or None
        Whose log takes the events.
    chatter : Chatter
    samples : Dataset
    part : str
        What stands before the line.

    Examples
    --------
    >>> from atomloom.app.options import Chatter
    >>> from atomloom.samples import dataset
    >>> samples = dataset({"close": [1.0] * 9}, 1000, {"lookback": 4, "channels": ["close"], "state": []})
    >>> meter = SamplesMeter(None, Chatter(quiet=True), samples)
    >>> meter.begin(250)
    >>> meter.line(500, 2.0)
    ' 50% of 1,000 samples, 125 samples/s, 0.0 MB/s, 0:04 to go'
    """

    def __init__(self, folder: RunFolder | None, chatter: Chatter, samples: Dataset, part: str = "") -> None:
        from atomloom.app.samples_rate import sample_bytes  # noqa: PLC0415  # numpy

        self._folder, self._n, self._part = folder, len(samples), f"{part}: " if part else ""
        self._bytes = sample_bytes(samples)
        self._silent = chatter.quiet or not sys.stderr.isatty()
        self._began = self._last = time.monotonic()
        self._there = 0
        self._left = 1.0
        self._done = 0.0
        self._drawn = False

    def begin(self, there: int) -> None:
        """Count from now on; so many samples are there already."""
        self._began, self._there, self._done = time.monotonic(), there, 0.0

    def __call__(self, event: Any) -> None:
        """Take an event of the engine; an interruption that was lost is found here."""
        from atomloom.app import interrupts  # noqa: PLC0415  # same
        from atomloom.engine.progress import to_json  # noqa: PLC0415  # same

        interrupts.check()
        details = to_json(event)
        kind = details.pop("event")
        if self._folder is not None:
            self._folder.event(kind, **details)
        if kind == "RunStarted":
            shards = event.molecules + event.resumed
            self.begin(round(self._n * event.resumed / max(1, shards)))
            self._left = event.molecules / max(1, shards)
        elif kind == "MoleculeDone":
            self._done += event.share
            self.draw(self._there + round(self._done * self._left * self._n))

    def count(self, done: int) -> None:
        """Take the number of samples that are done; a number that is no larger begins anew."""
        if done <= self._done:
            self.begin(0)
        self._done = done
        self.draw(done)

    def draw(self, done: int) -> None:
        """Draw how far it is, ten times a second at most."""
        now = time.monotonic()
        if self._silent or now - self._last < _SHOWN:
            return
        self._last, self._drawn = now, True
        click.echo(f"\r{self.line(done, now - self._began)}\x1b[K", err=True, nl=False)

    def line(self, done: int, seconds: float) -> str:
        """Say how far it is."""
        rate = (done - self._there) / max(seconds, 1e-9)
        left = f", {_clock((self._n - done) / rate)} to go" if rate > 0 else ""
        share = min(1.0, done / self._n)
        rates = f"{rate:,.0f} samples/s, {rate * self._bytes / 1e6:,.1f} MB/s"
        return f"{self._part}{share:4.0%} of {self._n:,} samples, {rates}{left}"

    def end(self) -> None:
        """Leave the line."""
        if self._drawn:
            click.echo("\r\x1b[K", err=True, nl=False)
            self._drawn = False


def _clock(seconds: float) -> str:
    """Write a duration as hours, minutes and seconds.

    Examples
    --------
    >>> _clock(3675.2)
    '1:01:15'
    """
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
