"""``python -m tests.stress NAME``: start the stress run of that name, print its table, write it into ``results/``."""

from __future__ import annotations

import importlib
import sys

NAMES = ("faults", "memory", "fuzz", "headers", "dashboard", "report", "sofia", "foreign", "kills", "viewers")

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in NAMES:
        sys.exit(f"{__doc__}\nThere are: {', '.join(NAMES)}")
    run = importlib.import_module(f"tests.stress.{sys.argv[1]}")
    if {"-h", "--help"} & set(sys.argv):
        sys.exit(run.__doc__)
    run.main(sys.argv[2:])
