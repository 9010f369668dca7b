"""Where the numbers of a block of configurations lie: one lane of 64 for each, rows of lanes one after the other."""

from __future__ import annotations

LANES = 64
"""Configurations that are simulated side by side; every row of lanes is eight 512-bit registers."""
STEPS = 8
"""Values of a lane that are turned into statistics at a time."""
RUINED = 1e-30
"""Value of a portfolio that has lost everything: its return of that period is exactly -1, and 0 from then on."""

# rows of the state of a block; the first eleven are statistics, updated together
S1, S2, S3, S4 = 0, 1, 2, 3  # sums of the powers of returns; S1 and S2 since the last cut
DOWN, HITS = 4, 5  # sum of squares of negative returns; number of positive ones
PEAK, LOW, LOW_PEAK, PEAK_ROW, UNDER = 6, 7, 8, 9, 10  # highest value, worst pair of value and peak, longest fall
LAST = 11  # value before the first of the eight that follow
VALUES = 12
CASH = 20  # in money, bears no interest
SCRATCH = 21
TRADED, PAID, TRADES, CAPITAL, RUIN_ROW = 22, 23, 24, 25, 26
SUM1, SUM2 = 27, 28  # totals of S1 and S2 over all segments
SCALED = 29  # how often the unit of money was made larger by SCALE
STATE_ROWS = 30

SCALE = 2.0**60
"""A lane that is worth more than this, or less than its reciprocal, is measured in another unit."""

# rows of what a lane is asked to do
ASK_BAND, ASK_INTERVAL, ASK_RATE, ASK_FEE, ASK_STEP, ASK_LAG, ASK_CALENDAR, ASK_RELATIVE = 0, 1, 2, 3, 4, 5, 6, 7
ASK_ROWS = 8

# rows of what is given back for each configuration
OUT = (
    "s1", "s2", "s3", "s4", "down", "hits", "low", "low_peak", "under", "value", "turnover", "cost", "trades",
    "ruin_row",
)  # fmt: skip
"""Sums of the first four powers of returns and of squares of losses; positive returns; the value and peak of the
deepest drawdown; rows of the longest; last value; weight traded, costs and trades; price row of ruin or -1."""
VALUE_OUT = OUT.index("value")
