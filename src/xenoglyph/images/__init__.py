"""Where images come from: names, folders, files and arrays, all of which become an ImageSet.

The way in: :func:`load_images` takes a name or a path, :func:`as_images` an array. Names are
listed in :data:`CATALOG`; each kind of file has a module of its own.
"""

from xenoglyph.catalog import CATALOG, Entry, RemoteFile
from xenoglyph.images.cache import download, locate
from xenoglyph.images.image_set import ImageSet, SourceFile, as_images
from xenoglyph.images.load import load_images
from xenoglyph.images.packing import cache_folder
from xenoglyph.images.stored import StoredPixels

__all__ = [
    "CATALOG",
    "Entry",
    "ImageSet",
    "RemoteFile",
    "SourceFile",
    "StoredPixels",
    "as_images",
    "cache_folder",
    "download",
    "load_images",
    "locate",
]
