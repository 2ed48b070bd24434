import importlib
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from xenoglyph.errors import DataError, DependencyError
from xenoglyph.images import load_images

square = hnp.arrays(np.uint8, st.tuples(st.integers(1, 6), st.just(3), st.just(3)))


def csv_text(columns):
    """Text of a table, given as a mapping from names to columns."""
    rows = zip(*columns.values(), strict=True)
    return "\n".join(",".join(map(str, row)) for row in [tuple(columns), *rows]) + "\n"


def pixel_columns(X):
    return {f"pixel{i}": column.tolist() for i, column in enumerate(X.reshape(len(X), -1).T)}


def write_csv(path, columns):
    path.write_text(csv_text(columns), encoding="utf-8")


def write_parquet(path, columns):
    arrow = pytest.importorskip("pyarrow")
    importlib.import_module("pyarrow.parquet").write_table(arrow.table(columns), path)


kinds = pytest.mark.parametrize(
    ("suffix", "write"), [(".csv", write_csv), (".parquet", write_parquet)], ids=["csv", "parquet"]
)


@kinds
@given(X=square)
def test_bytes_are_divided_by_255_where_any_exceeds_1(tmp_path_factory, suffix, write, X):
    path = tmp_path_factory.mktemp("table") / f"a{suffix}"
    write(path, pixel_columns(X))
    images = load_images(path)
    expected = X / 255 if X.max() > 1 else X
    np.testing.assert_array_equal(images.pixels, expected.astype(np.float32))
    assert images.labels is None


@kinds
@given(X=hnp.arrays(np.float32, (2, 3, 3), elements=st.floats(0, 1, width=32)))
def test_brightness_is_taken_as_it_is(tmp_path_factory, suffix, write, X):
    path = tmp_path_factory.mktemp("table") / f"a{suffix}"
    write(path, pixel_columns(X))
    np.testing.assert_array_equal(load_images(path).pixels, X)


@kinds
@pytest.mark.parametrize("name", ["label", "Labels", "class", "target", "y"])
@pytest.mark.parametrize("labels", [[7, 0, 300], ["b", "a", "é,"]], ids=["whole", "text"])
def test_labels_have_a_column(tmp_path, suffix, write, name, labels):
    X = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    path = tmp_path / f"a{suffix}"
    quoted = [f'"{label}"' if suffix == ".csv" else label for label in labels]
    columns = pixel_columns(X)
    first = columns.pop("pixel0")
    write(path, {"pixel0": first, name: quoted, "file": ["x", "y", "z"], **columns})
    images = load_images(path)
    np.testing.assert_array_equal(np.rint(images.pixels * 255), X)
    assert images.labels.tolist() == labels
    assert [source.name for source in images.sources] == [path.name]


@kinds
def test_images_that_are_not_square_need_a_shape(tmp_path, suffix, write, digits):
    X, _ = digits
    path = tmp_path / f"a{suffix}"
    write(path, pixel_columns(X))
    with pytest.raises(DataError, match=r"\(12, 20\) needs image_shape"):
        load_images(path)
    images = load_images(path, image_shape=(4, 5))
    np.testing.assert_array_equal(np.rint(images.pixels * 255), X)


@kinds
def test_a_given_shape_wins_over_the_square(tmp_path, suffix, write):
    path = tmp_path / f"a{suffix}"
    write(path, pixel_columns(np.zeros((3, 12, 3))))
    assert load_images(path).image_shape == (6, 6)
    assert load_images(path, image_shape=(4, 9)).image_shape == (4, 9)
    assert load_images(path, image_shape=(4, 3, 3)).image_shape == (4, 3, 3)


@kinds
@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": [256.0]}, r"0\.\.255 or in 0\.\.1; came 256\.\.256"),
        ({"a": [-1.0]}, r"came -1\.\.-1"),
        ({"a": [float("nan")]}, "came nan"),
        ({"a": [float("inf")]}, "came inf"),
        ({"a": ["black"]}, "no column holds pixels"),
        ({"label": [1]}, "no column holds pixels"),
        ({"label": [1], "y": [1], "a": [0]}, "only one column may hold labels; came label, y"),
    ],
    ids=str,
)
def test_unusable_tables_are_refused(tmp_path, suffix, write, columns, message):
    path = tmp_path / f"a{suffix}"
    write(path, columns)
    with pytest.raises(DataError, match=message) as error:
        load_images(path)
    assert str(error.value).startswith(str(path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column holds pixels"),
        ("a,b,c,d\n", "4 columns are named, the first row has 0"),
        ("a,b,c,d\n1,2,3\n", "4 columns are named, the first row has 3"),
        ("a,b,c,d\n1,2,3,4\n1,2,3\n", "cannot be read"),
        ("a,b,c,d\n1,2,3,4\n1,2,,4\n", "cannot be read"),
        ("a,b,c,d\n,2,3,4\n1,2,3,4\n", "cannot be read"),
        ("a,b,c,d\n1,2,3,4\n1,2,x,4\n", "could not convert string 'x'"),
        ("0,0,3,4\n1,2,3,4\n", "first line must name the columns"),
        ("a;b;c;d\n1;2;3;4\n", "no column holds pixels"),
        ("a\0b\n\0\n", r"a\.csv"),
    ],
    ids=repr,
)
def test_unusable_text_is_refused(tmp_path, text, message):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        load_images(path)


def test_an_index_without_a_name_and_a_byte_order_mark(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("label,,a,b,c,d\n7,0,1,2,3,4\n8,1,5,6,7,8\n", encoding="utf-8-sig")
    images = load_images(path)
    np.testing.assert_array_equal(np.rint(images.flat * 255), [[1, 2, 3, 4], [5, 6, 7, 8]])
    assert images.labels.tolist() == [7, 8]


def test_columns_may_be_called_by_numbers(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("0,1,2,3\n9,8,7,6\n")
    np.testing.assert_array_equal(np.rint(load_images(path).flat * 255), [[9, 8, 7, 6]])


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xff\xfe\x00\x81" * 9)
    with pytest.raises(DataError, match=r"a\.csv: cannot be read"):
        load_images(path)


def test_many_rows_of_parquet_keep_their_order(tmp_path):
    X = np.arange(4 * 9_001, dtype=np.uint32).reshape(-1, 4) % 251
    write_parquet(tmp_path / "a.parquet", pixel_columns(X.astype(np.uint8)))
    np.testing.assert_array_equal(np.rint(load_images(tmp_path / "a.parquet").flat * 255), X)


def test_damaged_parquet(tmp_path):
    path = tmp_path / "a.parquet"
    write_parquet(path, {"label": [1, 2], **pixel_columns(np.zeros((2, 2, 2)))})
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"a\.parquet"):
            load_images(path)


def test_a_missing_pyarrow_is_named(tmp_path, monkeypatch):
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(DependencyError, match=r"pip install 'xenoglyph\[tables\]'"):
        load_images(tmp_path / "a.parquet")
