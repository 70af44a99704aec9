"""How long a client waits before it tries again, so that many do not come at once."""

import random

FIRST_PAUSE, GROWTH, LONGEST_PAUSE = 0.5, 1.2, 15.0
"""Seconds, as in the pages: a service that is started again is back within seconds."""
STEADY, EVEN = 12, 0.9
"""For so many turns one keeps to the time that the service asks for (a node is replaced within it), and to so
much of it at least: then as many come at any time."""


def pause(attempt: int) -> float:
    """Full jitter: anything between nothing and the exponential bound, in seconds."""
    return random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * GROWTH**attempt))


def evenly(spread: float, turn: int) -> float:
    """For one of many who wait for the same, where the service says how long they should take together: at
    first anything within that, then nearly all of it each time. In seconds."""
    bound = min(LONGEST_PAUSE, spread * GROWTH ** max(0, turn - STEADY))
    return random.uniform(EVEN * bound if turn else 0.0, bound)
