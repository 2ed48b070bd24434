"""The mixture as a scikit-learn estimator: the contract, nothing else."""

from collections.abc import Callable
from typing import Self

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Tags, check_random_state
from threadpoolctl import threadpool_limits

from xenoglyph.errors import DataError
from xenoglyph.mixture import covariance, message_length
from xenoglyph.mixture.block_fit import Sample, check_fits, find_in_blocks, sample_rows
from xenoglyph.mixture.blocks import ArrayBlocks, Blocks, blocks_of, is_lazy
from xenoglyph.mixture.checks import (
    check_choice,
    check_features,
    check_integer,
    check_positive,
    check_rate,
    check_threads,
    checked_table,
    checked_weights,
)
from xenoglyph.mixture.covariance import COVARIANCES, Covariance
from xenoglyph.mixture.fitted import RandomState
from xenoglyph.mixture.fitting import Fitted, Settings, Start, find_mixture, rows_of
from xenoglyph.mixture.rows import Standardisation
from xenoglyph.mixture.scan import draw_rows, scan
from xenoglyph.mixture.state import Parameters
from xenoglyph.mixture.streamed import StreamedMixture
from xenoglyph.progress import Progress, quiet

__all__ = ["MMLGaussianMixture"]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]

SEARCHES = ("split-merge", "annihilation")
LIGHTEST = 1e-15
# What the kernels can count to.
MOST_SWEEPS = 2**31
# What prior_scatter="auto" stands for: see the parameter.
NARROW_PRIOR, PLAIN_PRIOR = 1e-6, 5e-3


class MMLGaussianMixture(StreamedMixture):
    """Gaussian mixture that chooses its own number of components in one fit.

    It minimises the message length, which tells how many nats it takes to describe first the
    mixture and then, with its help, the data (Figueiredo & Jain, IEEE TPAMI 24(3), 2002). By
    default it grows from one component, splitting what the message length asks to split; with up
    to 4,000 rows it also starts from many, and the shorter message wins. It draws no random
    number: the same rows give the same mixture.

    Parameters
    ----------
    max_components : int or "auto", default="auto"
        Most components. With ``search="annihilation"``, the number to start from; "auto" is 25
        there, and doubles as long as most of them survive.
    min_components : int, default=1
        Fewest components.
    covariance_type : {"full", "tied", "diag", "spherical", "tied_diag", "auto"}, default="full"
        Structure of the covariances; "auto" fits every one and takes that of the shortest
        message. Features are standardised inside, so that "spherical" means one variance in
        units of each feature's own standard deviation.
    search : {"split-merge", "annihilation"}, default="split-merge"
        "annihilation" is the algorithm as it was published: component-wise EM from many
        components on random rows, always without the lightest.
    criterion : {"auto", "wallace-freeman", "eq15", "program"}, default="auto"
        Form of the message length: see `xenoglyph.mixture`. "auto" is "wallace-freeman", and
        "program", what the authors' program minimises, with ``search="annihilation"``.
    missing : {"error", "marginal"}, default="error"
        Whether missing values (NaN) are refused, or fitted and predicted around: a row is then
        judged by the values that it has. They must be missing at random.
    prior_scatter : float or "auto", default="auto"
        Weight of the prior on covariances, in rows: each component is given this many rows'
        worth of the data's own covariance, and the message length its price. It keeps
        components from shrinking onto a point, whatever the units of the data. "auto" is 1e-6
        where the criterion itself charges for narrow components ("wallace-freeman"), else 0.005.
    tol : float, default=3e-5
        Nats per row that a sweep must save for the next one to follow.
    max_sweeps : int, default=1000
        Most sweeps in a row, before the next move of the search.
    forgetting_rate : float, default=1e-5
        Of `partial_fit`: share of what it remembers that every further row makes it forget. A row
        counts for exp(-forgetting_rate) of what it did before, all rows together for
        1 / forgetting_rate in the end: the length, in rows, of the window through which the
        mixture sees the stream. 0 forgets nothing.
    warm_start : bool, default=False
        Whether another call of `fit` goes on from the mixture that was found last.
    record_parameters : bool, default=False
        Whether ``trace_`` keeps the mixture of every sweep (for an animation).
    sample_size : int or "auto", default="auto"
        Rows on which the structure is sought, before passes over all rows settle it; a table of no
        more rows is searched whole. "auto" is all rows of an array, and of a Dask collection or a
        memory map as many as a search can take in 256 MiB: about a third of a million of six
        columns.
    n_jobs : int or None, default=None
        Threads that share the rows; None is one, -1 all processors. The result has the same bits
        for any number.
    random_state : int, RandomState or None, default=None
        Chooses the rows on which ``search="annihilation"`` starts, those of a sample
        (`sample_size`), those that `partial_fit` keeps, and what `sample` draws. The sample is
        the same in every fit with None too.

    Attributes
    ----------
    n_components_ : int
        Number of components found, k.
    weights_ : array of shape (k,)
        The heaviest component comes first.
    means_ : array of shape (k, d)
    covariances_, precisions_, precisions_cholesky_ : arrays of shape (k, d, d)
        For every covariance type.
    covariance_type_ : str
        That which was fitted: with ``covariance_type="auto"``, the chosen one.
    message_length_ : float
        Description length of data and mixture, in nats, the price of the prior included.
    labels_ : array of shape (n_samples,)
        Most probable component of each fitted row: lazy where X is Dask's, and not kept where X
        is a memory map of more rows than `sample_size`.
    sample_ : Sample or None
        What a sample was taken for, how large it was, and how far it was from all rows; None where
        the search had all rows.
    trace_ : Trace
        Every sweep, and every change of the number of components with the nats that it saved.
    converged_ : bool
        Whether `max_sweeps` was enough.
    n_iter_ : int
        Sweeps over the components, over the whole fit, trials not counted.
    lower_bound_ : float
        Mean log density of the fitted rows, in nats; of rounded values, that expected over the
        rounding.
    n_features_in_ : int
        Number of features, d.

    See Also
    --------
    sklearn.mixture.GaussianMixture : Where the number of components is known; see `to_sklearn`.

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
    >>> MMLGaussianMixture().fit(X).n_components_
    3
    """

    def __init__(
        self,
        max_components: int | str = "auto",
        *,
        min_components: int = 1,
        covariance_type: str = "full",
        search: str = "split-merge",
        criterion: str = "auto",
        missing: str = "error",
        prior_scatter: float | str = "auto",
        tol: float = 3e-5,
        max_sweeps: int = 1000,
        forgetting_rate: float = 1e-5,
        warm_start: bool = False,
        record_parameters: bool = False,
        sample_size: int | str = "auto",
        n_jobs: int | None = None,
        random_state: RandomState = None,
    ) -> None:
        self.max_components = max_components
        self.min_components = min_components
        self.covariance_type = covariance_type
        self.search = search
        self.criterion = criterion
        self.missing = missing
        self.prior_scatter = prior_scatter
        self.tol = tol
        self.max_sweeps = max_sweeps
        self.forgetting_rate = forgetting_rate
        self.warm_start = warm_start
        self.record_parameters = record_parameters
        self.sample_size = sample_size
        self.n_jobs = n_jobs
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
        X : array-like of shape (n_samples, n_features)
            Or a Dask array or DataFrame. Memory maps and what is Dask's need not fit into memory:
            see `sample_size`.
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional
            Non-negative, Dask's where X is; an integer weight counts as that many equal rows.
        progress : callable, optional
            See `xenoglyph.progress`.

        Returns
        -------
        self

        Raises
        ------
        DataError
            If a parameter is out of range, a feature is constant, a value is missing or
            infinite, or a weight is negative.
        ValueError
            If X is no table of numbers with at least two rows.
        NotEnoughMemoryError
            If the fit would not fit into memory.

        Warns
        -----
        DegenerateDataWarning
            If features are linearly dependent.
        ConvergenceWarning
            If `max_sweeps` was not enough.
        """
        self._check_parameters()
        blocks = blocks_of(X, sample_weight, self._threads, self._sample_rows)
        if blocks is None:
            self._fit_table(X, sample_weight, progress)
            return self
        check_features(self, X, reset=True)
        self._fit_blocks(blocks, progress)
        # Of a memory map, labels of all rows may be too many for the memory.
        self.__dict__.pop("labels_", None)
        if is_lazy(X):
            self.labels_ = self.predict(X)
        return self

    def fit_predict(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> Integers:
        """Fit and return the most probable component of each row."""
        fitted = self.fit(X, y, sample_weight)
        return fitted.labels_ if hasattr(fitted, "labels_") else fitted.predict(X)

    def __sklearn_tags__(self) -> Tags:
        """Say whether missing values are accepted."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing == "marginal"
        return tags

    def _fit_table(
        self, X: ArrayLike, sample_weight: ArrayLike | None, progress: Progress
    ) -> None:
        """Fit a table in memory."""
        table = checked_table(self, X, reset=True, missing=self.missing == "marginal", least=2)
        s = checked_weights(sample_weight, table)
        if not isinstance(self.sample_size, str) and len(table) > self.sample_size:
            self._fit_blocks(ArrayBlocks(table, s, self._threads), progress)
        else:
            check_fits(*table.shape)
            self._fit_rows(table, s, progress)
        self.labels_ = self._density.labels(table)

    def _fit_rows(self, table: Array, s: Array, progress: Progress) -> None:
        """Search on rows in memory."""
        # Beside the heaviest row, a row of less weight than float64 can add to it tells nothing.
        kept = s > LIGHTEST * s.max()
        if self.missing == "marginal":
            kept &= ~np.isnan(table).all(axis=1)
        if kept.sum() < 2:
            raise DataError(
                f"{kept.sum()} row(s) have a positive sample_weight and a value; give two or more."
            )
        own = table if kept.all() else table[kept]
        rows = rows_of(own, s[kept], self._threads)
        random = check_random_state(self.random_state)

        def find(settings: Settings, start: Start | None) -> tuple[Fitted, None]:
            return find_mixture(rows, settings, random, start, progress), None

        self._take_shortest(find, rows.d)

    def _fit_blocks(self, blocks: Blocks, progress: Progress) -> None:
        """Search on a sample, and pass over all rows; where it is all of them, search on them."""
        marginal = self.missing == "marginal"
        scanned = scan(blocks, marginal)
        number = self._sample_rows(blocks.d)
        check_fits(number, blocks.d)
        # Without a seed too the same rows give the same mixture.
        seed = 0 if self.random_state is None else self.random_state
        sample = draw_rows(blocks, number, marginal, check_random_state(seed))
        if len(sample[1]) == scanned.n_rows:
            self._fit_rows(*sample, progress)
            return
        random = check_random_state(self.random_state)

        def find(settings: Settings, start: Start | None) -> tuple[Fitted, Sample]:
            return find_in_blocks(
                blocks, scanned, sample, settings, random, start, progress, self._threads
            )

        self._take_shortest(find, blocks.d)

    def _take_shortest(
        self, find: Callable[[Settings, Start | None], tuple[Fitted, Sample | None]], d: int
    ) -> None:
        """Fit every covariance structure that was asked for; keep that of the shortest message."""
        structures = self._structures()
        # Products of small matrices: more threads of BLAS than one would wait for each other.
        with threadpool_limits(limits=1, user_api="blas"):
            found = [
                find(self._settings(one), self._start_for(one, d)) for one in structures.values()
            ]
        lengths = [fitted.trace.chosen.message_length for fitted, _ in found]
        shortest = int(np.argmin(lengths))
        fitted, self.sample_ = found[shortest]
        self._adopt(fitted, list(structures)[shortest])

    def _start_for(
        self, structure: Covariance, d: int
    ) -> Callable[[Standardisation], Parameters] | None:
        """Where a warm start goes on from; None where there is no start that fits."""
        fits = self.warm_start and hasattr(self, "_fitted") and self.means_.shape[1] == d
        return self._standard_in if fits and self._structure is structure else None

    def _standard_in(self, units: Standardisation) -> Parameters:
        """Return the last mixture, standardised in other units."""
        scaled = self.covariances_ / np.outer(units.scale, units.scale)
        C = np.stack([self._structure.sees(one) for one in scaled])
        return Parameters(self.weights_, (self.means_ - units.centre) / units.scale, C)

    def _settings(self, structure: Covariance) -> Settings:
        split_and_merge = self.search == "split-merge"
        criterion = self.criterion
        if criterion == "auto":
            criterion = "wallace-freeman" if split_and_merge else "program"
        charges = message_length.parse(criterion)
        prior = self.prior_scatter
        if isinstance(prior, str):
            prior = NARROW_PRIOR if charges.narrow else PLAIN_PRIOR
        return Settings(
            structure,
            charges,
            split_and_merge,
            int(self.min_components),
            None if self.max_components == "auto" else int(self.max_components),
            float(prior),
            float(self.tol),
            min(int(self.max_sweeps), MOST_SWEEPS),
            bool(self.record_parameters),
        )

    @property
    def _threads(self) -> int:
        return int(effective_n_jobs(self.n_jobs))

    def _sample_rows(self, d: int) -> int:
        """Rows of a sample that is searched in the place of a table of d columns."""
        return sample_rows(d) if isinstance(self.sample_size, str) else int(self.sample_size)

    def _structures(self) -> dict[str, Covariance]:
        """Return the covariance structures to fit."""
        if self.covariance_type == "auto":
            return dict(COVARIANCES)
        return {self.covariance_type: covariance.parse(self.covariance_type)}

    def _check_parameters(self) -> None:
        """Raise if a parameter is out of range."""
        check_integer("min_components", self.min_components, 1)
        if not (isinstance(self.max_components, str) and self.max_components == "auto"):
            check_integer("max_components", self.max_components, self.min_components, " or 'auto'")
        check_integer("max_sweeps", self.max_sweeps, 1)
        check_threads(self.n_jobs)
        check_positive("tol", self.tol)
        if not (isinstance(self.prior_scatter, str) and self.prior_scatter == "auto"):
            check_positive("prior_scatter", self.prior_scatter, " or 'auto'")
        check_rate("forgetting_rate", self.forgetting_rate)
        check_choice("search", self.search, SEARCHES)
        check_choice("missing", self.missing, ("error", "marginal"))
        if self.criterion != "auto":
            message_length.parse(self.criterion)
        if not (isinstance(self.sample_size, str) and self.sample_size == "auto"):
            check_integer("sample_size", self.sample_size, 2, " or 'auto'")
        self._structures()
