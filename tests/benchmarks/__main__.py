"""``python -m tests.benchmarks NAME …``: run the benchmark in the module of that name."""

from __future__ import annotations

import sys
from importlib import import_module

NAMES = ("answers", "detection", "light", "speed", "tables")


def main(arguments: list[str]) -> None:
    if not arguments or arguments[0] not in NAMES:
        sys.exit(f"{__doc__}\nThere are: {', '.join(NAMES)}")
    import_module(f"tests.benchmarks.{arguments[0]}").main(arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
