"""What a trained auto-encoder can do: it encodes, draws and tells how well."""

import math
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from xenoglyph.autoencoder.evaluation import draw, encode, errors
from xenoglyph.autoencoder.network import Network
from xenoglyph.autoencoder.rows import Rows, image_rows
from xenoglyph.autoencoder.training import History
from xenoglyph.errors import DataError
from xenoglyph.images import ImageSet
from xenoglyph.workers import Client

__all__ = ["FittedAutoencoder", "Images"]

Images = ImageSet | ArrayLike
Pixels = NDArray[np.float32]


class FittedAutoencoder(TransformerMixin, BaseEstimator):
    """What `SELUAutoencoder` does with its network."""

    loss: str

    def transform(self, X: Images, *, client: Client | None = None) -> NDArray[np.float64]:
        """Encode images.

        Parameters
        ----------
        X : ImageSet or array
            Images of the shape that was fitted.
        client : distributed.Client, optional
            Whose workers do it; with as many cores to each as here, the same bits.

        Returns
        -------
        array of shape (n, code_size), float64
            Computed in float32.

        Raises
        ------
        DataError
            If X holds no such images.
        """
        rows = self._rows(X)
        return encode(self.network_, rows, client).astype(np.float64)

    def inverse_transform(self, codes: ArrayLike) -> Pixels:
        """Draw the images that codes stand for.

        Parameters
        ----------
        codes : array of shape (n, code_size)

        Returns
        -------
        array of float32 in [0, 1], images of the shape ``image_shape_``

        Raises
        ------
        DataError
            If `codes` is not a finite table of that width.
        """
        check_is_fitted(self, "network_")
        table = np.asarray(codes, dtype=np.float32)
        width = self.network_.layout.code_size
        if table.ndim != 2 or table.shape[1] != width or not np.isfinite(table).all():
            raise DataError(
                f"codes must be finite numbers of shape (n, {width}); came shape {table.shape}"
            )
        drawn = draw(self.network_, table, self._fitted_loss)
        return drawn.reshape(len(table), *self.image_shape_)

    def score_samples(self, X: Images, *, client: Client | None = None) -> NDArray[np.float64]:
        """Tell how well each image is drawn again, to find what does not belong.

        Parameters
        ----------
        X : ImageSet or array
            Images of the shape that was fitted.
        client : distributed.Client, optional
            Whose workers do it.

        Returns
        -------
        array of shape (n,), float64
            Minus the error, in nats per pixel: the lower, the stranger the image.
        """
        rows = self._rows(X)
        return -errors(self.network_, rows, self._fitted_loss, client).astype(np.float64)

    def score(self, X: Images, y: object = None) -> float:
        """Mean of `score_samples`; the higher the better."""
        return float(self.score_samples(X).mean())

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Names of the columns of `transform`: "code0", "code1", ..."""
        check_is_fitted(self, "network_")
        width = self.network_.layout.code_size
        return np.array([f"code{i}" for i in range(width)], dtype=object)

    def __sklearn_tags__(self) -> Tags:
        """Say that only numbers from 0 to 1 are pixels."""
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.input_tags.three_d_array = True
        return tags

    def _rows(self, X: Images) -> Rows:
        """Return images of the shape that was fitted."""
        check_is_fitted(self, "network_")
        self._check_columns(X, reset=False)
        return image_rows(X, self.image_shape_)

    def _check_columns(self, X: Images, *, reset: bool) -> None:
        """Check number and names of the columns of a table, as scikit-learn does."""
        is_table = len(getattr(X, "shape", ())) == 2
        if is_table and (reset or len(self.image_shape_) == 1):
            validate_data(self, X, skip_check_array=True, reset=reset)

    def _adopt(
        self, network: Network, history: History, loss: float, fitted_loss: str | None = None
    ) -> Self:
        """Take over a trained network; every fitted attribute is set here."""
        self.network_ = network
        self.image_shape_ = network.layout.image_shape
        self.n_features_in_ = math.prod(self.image_shape_)
        self.history_ = history
        self.loss_ = loss
        self.validation_loss_ = next(reversed(history["validation_loss"]), None)
        self._fitted_loss = fitted_loss or self.loss
        return self
