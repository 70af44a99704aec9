"""`python -m media`: a worker, compiled where that was done; without that it is `python -m media.worker`."""

import sys
from collections.abc import Sequence
from importlib import import_module

from media import compiled


def main(arguments: Sequence[str] | None = None) -> int:
    compiled.use()
    code: int = import_module("media.worker").main(arguments)
    return code


if __name__ == "__main__":
    sys.exit(main())
