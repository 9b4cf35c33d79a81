"""The command `rmaudit calibrate`: its options, and where the page goes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rmaudit.arguments import BatteryName, Confidence, Limit, Names, Profile, Seed, command, split
from rmaudit.errors import UsageError
from rmaudit.terminal import Meter

Runs = Annotated[int, typer.Option(help="Audits of noise alone.")]
RecallRuns = Annotated[int, typer.Option(help="Audits of each feature at each alpha; at most --runs.")]
Alphas = Annotated[str | None, typer.Option(help="Sizes to plant, in SD, with commas between them.")]
Features = Annotated[str | None, typer.Option(help="Features to plant, with commas between them (default: all).")]
Workers = Annotated[int, typer.Option(help="Processes.")]
Page = Annotated[Path | None, typer.Option("--out", help="File for the page (default: printed).")]


def calibrate(
    runs: Runs = 400,
    recall_runs: RecallRuns = 100,
    alphas: Alphas = None,
    features: Features = None,
    workers: Workers = 2,
    out: Page = None,
    probes: Names = None,
    profile: Profile = "full",
    limit: Limit = None,
    seed: Seed = 0,
    confidence: Confidence = 0.95,
    battery: BatteryName = "core",
) -> None:
    """Audit scorers whose answer is known: how often noise is called a bias, and how often a planted bias is found."""
    from rmaudit import api
    from rmaudit.outputs import check_target, write_atomically
    from rmaudit.validity import calibrating
    from rmaudit.validity.features import load_features

    audit = api.prepare(
        probes=split(probes), profile=profile, limit=limit, seed=seed, confidence=confidence, battery=battery,
        command=command(sys.argv[1:]),
    )  # fmt: skip
    if out is not None:
        check_target(out)
    with Meter() as meter:
        page = calibrating.calibrate(
            audit, load_features(split([features] if features else None)), runs=runs, recall_runs=recall_runs,
            alphas=_sizes(alphas), named=features is not None, workers=workers, progress=meter.progress,
        )  # fmt: skip
    if out is None:
        print(page, end="")
    else:
        write_atomically(out, page)
        print(f"Page: {out}")


def _sizes(given: str | None) -> tuple[float, ...]:
    from rmaudit.validity.calibrating import ALPHAS

    if given is None:
        return ALPHAS
    try:
        sizes = tuple(float(part) for part in given.split(","))
    except ValueError:
        raise UsageError(f"--alphas {given}: expected numbers with commas between them, such as 0.1,0.3") from None
    if not all(0 < size < 100 for size in sizes):
        raise UsageError(f"--alphas {given}: expected sizes above 0, in SD")
    return sizes
