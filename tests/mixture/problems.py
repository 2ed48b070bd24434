"""Tables, rows and objectives that several tests of the mixture begin with."""

import numpy as np

from xenoglyph.mixture.covariance import parse
from xenoglyph.mixture.fitting import rows_of
from xenoglyph.mixture.message_length import CRITERIA
from xenoglyph.mixture.start import objective_for, random_start


def clusters(seed=0, n=600, d=2, apart=4.0, k=3):
    """Spheres in a row, in random order."""
    r = np.random.default_rng(seed)
    return r.standard_normal((n, d)) + apart * r.integers(0, k, (n, 1))


def rows_from(X, s=None, threads=1):
    return rows_of(np.asarray(X, float), np.ones(len(X)) if s is None else s, threads)


def problem(
    seed=0, n=600, d=2, k=12, name="full", criterion="program", k_min=1, prior=1e-2, missing=0.0
):
    """Rows, an objective, and a start of k components on random rows."""
    X = clusters(seed, n, d)
    if missing:
        X[np.random.default_rng(seed + 1).uniform(size=X.shape) < missing] = np.nan
        X = X[~np.isnan(X).all(axis=1)]
    rows = rows_from(X)
    o = objective_for(rows, parse(name), CRITERIA[criterion], prior, k_min, np.inf, True)
    return rows, o, random_start(rows, o, k, np.random.RandomState(seed))
