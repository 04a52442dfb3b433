"""The front page of a batch in a real browser: searched, sorted, by keyboard, without script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from batch_folder import group, judged, mixed_groups, record_of, write_batch
from printed import blocks, cut_rows
from pypdf import PdfReader
from test_browser import CHROMIUM, INTRUDE, REFUSED, SCREENS, audited, playwright, visit

from loyalty_analysis.batch_page import batch_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH"),
]
HOSTILE = "</script><script>window.struck = 'name'</script><img src=x onerror=alert(1)>"
LABELS = {"affective": "Affective commitment to the brand that one knows best"}


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A batch with groups in every state, one of them with a hostile name; one of 200 groups."""
    run = judged(tmp_path_factory.mktemp("run"))
    mixed = [*mixed_groups(), group("Hostile", answer_changed=True, changes=HOSTILE, n=33)]
    mixed[-1]["name"] = HOSTILE
    records = {
        "mixed": record_of(mixed, labels=LABELS, repeated=True),
        "many": record_of([group(f"brand {k}", n=1000 - k) for k in range(200)]),
    }
    found = {}
    for name, record in records.items():
        folder = write_batch(tmp_path_factory.mktemp(name), record, run)
        (folder / "index.html").write_text(batch_page(folder, record), encoding="utf-8")
        found[name] = (folder / "index.html").as_uri()
    return found


@pytest.fixture(scope="module")
def browser(addresses: dict[str, str]) -> Iterator[Browser]:
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser, addresses: dict[str, str]) -> Iterator[Page]:
    """The mixed batch on a desktop; nothing is asked for, said or struck."""
    opened = visit(browser, addresses["mixed"])
    yield opened.page
    assert set(opened.asked) == {opened.address} and opened.said == []
    assert opened.page.evaluate("window.struck") is None
    opened.page.context.close()


def names(page: Page) -> list[str]:
    """Names of the groups that are visible, from the top; the hostile one is cut short."""
    heads = page.locator("#group-table tbody th").filter(visible=True)
    return [text if len(text) < 20 else "Hostile" for text in heads.all_inner_texts()]


@pytest.mark.parametrize(("desktop", "phone"), [("light", "dark"), ("dark", "light")])
def test_axe_finds_nothing(
    desktop: str, phone: str, browser: Browser, addresses: dict[str, str]
) -> None:
    views = [("desktop", desktop), ("phone", phone)]
    assert audited(browser, addresses["mixed"], views) == [[], []]


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("name", ["mixed", "many"])
def test_a_page_is_as_wide_as_its_screen(
    name: str, screen: str, browser: Browser, addresses: dict[str, str]
) -> None:
    opened = visit(browser, addresses[name], screen)
    assert opened.overflow() == 0 and opened.said == []
    opened.page.context.close()


def test_the_search_finds_names_and_states(page: Page) -> None:
    search = page.get_by_label("Search groups")
    assert page.locator("#shown").inner_text() == "11 of 11 groups shown."
    search.fill("eta")
    assert names(page) == ["Beta", "Zeta", "Eta", "Theta"]
    search.fill("ETA finished")
    assert names(page) == []
    search.fill("changed")
    assert names(page) == ["Beta", "Gamma", "Hostile"]  # unchanged, changed, changed
    assert page.locator("#shown").inner_text() == "3 of 11 groups shown."
    search.press("Escape")
    assert len(names(page)) == 11


def test_every_column_sorts_both_ways_by_keyboard(page: Page) -> None:
    heads = page.locator("#group-table thead tr").last.locator("th")
    assert heads.count() == 3 + 5 + 5 + 2
    for place in range(heads.count()):
        button = heads.nth(place).get_by_role("button")
        button.focus()
        for key in ("Enter", " "):
            button.press(key)
            ascending = heads.nth(place).get_attribute("aria-sort") == "ascending"
            assert page.locator("#group-table [aria-sort]").count() == 1
            keys = column(page, place)
            known = [one for one in keys if one != ""]
            assert keys == [*known, *[""] * (len(keys) - len(known))]  # missing ones last
            if "number" in str(heads.nth(place).get_attribute("class")):
                numbers = [float(one) for one in known]
                assert numbers == sorted(numbers, reverse=not ascending)
        assert page.evaluate("document.activeElement.tagName") == "BUTTON"
    assert heads.first.get_by_role("button").inner_text() == "Group"


def column(page: Page, place: int) -> list[str]:
    found: list[str] = page.locator("#group-table tbody tr").evaluate_all(
        """(rows, place) => rows.map(row => row.cells[place])
            .map(cell => cell.dataset.sort ?? cell.textContent.trim())""",
        place,
    )
    return found


def test_sorting_by_n_puts_the_largest_first_and_says_so(page: Page) -> None:
    page.get_by_role("button", name="n", exact=True).click()
    assert names(page)[:4] == ["Gamma", "Alpha", "Beta", "Hostile"]
    assert page.locator("#sorted").inner_text() == "Sorted by respondents, largest first."
    page.get_by_role("button", name="n", exact=True).click()
    assert names(page)[:4] == ["Hostile", "Beta", "Alpha", "Gamma"]


def test_two_hundred_groups_are_searched_and_sorted_at_once(
    browser: Browser, addresses: dict[str, str]
) -> None:
    opened = visit(browser, addresses["many"])
    page = opened.page
    took = page.evaluate(
        """() => {
            const begun = performance.now();
            document.querySelectorAll('#group-table button').forEach(button => button.click());
            return performance.now() - begun;
        }"""
    )
    assert took < 5000  # milliseconds, for fifteen columns
    page.get_by_role("button", name="n", exact=True).click()
    assert names(page)[:2] == ["brand 0", "brand 1"] and len(names(page)) == 200
    page.get_by_label("Search groups").fill("brand 19")
    assert names(page) == ["brand 19", "brand 119", *(f"brand {k}" for k in range(190, 200))]
    page.context.close()


def test_without_script_the_table_is_whole(browser: Browser, addresses: dict[str, str]) -> None:
    context = browser.new_context(offline=True, java_script_enabled=False, **SCREENS["desktop"])
    page = context.new_page()
    page.goto(addresses["mixed"])
    assert page.locator("#group-table tbody tr").filter(visible=True).count() == 11
    assert page.locator("button").count() == 0
    assert not page.locator("#tools").is_visible()
    assert page.locator("#group-table thead th").last.inner_text() == "Answer"
    context.close()


def test_names_are_text(page: Page) -> None:
    assert HOSTILE in page.locator("#group-table").inner_text()
    assert HOSTILE in page.locator("#changes").inner_text()
    assert page.locator("script").count() == 1
    assert page.locator("img").count() == 1  # the figure


def test_the_content_policy_refuses_what_gets_in(
    browser: Browser, addresses: dict[str, str]
) -> None:
    opened = visit(browser, addresses["mixed"])
    assert opened.page.locator("#group-table button").count() == 15  # its own script ran
    assert set(opened.page.evaluate(INTRUDE)) == REFUSED
    assert opened.page.evaluate("window.struck") is None
    assert opened.asked == [opened.address]
    opened.page.context.close()


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_paper_cuts_no_row_and_leaves_none_out(
    paper: Any, browser: Browser, addresses: dict[str, str], tmp_path: Path
) -> None:
    opened = visit(browser, addresses["many"])
    opened.page.get_by_label("Search groups").fill("brand 7")  # paper shows all the same
    opened.page.pdf(path=tmp_path / "printed.pdf", format=paper, tagged=True)
    opened.page.context.close()
    pdf = PdfReader(tmp_path / "printed.pdf")
    assert cut_rows(blocks(pdf)) == []
    text = " ".join("".join(page.extract_text() for page in pdf.pages).split())
    assert all(f"brand {k} " in text for k in range(200))
    wide = [page for page in pdf.pages if page.mediabox.width > page.mediabox.height]
    assert 0 < len(wide) < len(pdf.pages)  # the table of groups stands across
