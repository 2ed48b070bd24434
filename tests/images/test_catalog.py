import hashlib
import re
from urllib.parse import urlsplit

import pytest

from xenoglyph.images import CATALOG

PARTS = [
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
]


def test_the_named_sets():
    assert list(CATALOG) == ["digits", "mnist", "fashion-mnist", "kmnist"]
    assert all(entry.name == name for name, entry in CATALOG.items())
    assert CATALOG["digits"].files == ()
    with pytest.raises(TypeError):
        CATALOG["more"] = CATALOG["digits"]


@pytest.mark.parametrize("name", [name for name in CATALOG if name != "digits"])
def test_downloads_have_two_mirrors_and_known_files(name):
    entry = CATALOG[name]
    hosts = {urlsplit(mirror).hostname for mirror in entry.mirrors}
    assert len(hosts) == 2
    assert all(mirror.endswith("/") for mirror in entry.mirrors)
    assert [file.name for file in entry.files] == PARTS
    assert all(re.fullmatch("[0-9a-f]{64}", file.sha256) for file in entry.files)


def test_no_two_files_share_a_hash():
    hashes = [file.sha256 for entry in CATALOG.values() for file in entry.files]
    assert len(set(hashes)) == len(hashes) == 12


def test_files_of_the_published_size_have_the_published_hash(real_data):
    same_size = [
        (path, file)
        for entry in CATALOG.values()
        for file in entry.files
        if (path := real_data / entry.name / file.name).is_file()
        and path.stat().st_size == file.n_bytes
    ]
    if not same_size:
        pytest.skip("XENOGLYPH_DATA holds no published file")
    for path, file in same_size:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256
