"""The mixture as a scikit-learn estimator: validation, the contract, nothing else."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    DensityMixin,
    TransformerMixin,
)
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from xenoglyph.errors import DataError
from xenoglyph.mixture import kernels
from xenoglyph.mixture.blocks import Rows, Standardisation, standardisation
from xenoglyph.mixture.cem2 import Objective, Parameters, cem2
from xenoglyph.mixture.covariance import Covariance, parse
from xenoglyph.mixture.message_length import kappa, model_length
from xenoglyph.mixture.start import random_start, spread_of
from xenoglyph.progress import Progress, quiet

__all__ = ["MMLGaussianMixture"]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]


class MMLGaussianMixture(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, DensityMixin, BaseEstimator
):
    """Gaussian mixture that chooses its own number of components in one fit.

    Starts from `max_components` and lets component-wise EM annihilate what the data do not pay
    for, by minimum message length (Figueiredo & Jain, IEEE TPAMI 24(3), 2002).

    Parameters
    ----------
    max_components : int, default=25
        Number of components at the start; lowered to the number of rows where there are fewer.
    min_components : int, default=1
        Fewest components to try.
    covariance_type : {"full", "diag", "spherical"}, default="full"
        Structure of each component's covariance. Features are standardised inside, so that
        "spherical" means one variance in units of each feature's own standard deviation.
    criterion : {"program", "eq15"}, default="program"
        Form of the message length: as the authors' program has it, or as their equation 15 is
        printed. The printed one charges less for a component.
    prior_scatter : float, default=0.01
        Weight of the prior on covariances, in rows: each component is given this many rows'
        worth of the data's own covariance, and the message length its price. It keeps
        components from shrinking onto a point, whatever the units of the data.
    tol : float, default=1e-5
        Nats per row that a sweep must save for the next one to follow.
    max_sweeps : int, default=1000
        Most sweeps at one number of components.
    record_parameters : bool, default=False
        Whether ``trace_`` keeps the mixture of every sweep (for an animation).
    random_state : int, RandomState or None, default=None
        Chooses the rows on which the components start.

    Attributes
    ----------
    n_components_ : int
        Number of components found, k.
    weights_ : array of shape (k,)
    means_ : array of shape (k, d)
    covariances_ : array of shape (k, d, d)
        For every covariance type.
    message_length_ : float
        Description length of data and mixture, in nats.
    labels_ : array of shape (n_samples,)
        Most probable component of each fitted row.
    trace_ : Trace
        Every sweep and every annihilation.
    n_iter_ : int
        Sweeps over all components, over the whole fit.
    n_features_in_ : int
        Number of features, d.

    References
    ----------
    M. A. T. Figueiredo and A. K. Jain, "Unsupervised learning of finite mixture models",
    IEEE Transactions on Pattern Analysis and Machine Intelligence 24(3), 381-396, 2002.

    Examples
    --------
    >>> import numpy as np
    >>> from xenoglyph import MMLGaussianMixture
    >>> random = np.random.default_rng(0)
    >>> X = np.concatenate([random.normal(m, 1.0, (200, 2)) for m in (-6.0, 0.0, 6.0)])
    >>> MMLGaussianMixture(random_state=0).fit(X).n_components_
    3
    """

    def __init__(
        self,
        max_components: int = 25,
        *,
        min_components: int = 1,
        covariance_type: str = "full",
        criterion: str = "program",
        prior_scatter: float = 1e-2,
        tol: float = 1e-5,
        max_sweeps: int = 1000,
        record_parameters: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.max_components = max_components
        self.min_components = min_components
        self.covariance_type = covariance_type
        self.criterion = criterion
        self.prior_scatter = prior_scatter
        self.tol = tol
        self.max_sweeps = max_sweeps
        self.record_parameters = record_parameters
        self.random_state = random_state

    def fit(
        self,
        X: ArrayLike,
        y: object = None,
        sample_weight: ArrayLike | None = None,
        *,
        progress: Progress = quiet,
    ) -> Self:
        """Find the mixture of least message length.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
        y : ignored
        sample_weight : array of shape (n_samples,), optional
            Non-negative; an integer weight counts as that many equal rows.
        progress : callable, optional
            See `xenoglyph.progress`.

        Returns
        -------
        self

        Raises
        ------
        DataError
            If a parameter is out of range, a feature is constant, or a weight is negative.
        ValueError
            If X is not a finite table of numbers with at least two rows.
        """
        self._check_parameters()
        table = self._table(X, reset=True)
        weights = _check_sample_weight(sample_weight, table, dtype=np.float64)
        if (weights < 0.0).any():
            raise DataError("sample_weight has negative entries; give each row zero or more.")
        kept = weights > 0.0
        if kept.sum() < 2:
            raise DataError("Fewer than two rows have a positive sample_weight; give two or more.")
        rows = _standardised(table[kept], weights[kept])
        structure = parse(self.covariance_type)
        spread = spread_of(rows)
        prior = self.prior_scatter * (np.diagonal(spread) if structure.diagonal else spread)
        k = min(self.max_components, len(rows.s))
        start = random_start(rows, structure, spread, k, check_random_state(self.random_state))
        best, self.trace_ = cem2(
            rows,
            start,
            Objective(structure, kappa(self.criterion), prior),
            k_min=self.min_components,
            tol=self.tol,
            max_sweeps=self.max_sweeps,
            record_parameters=self.record_parameters,
            progress=progress,
        )
        self._adopt(best, rows.standardisation, structure)
        self.message_length_ = next(s.message_length for s in self.trace_.sweeps if s.chosen)
        self.n_iter_ = len(self.trace_.sweeps) - 1
        self.labels_ = self._log_terms(table).argmax(axis=0)
        return self

    def predict(self, X: ArrayLike) -> Integers:
        """Most probable component of each row of X, shape (n_samples,)."""
        return np.asarray(self._log_terms(self._table(X)).argmax(axis=0))

    def fit_predict(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> Integers:
        """Fit and return ``labels_``."""
        return np.asarray(self.fit(X, y, sample_weight).labels_)

    def predict_proba(self, X: ArrayLike) -> Array:
        """Posterior probability of each component for each row, shape (n_samples, k)."""
        terms = self._log_terms(self._table(X))
        terms -= logsumexp(terms, axis=0)
        return np.exp(terms.T)

    def transform(self, X: ArrayLike) -> Array:
        """Return the posterior probabilities, as `predict_proba` does."""
        return self.predict_proba(X)

    def score_samples(self, X: ArrayLike) -> Array:
        """Log density of each row in nats, shape (n_samples,)."""
        return np.asarray(logsumexp(self._log_terms(self._table(X)), axis=0))

    def score(self, X: ArrayLike, y: object = None) -> float:
        """Mean log density of the rows, in nats."""
        return float(self.score_samples(X).mean())

    def message_length(self, X: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Message length of X and this mixture, in nats, without the prior on covariances."""
        table = self._table(X)
        s = _check_sample_weight(sample_weight, table, dtype=np.float64)
        N = self._structure.n_parameters(self.n_features_in_)
        model = model_length(self.weights_, N, float(s.sum()), kappa(self.criterion))
        return model - float(s @ self.score_samples(table))

    def sample(
        self,
        n_samples: int = 1,
        *,
        component: int | ArrayLike | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> tuple[Array, Integers]:
        """Draw new rows.

        Parameters
        ----------
        n_samples : int, default=1
        component : int or array of int, optional
            Draw from this component alone, or from these in proportion to their weights.
        random_state : int, RandomState or None, default=None
            None takes the estimator's own.

        Returns
        -------
        X : array of shape (n_samples, n_features)
        components : array of shape (n_samples,)
            Component that each row was drawn from.

        Raises
        ------
        DataError
            If `n_samples` is not a positive integer or there is no such component.
        """
        check_is_fitted(self)
        _check_integer("n_samples", n_samples, 1)
        among = self._components(component)
        random = check_random_state(self.random_state if random_state is None else random_state)
        share = self.weights_[among] / self.weights_[among].sum()
        drawn = random.choice(among, size=n_samples, p=share)
        normal = random.standard_normal((n_samples, self.n_features_in_))
        # x = mu + P^-T z has covariance (P P^T)^-1.
        Z = np.empty_like(normal)
        for m in np.unique(drawn):
            own, factor = drawn == m, self._factors[m]
            step = (
                normal[own] / factor
                if factor.ndim == 1
                else np.linalg.solve(factor.T, normal[own].T).T
            )
            Z[own] = self._standard.mu[m] + step
        units = self._standardisation
        return Z * units.scale + units.centre, drawn

    @property
    def _n_features_out(self) -> int:
        """Number of columns of `transform`, for scikit-learn's feature names."""
        return self.n_components_

    def _adopt(
        self, standard: Parameters, standardisation: Standardisation, structure: Covariance
    ) -> None:
        """Take over a mixture in standardised units; everything fitted but the trace follows."""
        d, scale = len(standardisation.scale), standardisation.scale
        self._standard, self._standardisation = standard, standardisation
        self._structure = structure
        self._factors = [structure.precision_factor(C, d) for C in standard.C]
        self.n_components_ = len(standard.alpha)
        self.weights_ = standard.alpha
        self.means_ = standard.mu * scale + standardisation.centre
        self.covariances_ = structure.dense(structure.in_units(standard.C, scale), d)

    def _components(self, component: int | ArrayLike | None) -> Integers:
        """Numbers of the components that were asked for; all of them for None."""
        k = self.n_components_
        among = np.arange(k) if component is None else np.atleast_1d(np.asarray(component))
        known = among.size and np.issubdtype(among.dtype, np.integer)
        if not known or among.min() < 0 or among.max() >= k:
            raise DataError(f"component={component!r} does not exist; choose 0 to {k - 1}.")
        return among.astype(np.intp)

    def _log_terms(self, table: Array) -> Array:
        """``log alpha_m + log p(x_i | m)``, shape (k, n_samples)."""
        check_is_fitted(self)
        units, d = self._standardisation, self.n_features_in_
        Z = units.apply(table)
        terms = np.empty((self.n_components_, len(table)))
        for m, factor in enumerate(self._factors):
            log_norm = self._structure.log_determinant(factor) - 0.5 * d * np.log(2 * np.pi)
            log_norm += np.log(self.weights_[m]) - units.log_volume
            kernels.log_density(Z, self._standard.mu[m], factor, float(log_norm), terms[m])
        return terms

    def _table(self, X: ArrayLike, *, reset: bool = False) -> Array:
        """Return X as float64, checked; the first of all steps of every public method."""
        if not reset:
            check_is_fitted(self)
        minimum = 2 if reset else 1
        table = validate_data(self, X, dtype=np.float64, reset=reset, ensure_min_samples=minimum)
        return np.asarray(table)

    def _check_parameters(self) -> None:
        _check_integer("min_components", self.min_components, 1)
        _check_integer("max_components", self.max_components, self.min_components)
        _check_integer("max_sweeps", self.max_sweeps, 1)
        for name in ("tol", "prior_scatter"):
            value = getattr(self, name)
            if not (isinstance(value, (int, float)) and 0.0 < value < np.inf):
                raise DataError(f"{name}={value!r} was given; give a positive number.")
        kappa(self.criterion)
        parse(self.covariance_type)


def _standardised(table: Array, weights: Array) -> Rows:
    """Return the rows standardised."""
    units = standardisation(table, weights)
    return Rows(units.apply(table), weights, units)


def _check_integer(name: str, value: Any, least: int) -> None:
    """Raise DataError unless `value` is an integer of at least `least`."""
    integer = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not integer or value < least:
        raise DataError(f"{name}={value!r} was given; give an integer of at least {least}.")
