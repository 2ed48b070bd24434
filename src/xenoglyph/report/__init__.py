"""A discovery as a page and as a folder: summary -> page, and the files beside it."""

from xenoglyph.report.page import render
from xenoglyph.report.run import read_result, write_report, write_run
from xenoglyph.report.summary import Summary, summarise

__all__ = ["Summary", "read_result", "render", "summarise", "write_report", "write_run"]
