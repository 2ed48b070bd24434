"""How time and memory grow with rows, features and components."""

import numpy as np

from benchmarks.data import separated
from benchmarks.peers import OURS, SINGLE, Outcome, run_peer
from benchmarks.tables import number, print_table, seconds

__all__ = ["sizes"]

MIB = 1 << 20
# Rows, features, components.
ROWS = ((1_000, 6, 20), (10_000, 6, 20), (100_000, 6, 20), (1_000_000, 6, 20))
FEATURES = ((100_000, 2, 20), (100_000, 16, 20), (100_000, 64, 20))
COMPONENTS = ((100_000, 6, 3), (100_000, 6, 100))
LARGE = (10_000_000, 6, 20)
QUICK = ((1_000, 6, 20), (10_000, 6, 20), (10_000, 2, 3))

HEADER = (
    "n", "d", "true k", "our k", "dl", "CPU s", "wall s", "scikit-learn dl", "CPU s", "wall s",
    "CPU ratio", "extra MiB", "target", "of it",
)  # fmt: skip


def sizes(quick: bool, large: bool) -> list[str]:
    """Fit separated Gaussians of many sizes; print a table; return the checks that failed."""
    points = QUICK if quick else ROWS + FEATURES + COMPONENTS + ((LARGE,) if large else ())
    rows, failures, walls = [], [], {}
    for n, d, k in points:
        X = separated(n, d, k, np.random.RandomState(0))
        ours = run_peer(OURS, X)
        where = f"n = {n:,}, d = {d}, k = {k}"
        if ours.refused:
            failures.append(f"{where}: {ours.refused}")
            continue
        print(f"  {where}: {ours.k} found in {seconds(ours.cost.wall)} s", flush=True)
        rows.append(_row(n, d, k, ours, run_peer(SINGLE, X, ours.k)))
        if (d, k) == (6, 20):
            walls[n] = ours.cost.wall
    title = (
        "Separated Gaussians; scikit-learn is one fit at our k, its times over ours are the ratio."
        "\nOf the fit's extra memory the target is 1.25 n k 8 bytes + 64 MiB, k as found."
    )
    print_table(title, HEADER, rows)
    if len(walls) > 1:
        logs = np.log(list(walls)), np.log(list(walls.values()))
        print(f"\nseconds grow with n^{np.polyfit(*logs, 1)[0]:.2f} (d = 6, 20 components)")
    return failures


def _row(n: int, d: int, k: int, ours: Outcome, theirs: Outcome) -> list[str]:
    row = [f"{n:,}", str(d), str(k), str(ours.k), f"{ours.dl:,.1f}"]
    row += [seconds(ours.cost.cpu), seconds(ours.cost.wall)]
    if theirs.refused:
        row += ["refused", "", "", ""]
    else:
        ratio = theirs.cost.cpu / ours.cost.cpu
        row += [f"{theirs.dl:,.1f}", seconds(theirs.cost.cpu), seconds(theirs.cost.wall)]
        row += [number(ratio)]
    target = 1.25 * n * ours.k * 8 + 64 * MIB
    extra = ours.cost.extra
    return [*row, number(extra / MIB), number(target / MIB), number(extra / target, 2)]
