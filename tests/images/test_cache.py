import pytest

from xenoglyph.errors import DataError
from xenoglyph.images import cache_folder, download, locate
from xenoglyph.images.cache import own_copy

pytestmark = pytest.mark.usefixtures("alone")


def test_where_a_set_would_come_from(tmp_path, monkeypatch):
    assert cache_folder() == tmp_path / "caches" / "xenoglyph"
    assert locate("digits") == "bundled with scikit-learn"
    assert "12 MB to download" in locate("mnist")
    folder = cache_folder() / "mnist"
    folder.mkdir(parents=True)
    for part in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3"):
        (folder / f"{part}-ubyte.gz").touch()
    assert "to download" in locate("mnist")
    (folder / "t10k-labels-idx1-ubyte.gz").touch()
    assert locate("mnist") == f"{folder} (downloaded)"
    own = tmp_path / "own"
    (own / "mnist").mkdir(parents=True)
    monkeypatch.setenv("XENOGLYPH_DATA", str(own))
    assert locate("mnist") == f"{own / 'mnist'} (your own, by XENOGLYPH_DATA)"
    with pytest.raises(DataError, match="no set called 'mnits'; there are digits, mnist"):
        locate("mnits")


def test_own_copies_may_be_files(tmp_path, monkeypatch):
    monkeypatch.setenv("XENOGLYPH_DATA", str(tmp_path))
    assert own_copy("mnist") is None
    (tmp_path / "mnist.csv").touch()
    assert own_copy("mnist") == tmp_path / "mnist.csv"
    (tmp_path / "mnist.npz").touch()
    assert own_copy("mnist") == tmp_path / "mnist.npz"
    (tmp_path / "mnist").mkdir()
    assert own_copy("mnist") == tmp_path / "mnist"


def test_a_variable_that_names_no_folder_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("XENOGLYPH_DATA", str(tmp_path / "gone"))
    with pytest.raises(DataError, match=r"XENOGLYPH_DATA must name a folder; came .*gone"):
        own_copy("mnist")
    monkeypatch.setenv("XENOGLYPH_DATA", "")
    assert own_copy("mnist") is None


def test_what_is_bundled_needs_no_download():
    assert download("digits") == ()
