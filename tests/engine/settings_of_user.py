"""Settings that tests change."""

RATE = 1
