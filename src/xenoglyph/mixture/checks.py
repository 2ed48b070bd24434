"""What the estimator accepts: one clear error for whatever it does not."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _check_feature_names, _check_sample_weight, validate_data

from xenoglyph.errors import DataError

__all__ = [
    "check_choice",
    "check_features",
    "check_integer",
    "check_positive",
    "check_rate",
    "check_threads",
    "checked_table",
    "checked_weights",
    "refuse_not_finite",
]

Array = NDArray[np.float64]


def checked_table(
    estimator: BaseEstimator, X: ArrayLike, *, reset: bool, missing: bool, least: int = 1
) -> Array:
    """Return X as a float64 table.

    Parameters
    ----------
    estimator : BaseEstimator
        Whose number and names of features X must have, or sets where `reset`.
    X : array-like of shape (n_samples, n_features)
    reset : bool
    missing : bool
        Whether values may be missing (NaN).
    least : int, default=1
        Fewest rows.

    Raises
    ------
    DataError
        If X is masked, holds dates, or a value that is not finite: the first is named.
    ValueError
        If X is no table of numbers, or another number of features than was fitted.
    """
    if isinstance(X, np.ma.MaskedArray):
        raise DataError(
            "X is a masked array, whose mask would be ignored; give X.filled(numpy.nan) with "
            "missing='marginal', or the rows without masked values."
        )
    types = getattr(X, "dtypes", None)  # of a frame
    for dtype in [getattr(X, "dtype", None)] if types is None else np.atleast_1d(types):
        if getattr(dtype, "kind", "") in ("M", "m") or getattr(dtype, "is_temporal", bool)():
            raise DataError(f"X holds dates or durations ({dtype}); give numbers.")
        if getattr(dtype, "kind", "") in ("U", "S"):
            raise DataError("X holds text; give numbers.")
    try:
        table = validate_data(
            estimator, X, dtype=np.float64, reset=reset, ensure_min_samples=least,
            ensure_all_finite=False,
        )  # fmt: skip
    except OverflowError as error:
        raise DataError(f"X holds a number beyond what float64 holds ({error}).") from error
    table = np.asarray(table)
    refuse_not_finite(table, missing)
    return table


def check_features(estimator: BaseEstimator, X: Any, *, reset: bool) -> None:
    """Check number and names of the columns of a table that is not looked at, or set them.

    Raises
    ------
    ValueError
        If they are not those that were fitted.
    """
    # Dask's frames tell their columns by an empty frame; arrays have none.
    frame = getattr(X, "_meta", X)
    _check_feature_names(estimator, frame if hasattr(frame, "columns") else None, reset=reset)
    n_features = int(X.shape[1]) if hasattr(X, "shape") else len(X.columns)
    if reset:
        estimator.n_features_in_ = n_features
    elif n_features != estimator.n_features_in_:
        raise DataError(
            f"X has {n_features} features, but {type(estimator).__name__} is expecting "
            f"{estimator.n_features_in_} features as input."
        )


def refuse_not_finite(table: Array, missing: bool, first: int = 0) -> None:
    """Raise DataError on a value that cannot be used; the first row has number `first`."""
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(table.sum()):
            return
    bad = np.isinf(table) if missing else ~np.isfinite(table)
    if not bad.any():
        return
    row, column = np.unravel_index(int(bad.argmax()), bad.shape)
    value = "NaN" if np.isnan(table[row, column]) else "infinity"
    advice = "drop or replace it"
    if value == "NaN":
        advice += ", or fit with missing='marginal'"
    raise DataError(
        f"Input X contains {value} at row {first + row}, column {column} ({bad.sum()} such "
        f"value(s) in all, NaN and infinity together); {advice}."
    )


def checked_weights(sample_weight: ArrayLike | None, table: Array) -> Array:
    """Return the weights as float64, shape (n_samples,).

    Raises
    ------
    DataError
        If a weight is negative or all of them are zero, or their sum is not finite.
    ValueError
        If there is not one finite number for each row.
    """
    s = np.asarray(_check_sample_weight(sample_weight, table, dtype=np.float64))
    if (s < 0.0).any():
        raise DataError("sample_weight has negative entries; give each row zero or more.")
    with np.errstate(over="ignore"):
        total = s.sum()
    if not np.isfinite(total) or total > 1e100:
        raise DataError("sample_weight sums up to too much; divide it by a constant.")
    if total == 0.0:
        raise DataError("sample_weight is zero everywhere; give two rows or more some weight.")
    if total < 1e-305:
        raise DataError("sample_weight sums up to too little; multiply it by a constant.")
    return s


def check_integer(name: str, value: Any, least: int, otherwise: str = "") -> None:
    """Raise DataError unless `value` is an integer of at least `least`."""
    if not _is_integer(value) or value < least:
        raise DataError(
            f"{name}={value!r} was given; give an integer of at least {least}{otherwise}."
        )


def check_threads(value: Any) -> None:
    """Raise DataError unless `value` is what joblib takes for a number of jobs."""
    if value is not None and (not _is_integer(value) or value == 0):
        raise DataError(
            f"n_jobs={value!r} was given; give a positive integer, -1 for all processors or None."
        )


def _is_integer(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.bool_))


def check_positive(name: str, value: Any, otherwise: str = "") -> None:
    """Raise DataError unless `value` is a positive finite number."""
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not number or not 0.0 < value < np.inf:
        raise DataError(f"{name}={value!r} was given; give a positive number{otherwise}.")


def check_rate(name: str, value: Any) -> None:
    """Raise DataError unless `value` is a number of at least 0 and less than 1."""
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not number or not 0.0 <= value < 1.0:
        raise DataError(f"{name}={value!r} was given; give a number of at least 0 and below 1.")


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    """Raise DataError unless `value` is one of the choices."""
    if not isinstance(value, str) or value not in choices:
        raise DataError(f"{name}={value!r} is not known; choose one of {', '.join(choices)}.")
