"""The benchmark in one figure: what is found, what is invented, and what p-values promise."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["draw"]

COLORS = {"notebook": "C1", "muselet": "C2", "matched": "C0"}


def draw(directory: Path) -> None:
    """Draw ``detection.png`` from the CSV files in a directory; nothing if one is missing."""
    paths = [directory / f"detection_{name}.csv" for name in ("injection", "null", "calibration")]
    if not all(path.exists() for path in paths):
        return
    injection, null, calibration = (pd.read_csv(path, comment="#") for path in paths)
    figure = Figure(figsize=(11, 8), layout="constrained")
    (velocity, strength), (alarms, promise) = figure.subplots(2, 2)
    cells = injection[(injection["grid"] == "velocity × width") & (injection["fwhm_kms"] == 80)]
    draw_completeness(velocity, cells, "velocity_kms", "velocity (km/s); S/N 5, FWHM 80 km/s")
    cells = injection[(injection["grid"] == "S/N") & (injection["fwhm_kms"] == 80)]
    draw_completeness(strength, cells, "snr", "peak S/N per voxel; 0 km/s, FWHM 80 km/s")
    strength.set_xscale("log")
    draw_alarms(alarms, null[null["figure"] == "false alarms"])
    draw_promise(promise, calibration)
    figure.savefig(directory / "detection.png", dpi=110)


def draw_completeness(axes: Axes, cells: pd.DataFrame, column: str, label: str) -> None:
    """Draw the share of lines that each contender found."""
    for name, part in cells.groupby("contender"):
        errors = [part["share"] - part["low"], part["high"] - part["share"]]
        axes.errorbar(part[column], part["share"], yerr=errors, marker="o", label=name, color=COLORS[str(name)])
    axes.set(xlabel=label, ylabel="found", ylim=(-0.02, 1.02))
    axes.legend()


def draw_alarms(axes: Axes, null: pd.DataFrame) -> None:
    """Draw false alarms per line, by scene."""
    scenes = list(dict.fromkeys(null["scene"]))
    for turn, (name, part) in enumerate(null.groupby("contender")):
        place = [scenes.index(scene) + 0.2 * (turn - 1) for scene in part["scene"]]
        errors = [part["share"] - part["low"], part["high"] - part["share"]]
        axes.errorbar(part["share"], place, xerr=errors, fmt="o", label=name, color=COLORS[str(name)])
    axes.axvline(0.01, color="0.6", linestyle=":")
    axes.set(xscale="log", xlim=(2e-5, 1), xlabel="false alarms per line")
    axes.set_yticks(range(len(scenes)), scenes)
    axes.legend(loc="center left")


def draw_promise(axes: Axes, calibration: pd.DataFrame) -> None:
    """Draw how often a p-value falls below a level, over the level."""
    for scene, part in calibration.groupby("scene", sort=False):
        level = part["alpha"]
        errors = [(part["share"] - part["low"]) / level, (part["high"] - part["share"]) / level]
        axes.errorbar(level, part["share"] / level, yerr=errors, marker="o", capsize=2, label=scene)
    axes.axhline(1.2, color="0.6", linestyle=":")
    axes.set(xscale="log", xlabel="α", ylabel="P(p ≤ α) / α where there is no line")
    axes.legend(fontsize="small")
