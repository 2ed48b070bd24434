"""Sheets hold every image where it belongs."""

import numpy as np
import pytest
from PIL import Image

from xenoglyph import ImageSet, save_sheet


@pytest.mark.parametrize("channels", [(), (3,)])
def test_every_image_is_found_again(channels, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (7, 30, 20, *channels)) / 255
    save_sheet(ImageSet(pixels.astype(np.float32)), tmp_path / "sheet.png", columns=3)
    with Image.open(tmp_path / "sheet.png") as picture:
        page = np.asarray(picture)
    assert page.shape == (3 * 32 + 2, 3 * 22 + 2, *channels)
    for number, image in enumerate(pixels):
        row, column = divmod(number, 3)
        top, left = 2 + 32 * row, 2 + 22 * column
        cut = page[top : top + 30, left : left + 20]
        np.testing.assert_array_equal(cut, np.rint(image * 255))


def test_small_images_are_enlarged_by_a_whole_factor(tmp_path):
    save_sheet(ImageSet(np.eye(8, dtype=np.float32)[None]), tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as picture:
        page = np.asarray(picture)[2:-2, 2:-2]
    np.testing.assert_array_equal(page, np.kron(np.eye(8), np.ones((4, 4))) * 255)
