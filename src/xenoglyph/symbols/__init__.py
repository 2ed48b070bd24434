"""From pieces to symbols: which pieces belong together, and what speaks for it.

Images are cut into more pieces than there are symbols: `neighbours` finds which look alike however
they are moved, `pieces` cuts the graph of neighbours and later puts images back where they belong.
`merging` joins pieces that are taken for each other too often by networks that have not seen them
(`xenoglyph.autoencoder.recogniser`) and by neighbours; `xenoglyph.recognition` calls one after
another.
Components of a mixture are pieces too: `merge_components` asks the mixture itself.
`evidence` says how much of it another cut and images drawn anew would change, which of several
cuts is typical and how undecided a symbol is, and compares symbols with labels afterwards.
"""

from xenoglyph.symbols.evidence import (
    Cut,
    LabelTable,
    Stability,
    component_shares,
    label_table,
    mean_entropy,
    most_typical,
    scores,
    stability,
)
from xenoglyph.symbols.merging import Merge, Symbols, merge_components, merge_pieces

__all__ = [
    "Cut",
    "LabelTable",
    "Merge",
    "Stability",
    "Symbols",
    "component_shares",
    "label_table",
    "mean_entropy",
    "merge_components",
    "merge_pieces",
    "most_typical",
    "scores",
    "stability",
]
