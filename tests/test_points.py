"""Rows to fit: toy sets and CSV files."""

import numpy as np
import pytest

from xenoglyph import TOY_SETS, DataError, MMLGaussianMixture, load_points


@pytest.mark.parametrize("name", TOY_SETS)
def test_a_toy_set_is_drawn_by_its_seed(name):
    points = load_points(name, n_rows=101, random_state=3)
    assert points.rows.shape == (101, 2)
    np.testing.assert_array_equal(points.rows, load_points(name, n_rows=101, random_state=3).rows)
    assert not np.array_equal(points.rows, load_points(name, n_rows=101, random_state=4).rows)


def test_the_gaussians_overlap_as_in_the_paper():
    rows = load_points("gaussians", n_rows=200_000).rows
    # Mean and covariance of the whole, by the law of total variance.
    alpha = np.array([0.3, 0.3, 0.3, 0.1])
    mu = np.array([[-4, -4], [-4, -4], [2, 2], [-1, -6]])
    C = np.array([[[1, 0.5], [0.5, 1]], [[6, -2], [-2, 6]], [[2, -1], [-1, 2]], np.eye(2) / 8])
    whole = np.einsum("m,mij->ij", alpha, C + mu[:, :, None] * mu[:, None, :])
    np.testing.assert_allclose(rows.mean(axis=0), alpha @ mu, atol=0.05)
    np.testing.assert_allclose(rows.T @ rows / len(rows), whole, atol=0.3)
    found = MMLGaussianMixture().fit(load_points("gaussians").rows)
    assert found.n_components_ == 4


@pytest.fixture
def table(tmp_path):
    def write(text):
        path = tmp_path / "table.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        return str(path)

    return write


@pytest.mark.parametrize(
    ("text", "names", "rows"),
    [
        ("a,b\n1,2\n3,4.5\n", ("a", "b"), [[1, 2], [3, 4.5]]),
        ("1,2\n3,4\n", ("column 0", "column 1"), [[1, 2], [3, 4]]),
        ('"x, y",b\n1,-2e3\n', ("x, y", "b"), [[1, -2000]]),
        ("name,a,b\nÄ,1,2\nB,3,4\n", ("a", "b"), [[1, 2], [3, 4]]),
        ("\ufeffa,b\r\n1,2\r\n\r\n3,4", ("a", "b"), [[1, 2], [3, 4]]),
        ("only\n1\n2\n", ("only",), [[1], [2]]),
    ],
)
def test_a_file_is_read(text, names, rows, table):
    points = load_points(table(text))
    assert points.names == names
    np.testing.assert_array_equal(points.rows, rows)


@pytest.mark.parametrize(
    ("text", "columns", "rows"),
    [
        ("a,b,c\n1,2,3\n4,5,6\n", ["c", "a"], [[3, 1], [6, 4]]),
        ("1,2,3\n4,5,6\n", ["2"], [[3], [6]]),
    ],
)
def test_columns_can_be_chosen(text, columns, rows, table):
    np.testing.assert_array_equal(load_points(table(text), columns=columns).rows, rows)


@pytest.mark.parametrize(
    ("text", "columns", "complaint"),
    [
        ("", None, "is empty; expected a row of numbers"),
        ("a,b\n", None, "names its columns, and holds no rows"),
        ("a,b\nx,y\n", None, "has no column of numbers"),
        ("a,b\n1,2\n3\n", None, "line 3: 1 values, expected 2"),
        ("a,b\n1,2\n\n3,\n", None, "line 4, column b: '' is no number"),
        ("a,b\n1,2\n3,4 cm\n", None, "line 3, column b: '4 cm' is no number"),
        ("a,b\n1,2\n", ["a", "d"], "has no column 'd'; it has a, b"),
        ("a,b\n1,2\n", ["a", "a"], "'a' is named twice"),
        ("a,a\n1,2\n", ["a"], "'a' is the name of more than one column"),
        (b"\x89PNG\xff", None, "is no CSV file"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(text, columns, complaint, table):
    with pytest.raises(DataError, match=complaint):
        load_points(table(text), columns=columns)


@pytest.mark.parametrize("source", ["blob", "nothing.csv", "."])
def test_what_is_no_set_and_no_file_is_refused(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="is no CSV file, nor one of blobs, circles, moons, gau"):
        load_points(source)


def test_columns_belong_to_files():
    with pytest.raises(DataError, match="blobs has no columns to choose"):
        load_points("blobs", columns=["x"])
