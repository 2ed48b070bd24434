"""axe-core finds no serious fault, whatever the page is seen on."""

import pytest

from browsing import DESK, PHONE, opened_page

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-core")

SEEN = {
    "light": {"viewport": DESK},
    "dark": {"viewport": DESK, "color_scheme": "dark"},
    "phone": {"viewport": PHONE},
    "dark phone": {"viewport": PHONE, "color_scheme": "dark"},
}
FAULTS = {
    "image-alt": "document.querySelector('main').append(new Image())",
    "color-contrast": "document.querySelector('.lead').style.color = 'rgb(128, 128, 128, 0.6)'",
    "label": "document.querySelector('#walk').removeAttribute('aria-label');"
    "document.querySelector('#walk').previousElementSibling.remove()",
    "button-name": "document.querySelector('#drawings button').removeAttribute('aria-label')",
}
CONTROLS = (
    'name="drawn"',
    "Drawing 1 of",
    'type="range"',
    'id="walk-from"',
    'id="walk"',
    'name="colour"',
    'id="ellipses"',
    "aria-pressed",
    "<summary>",
)
FOCUSED = """(() => {
    const own = document.activeElement;
    return own === document.body ? "" : own.outerHTML.slice(0, 120);
})()"""


def serious_faults(page):
    """Names of the rules that are broken seriously, with what breaks them."""
    page.eval_on_selector_all("details", "all => all.forEach(own => { own.open = true; })")
    found = axe.Axe().run(page).response["violations"]
    return {
        own["id"]: [node["html"][:200] for node in own["nodes"]]
        for own in found
        if own["impact"] in ("serious", "critical")
    }


@pytest.mark.parametrize("seen", SEEN)
def test_axe_finds_no_serious_fault(browser, run, seen):
    with opened_page(browser, run[0] / "report.html", **SEEN[seen]) as page:
        assert serious_faults(page) == {}


def test_on_paper_too(browser, run):
    with opened_page(browser, run[0] / "report.html", viewport=DESK) as page:
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert serious_faults(page) == {}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_known_fault_is_found(browser, run, fault):
    with opened_page(browser, run[0] / "report.html", viewport=DESK) as page:
        page.evaluate(FAULTS[fault])
        assert list(serious_faults(page)) == [fault]


def test_everything_can_be_reached_by_keyboard(browser, run):
    with opened_page(browser, run[0] / "report.html", viewport=DESK) as page:
        reached = []
        while not reached or reached[-1] != "":
            page.keyboard.press("Tab")
            reached.append(page.evaluate(FOCUSED))
            assert len(reached) < 500
        assert not [mark for mark in CONTROLS if not any(mark in own for own in reached)]
