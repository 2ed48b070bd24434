r"""Images to codes and back: a self-normalizing auto-encoder.

The model
---------
An encoder maps an image of :math:`D` pixels to a code of a few numbers, a decoder maps a code
back to an image. Both are stacks of affine layers with SELU between them; the code layer is
linear. Training lowers

.. math:: \frac{1}{n D} \sum_{i,j} -x_{ij} \log p_{ij} - (1 - x_{ij}) \log (1 - p_{ij})
          + \lambda \lVert K \rVert^2 ,

the cross-entropy in nats between the pixels :math:`x` and what is drawn, :math:`p` (half the
squared error with ``loss="gaussian"``), plus the squared norm of the code layer's kernel
:math:`K`. Without that penalty codes spread without bound; with it they are compact, and nearly
Gaussian within a kind of image.

Why SELU
--------
SELU is :math:`\lambda x` for positive x and :math:`\lambda \alpha (e^x - 1)` for negative x,
with :math:`\lambda \approx 1.0507` and :math:`\alpha \approx 1.6733`. The two constants are those
for which a sum of many independent inputs, of mean 0 and variance 1, comes out with mean 0 and
variance 1 again: the pair (0, 1) is a fixed point of the map from one layer's moments to the
next's, and it attracts (Klambauer et al. 2017, theorem 1). So activations neither fade nor
explode through any depth, and gradients neither, without batch normalisation. It takes weights
of mean 0 and variance 1 / fan-in (``init="lecun_normal"``), and a dropout that keeps both moments
(alpha dropout: what is dropped takes the value :math:`-\lambda \alpha`, SELU's limit).

One direction
-------------
``checks -> layers -> network -> losses, augmentation, rows -> evaluation, steps -> devices,
training -> checkpoints -> processes -> fitted, estimator -> arrays``; `worker` is the program that
`processes` starts, `logs` are callbacks, `recogniser` trains networks that tell images apart. This
is the only folder that imports JAX. Nothing here changes JAX's configuration.

References
----------
G. Klambauer, T. Unterthiner, A. Mayr and S. Hochreiter, "Self-normalizing neural networks",
Advances in Neural Information Processing Systems 30, 2017.
"""

from xenoglyph.autoencoder.augmentation import Augmentation
from xenoglyph.autoencoder.estimator import SELUAutoencoder
from xenoglyph.autoencoder.logs import csv_log, tensorboard_log
from xenoglyph.autoencoder.training import Callback, Epoch

__all__ = [
    "Augmentation",
    "Callback",
    "Epoch",
    "SELUAutoencoder",
    "csv_log",
    "tensorboard_log",
]
