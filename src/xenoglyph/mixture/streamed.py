"""`partial_fit`: what a mixture of a stream is to scikit-learn."""

from abc import abstractmethod
from typing import Self

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from xenoglyph.errors import DataError
from xenoglyph.mixture.blocks import is_lazy
from xenoglyph.mixture.checks import checked_table, checked_weights
from xenoglyph.mixture.covariance import Covariance
from xenoglyph.mixture.fitted import FittedMixture
from xenoglyph.mixture.fitting import Fitted, Settings, find_mixture
from xenoglyph.mixture.reservoir import Reservoir, counted
from xenoglyph.mixture.rows import Rows
from xenoglyph.mixture.stream import SAMPLE, Stream, Way
from xenoglyph.progress import quiet

__all__ = ["StreamedMixture"]


class StreamedMixture(FittedMixture):
    """A mixture that goes on learning."""

    covariance_type: str
    forgetting_rate: float
    min_components: int
    n_jobs: int | None
    _stream: Stream

    @abstractmethod
    def _check_parameters(self) -> None: ...

    @abstractmethod
    def _structures(self) -> dict[str, Covariance]: ...

    @abstractmethod
    def _settings(self, structure: Covariance) -> Settings: ...

    def partial_fit(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Learn from the next rows of a stream, and forget old ones; see `forgetting_rate`.

        Any number of rows may come at a time, one too, and none is asked for again. The first
        ones are kept until there are 2 (d + 1) different rows and no feature is constant; until
        then there is no mixture, and `predict` raises NotFittedError. After `fit` the stream goes
        on from the mixture that was found, as if its rows had just come. Another call of `fit`
        starts anew.

        Components keep their places as long as they live, and one that is born comes last.
        ``message_length_`` and ``lower_bound_`` are of the stream as it is remembered, each row
        judged before it was learned; ``trace_`` holds the last 1,000 calls, births and deaths,
        and there are no ``labels_``. A batch that is refused changes nothing.

        Memory is bounded: a sample of 16,384 rows, and sums to each component. A component is
        found once the sample holds enough of its rows, which takes about a 200th of all.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional
            Non-negative; an integer weight counts as that many equal rows.

        Returns
        -------
        self

        Raises
        ------
        DataError
            As `fit` does; and if the mixture was loaded from a file, which holds what it takes
            to predict and not what it takes to go on.
        """
        self._check_parameters()
        if is_lazy(X):
            raise DataError(
                "X is lazy, and partial_fit learns rows that are there; give one part after the "
                "other, computed, or all of it to fit."
            )
        structures = self._structures()
        stream = self._stream_so_far(structures)
        marginal = self.missing == "marginal"
        table = checked_table(self, X, reset=stream is None, missing=marginal)
        s = checked_weights(sample_weight, table)
        kept = s > 0.0
        if marginal:
            kept &= ~np.isnan(table).all(axis=1)
        if not kept.all():
            table, s = table[kept], s[kept]
        stream = stream or self._new_stream()
        stream.absorb(table, s, self._way(structures, stream.random))
        if stream.found is not None:
            self._adopt(stream.found, stream.covariance_type)
            self.n_iter_ = stream.updates
            self.__dict__.pop("labels_", None)
        self._stream = stream
        return self

    def __sklearn_is_fitted__(self) -> bool:
        """Whether there is a mixture: rows that are only kept are none."""
        return hasattr(self, "_fitted")

    def _stream_so_far(self, structures: dict[str, Covariance]) -> Stream | None:
        """Return a copy of the stream, or one that begins with the last fit; None for neither."""
        fitted = getattr(self, "_fitted", None)
        stream: Stream | None = getattr(self, "_stream", None)
        if fitted is not None and self.covariance_type_ not in structures:
            raise DataError(
                f"covariance_type={self.covariance_type!r} was given, but the stream began with "
                f"{self.covariance_type_!r}; start anew with fit."
            )
        if stream is not None and stream.found is fitted:
            return stream.copy()
        if fitted is None:
            return None
        if not hasattr(self, "trace_"):
            raise DataError(
                "This mixture was loaded from a file, which holds what it takes to predict, not "
                "what it takes to go on learning; start anew with fit."
            )
        stream = self._new_stream()
        n = float(counted(np.array([fitted.objective.n]), self.forgetting_rate)[0][0])
        stream.begin(fitted, n)
        stream.covariance_type = self.covariance_type_
        return stream

    def _new_stream(self) -> Stream:
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        sample = Reservoir.empty(SAMPLE, self.n_features_in_)
        return Stream(sample, np.random.RandomState(seed))

    def _way(self, structures: dict[str, Covariance], random: np.random.RandomState) -> Way:
        def search(rows: Rows) -> tuple[Fitted, str]:
            found = {
                name: find_mixture(rows, self._settings(one), random, None, quiet)
                for name, one in structures.items()
            }
            name = min(found, key=lambda name: found[name].trace.chosen.message_length)
            return found[name], name

        return Way(
            float(self.forgetting_rate),
            search,
            lambda name: self._settings(structures[name]),
            int(self.min_components),
            effective_n_jobs(self.n_jobs),
        )
