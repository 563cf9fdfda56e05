"""The faintest jets, beside peers that are given as many false alarms on the same cubes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from .light_clean import KINDS, draw_cube
from .light_figures import Goal, Row, found_row, share_row, statistic_row
from .light_peers import PEERS, best_in_window
from .light_scenes import Run, line_free, rng_of
from .light_search import compare, search

__all__ = ["measure_faint"]

SECTION = 8
SNR = 3.0
GOALS = {0.0: Goal(least=0.92), 250.0: Goal(least=0.88)}
RATE = 0.01  # of false alarms at which all are compared, besides the rate that the detector has as it is


@dataclass(frozen=True)
class Scores:
    """What one cube gave: of each window without a line, or of the one jet.

    Attributes
    ----------
    lines : tuple of bool
        Whether the detector reports a line of any kind.
    p_values : tuple of float
        Its p-values.
    peers : dict
        Scores of the best source of each peer; -inf where there is none.
    """

    lines: tuple[bool, ...]
    p_values: tuple[float, ...]
    peers: dict[str, tuple[float, ...]]


def measure_faint(run: Run) -> Iterator[Row]:
    """Compare what is found at S/N 3 in clean scenes, with as many false alarms in line-free windows of such scenes."""
    for kind in KINDS:
        nulls = run.map(partial(null_scores, kind, run.windows), max(1, run.cubes // 2))
        alarms = [(sum(cube.lines), len(cube.lines)) for cube in nulls]
        yield share_row("a line of any kind in line-free windows", kind, alarms)
        for velocity_kms, goal in GOALS.items():
            jets = run.map(partial(jet_scores, kind, velocity_kms))
            scene = f"{kind}, S/N {SNR:g}, {'±' if velocity_kms else ''}{velocity_kms:g} km/s"
            yield from compared_rows(scene, nulls, jets, goal)


def compared_rows(scene: str, nulls: list[Scores], jets: list[Scores], goal: Goal) -> Iterator[Row]:
    """Yield what is found of jets, as the detector is and with a set number of false alarms."""
    ours = [cube.lines[0] for cube in jets]
    yield found_row("a line of any kind", scene, ours, goal)
    own_rate = sum(sum(cube.lines) for cube in nulls) / sum(len(cube.lines) for cube in nulls)
    yield from peer_rows(scene, "as it is", ours, own_rate, nulls, jets)
    cut = quantile([p for cube in nulls for p in cube.p_values], RATE)
    equal = [cube.p_values[0] < cut for cube in jets]
    what = f"{100 * RATE:g} % false alarms"
    yield found_row(f"the detector, {what}", scene, equal)
    yield from peer_rows(scene, what, equal, RATE, nulls, jets)


def peer_rows(
    scene: str, what: str, ours: list[bool], rate: float, nulls: list[Scores], jets: list[Scores]
) -> Iterator[Row]:
    """Yield what each peer finds with so many false alarms, and by how much the detector finds more."""
    for name in PEERS:
        scores = [-score for cube in nulls for score in cube.peers[name]]
        least = -quantile(scores, rate)
        found = [cube.peers[name][0] > least for cube in jets]
        yield found_row(f"{name}, {what}", scene, found)
        more = [float(mine) - float(its) for mine, its in zip(ours, found, strict=True)]
        goal = Goal(least=0.0) if "SoFiA" in name else Goal()
        yield statistic_row(f"the detector less {name}, {what}", scene, more, np.mean, goal)


def quantile(values: list[float], rate: float) -> float:
    """Return the largest threshold below which there is no more than a share of the values.

    Examples
    --------
    >>> quantile([3.0, 1.0, 2.0, 4.0], 0.5)
    3.0
    """
    ordered = np.sort(values)
    return float(ordered[int(rate * ordered.size + 1e-9)])


def null_scores(kind: str, windows: int, seed: int, number: int) -> Scores:
    """Search the windows of one clean cube."""
    cube = draw_cube(kind, rng_of(seed, SECTION, number), number).cube
    lines = line_free(cube, windows)
    answers = [search(cube, line) for line in lines]
    peers = {name: find(cube) for name, find in PEERS.items()}
    scores = {name: tuple(best_in_window(peer, line)[0] for line in lines) for name, peer in peers.items()}
    return Scores(tuple(one.is_line for one in answers), tuple(one.p_value for one in answers), scores)


def jet_scores(kind: str, speed_kms: float, seed: int, number: int) -> Scores:
    """Search one jet in a clean cube; what is found elsewhere does not count."""
    rng = rng_of(seed, SECTION, number, 1 + round(speed_kms))
    drawn = draw_cube(kind, rng, number, speed_kms * float(rng.choice([-1, 1])), SNR)
    answer = search(drawn.cube, drawn.line)
    right = compare(answer, drawn.truth).line
    scores: dict[str, tuple[float, ...]] = {}
    for name, find in PEERS.items():
        score, its = best_in_window(find(drawn.cube), drawn.line)
        scores[name] = (score if compare(its, drawn.truth).line else -np.inf,)
    return Scores((right,), (answer.p_value if right else 1.0,), scores)
