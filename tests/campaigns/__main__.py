"""``python -m tests.campaigns faults | memory | fuzz | dashboard``: run one, print its table, and write it into ``results/``."""

from __future__ import annotations

import importlib
import sys

NAMES = ("faults", "memory", "fuzz", "dashboard")

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in NAMES:
        sys.exit(__doc__)
    importlib.import_module(f"tests.campaigns.{sys.argv[1]}").main(sys.argv[2:])
