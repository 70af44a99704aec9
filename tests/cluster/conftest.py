"""Two nodes that every test may use which leaves them running."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.cluster.site import Site, site


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def it(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with site(tmp_path_factory.mktemp("site"), "a", "b", lifetime=3) as started:
        yield started
