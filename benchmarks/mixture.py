"""How fast the mixture is, beside other programs that choose a number of components.

`python -m benchmarks.mixture` runs each program in a fresh process of its own, one after another,
with one thread for BLAS and OpenMP. An answer is checked before its time is printed: weights of
sum one, covariances positive definite; and its message length is computed by one function, the
same for all (`benchmarks.checks`). The exit status is 1 where a check of ours fails; a target that
is missed, or a peer that fails, is only printed.
"""

import argparse
import os
import platform
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_info

from benchmarks import experiments
from benchmarks.codes import mnist_codes
from benchmarks.peers import (
    ANNIHILATION,
    GMM_MML,
    OURS,
    PEERS,
    SAME_CRITERION,
    SINGLE,
    Outcome,
    run_peer,
)
from benchmarks.sizes import sizes
from benchmarks.small import component_update, start_up, threads
from benchmarks.tables import number, print_table, seconds
from benchmarks.timing import PATIENCE, REPEATS, busy_core
from xenoglyph.mixture import kernels
from xenoglyph.versions import library_versions

Array = NDArray[np.float64]

HEADER = ("program", "k", "dl", "CPU s", "wall s", "CPU / ours", "wall / ours")
PARTS = ("codes", "paper", "sizes", "update", "start", "threads")
# A message that is longer by less, in nats, is as short.
TIE = 0.005


def compare(title: str, X: Array) -> list[str]:
    """Run every program on X; print a table; return the checks of ours that failed."""
    outcomes: dict[str, Outcome] = {}
    for name in PEERS:
        outcomes[name] = run_peer(name, X, outcomes[OURS].k if outcomes else 0)
    ours = outcomes[OURS]
    if ours.refused:
        return [f"{title}: {ours.refused}"]
    print_table(title, HEADER, [_row(one, ours) for one in outcomes.values()])
    print()
    for one in outcomes.values():
        if one.refused:
            print(f"{one.name}: no answer: {one.refused}")
    failures = []
    for name in (OURS, SAME_CRITERION, ANNIHILATION):
        print(_claim(outcomes[name], outcomes[GMM_MML]), flush=True)
        if outcomes[name].refused:
            failures.append(f"{title}: {name}: {outcomes[name].refused}")
    return failures


def _row(one: Outcome, ours: Outcome) -> list[str]:
    if one.refused:
        return [one.name, "none", *[""] * (len(HEADER) - 2)]
    cpu, wall, _ = one.cost
    row = [one.name, str(one.k), f"{one.dl:,.2f}", seconds(cpu), seconds(wall)]
    return [*row, number(cpu / ours.cost.cpu), number(wall / ours.cost.wall)]


def _claim(ours: Outcome, theirs: Outcome) -> str:
    """Say how much faster ours is than gmm-mml; only where its answer is no worse."""
    if ours.refused or theirs.refused:
        return f"{ours.name}: no claim, for {theirs.name} or ours has no answer"
    longer = ours.dl - theirs.dl
    if longer > TIE:
        return (
            f"{ours.name}: no claim against {theirs.name}, for our dl is {longer:,.2f} nats longer"
        )
    times = theirs.cost.cpu / ours.cost.cpu, theirs.cost.wall / ours.cost.wall
    faster = f"{number(times[0])} times less CPU and {number(times[1])} times less wall"
    answer = f"{-longer:,.2f} nats shorter" if longer < -TIE else "as short"
    return f"{ours.name}: {faster} than {theirs.name}, and our dl is {answer}"


def paper(quick: bool) -> list[str]:
    """Compare on the sets of Figueiredo & Jain's experiments."""
    sets: dict[str, Array] = {
        "Three elongated Gaussians (experiment 1)": experiments.three_elongated(_random()),
        "Overlapping Gaussians (experiment 2)": experiments.overlapping(_random()),
        "McLachlan & Peel's three Gaussians (experiment 3)": experiments.mclachlan(_random()),
        "Iris": experiments.iris(),
    }
    failures = []
    for name, X in list(sets.items())[: 1 if quick else None]:
        failures += compare(f"{name}, n = {len(X)}, d = {X.shape[1]}", X)
    return failures


def _random() -> np.random.Generator:
    return np.random.default_rng(0)


def _work(arguments: argparse.Namespace) -> list[str]:
    """Do the parts that are asked for; return the checks that failed."""
    wanted = PARTS if arguments.only is None else (arguments.only,)
    rows, what = np.empty((0, 6)), ""
    if {"codes", "update", "threads"} & set(wanted):
        rows, what = mnist_codes()
    if arguments.quick:
        rows, what = rows[::5].copy(), f"every fifth row of the {what}"
    parts: dict[str, Callable[[], list[str]]] = {
        "codes": lambda: compare(f"{what[:1].upper()}{what[1:]}", rows),
        "paper": lambda: paper(arguments.quick),
        "sizes": lambda: sizes(arguments.quick, arguments.large),
        "update": lambda: component_update(rows),
        "start": start_up,
        "threads": lambda: threads(rows),
    }
    failures = []
    for part in wanted:
        failures += parts[part]()
    return failures


def _print_machine() -> None:
    """Print what a time depends on besides the program."""
    versions = library_versions()
    names = ("xenoglyph", "python", "numpy", "scipy", "scikit-learn")
    print(", ".join(f"{name} {versions[name]}" for name in names) + f", kernels {kernels.name}")
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores")
    for pool in threadpool_info():
        if "architecture" in pool:
            print(f"{pool['internal_api']} {pool['version']}, kernels for {pool['architecture']}")
    print(
        "Each program in a process of its own, one thread for BLAS and OpenMP, without imports;\n"
        f"least seconds of up to {REPEATS} fits, as many as begin within {PATIENCE:.0f} s. "
        "dl is in nats, the shorter the better.\nRatios are a program's seconds over those of "
        f"{OURS} (the default), which minimises another\nform of the message length; "
        f"{SAME_CRITERION} minimises dl.\n{SINGLE}: one fit, told the k that ours found."
    )


def main() -> int:
    """Run what the command line asks for; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mixture", description=__doc__)
    parser.add_argument("--only", choices=PARTS, help="one part instead of all")
    parser.add_argument("--quick", action="store_true", help="fewer and smaller sets")
    parser.add_argument("--large", action="store_true", help="a size of 10,000,000 rows too")
    parser.add_argument(
        "--busy", action="store_true", help="everything again while a core is kept busy"
    )
    arguments = parser.parse_args()
    _print_machine()
    failures = _work(arguments)
    if arguments.busy:
        print("\nAgain, with one core kept busy by a process that spins")
        with busy_core():
            failures += _work(arguments)
    for failure in failures:
        print(f"\nFAILED {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
