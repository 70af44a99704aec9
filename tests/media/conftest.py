"""For the tests that speak with a worker over real sockets."""

import pytest

from tests.media import rig


@pytest.fixture(params=[True, False], ids=["batched", "plain"])
def both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers of this test share a system call for many packets, and then they do not."""
    monkeypatch.setattr(rig, "batched", request.param)
