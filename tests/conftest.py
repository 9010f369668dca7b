"""Settings of every test: hypothesis without a clock, and interrupts that arrive."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A deadline is a timed assertion; this machine's load is nobody's bug.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("house")

# A shell starts what it puts into the background with SIGINT ignored, and children inherit that:
# tests of Ctrl-C would wait for a signal that nobody receives.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository root."""
    return Path(__file__).resolve().parents[1]
