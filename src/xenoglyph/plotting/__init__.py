"""Results as Matplotlib pictures.

Every function draws a finished result on the axes it is given, and computes nothing but where ink
goes. The classes, one for each picture, know besides where an estimator keeps that result
(``from_estimator``), as scikit-learn's displays do.

Groups and components are told apart by colours that colour-blind readers can tell apart too, and,
where there are many, by markers, line styles or numbers as well.
"""

from xenoglyph.plotting.codes import (
    CodeHistogramsDisplay,
    PairPlotDisplay,
    code_histograms,
    pair_plot,
)
from xenoglyph.plotting.display import Display
from xenoglyph.plotting.fits import (
    MessageLengthDisplay,
    loss_curve,
    message_length_curve,
    sweep_curve,
)
from xenoglyph.plotting.images import (
    LabelTableDisplay,
    ReconstructionsDisplay,
    SymbolSheetDisplay,
    label_heatmap,
    reconstructions,
    symbol_sheet,
)
from xenoglyph.plotting.mixtures import MixtureDisplay, bells, mixture_1d, mixture_2d, outlines
from xenoglyph.plotting.style import COLOURS, EVENTS, LINES, MARKERS, save_figure

__all__ = [
    "COLOURS",
    "EVENTS",
    "LINES",
    "MARKERS",
    "CodeHistogramsDisplay",
    "Display",
    "LabelTableDisplay",
    "MessageLengthDisplay",
    "MixtureDisplay",
    "PairPlotDisplay",
    "ReconstructionsDisplay",
    "SymbolSheetDisplay",
    "bells",
    "code_histograms",
    "label_heatmap",
    "loss_curve",
    "message_length_curve",
    "mixture_1d",
    "mixture_2d",
    "outlines",
    "pair_plot",
    "reconstructions",
    "save_figure",
    "sweep_curve",
    "symbol_sheet",
]
