r"""Gaussian mixtures that choose their own number of components.

The model
---------
A row :math:`y` of d numbers has the density

.. math:: p(y \mid \theta) = \sum_{m=1}^{k} \alpha_m \, \mathcal N(y \mid \mu_m, C_m),
          \qquad \alpha_m > 0, \quad \sum_m \alpha_m = 1 .

The message length
------------------
A mixture is worth what it costs to tell somebody first the mixture and then, with its help,
the data. With n rows and N free parameters for each component, that is, in nats
(Figueiredo & Jain 2002, equation 15),

.. math:: L = \frac N2 \sum_m \log \frac{n \alpha_m}{12} + \frac k2 \log \frac n{12}
              + \frac{k (N + 1)}2 - \log p(Y \mid \theta) .

The fit minimises it over :math:`\theta` and k together. The first term is why components die:
its slope in :math:`\alpha_m` works as if N/2 rows were taken from every component, and one that
is left with nothing is annihilated.

Three criteria
--------------
``"eq15"`` is the formula as printed. ``"program"`` is what the program that its authors published
minimises: it charges (N + 1)/2 (log 12 - 1) nats more for each component, and splits fewer true
clusters in two. Both let the Fisher information of a Gaussian cancel against a prior. Then nothing
keeps a component from being narrow, and the better a search is, the more spurious narrow ones it
finds. ``"wallace-freeman"``, the default, keeps that information, with priors that are flat over
means and covariances within the spread S of the data:

.. math:: L = \frac N2 \sum_m \log \alpha_m + \frac{k (N + 1)}2 (\log(n + 75) - 2.1)
              - \frac{\nu}2 \sum_m \log \frac{|C_m|}{|S|} - \log k! - \log p(Y \mid \theta) ,

where :math:`\nu = d + 2` for full covariances (`Covariance.narrowness`). Since the price of a
narrow component is counted in units of S, it depends neither on units nor on the axes. Taken
literally, the lattice constant of Wallace & Freeman is -1.84 in the place of -2.1, to which the
volumes of the priors would add; and their formula holds for many rows. The two numbers -2.1 and 75
were chosen by simulation, between missing clusters that overlap and splitting a single Gaussian:
``python -m benchmarks.paper`` shows both on other random numbers.

Letters
-------
=============  =====================  ==============================================
here           public name            meaning
=============  =====================  ==============================================
``alpha``      ``weights_``           weights, shape (k,)
``mu``         ``means_``             means, shape (k, d)
``C``          ``covariances_``       covariances, shape (k, d, d)
``N``                                 parameters of one component, mean included
``n``                                 number of rows, or sum of the sample weights
``u``                                 density of a row under one component
``w``                                 responsibility of a component for a row
``L``          ``message_length_``    message length in nats
=============  =====================  ==============================================

Two searches
------------
``search="annihilation"`` is the paper's: component-wise EM from many components on random rows;
components starve, and when nothing moves any more the lightest is taken out, down to one. Its
answer depends on the start, and on whether the start had enough components.

``search="split-merge"``, the default, starts from one component and splits whatever the message
length asks to split: a mixture of two, or of a few, is fitted to the rows of one component,
weighted by its responsibilities, and what that saves is saved by the whole mixture at least (see
`splits`). Then it tries to do without a component, or with one in the place of two, and begins
again until nothing helps. No random number is drawn, and no number of components is given. Where
rows are few it makes a second start from many components and keeps the shorter message.

Tables larger than memory
-------------------------
A Dask array or DataFrame, or a memory map of more rows than a fit can take in memory, comes in
blocks (``blocks``). The search runs on a sample of the rows, and then EM passes over all of them,
with the message length of all: every block tells sums, and the sums are added up in a tree that
depends on the blocks alone, so that any number of threads or workers gives the same bits. All
components take their M-step at once, for component-wise EM would need to keep what every row
thinks of every component; the fixed points are the same. Starved components die, one in a pass.

With more rows more structure pays. So the sample proposes splits, EM over all rows fits their
parts inside the component that would be split, and by the same inequality as above each is known
to save so much at least; deletions and merges are proposed by the sample and judged by all rows.
What the sample was, and by how much all rows moved its answer, is in ``sample_``.

Streams
-------
`partial_fit` takes rows as they come and forgets old ones. With the forgetting rate r a row
counts for exp(-r) of what it did before whenever another comes, and all together for n = 1/r rows
in the end: the window through which the mixture sees the stream. What is minimised is L of the
rows as they count. A component whose rows stop coming keeps exp(-r t) of its count after t more
rows, and is annihilated when that is too little: one that had a share a of the rows is gone after
log(a n / n_0) windows, n_0 being the rows with which a component starves (N/2, about eight more
with "wallace-freeman"). The idea is that of Zivkovic & van der Heijden, "Recursive unsupervised
learning of finite mixture models", IEEE TPAMI 26(5), 2004. There all components are drawn at the
start; here they are born by splits as well, which a random sample of the stream proposes and pays
for: see `stream`, `review` and `reservoir`. By default r is 1e-5. A shorter window follows faster
and knows less: a component is found once the window and the sample hold some N rows of it.

Where we differ from the paper
------------------------------
1. The weight step of "split-merge" is the exact minimiser of the objective for one weight, the
   others keeping their proportions: (count - N/2) / (n - k N/2). With it L never rises in an
   update at fixed k. "annihilation" takes the step of the authors' program, with which L rises in
   many single updates; see `cem2.new_weight`.
2. The data are centred and scaled inside, so that units do not matter, and covariances carry a
   prior of `prior_scatter` rows' worth of the data's own covariance, whose price tr(prior C^-1)/2
   is part of L. The paper has no guard against a component that shrinks onto a few rows; the
   program can do without one more often than we, for reasons that its description does not tell.
3. A feature whose values repeat is taken to be rounded: each row counts as a small cloud with the
   variance of the rounding, so that ties are not taken for components without extent.
4. A sweep must save `tol` nats per row, or the inner loop ends; the tolerances of the paper and
   the program, relative to L or to the log-likelihood, depend on the units of the data.
5. The last component cannot die, and forced and natural deaths end at `min_components`.
6. A covariance that all components share is updated exactly, once a sweep, and is charged for.
7. With "wallace-freeman" a component starves at N/2 + exp(2.1) rows, about eight more than in the
   paper: with fewer, N/2 log(n alpha) - 2.1 N/2 would be negative, a reward for parameters. It
   also needs nu + 1 rows, without which its covariance does not exist.

Who does what
-------------
``rows``, ``missing`` (rows, standardised) and ``kernels`` (loops over rows) -> ``covariance``
(structures), ``message_length`` (L, term by term) -> ``state`` (a mixture under way) -> ``cem2``
(the algorithm) -> ``start``, ``splits``, ``merges`` (moves) -> ``search`` -> ``fitting`` ->
``density``, ``fitted``, ``estimator``; ``trace`` is the ledger that a fit leaves; ``criteria``
puts BIC, AIC and ICL beside it. Where rows do not fit into memory: ``blocks`` (sources, and the
tree of sums) -> ``scan`` (the first pass, the sample) -> ``block_em`` -> ``block_fit``. Where they
come as a stream: ``reservoir`` (a sample), ``sums`` (what is left of the rows) -> ``review``
(births, merges) -> ``stream`` -> ``streamed``.
"""

from xenoglyph.mixture.estimator import MMLGaussianMixture
from xenoglyph.mixture.trace import Event, Sweep, Trace

__all__ = ["Event", "MMLGaussianMixture", "Sweep", "Trace"]
