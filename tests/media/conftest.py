"""For the tests that speak with a worker over real sockets."""

import pytest

from tests.media import rig


@pytest.fixture(params=[True, False], ids=["fast", "plain"])
def both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers of this test run compiled, with many packets in a system call, and then neither."""
    monkeypatch.setattr(rig, "fast", request.param)
