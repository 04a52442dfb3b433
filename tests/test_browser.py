"""Pages in a real browser: quiet, offline, inert, readable by everyone, whole on paper.

Chromium is the machine's own, driven by Playwright. Every request and every word on the console is
kept; the network is off; what a fold hides is opened before a page is judged.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pytest
from hostile_study import (
    AGE,
    CLOSING,
    DRAWING,
    IMAGE,
    LINK,
    LONG,
    MARKUP,
    SCRIPT,
    TEMPLATE,
    TURNED,
    failing_notebooks,
    hostile_study,
)
from printed import blocks, cut_rows, lonely_headings, pictures
from pypdf import PdfReader

from loyalty_analysis import report
from loyalty_analysis.comparison import read_verdicts
from loyalty_analysis.notebooks import NotebookError
from loyalty_analysis.pages import CONTENT_POLICY
from loyalty_analysis.report import render
from loyalty_analysis.runs import Run, judge_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SAMPLE = Path(__file__).resolve().parents[1] / "reports" / "sample" / "index.html"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, PROGRAMS)), None)
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason=f"no Chromium on PATH ({', '.join(PROGRAMS)})"),
]

SCREENS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 900}},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "is_mobile": True,
        "has_touch": True,
    },
}
REPORTS = ("report", "moments", "hostile")
PAGES = (*REPORTS, "front", "failed")
MARGINS = (14 / 25.4 * 72, 16 / 25.4 * 72)  # @page in page.css, in points


@dataclass
class Visit:
    """An open page, what it asked for, and what it said on the console."""

    name: str
    page: Page
    address: str
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def again(self) -> None:
        """Load the page as a reader finds it: folded, at its top."""
        assert self.page.evaluate("window.struck") is None
        self.page.goto("about:blank")
        self.page.goto(self.address)

    def unfold(self) -> None:
        """Open every fold at once."""
        self.page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")

    def overflow(self) -> int:
        """How many pixels the page is wider than the screen."""
        return int(
            self.page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
        )


def visit(
    browser: Browser, address: str, screen: str = "desktop", name: str = "", scheme: Any = "light"
) -> Visit:
    """Open an address without network; nothing but the address itself is let through."""
    context = browser.new_context(
        offline=True, color_scheme=scheme, reduced_motion="reduce", **SCREENS[screen]
    )
    opened = Visit(name, context.new_page(), address)

    def watch(route: Any) -> None:
        opened.asked.append(route.request.url)
        if route.request.url == address:
            route.continue_()
        else:
            route.abort()

    context.route("**/*", watch)
    opened.page.on("console", lambda message: opened.said.append(message.text))
    opened.page.on("pageerror", lambda error: opened.said.append(str(error)))
    opened.page.goto(address)
    return opened


@pytest.fixture(scope="module")
def hostile(rice_report: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The report of the hostile study, in the same folder as the others: one front page."""
    study = hostile_study(tmp_path_factory.mktemp("studies") / "<b>&amp; ümlaut {0}")
    return render(study, rice_report.folder.parents[1])


@pytest.fixture(scope="module")
def addresses(
    rice_report: Run, hostile: Run, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Every page: reports, then a later run of the hostile study that failed, the front page."""
    out = rice_report.folder.parents[1]
    judge_run("bank_customers", out)
    failing = failing_notebooks(tmp_path_factory.mktemp("notebooks") / "failing")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "notebooks_folder", lambda: failing)
        with pytest.raises(NotebookError):
            render(hostile.survey.study, out)
    [failed] = hostile.folder.parent.glob("*.failed")
    pages = {
        "report": rice_report.folder / "index.html",
        "moments": SAMPLE,
        "hostile": hostile.folder / "index.html",
        "failed": failed / "index.html",
        "front": out / "index.html",
    }
    return {name: path.as_uri() for name, path in pages.items()}


@pytest.fixture(scope="module")
def browser(addresses: dict[str, str]) -> Iterator[Browser]:
    """The machine's own Chromium, started once everything is rendered."""
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM)
        yield started
        started.close()


VIEWS = [(name, screen) for name in PAGES for screen in SCREENS]


@pytest.fixture(scope="module", params=VIEWS, ids="-".join)
def seen(
    request: pytest.FixtureRequest, browser: Browser, addresses: dict[str, str]
) -> Iterator[Visit]:
    """One page on one screen; whatever a test does there, nothing is asked for, said or struck."""
    name, screen = request.param
    opened = visit(browser, addresses[name], screen, name)
    yield opened
    assert set(opened.asked) == {opened.address}
    assert opened.said == []
    assert opened.page.evaluate("window.struck") is None
    opened.page.context.close()


def on(*names: str) -> pytest.MarkDecorator:
    """Limit a test to some of the pages."""
    views = [view for view in VIEWS if view[0] in names]
    return pytest.mark.parametrize("seen", views, indirect=True, ids="-".join)


def test_a_page_is_as_wide_as_its_screen(seen: Visit) -> None:
    assert seen.overflow() == 0
    seen.unfold()
    assert seen.overflow() == 0


@on(*REPORTS)
def test_the_verdict_table_is_there(seen: Visit) -> None:
    verdicts = read_verdicts(Path(unquote(urlsplit(seen.address).path)).parent)
    seen.unfold()
    cells = seen.page.locator('#verdicts td[data-label="Verdict"]').filter(visible=True)
    shown = Counter(text.split(maxsplit=1)[1] for text in cells.all_inner_texts())
    assert {**shown, "not testable": 0} == {**Counter(verdicts["verdict"]), "not testable": 0}
    closed = seen.page.locator("#verdicts table.closed tbody tr").filter(visible=True)
    assert closed.count() == len(verdicts.query("part == '' and verdict == 'not testable'"))


@on(*REPORTS, "failed")
def test_contents_lead_to_their_sections(seen: Visit) -> None:
    fold = seen.page.locator("nav.contents details")
    seen.again()
    if fold.is_visible():
        assert not seen.page.locator("nav.contents a").first.is_visible()
        fold.locator("summary").click()
    links = seen.page.locator("nav.contents a").filter(visible=True)
    named = [str(link.get_attribute("href")) for link in links.all()]
    targets = (
        ("#data-and-measurement", "#files")
        if seen.name == "failed"
        else ("#verdicts", "#regressions")
    )
    assert set(targets) <= set(named)
    for target in targets:
        seen.page.locator(f'nav.contents a[href="{target}"]').filter(visible=True).click()
        top = seen.page.locator(target).bounding_box()["y"]  # type: ignore[index]
        assert seen.page.evaluate("location.hash") == target
        assert top < seen.page.viewport_size["height"]  # type: ignore[index]


def test_links_inside_a_page_have_a_target(seen: Visit) -> None:
    broken = seen.page.evaluate(
        """() => [...document.querySelectorAll('a[href^="#"]')].map(a => a.getAttribute('href'))
            .filter(to => !document.getElementById(decodeURIComponent(to.slice(1))))"""
    )
    assert broken == []


@on(*REPORTS, "failed")
def test_code_folds_open(seen: Visit) -> None:
    seen.again()
    folds = seen.page.locator("details.code")
    assert folds.count() >= 6
    shown = folds.locator("pre").filter(visible=True)
    assert shown.count() == 0
    folds.first.locator("summary").click()
    folds.last.locator("summary").press("Enter")
    assert shown.count() == 2
    folds.locator("summary").evaluate_all(
        "all => all.slice(1, -1).forEach(summary => summary.click())"
    )
    assert shown.count() == folds.count()
    assert all(code.strip() for code in folds.locator("pre").all_inner_texts())


@on(*REPORTS)
def test_figures_are_drawn_and_told(seen: Visit) -> None:
    pictures = seen.page.locator("img").evaluate_all(
        "all => all.map(img => [img.alt, img.complete, img.naturalWidth, img.clientWidth])"
    )
    assert len(pictures) >= 3
    for told, complete, natural, shown in pictures:
        assert len(told) > 20 and complete
        assert natural > shown > 300


@on("report")
def test_the_first_key_skips_to_the_verdicts(seen: Visit) -> None:
    seen.again()
    seen.page.keyboard.press("Tab")
    skip = seen.page.locator("a.skip")
    assert skip.bounding_box()["x"] == 0  # type: ignore[index]
    seen.page.keyboard.press("Enter")
    assert seen.page.evaluate("location.hash") == "#verdicts"


@on("hostile", "failed", "front")
def test_names_and_labels_are_text(seen: Visit) -> None:
    seen.unfold()
    told = " ".join(seen.page.inner_text("body").split())
    expected = [SCRIPT, IMAGE, TURNED, TEMPLATE]
    if seen.name == "hostile":
        expected += [DRAWING, LINK, CLOSING, AGE[1:], MARKUP, LONG]
    if seen.name != "front":
        assert f"A study {SCRIPT} {IMAGE}" in seen.page.title()
    assert [name for name in expected if name not in told] == []
    armed = """[...document.querySelectorAll('*')].filter(tag =>
        tag.matches('script, svg[onload], img[src="x"], a[href^="javascript:" i]')
        || tag.getAttributeNames().some(name => name.startsWith('on')))"""
    assert seen.page.evaluate(f"{armed}.length") == 0


def test_hostile_figures_are_pictures_only(browser: Browser, hostile: Run) -> None:
    drawings = sorted((hostile.folder / "figures").glob("*.svg"))
    assert len(drawings) >= 4
    for drawing in drawings:
        opened = visit(browser, drawing.as_uri())
        assert opened.page.evaluate("window.struck") is None
        assert opened.page.locator("script, [onload], [onerror], a").count() == 0
        assert opened.asked == [opened.address]
        opened.page.context.close()


INTRUDE = """async () => {
    const refused = new Set();
    document.addEventListener('securitypolicyviolation', e => refused.add(e.effectiveDirective));
    const add = (tag, attributes, text = '') => {
        const made = Object.assign(document.createElement(tag), attributes);
        for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
        made.append(text);
        document.body.append(made);
        return made;
    };
    add('script', {}, "window.struck = 'script'");
    add('button', {onclick: "window.struck = 'handler'"}).click();
    add('script', {src: 'https://outside.invalid/a.js'});
    add('img', {src: 'https://outside.invalid/b.png'});
    add('link', {rel: 'stylesheet', href: 'https://outside.invalid/c.css'});
    add('iframe', {src: 'https://outside.invalid/d.html'});
    add('object', {data: 'https://outside.invalid/e.svg'});
    add('base', {href: 'https://outside.invalid/'});
    await fetch('https://outside.invalid/f.json').catch(() => null);
    await new Promise(done => setTimeout(done, 300));
    return [...refused];
}"""
REFUSED = {
    *("script-src-elem", "script-src-attr", "img-src", "style-src-elem", "frame-src"),
    *("object-src", "base-uri", "connect-src"),
}


@pytest.mark.parametrize("name", PAGES)
def test_the_content_policy_refuses_what_gets_in(
    name: str, browser: Browser, addresses: dict[str, str]
) -> None:
    opened = visit(browser, addresses[name])
    policy = opened.page.locator('meta[http-equiv="Content-Security-Policy"]')
    assert policy.get_attribute("content") == CONTENT_POLICY
    assert set(opened.page.evaluate(INTRUDE)) == REFUSED
    assert opened.page.evaluate("window.struck") is None
    assert opened.asked == [opened.address]
    opened.page.context.close()


def test_a_page_without_policy_is_caught(browser: Browser, tmp_path: Path) -> None:
    # What the tests above rest on: that a page which asks, speaks or strikes would be noticed.
    careless = tmp_path / "careless.html"
    careless.write_text(f"<body>{IMAGE}<script>console.log('said')</script>", encoding="utf-8")
    opened = visit(browser, careless.as_uri())
    assert opened.page.evaluate(INTRUDE) == []
    assert opened.page.evaluate("window.struck") == "handler"
    assert "said" in opened.said
    asked = {address.rpartition("/")[2] for address in opened.asked}
    assert {"a.js", "b.png", "c.css", "d.html", "f.json", "x"} <= asked
    opened.page.context.close()


AUDIT = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations
    .map(found => [found.id, found.impact, found.nodes.map(node => node.target.join(' '))])"""


def audited(browser: Browser, address: str, views: Sequence[tuple[str, str]]) -> list[Any]:
    """Run axe-core on several views at once (each has a process of its own), folds opened."""
    program = (Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    opened = [visit(browser, address, screen, scheme=scheme) for screen, scheme in views]
    for one in opened:
        one.unfold()
        one.page.evaluate(program)
        one.page.evaluate(f"() => {{ window.audit = ({AUDIT})(); }}")
    found = [one.page.evaluate("window.audit") for one in opened]
    for one in opened:
        one.page.context.close()
    return found


# Colours do not depend on the study: for two reports one scheme on each screen will do.
SCHEMES = [(name, "light", "dark") for name in PAGES]
SCHEMES += [(name, "dark", "light") for name in PAGES if name not in ("moments", "hostile")]


@pytest.mark.parametrize(("name", "desktop", "phone"), SCHEMES)
def test_axe_finds_nothing(
    name: str, desktop: str, phone: str, browser: Browser, addresses: dict[str, str]
) -> None:
    views = [("desktop", desktop), ("phone", phone)]
    assert audited(browser, addresses[name], views) == [[], []]


PAPERS = [("report", "A4"), ("report", "Letter"), ("moments", "A4"), ("hostile", "Letter")]


@pytest.mark.parametrize(("name", "paper"), PAPERS)
def test_paper_cuts_nothing(
    name: str, paper: str, browser: Browser, addresses: dict[str, str], tmp_path: Path
) -> None:
    opened = visit(browser, addresses[name])
    opened.page.pdf(path=tmp_path / "printed.pdf", format=paper, tagged=True)
    shown = opened.page.locator("img").count()
    opened.page.context.close()
    pdf = PdfReader(tmp_path / "printed.pdf")
    width, height = (float(side) for side in pdf.pages[0].mediabox[2:])
    left, bottom = MARGINS
    painted = pictures(pdf)
    assert len(painted) == shown
    for one in painted:
        assert left - 1 <= one.left < one.right <= width - left + 1
        assert bottom - 1 <= one.bottom < one.top <= height - bottom + 1
        assert one.right - one.left >= 0.6 * (width - 2 * left)
        across, up = one.pixels
        assert (one.top - one.bottom) / (one.right - one.left) == pytest.approx(up / across, 0.01)
    assert len(tagged := blocks(pdf)) > 100
    assert cut_rows(tagged) == []
    assert lonely_headings(tagged) == []


def test_paper_that_cuts_is_caught(browser: Browser, tmp_path: Path) -> None:
    dot = "R0lGODdhAQABAIAAAAAAAP///ywAAAAAAQABAAACAkQBADs="
    careless = tmp_path / "careless.html"
    careless.write_text(
        f"<img src='data:image/gif;base64,{dot}' width=300 height=200 style='margin-left: -80px'>"
        "<table><tr><th>a</th><td>b<div style='height: 300mm'></div>c</td></tr></table>"
        "<h2>What is alone?</h2><p style='break-before: page'>This heading.</p>",
        encoding="utf-8",
    )
    opened = visit(browser, careless.as_uri())
    opened.page.pdf(path=tmp_path / "printed.pdf", format="A4", tagged=True)
    opened.page.context.close()
    pdf = PdfReader(tmp_path / "printed.pdf")
    [picture] = pictures(pdf)
    assert picture.left < 0 < picture.right
    [row], [heading] = cut_rows(blocks(pdf)), lonely_headings(blocks(pdf))
    assert row.pages[0] < row.pages[-1] == heading.pages[0]


@on(*REPORTS)
def test_paper_shows_what_a_reader_needs(seen: Visit) -> None:
    seen.again()
    seen.page.emulate_media(media="print", color_scheme="dark")
    seen.page.set_viewport_size({"width": 688, "height": 1000})  # A4 inside its margins
    assert seen.overflow() == 0
    clipped = seen.page.locator("main *").evaluate_all(
        """all => all.filter(tag => tag.scrollWidth > tag.clientWidth + 1
            && getComputedStyle(tag).overflowX !== 'visible').map(tag => tag.outerHTML)"""
    )
    assert clipped == []
    assert seen.page.locator("nav, details.code, a.skip").filter(visible=True).count() == 0
    folded = seen.page.locator("details.fold > :not(summary)")
    assert folded.filter(visible=True).count() == folded.count() > 0
    ink = seen.page.evaluate("getComputedStyle(document.body).color")
    assert ink == "rgb(0, 0, 0)"
    seen.page.emulate_media(media="screen", color_scheme="light")
    seen.page.set_viewport_size(SCREENS["desktop"]["viewport"])
