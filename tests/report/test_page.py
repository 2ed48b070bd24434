"""The page is inert: whatever a name holds, it stays text, and nothing is asked of a network."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from jinja2 import Environment

from xenoglyph import ImageSet
from xenoglyph.report import page
from xenoglyph.report.summary import summarise

MARKS = ("<", ">", '"', "'", "&", "\u2028", "\u2029", "\x00", "`", "{{7*7}}", "{%raw%}", "]]>")
HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "<!--<script>",
    "--><img src=x onerror=alert(1)>",
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    "<iframe src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "<base href=//evil.example>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<object data=//evil.example>",
    "<style>@import '//evil.example'</style>",
    "<math><mtext></mtext><script>alert(1)</script></math>",
    "javascript:alert(1)",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "\\u003cscript\\u003ealert(1)",
    "${alert(1)}",
    '=HYPERLINK("//evil.example")',
    "x' autofocus onfocus=alert(1) '",
    'x" style="background:url(//evil.example)',
    *(f"a{mark}b" for mark in MARKS),
    *(f"<b {mark}>bold</b>" for mark in MARKS),
    *(f"</pre></td>{mark}<script src=//evil.example/{i}>" for i, mark in enumerate(MARKS)),
]


class Outline(HTMLParser):
    """Every element of a page with its attributes, in order."""

    def __init__(self):
        super().__init__()
        self.elements = []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, tuple(name for name, _ in attributes)))


def outline(html):
    parser = Outline()
    parser.feed(html)
    return parser.elements


def with_names(summary, names):
    """Put names into every slot that a user's data, files or command can fill."""
    return replace(
        summary,
        name=names[0] + "".join(names),
        command=" ".join(names),
        sources=[{"name": name, "sha256": name} for name in names],
        label_names=list(names),
        label_counts=[[1] * len(names) for _ in summary.symbols],
        settings={name: name for name in names},
        versions=dict(zip(names, names, strict=True)),
    )


@pytest.fixture(scope="module")
def light():
    """The page without Plotly's 5 MB."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "get_plotlyjs", lambda: "")
        yield page


def check_inert(render, summary, alien):
    """The same elements and attributes stand on a page of hostile and of harmless names."""
    harmless = [f"name {i}" for i in range(len(HOSTILE))]
    expected = outline(render(with_names(summary, harmless), alien))
    assert outline(render(with_names(summary, HOSTILE), alien)) == expected


def test_sixty_hostile_names_stay_text_in_every_slot(light, alien):
    assert len(HOSTILE) == len(set(HOSTILE)) >= 60
    check_inert(light.render, summarise(alien), alien)


def test_a_page_without_escaping_is_found(light, alien, monkeypatch):
    bare = Environment(loader=page.environment.loader, autoescape=False)
    monkeypatch.setattr(page, "environment", bare)
    with pytest.raises(AssertionError):
        check_inert(light.render, summarise(alien), alien)


def test_labels_in_the_data_block_cannot_end_it(light, alien, monkeypatch):
    gallery = alien.evidence_.gallery
    labels = [HOSTILE[i % len(HOSTILE)] for i in range(len(gallery))]
    hostile = ImageSet(gallery.pixels, labels=labels, name=gallery.name)
    expected = outline(light.render(summarise(alien), alien))
    monkeypatch.setattr(alien, "evidence_", replace(alien.evidence_, gallery=hostile))
    assert outline(light.render(summarise(alien), alien)) == expected


@pytest.mark.parametrize("text", HOSTILE)
def test_embedded_json_has_no_character_that_html_reads(text):
    embedded = page.embedded_json({text: [text]})
    assert not re.search("[<>&\u2028\u2029]", embedded)


def test_nothing_outside_the_file_is_named(run):
    html = (run[0] / "report.html").read_text("utf-8")
    template = (page.TEMPLATES / "page.html.j2").read_text("utf-8")
    assert not re.search(r"(src|href|url)\s*[=(]\s*[\"']?(https?:)?//", template)
    assert "default-src 'none'" in html
    assert html.count("cdn.plot.ly/plotly") == 0
    assert len(html.encode()) < 10e6
