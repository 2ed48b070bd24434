"""What a fitted mixture can do: label, judge, draw; nothing of how it was found."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    DensityMixin,
    TransformerMixin,
)
from sklearn.mixture import GaussianMixture
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from xenoglyph.errors import DataError
from xenoglyph.memory import check_memory, forget_pages
from xenoglyph.mixture import message_length
from xenoglyph.mixture.blocks import ROWS, blocks_of, is_lazy, is_mapped, lazy_table, row_parts
from xenoglyph.mixture.checks import (
    check_features,
    check_integer,
    checked_table,
    checked_weights,
    refuse_not_finite,
)
from xenoglyph.mixture.covariance import Covariance
from xenoglyph.mixture.density import Density, Told
from xenoglyph.mixture.fitting import Fitted
from xenoglyph.mixture.message_length import component_cost, narrow_cost, order_saving, weight_cost

__all__ = ["FittedMixture", "RandomState"]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]
RandomState = int | np.random.RandomState | None
Ask = Callable[[Density, Array], NDArray[Any]]


class FittedMixture(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, DensityMixin, BaseEstimator
):
    """The methods of `MMLGaussianMixture` that need a fitted mixture and nothing else."""

    missing: str
    random_state: RandomState

    def predict(self, X: ArrayLike) -> Integers:
        """Most probable component of each row of X, shape (n_samples,).

        Of a Dask array or DataFrame, all methods that tell something of each row return a lazy
        Dask array; a memory map is read some rows at a time.
        """
        labels: Integers = self._of_rows(X, Density.labels, np.intp)
        return labels

    def predict_proba(self, X: ArrayLike) -> Array:
        """Posterior probability of each component for each row, shape (n_samples, k)."""
        check_is_fitted(self)
        posterior: Array = self._of_rows(X, Density.posterior, np.float64, self.n_components_)
        return posterior

    def transform(self, X: ArrayLike) -> Array:
        """Return the posterior probabilities, as `predict_proba` does."""
        return self.predict_proba(X)

    def score_samples(self, X: ArrayLike) -> Array:
        """Log density of each row in nats, shape (n_samples,).

        Of a row with missing values, the log density of those that are there.
        """
        log_density: Array = self._of_rows(X, Density.log_density, np.float64)
        return log_density

    def score(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> float:
        """Mean log density of the rows, in nats."""
        log_likelihood, _, n, _ = self._told(X, sample_weight)
        return log_likelihood / n

    def message_length(self, X: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Message length of X and this mixture, in nats, without the prior on covariances."""
        log_likelihood, _, n, _ = self._told(X, sample_weight)
        structure, d, k = self._structure, self.n_features_in_, self.n_components_
        criterion, N = self._fitted.objective.criterion, structure.n_parameters(d)
        log_rows = criterion.log_rows(n)
        length = weight_cost(np.log(self.weights_), N) + component_cost(k, N, log_rows)
        length += message_length.shared_cost(structure.n_shared(d), log_rows)
        if criterion.narrow:
            C = self._fitted.parameters.C
            log_det = np.array([structure.log_determinant(c) for c in C])
            S = self._fitted.objective.spread
            whole, seen = np.linalg.slogdet(S)[1], structure.log_determinant(structure.sees(S))
            length += narrow_cost(log_det, float(whole), 1.0)
            length += narrow_cost(log_det, seen, structure.narrowness(d) - 1.0)
            length += narrow_cost(log_det[:1], seen, structure.narrowness_shared(d))
        if criterion.unordered:
            length -= order_saving(k)
        return length - log_likelihood

    def aic(self, X: ArrayLike) -> float:
        """Akaike's information criterion: -2 log-likelihood + 2 parameters; less is better."""
        return -2.0 * self._told(X)[0] + 2.0 * self._n_parameters()

    def bic(self, X: ArrayLike) -> float:
        """Schwarz's criterion: -2 log-likelihood + parameters log n; less is better."""
        log_likelihood, n_rows, _, _ = self._told(X)
        return -2.0 * log_likelihood + self._n_parameters() * float(np.log(n_rows))

    def icl(self, X: ArrayLike) -> float:
        """`bic` plus twice the entropy of the posteriors, in nats; less is better.

        The integrated completed likelihood of Biernacki, Celeux & Govaert (2000), in the form of
        McLachlan & Peel: it does not reward components that overlap.
        """
        return self.bic(X) + 2.0 * self._told(X)[3]

    def sample(
        self,
        n_samples: int = 1,
        *,
        component: int | ArrayLike | None = None,
        random_state: RandomState = None,
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
        check_integer("n_samples", n_samples, 1)
        among = self._components(component)
        random = check_random_state(self.random_state if random_state is None else random_state)
        share = self.weights_[among] / self.weights_[among].sum()
        drawn = random.choice(among, size=n_samples, p=share)
        Z = random.standard_normal((n_samples, self.n_features_in_))
        standard = self._fitted.parameters
        for m in np.unique(drawn):
            own, C = drawn == m, standard.C[m]
            step = Z[own] * np.sqrt(C) if C.ndim == 1 else Z[own] @ np.linalg.cholesky(C).T
            Z[own] = standard.mu[m] + step
        return self._fitted.standardisation.revert(Z), drawn

    def to_sklearn(self) -> GaussianMixture:
        """Return scikit-learn's GaussianMixture with the same weights, means and covariances.

        It predicts the same, and what works on it (ONNX through skl2onnx, say) works on ours.
        """
        check_is_fitted(self)
        kind = {"full": "full", "tied": "tied"}.get(self.covariance_type_, "diag")
        theirs = GaussianMixture(
            self.n_components_, covariance_type=kind, random_state=self.random_state
        )
        theirs.weights_, theirs.means_ = self.weights_.copy(), self.means_.copy()
        for name in ("covariances_", "precisions_", "precisions_cholesky_"):
            ours = getattr(self, name)
            if kind == "tied":
                ours = ours[0]
            elif kind == "diag":
                ours = np.diagonal(ours, axis1=1, axis2=2)
            setattr(theirs, name, ours.copy())
        for name in ("converged_", "n_iter_", "lower_bound_", "n_features_in_"):
            setattr(theirs, name, getattr(self, name))
        if hasattr(self, "feature_names_in_"):
            theirs.feature_names_in_ = self.feature_names_in_
        return theirs

    @property
    def _n_features_out(self) -> int:
        """Number of columns of `transform`, for scikit-learn's feature names."""
        return self.n_components_

    @property
    def _structure(self) -> Covariance:
        return self._fitted.objective.structure

    def _n_parameters(self) -> int:
        k, d, structure = self.n_components_, self.n_features_in_, self._structure
        return k * structure.n_parameters(d) + structure.n_shared(d) + k - 1

    def _adopt(self, fitted: Fitted, covariance_type: str) -> None:
        """Take over a mixture in standardised units; everything fitted but labels follows."""
        self._fitted, self.covariance_type_ = fitted, covariance_type
        standard, units, trace = fitted.parameters, fitted.standardisation, fitted.trace
        structure, d = self._structure, len(units.scale)
        self.n_components_ = standard.k
        self.weights_ = standard.alpha
        self.means_ = units.revert(standard.mu)
        self.covariances_ = structure.dense(structure.in_units(standard.C, units.scale), d)
        L = np.linalg.inv(np.linalg.cholesky(structure.dense(standard.C, d)))
        self.precisions_cholesky_ = L.transpose(0, 2, 1) / units.scale[:, None]
        self.precisions_ = self.precisions_cholesky_ @ self.precisions_cholesky_.transpose(0, 2, 1)
        self.trace_ = trace
        self.message_length_ = trace.chosen.message_length
        self.n_iter_ = len(trace.sweeps) - 1
        self.converged_ = trace.converged
        self.lower_bound_ = trace.chosen.log_likelihood / fitted.objective.n

    def _components(self, component: int | ArrayLike | None) -> Integers:
        """Numbers of the components that were asked for; all of them for None."""
        k = self.n_components_
        among = np.arange(k) if component is None else np.atleast_1d(np.asarray(component))
        known = among.size and np.issubdtype(among.dtype, np.integer)
        if not known or among.min() < 0 or among.max() >= k:
            raise DataError(f"component={component!r} does not exist; choose 0 to {k - 1}.")
        return among.astype(np.intp)

    @property
    def _density(self) -> Density:
        return Density(self._fitted.parameters, self._fitted.standardisation)

    def _of_rows(self, X: Any, ask: Ask, dtype: type, width: int | None = None) -> Any:
        """Ask something of every row; shape (n_samples,), or (n_samples, width)."""
        check_is_fitted(self)
        asked = Asked(self._density, ask, self.missing == "marginal")
        if is_lazy(X):
            check_features(self, X, reset=False)
            table = lazy_table(X)
            shape = {"drop_axis": 1} if width is None else {"chunks": (table.chunks[0], (width,))}
            meta: NDArray[Any] = np.empty((0,) if width is None else (0, width), dtype)
            return table.map_blocks(asked, meta=meta, **shape)
        if not is_mapped(X):
            return asked(self._table(X))
        check_features(self, X, reset=False)
        size = (len(X),) if width is None else (len(X), width)
        n_bytes = int(np.prod(size)) * np.dtype(dtype).itemsize
        check_memory(n_bytes, f"What is told of {len(X):,} rows", "ask for some rows at a time")
        told: NDArray[Any] = np.empty(size, dtype)
        for part in row_parts(len(X)):
            told[part] = asked(X[part], part.start)
            forget_pages(X)
        return told

    def _told(
        self, X: Any, sample_weight: ArrayLike | None = None
    ) -> tuple[float, float, float, float]:
        """See `Told`."""
        check_is_fitted(self)
        told = Told(self._density, self.missing == "marginal")
        blocks = blocks_of(X, sample_weight, 1, lambda d: ROWS)
        if blocks is not None:
            check_features(self, X, reset=False)
            sums = blocks.total(told)
        else:
            table = self._table(X)
            sums = told.of(table, checked_weights(sample_weight, table))
        log_likelihood, n_rows, n, entropy = sums.tolist()
        return log_likelihood, n_rows, n, entropy

    def _table(self, X: ArrayLike) -> Array:
        """Return X as float64, checked; the first of all steps of every public method."""
        check_is_fitted(self)
        return checked_table(self, X, reset=False, missing=self.missing == "marginal")


@dataclass(frozen=True, eq=False)
class Asked:
    """A question about rows, as Dask sends it to where the rows are."""

    density: Density
    ask: Ask
    missing: bool
    __name__: ClassVar[str] = "of_rows"

    def __call__(self, X: Any, first: int = 0) -> Array:
        """Check some rows, the first of them number `first`, and answer."""
        table = np.asarray(X, np.float64)
        refuse_not_finite(table, self.missing, first)
        return self.ask(self.density, table)
