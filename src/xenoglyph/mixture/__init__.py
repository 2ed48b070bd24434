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

Where we differ from the paper
------------------------------
1. ``criterion="program"``, the default, is what the authors' program minimises instead of
   equation 15: it charges (N + 1)/2 (log 12 - 1) nats more for each component and splits fewer
   true clusters in two. ``criterion="eq15"`` is the formula as printed.
2. The weight step is the exact minimiser of the objective for one weight, the others keeping
   their proportions: (count - N/2) / (n - k N/2). With it L never rises in a sweep at fixed k.
   See `cem2.new_weight` for rows that are too few for so many components.
3. The data are centred and scaled inside, and covariances carry a prior of `prior_scatter` rows'
   worth of the data's own covariance, whose price tr(prior C^-1)/2 is part of L. The paper has
   no guard against a component that shrinks onto a few rows.
4. A component starts with a tenth of the data's covariance; the paper starts with a sphere.
5. A sweep must save `tol` nats per row, or the inner loop ends; the paper's relative tolerance
   on L depends on the units of the data.
6. The last component cannot die, and forced and natural deaths end at `min_components`.

Who does what
-------------
``blocks`` (rows, standardised) and ``kernels`` (loops over rows) -> ``covariance`` (structures)
-> ``message_length`` (L, term by term) -> ``cem2`` (the algorithm) -> ``estimator``;
``trace`` is the ledger that a fit leaves.
"""

from xenoglyph.mixture.estimator import MMLGaussianMixture
from xenoglyph.mixture.trace import Annihilation, Sweep, Trace

__all__ = ["Annihilation", "MMLGaussianMixture", "Sweep", "Trace"]
