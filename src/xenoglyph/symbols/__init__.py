"""From components to symbols: which components belong together, and what speaks for it."""

from xenoglyph.symbols.evidence import LabelTable, label_table, scores
from xenoglyph.symbols.merging import Merge, Symbols, merge_components, merge_pieces

__all__ = [
    "LabelTable",
    "Merge",
    "Symbols",
    "label_table",
    "merge_components",
    "merge_pieces",
    "scores",
]
