"""``python -m tests.replica DIRECTORY``: serve a directory as the archives would, until interrupted."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

from .client import Replica
from .server import serve


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--serve"]:  # the process that `Replica` starts
        asyncio.run(serve(Path(arguments[1]), Path(arguments[2]), arguments[3], int(arguments[4])))
        return
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        sys.exit(__doc__)
    with TemporaryDirectory() as scratch, Replica(Path(arguments[0]), Path(scratch)) as replica:
        for name, value in replica.environment().items():
            print(f"export {name}='{value}'", flush=True)
        with suppress(KeyboardInterrupt):
            Event().wait()


main(sys.argv[1:])
