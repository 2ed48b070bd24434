"""The page is inert: whatever a name holds, it stays text, and nothing is asked of a network."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from itertools import groupby

import html5lib
import numpy as np
import pytest
from jinja2 import Environment

from hostile import HOSTILE, with_names
from xenoglyph import ImageSet, SymbolDiscovery
from xenoglyph.plotting import EVENTS
from xenoglyph.record import DOUBTFUL, STRANGE
from xenoglyph.report import page
from xenoglyph.report.charts import gather_charts
from xenoglyph.report.draws import gather_draws
from xenoglyph.report.pictures import gather_pictures
from xenoglyph.report.summary import summarise


def outline(html):
    """Every element of a page with its attributes, in order, as a browser's parser finds them."""
    tree = html5lib.parse(html, namespaceHTMLElements=False)
    return [(element.tag, sorted(element.attrib)) for element in tree.iter()]


@pytest.fixture(scope="module")
def light(run):
    """The page without Plotly's 5 MB; the run folder, made before, has it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "get_plotlyjs", lambda: "")
        yield page


@pytest.fixture(scope="module")
def show(light, pictures, charts):
    """Render a summary with the pictures and charts of a real discovery."""
    return lambda summary: light.render(summary, pictures, charts)


def check_inert(show, summary):
    """The same elements and attributes stand on a page of hostile and of harmless names."""
    harmless = [f"name {i}" for i in range(len(HOSTILE))]
    expected = outline(show(with_names(summary, harmless)))
    # Compared first: pytest would take minutes to tell how two pages differ.
    same = outline(show(with_names(summary, HOSTILE))) == expected
    assert same


def test_sixty_hostile_names_stay_text_in_every_slot(show, alien):
    assert len(HOSTILE) == len(set(HOSTILE)) >= 60
    check_inert(show, summarise(alien))


@pytest.mark.parametrize("part", range(4))
def test_the_table_and_the_list_of_files_show_every_hostile_name(show, alien, part):
    # Both cut long lists short: fifteen names at a time are all on the page.
    names = HOSTILE[part::4]
    html = show(with_names(summarise(alien), names))
    text = "".join(html5lib.parse(html, namespaceHTMLElements=False).itertext())
    for name in names:
        assert text.count(name.replace("\x00", "")) >= 4  # HTML has no NUL: a parser drops it


def test_a_page_without_escaping_is_found(light, show, alien, monkeypatch):
    bare = Environment(loader=page.environment.loader, autoescape=False)
    monkeypatch.setattr(page, "environment", bare)
    with pytest.raises(AssertionError):
        check_inert(show, summarise(alien))


def test_labels_in_the_data_block_cannot_end_it(light, alien, pictures, charts, with_evidence):
    gallery = alien.evidence_.gallery
    labels = np.array([HOSTILE[i % len(HOSTILE)] for i in range(len(gallery))])
    hostile = ImageSet(gallery.pixels, labels=labels, name=gallery.name)
    harmless, harmful = (
        charts | gather_charts(with_evidence(replace(alien.evidence_, gallery=own)))
        for own in (gallery, hostile)
    )
    expected = outline(light.render(summarise(alien), pictures, harmless))
    same = outline(light.render(summarise(alien), pictures, harmful)) == expected
    assert same
    assert set(harmful["groups"]["label"]["names"]) == set(labels)


@pytest.mark.parametrize("text", HOSTILE)
def test_embedded_json_is_the_text_without_what_html_reads(text):
    embedded = page.embedded_json({text: [text]})
    assert not re.search("[<>&\u2028\u2029]", embedded)
    assert json.loads(embedded) == {text: [text]}


def test_nothing_outside_the_file_is_named(run):
    html = (run[0] / "report.html").read_text("utf-8")
    template = (page.TEMPLATES / "page.html.j2").read_text("utf-8")
    assert not re.search(r"(src|href|url)\s*[=(]\s*[\"']?(https?:)?//", template)
    assert "default-src 'none'" in html
    assert len(html.encode()) < 10e6


def test_only_the_two_scripts_written_here_may_run(run):
    html = (run[0] / "report.html").read_text("utf-8")
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts]
    allowed = re.search(r"script-src ([^;]*);", html)[1]
    assert allowed == " ".join(f"'sha256-{digest}'" for digest in digests)
    assert len(scripts) == 2


def test_rare_labels_are_left_out_of_a_large_table(show, alien):
    summary = summarise(alien)
    counts = [[*range(1, 101)] for _ in summary.symbols]
    names = [f"kind {i}" for i in range(100)]
    html = show(replace(summary, label_names=names, label_counts=counts))
    assert "60 rarer labels not shown" in html
    assert re.findall(r"kind \d+", html) == names[60:]


def test_what_the_page_says_is_what_the_summary_holds(show, alien):
    summary = summarise(alien, command="xenoglyph discover digits")
    text = "".join(html5lib.parse(show(summary), namespaceHTMLElements=False).itertext())
    words = " ".join(text.split())
    assert f"{summary.n_symbols} symbols in 1,797 images" in words
    assert f"{summary.n_components} components and {summary.message_length:,.1f} nats" in words
    k, nats = summary.runner_up
    assert f"the next best, with {k} components, is {nats:,.1f} nats longer" in words
    assert "This makes it again: xenoglyph discover digits" in words
    for score in summary.scores.values():
        assert f"{score:.3f}" in words


def test_without_a_runner_up_none_is_told(show, alien):
    html = show(replace(summarise(alien), runner_up=None))
    assert "the next best" not in html
    assert "nats.</p>" in html


@pytest.fixture(scope="module")
def article(images):
    return SymbolDiscovery("article", n_epochs=2, random_state=0).fit(images)


def paragraphs(html, tag):
    tree = html5lib.parse(html, namespaceHTMLElements=False)
    return [" ".join("".join(one.itertext()).split()) for one in tree.iter(tag)]


@pytest.mark.parametrize("recipe", ["default", "article"])
def test_the_table_holds_every_change_of_the_number_of_components(request, light, recipe):
    alien = request.getfixturevalue("alien" if recipe == "default" else "article")
    summary = summarise(alien)
    charts = {**gather_charts(alien), "draws": gather_draws(alien)}
    html = light.render(summary, gather_pictures(alien), charts)
    tree = html5lib.parse(html, namespaceHTMLElements=False)
    rows = [
        [cell.text for cell in row] for row in tree.iterfind(".//table[@id='events']/tbody/tr")
    ]
    assert f"{len(rows)} changes of the number of components" in " ".join(html.split())
    events = sorted(alien.mixture_.trace_.events, key=lambda event: event.sweep)
    together = groupby(events, lambda e: e.sweep if e.kind == "annihilation" else e)
    expected = [(own[0], own[-1]) for own in (list(group) for _, group in together)]
    assert len(rows) == len(expected) > 0
    for row, (first, last) in zip(rows, expected, strict=True):
        assert row == [
            f"{first.sweep:,}",
            EVENTS[first.kind][0],
            f"{first.n_components_before} → {last.n_components_after}",
            *(f"{x:,.1f}" for x in (first.saved, first.saved_model, first.saved_data)),
        ]


REASONS = {
    "split": "A component is split where",
    "merge": "Two components are merged where",
    "deletion": "A component is taken out to try with fewer.",
    "annihilation": "A component starves when",
}


@pytest.mark.parametrize(
    "kinds", [[], ["split"], ["annihilation", "deletion"], [*EVENTS]], ids=str
)
def test_only_what_happened_is_explained(show, alien, kinds):
    summary = summarise(alien)
    event = summary.events[0]
    html = show(replace(summary, events=[{**event, "kind": kind} for kind in kinds]))
    (caption,) = [own for own in paragraphs(html, "figcaption") if "sweep by sweep" in own]
    for kind, reason in REASONS.items():
        assert (reason in caption) == (kind in kinds)
    changes = f"{len(kinds)} change{'s' * (len(kinds) != 1)} of the number of components"
    assert (changes in html) == bool(kinds)


def test_charts_mark_what_was_chosen(alien):
    charts, mixture = gather_charts(alien), alien.mixture_
    assert charts["chosen"] == alien.n_components_
    nats = dict(charts["best"])
    assert nats[charts["chosen"]] == pytest.approx(0.0, abs=0.1)
    trace = mixture.trace_
    assert [k for _, k, _ in charts["ledger"]] == [s.n_components for s in trace.sweeps]
    assert charts["ledger"][trace.chosen.number][2] == 0.0
    assert sorted(charts["events"]) == sorted([e.sweep, e.kind] for e in trace.events)


def test_without_labels_or_command_the_page_still_says_how_it_was_made(show, alien):
    bare = replace(summarise(alien), scores=None, label_names=[], label_counts=[])
    html = show(bare)
    assert "Against labels" not in html
    assert "SymbolDiscovery(n_epochs=20, random_state=0).fit(images)" in html


def test_every_join_tells_what_it_costs(show, alien):
    summary = summarise(alien)
    tree = html5lib.parse(show(summary), namespaceHTMLElements=False)
    rows = list(tree.iterfind(".//table[@class='joins']/tbody/tr"))
    told = [[cell.text for cell in row[2:5]] for row in rows]
    assert told == [
        [f"{100 * merge.confusion:.2f} %", f"{100 * merge.unexcused:.2f} %", f"{merge.nats:,.1f}"]
        for merge in alien.symbols_.merges
    ]


def test_the_least_of_every_criterion_is_marked(show, alien):
    summary = summarise(alien)
    tree = html5lib.parse(show(summary), namespaceHTMLElements=False)
    rows = tree.findall(".//table[@id='criteria']/tbody/tr")
    assert len(rows) == len(summary.criteria) > 2
    for column, key in enumerate(("message_length", "bic", "aic", "icl"), start=1):
        least = min(summary.criteria, key=lambda row: row[key])
        marked = [row for row in rows if row[column].find("strong") is not None]
        assert [row[0].text for row in marked] == [str(least["n_components"])]


@pytest.mark.parametrize(
    ("count", "words"), [(0, "Every image belongs"), (3, "3 images (0.17 %)")]
)
def test_images_that_belong_nowhere_are_counted(show, alien, count, words):
    html = " ".join(show(replace(summarise(alien), n_strange=count)).split())
    assert words in html
    assert ("those after the first 3 still belong" in html) == (count == 3)


def test_doubtful_and_strange_images_are_chosen_among_all(alien, images):
    evidence = alien.evidence_
    for symbol in range(alien.n_symbols_):
        own = np.flatnonzero(alien.labels_ == symbol)
        least = np.sort(alien.confidence_[own])[:DOUBTFUL]
        kept = evidence.doubtful.pixels[evidence.doubtful_symbols == symbol]
        told = alien.predict_proba(kept)
        np.testing.assert_allclose(told[:, symbol], least, atol=1e-2)
    worst = np.sort(alien.scores_)[:STRANGE]
    np.testing.assert_allclose(alien.score_samples(evidence.strange), worst, atol=0.2)
