"""Images to codes and back: a self-normalizing auto-encoder.

The only folder that imports JAX. Nothing here changes JAX's configuration.
"""

from xenoglyph.autoencoder.estimator import SELUAutoencoder

__all__ = ["SELUAutoencoder"]
