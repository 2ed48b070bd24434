"""Hostile names in a real browser: no script runs, no element is made of them, all are shown."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from browsing import DESK, opened_page, outside
from hostile import HOSTILE, with_names
from xenoglyph import ImageSet
from xenoglyph.report import page as report_page
from xenoglyph.report.charts import gather_charts
from xenoglyph.report.summary import summarise

HARMLESS = [f"name {i}" for i in range(len(HOSTILE))]


def as_text(name):
    """What a page shows of a name: HTML has no NUL, and white space is one space."""
    return " ".join(name.replace("\x00", "").split())


def save_named(alien, with_evidence, save_page, names):
    """Write a page whose every set, file, label, setting and version has one of these names."""
    evidence = alien.evidence_
    labels = np.array([names[i % len(names)] for i in range(len(evidence.gallery))])
    gallery = ImageSet(evidence.gallery.pixels, labels=labels)
    charts = gather_charts(with_evidence(replace(evidence, gallery=gallery)))
    return save_page(summary=with_names(summarise(alien), names), **charts)


def elements(browser, path):
    """How many elements of each kind a page has when labels are shown; its legend, its text."""
    with opened_page(browser, path, viewport=DESK) as page:
        page.eval_on_selector("#colour [value=label]", "radio => radio.click()")
        assert page.trouble == []  # what is no name any more may lead elsewhere
        page.locator("#pairs .scatterlayer .point").last.hover(force=True)
        page.wait_for_selector("#pointed", state="visible")
        tags = page.evaluate("[...document.querySelectorAll('*')].map(own => own.tagName)")
        legend = page.locator("#legend button").all_text_contents()
        text = as_text(page.evaluate("document.body.innerText"))
        assert page.trouble == []
        assert outside(page) == []
    return Counter(tags), legend, text


def check_inert(browser, save):
    """Hostile names make the same elements as harmless ones, and are shown as they are."""
    expected, *_ = elements(browser, save(HARMLESS))
    tags, legend, text = elements(browser, save(HOSTILE))
    assert tags == expected
    assert {as_text(name) for name in legend} == {as_text(name) for name in HOSTILE}
    for name in HOSTILE:
        assert as_text(name) in text


@pytest.fixture(scope="module")
def save(alien, with_evidence, save_page):
    return lambda names: save_named(alien, with_evidence, save_page, names)


def test_sixty_hostile_names_stay_inert(browser, save):
    assert len(set(HOSTILE)) >= 60
    check_inert(browser, save)


@pytest.mark.parametrize(
    ("safe", "unsafe"),
    [
        ("name.textContent = names[group]", "name.innerHTML = names[group]"),
        ('.textContent = groups.join(", ")', '.innerHTML = HOSTILE + groups.join(", ")'),
    ],
)
def test_a_page_that_reads_names_as_html_is_found(browser, save, monkeypatch, safe, unsafe):
    script = report_page.page_script()
    assert script.count(safe) == 1
    own = script.replace(safe, unsafe.replace("HOSTILE", "`${data.groups.label.names}`"))
    monkeypatch.setattr(report_page, "page_script", lambda: own)
    with pytest.raises(AssertionError):
        check_inert(browser, save)
