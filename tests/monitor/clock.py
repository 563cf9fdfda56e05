"""A clock that tests set."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FakeClock"]


@dataclass
class FakeClock:
    """Returns what it is set to, s."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds
