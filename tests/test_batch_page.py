"""The front page of a batch: only numbers of this batch, pooled, counted against luck, in words."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from batch_folder import OLD, group, judged, mixed_groups, record_of, write_batch
from bs4 import BeautifulSoup, Tag

from loyalty_analysis.batch_figures import NAMED, order_of, slope_figures, slope_limits
from loyalty_analysis.batch_luck import RATE, luck, luck_sentences
from loyalty_analysis.batch_numbers import averages, pooled_slopes, read_numbers
from loyalty_analysis.batch_page import batch_page, script_hash
from loyalty_analysis.batch_words import STATES, pooling_sentences
from loyalty_analysis.comparison import read_verdicts, verdict_counts
from loyalty_analysis.formatting import BANNER, number
from loyalty_analysis.inference import t_p_value
from loyalty_analysis.pages import CONTENT_POLICY
from loyalty_analysis.pooling import partially_pooled
from loyalty_analysis.rules import Evidence, holm, rule

DRIVERS = ["affective", "normative", "economic", "forced", "habitual"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return judged(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    return record_of(mixed_groups(), unassigned=12)


@pytest.fixture(scope="module")
def folder(run: Path, record: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_batch(tmp_path_factory.mktemp("batch"), record, run)


@pytest.fixture(scope="module")
def page(folder: Path, record: dict[str, Any]) -> BeautifulSoup:
    return BeautifulSoup(batch_page(folder, record), "html.parser")


def part(page: Tag, selector: str) -> Tag:
    """The first part of a page that a selector finds."""
    found = page.select_one(selector)
    assert found is not None
    return found


def row_of(page: BeautifulSoup, name: str) -> list[str]:
    """The cells of a group, as text."""
    [row] = [
        row for row in page.select("#group-table tbody tr") if part(row, "th").get_text() == name
    ]
    return [cell.get_text(" ", strip=True) for cell in row.find_all(["th", "td"])]


def test_numbers_are_those_of_this_batch_only(folder: Path, record: dict[str, Any]) -> None:
    assert (
        folder / "Delta" / OLD["run"] / "verdicts.csv"
    ).is_file()  # an earlier good run is there
    found = read_numbers(folder, record)
    assert list(found.slopes["folder"].unique()) == ["Alpha", "Beta", "Gamma"]
    assert set(found.verdicts["folder"]) == set(found.manifests) == {"Alpha", "Beta", "Gamma"}
    assert found.unread == {}


def test_slopes_are_those_of_the_mediator_without_controls(
    folder: Path, record: dict[str, Any]
) -> None:
    slopes = read_numbers(folder, record).slopes
    ours = slopes[slopes["folder"] == "Alpha"].set_index("term")
    run = folder / "Alpha" / record["groups"][0]["run"]
    table = pd.read_csv(run / "results" / "regression.csv").query("model == 'satisfaction'")
    expected = table.set_index("term").loc[DRIVERS]
    assert list(ours.index) == DRIVERS
    assert set(ours["outcome"]) == {"satisfaction"}
    for name, theirs in [("estimate", "beta"), ("std_error", "beta_std_error"), ("df", "beta_df")]:
        np.testing.assert_allclose(ours[name].to_numpy(float), expected[theirs])


def test_without_a_mediator_the_first_outcome_is_shown(run: Path, tmp_path: Path) -> None:
    record = record_of([group("Alpha")], drivers=["forced"])
    results = write_batch(tmp_path, record, run) / "Alpha" / record["groups"][0]["run"] / "results"
    models = pd.read_csv(results / "models.csv")
    models[models["kind"] != "mediator"].to_csv(results / "models.csv", index=False)
    slopes = read_numbers(tmp_path, record).slopes
    assert slopes[["outcome", "term"]].to_numpy().tolist() == [["repurchase", "forced"]]


@pytest.mark.parametrize("file", ["verdicts.csv", "results/regression.csv", "results/models.csv"])
def test_numbers_that_cannot_be_read_are_missing_and_said(
    file: str, run: Path, tmp_path: Path
) -> None:
    record = record_of([group("Alpha"), group("Beta")])
    write_batch(tmp_path, record, run)
    (tmp_path / "Beta" / record["groups"][1]["run"] / file).unlink()
    found = read_numbers(tmp_path, record)
    assert found.unread == {"Beta": Path(file).name}
    assert set(found.slopes["folder"]) == {"Alpha"}
    page = BeautifulSoup(batch_page(tmp_path, record), "html.parser")
    assert f"cannot be read from {Path(file).name}" in part(page, "#missing").get_text()
    assert row_of(page, "Beta")[3] == "– none"


def test_damaged_numbers_are_no_traceback(run: Path, tmp_path: Path) -> None:
    record = record_of([group("Alpha")])
    home = write_batch(tmp_path, record, run) / "Alpha" / record["groups"][0]["run"]
    table = (home / "results" / "regression.csv").read_text(encoding="utf-8")
    (home / "results" / "regression.csv").write_text(table.replace("beta_df", "other", 1))
    assert set(read_numbers(tmp_path, record).unread) == {"Alpha"}


def test_pooling_is_that_of_the_reports_and_needs_three_groups() -> None:
    row = {"folder": list("abcd"), "term": "x", "estimate": [0.1, 0.3, 0.8, 0.2], "df": 40.0}
    table = pd.DataFrame({**row, "std_error": [0.1, 0.1, 0.2, np.nan]})
    found = pooled_slopes(table)
    expected = partially_pooled(np.array([0.1, 0.3, 0.8]), np.array([0.01, 0.01, 0.04]))
    np.testing.assert_allclose(found["pooled"][:3], expected.values)
    half = (found["pooled_high"] - found["pooled_low"])[:3] / 2
    np.testing.assert_allclose(half, 2.0210753903 * expected.std_error)  # t, 40 df
    assert found["pooled"].isna()[3] and found["average"].notna().all()
    assert pooled_slopes(table[:2])["average"].isna().all()


def test_groups_are_counted_by_their_own_interval() -> None:
    row = {"folder": list("abc"), "term": "x", "estimate": [0.2, 0.2, -0.2], "std_error": 0.05}
    table = pd.DataFrame({**row, "conf_low": [0.1, 0.1, -0.3], "conf_high": [0.3, 0.3, -0.1]})
    found = averages(pooled_slopes(table.assign(df=[50.0, 3.0, 50.0]))).iloc[0]
    assert found[["above", "below", "both"]].tolist() == [1, 1, 1]  # three df settle nothing


def verdicts_of(rows: list[tuple[str, str, str, str, str]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["folder", "claim", "part", "sign", "verdict"])
    return table.assign(claim_set="mine", outcome="y", text="It is so.")


def test_luck_counts_claims_once_and_parts_against_them() -> None:
    found = luck(
        verdicts_of(
            [
                ("a", "C1", "", "+", "supported"),
                ("a", "C2", "", "+", "contradicted"),
                ("a", "C2", "one", "+", "supported"),
                ("a", "C2", "two", "-", "contradicted"),
                ("a", "C3", "", "any", "supported"),
                ("a", "C4", "", "+", "not testable"),
                ("b", "C1", "", "+", "negligible"),
            ]
        )
    )
    assert (found.judged, found.directed, found.groups, found.families) == (4, 3, 2, 2)
    assert (found.supported, found.contradicted) == (1, 1)
    assert found.by_luck == pytest.approx(3 * RATE)
    assert found.against_by_luck == pytest.approx(4 * RATE)
    assert found.claims["judged"].tolist() == [2, 1]
    assert found.claims["claim"].tolist() == ["C1", "C2"]


def test_luck_gives_no_more_than_is_said_where_nothing_is_there() -> None:
    draw = np.random.default_rng(3)
    df, reports, claims = 200.0, 2000, 5
    rows, families = [], 0
    for report in range(reports):
        estimates = draw.standard_t(df, claims) * 0.05
        half = 0.05 * 1.9718962236  # t, 200 df
        cases = [Evidence(x, 0.05, df, x - half, x + half, 202) for x in estimates]
        p = [float(t_p_value(case.statistic(), df)) for case in cases]
        for sure, adjusted in ((False, [0.0] * claims), (True, holm(p))):
            judged = [rule(one, "+", 0.01, q) for one, q in zip(cases, adjusted, strict=True)]
            if sure:
                families += any(one.verdict == "supported" for one in judged)
            else:
                rows += [
                    (str(report), f"C{k}", "", "+", one.verdict) for k, one in enumerate(judged)
                ]
    found = luck(verdicts_of(rows))
    assert found.directed == reports * claims
    assert found.supported == pytest.approx(found.by_luck, rel=0.15)  # the bound is reached
    assert found.contradicted == pytest.approx(found.against_by_luck, rel=0.15)
    assert 0 < families < 0.05 * reports  # Holm's promise, of which the page speaks
    assert (found.claims["supported"] <= found.claims["most"]).all()


def test_luck_is_said_with_its_numbers() -> None:
    table = pd.concat(
        verdicts_of([(str(k), "C1", "", "+", "supported" if k < 12 else "inconclusive")])
        for k in range(200)
    )
    said = " ".join(luck_sentences(luck(table)))
    assert "at most 5.0 of them" in said and "Found supported: 12." in said
    assert "no more than 10 of 200 claim sets" in said
    assert "Found contradicted: 0." in said and "waves" not in said
    assert "19 batches of 20 are too small" in luck_sentences(luck(table), repeated=True)[-1]
    assert luck_sentences(luck(verdicts_of([("a", "C1", "", "any", "supported")]))) == []


def test_what_is_missing_says_why_and_what_stands(page: BeautifulSoup) -> None:
    said = {part(item, "b").get_text(): item for item in page.select("#missing li")}
    assert list(said) == ["Delta", "Eta", "Zeta", "Epsilon", "2 not run, or stopped"]
    delta = " ".join(said["Delta"].get_text(" ").split())
    assert "02_regressions, cell 4: ValueError: no" in delta
    assert "12 November 2026, 02:00 UTC , 17 days older than this batch" in delta
    assert said["Delta"].select("a")[-1]["href"] == f"Delta/{OLD['run']}/index.html"
    assert "column 'aff2' is gone." in said["Epsilon"].get_text()
    assert "no earlier report" in said["Epsilon"].get_text()
    assert "Its deadline passed." in said["Zeta"].get_text()
    assert "Iota; Kappa." in said["2 not run, or stopped"].get_text()


def test_an_error_page_is_linked_only_where_it_is(
    folder: Path, record: dict[str, Any], page: BeautifulSoup
) -> None:
    assert "What happened" not in part(page, "#missing").get_text()
    failed = folder / "Delta" / "x.failed" / "index.html"
    failed.parent.mkdir()
    failed.write_text("<p>", encoding="utf-8")
    try:
        again = BeautifulSoup(batch_page(folder, record), "html.parser")
    finally:
        failed.unlink()
        failed.parent.rmdir()
    [link] = [one for one in again.select("#missing a") if one.get_text() == "What happened"]
    assert link["href"] == "Delta/x.failed/index.html"


def test_every_group_has_a_row_and_failed_ones_no_number(
    folder: Path, record: dict[str, Any], page: BeautifulSoup
) -> None:
    names = [part(row, "th").get_text() for row in page.select("#group-table tbody tr")]
    assert names == [one["name"] for one in record["groups"]]
    for one in record["groups"]:
        cells = row_of(page, one["name"])
        assert cells[2] == "{0.glyph} {0.word}".format(STATES[one["state"]])
        if one["state"] not in ("ok", "unchanged"):
            assert {cells[1], *cells[3:13]} == {"– none"}
    assert "an earlier one" in row_of(page, "Delta")[-2]


def test_a_row_holds_the_numbers_of_its_report(folder: Path, record: dict[str, Any]) -> None:
    page = BeautifulSoup(batch_page(folder, record), "html.parser")
    run = folder / "Alpha" / record["groups"][0]["run"]
    cells = row_of(page, "Alpha")
    counts = verdict_counts(read_verdicts(run))
    assert cells[1] == "310" and cells[3:8] == [str(count) for count in counts.values()]
    slopes = pd.read_csv(run / "results" / "regression.csv").query("model == 'satisfaction'")
    beta = slopes.set_index("term").loc[DRIVERS, "beta"]
    assert [cell.split()[0] for cell in cells[8:13]] == [number(value) for value in beta]
    link = str(part(page, "#group-table tbody th a")["href"])
    assert (folder / link).is_file()


def test_a_batch_that_was_refused_stands_and_says_so(folder: Path, record: dict[str, Any]) -> None:
    error = {"message": "survey.csv: no column 'brand'."}
    later = record | {"state": "blocked", "error": error, "finished": "2026-12-01T02:00:00+00:00"}
    said = part(
        BeautifulSoup(batch_page(folder, later), "html.parser"), "#answer .failed"
    ).get_text()
    assert "A later batch was blocked on 1 December 2026, 02:00 UTC: survey.csv: no col" in said
    assert "What follows is the batch of 29 November 2026, 01:59 UTC." in said
    assert "A later batch" not in batch_page(folder, record)


def test_a_batch_that_runs_says_so(folder: Path, record: dict[str, Any]) -> None:
    page = batch_page(folder, record | {"state": "running", "finished": None})
    assert "The batch is still running: 2 groups wait." in page


def test_small_groups_are_named_and_nothing_else(run: Path, tmp_path: Path) -> None:
    record = record_of([group("Alpha"), group("Theta", "suppressed", n=27183, **OLD)])
    html = batch_page(write_batch(tmp_path, record, run), record)
    page = BeautifulSoup(html, "html.parser")
    said = part(page, "#groups").get_text()
    assert "Fewer than 30 respondents, not shown: Theta." in said
    assert "subtract the groups shown" in said
    assert set(row_of(page, "Theta")[1:2] + row_of(page, "Theta")[3:]) == {"– none"}
    assert "27183" not in html and "27,183" not in html and OLD["run"] not in html


def test_what_a_reader_of_one_minute_sees(page: BeautifulSoup) -> None:
    said = [one.get_text() for one in page.select("#answer p")]
    assert said[0] == (
        "10 groups: 1 failed, 1 died, 1 out of time, 1 blocked, 1 stopped, 1 not run yet, "
        "2 finished, 1 unchanged, 1 not shown."
    )
    assert said[1].startswith("The batch ended before it was done: 2 groups wait.")
    assert said[2].startswith("The answer changed in 1 group: Gamma")
    assert said[3] == "12 rows have no value of brand and are in no group."
    assert said[4].startswith("Mean slopes on satisfaction over 3 groups: affective")
    assert re.fullmatch(
        r"Of \d+ claims with a direction, \d+ are supported; luck alone .* \d\.\d on average\.",
        said[5],
    )
    assert "R4a went from supported to open." in part(page, "#changes").get_text()


def test_a_first_report_is_not_called_as_before(run: Path, tmp_path: Path) -> None:
    record = record_of([group("Alpha"), group("Beta"), group("Gamma", "unchanged")])
    write_batch(tmp_path, record, run)
    for name, earlier in (("Alpha", None), ("Beta", OLD["run"])):
        path = tmp_path / name / record["groups"][0]["run"] / "changes.json"
        path.write_text(json.dumps({"compared_with": earlier}), encoding="utf-8")
    page = BeautifulSoup(batch_page(tmp_path, record), "html.parser")
    answers = [row_of(page, name)[-1] for name in ("Alpha", "Beta", "Gamma")]
    assert answers == ["first report", "as before", "as before"]
    said = "The answer changed in no group; 1 report had no earlier one to be compared with."
    assert said in part(page, "#answer").get_text()


def test_the_page_says_what_kind_of_study_it_is(folder: Path, record: dict[str, Any]) -> None:
    assert BANNER not in batch_page(folder, record)
    simulated = {**record, "study": {**record["study"], "origin": "simulated"}}
    assert BANNER in batch_page(folder, simulated)


def test_groups_that_share_respondents_are_said(folder: Path, record: dict[str, Any]) -> None:
    assert "same respondents" not in batch_page(folder, record)
    assert batch_page(folder, {**record, "repeated": True}).count("The same respondents") == 2
    assert len(pooling_sentences(True, True)) == 3


def test_names_are_text(run: Path, tmp_path: Path) -> None:
    name = '<script>alert(1)</script> & "B" {{ 7*7 }} \''
    record = record_of(
        [group("Alpha", answer_changed=True), group("Beta")], labels={"forced": name}
    )
    record["groups"][0]["name"] = record["groups"][0]["changes"] = name
    html = batch_page(write_batch(tmp_path, record, run), record)
    page = BeautifulSoup(html, "html.parser")
    assert len(page.find_all("script")) == 1
    assert part(page, "#group-table tbody th").get_text() == name
    assert part(page, "#changes dd").get_text() == name
    assert name in [head.get_text() for head in page.select("#group-table thead th")]


def test_the_policy_lets_this_script_through_and_nothing_else(page: BeautifulSoup) -> None:
    assert len(page.find_all("script")) == 1
    script = part(page, "script")
    policy = part(page, 'meta[http-equiv="Content-Security-Policy"]')["content"]
    assert policy == f"{CONTENT_POLICY}; script-src '{script_hash(script.get_text())}'"
    assert script.attrs == {} and "innerHTML" not in script.get_text()


def test_versions_data_and_command_can_be_checked(
    page: BeautifulSoup, run: Path, record: dict[str, Any]
) -> None:
    facts = part(page, "#check").get_text(" ")
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["data"]["sha256"] in facts and record["command"] in facts
    assert all(f"{name} {version}" in facts for name, version in manifest["versions"].items())
    assert "at least 30 respondents" in facts and record["batch"] in facts
    assert "other versions" not in facts


def test_reports_of_other_versions_are_counted(run: Path, tmp_path: Path) -> None:
    record = record_of([group(name) for name in ("Alpha", "Beta", "Gamma")])
    write_batch(tmp_path, record, run)
    path = tmp_path / "Beta" / record["groups"][1]["run"] / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(manifest | {"seed": 99}), encoding="utf-8")
    assert "1 of the reports were made from other data" in batch_page(tmp_path, record)


def test_a_batch_without_any_report_is_a_page(tmp_path: Path) -> None:
    page = BeautifulSoup(
        batch_page(tmp_path, record_of([group("Alpha", "pending")], finished=None)), "html.parser"
    )
    assert page.find("img") is None and page.select_one("#luck") is None
    assert row_of(page, "Alpha")[2] == "○ not run yet"


def slopes_of(groups: int) -> pd.DataFrame:
    draw = np.random.default_rng(groups)
    table = pd.DataFrame([(f"g{k}", term) for k in range(groups) for term in DRIVERS])
    table.columns = ["folder", "term"]
    table["estimate"] = draw.normal(0.2, 0.1, len(table))
    table = table.assign(outcome="satisfaction", std_error=0.05, df=100.0, n=200)
    half = 1.984 * table["std_error"]
    return table.assign(conf_low=table["estimate"] - half, conf_high=table["estimate"] + half)


@pytest.mark.parametrize("groups", [1, 3, NAMED, NAMED + 1, 200])
def test_figures_name_groups_as_long_as_they_can_be_read(groups: int) -> None:
    pooled = pooled_slopes(slopes_of(groups))
    names = {f"g{k}": f"brand {k}" for k in range(groups)}
    [figure] = slope_figures(pooled, names, str.capitalize)
    panels = figure.figure.axes
    assert len(panels) == len(DRIVERS)
    shown = [label.get_text() for label in panels[0].get_yticklabels()]
    order = [names[key] for key in order_of(pooled)]
    assert shown == (order if groups <= NAMED else [])
    assert figure.figure.get_figheight() < 9.5  # a page
    assert all(panel.get_xlim() == panels[0].get_xlim() for panel in panels)
    assert figure.alt.startswith(figure.title) and "table of groups" in figure.alt


def test_figures_draw_the_pooled_slope_filled_and_the_average() -> None:
    pooled = pooled_slopes(slopes_of(12))
    [figure] = slope_figures(pooled, {f"g{k}": f"brand {k}" for k in range(12)}, str)
    for panel, term in zip(figure.figure.axes, DRIVERS, strict=True):
        part = pooled[pooled["term"] == term].set_index("folder").loc[order_of(pooled)]
        light, filled = panel.collections[-3], panel.collections[-1]
        np.testing.assert_allclose(np.asarray(light.get_offsets())[:, 0], part["estimate"])
        np.testing.assert_allclose(np.asarray(filled.get_offsets())[:, 0], part["pooled"])
        lines = [np.asarray(line.get_xdata())[0] for line in panel.lines]
        assert lines == [0, pytest.approx(part["average"].iloc[0])]


def test_many_drivers_take_several_figures_on_one_axis() -> None:
    table = pd.concat([slopes_of(4), slopes_of(4).replace({"term": {"forced": "habit"}})])
    pooled = pooled_slopes(table.drop_duplicates(["folder", "term"]).reset_index(drop=True))
    found = slope_figures(pooled, {f"g{k}": f"brand {k}" for k in range(4)}, str)
    assert [len(one.figure.axes) for one in found] == [5, 1]
    assert {axes.get_xlim() for one in found for axes in one.figure.axes} == {slope_limits(pooled)}


def test_two_hundred_groups_take_little(run: Path, tmp_path: Path) -> None:
    record = record_of([group(f"brand {k}") for k in range(200)])
    write_batch(tmp_path, record, run)
    begun = time.process_time()
    read_numbers(tmp_path, record)
    read = time.process_time()
    html = batch_page(tmp_path, record)
    made = time.process_time()
    assert read - begun < 3 and made - read < 5  # seconds of CPU; the second holds the first again
    assert html.count("<tr data-text=") == 200 and len(html) < 2_000_000
