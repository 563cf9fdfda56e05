"""An orderly end of a command that is interrupted: what was scanned is stored, and what was started is closed."""

from __future__ import annotations

import os
import signal
import sys
from _thread import interrupt_main
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Timer
from typing import Any

__all__ = ["INTERRUPTED", "end_in_order", "ignore", "say_no_more"]

INTERRUPTED = 130  # 128 + SIGINT, as shells count
SIGNALS = (signal.SIGINT, signal.SIGTERM)
AGAIN_S = 0.02
CLOSING_S = 60.0  # a busy machine takes some seconds


def end_in_order() -> Callable[[], None]:
    """Let Ctrl-C, and the end that a batch system or container sends, interrupt the command; return what undoes it.

    A process that goes on, such as a notebook's, is left as it was; a closing after an interruption is not.
    """
    before, hook = {number: signal.signal(number, interrupt) for number in SIGNALS}, sys.unraisablehook
    sys.unraisablehook = interrupt_again

    def undo() -> None:
        sys.unraisablehook = hook
        for number, handler in before.items():
            if signal.getsignal(number) is interrupt:
                signal.signal(number, handler)

    return undo


def interrupt(_number: int, _frame: object) -> None:
    """Interrupt the command, and let nothing interrupt the closing of what it started."""
    for number in SIGNALS:
        signal.signal(number, hurry)
    raise KeyboardInterrupt


def interrupt_again(unraisable: sys.UnraisableHookArgs) -> None:
    """Interrupt once more where an interruption came while Python cleaned up an object, and could not be raised."""
    if not isinstance(unraisable.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
        return
    exchange(hurry, interrupt)
    begin_timer(AGAIN_S, interrupt_main)


def hurry(number: int, frame: object) -> None:
    """Let the closing go on, but not for ever; whoever sends many signals at once still gets an orderly end."""
    os.write(2, f"feii-dask: closing what was started, for {CLOSING_S:.0f} s at most\n".encode())
    hurry_silently(number, frame)


def hurry_silently(_number: int, _frame: object) -> None:
    """Let the rest of the closing go on, but not for ever."""
    ignore()
    begin_timer(CLOSING_S, partial(os._exit, INTERRUPTED))  # workers see that their parent is gone, and end


def begin_timer(seconds: float, function: Callable[[], object]) -> None:
    """Call a function later, unless this process has ended."""
    timer = Timer(seconds, function)
    timer.daemon = True
    with suppress(RuntimeError):  # a Python that ends begins no thread
        timer.start()


def exchange(handler: Callable[[int, Any], None], other: Callable[[int, Any], None] | signal.Handlers) -> None:
    """Put another handler in the place of one."""
    for number in SIGNALS:
        if signal.getsignal(number) is handler:
            signal.signal(number, other)


def ignore() -> None:
    """Let nothing interrupt the rest of a closing; a Python that ends would let a signal end it, with another code."""
    exchange(hurry, signal.SIG_IGN)
    exchange(hurry_silently, signal.SIG_IGN)


def say_no_more() -> None:
    """Let nothing be said behind the last line of a command."""
    exchange(hurry, hurry_silently)
