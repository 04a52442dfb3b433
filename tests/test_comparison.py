"""Results and verdicts on disk, and what changed between two runs."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from run_folders import CLAIM, DRIVER, GATE, PAIR, SLOPE, run_folder

from loyalty_analysis.claim_changes import FAMILY
from loyalty_analysis.claim_changes import GATE as BY_GATE
from loyalty_analysis.comparison import (
    answer_changes,
    changes,
    changes_sentence,
    read_verdicts,
    verdict_counts,
    write_results,
)
from loyalty_analysis.manifest import write_json
from loyalty_analysis.pages import environment
from loyalty_analysis.study import load_study
from loyalty_analysis.verdicts import COLUMNS


def verdict_table(**rows: str) -> pd.DataFrame:
    """A verdict table of one claim set, with a verdict for each claim."""
    blank = dict.fromkeys(COLUMNS, "")
    table = [{**blank, "claim_set": "press", "claim": c, "verdict": v} for c, v in rows.items()]
    return pd.DataFrame(table, columns=COLUMNS).assign(estimate=0.1, outcome="loyalty", text="T")


def test_results_are_written_with_every_digit_and_read_back_the_same(tmp_path: Path) -> None:
    values = [0.1 + 0.2, 1 / 3, 1e-300]
    verdicts = verdict_table(R1="supported", R2="negligible").assign(estimate=values[:2])
    write_results(
        tmp_path, {"models": pd.DataFrame({"label": ["Loyalität"] * 3, "x": values})}, verdicts
    )
    again = pd.read_csv(tmp_path / "results" / "models.csv")
    assert list(again["x"]) == values
    assert again["label"][0] == "Loyalität"
    assert (tmp_path / "verdicts.csv").read_text(encoding="utf-8").split("\n")[0] == ",".join(
        COLUMNS
    )
    read = read_verdicts(tmp_path)
    assert list(read["part"]) == ["", ""]
    assert list(read["claim"]) == ["R1", "R2"]


def test_changes_name_claims_whose_verdict_changed_and_leave_out_parts() -> None:
    before = verdict_table(R1="supported", R2="inconclusive", R3="supported")
    after = verdict_table(R1="supported", R2="contradicted", R4="negligible")
    after.loc[0, "estimate"] = 0.3  # an estimate alone is not a change of verdict
    part = verdict_table(R1="negligible").assign(part="affective")
    found = changes(pd.concat([before, part]), after).set_index("claim")
    assert list(found.index) == ["R2", "R3", "R4"]
    assert list(found["before"]) == ["inconclusive", "supported", "absent"]
    assert list(found["now"]) == ["contradicted", "absent", "negligible"]
    assert changes(before, before).empty


def test_counts_leave_out_parts_and_name_every_verdict() -> None:
    part = verdict_table(R1="negligible").assign(part="affective")
    counts = verdict_counts(pd.concat([verdict_table(R1="supported"), part]))
    assert counts["supported"] == 1
    assert sum(counts.values()) == 1
    assert len(counts) == 5


def test_two_runs_with_the_same_answer_say_so(tmp_path: Path) -> None:
    results: dict[str, Any] = {
        **{"regression": [SLOPE], "drivers": [DRIVER], "gates": [GATE], "discriminant": [PAIR]}
    }
    runs = [run_folder(tmp_path / name, [{}], **results) for name in ("a", "b")]
    found = answer_changes(*runs)
    assert found["answer_changed"] is False
    assert found["compared_with"] == "a"
    assert not any(found[kind] for kind in ("verdicts", "signs", "ranks", "gates"))
    assert found["n"]["analysed"] == {"before": 250, "now": 250}
    json.dumps(found, allow_nan=False)
    assert changes_sentence(found) == "Nothing that matters changed since run a."


def test_a_verdict_that_flipped_is_told_with_both_estimates(tmp_path: Path) -> None:
    turned = {"estimate": -0.3, "conf_low": -0.4, "conf_high": -0.2, "verdict": "contradicted"}
    before = run_folder(tmp_path / "a", [{}, {"claim": "C2", "estimate": float("nan")}])
    now = run_folder(tmp_path / "b", [turned, {"claim": "C2", "estimate": float("nan")}])
    found = answer_changes(before, now)
    assert found["answer_changed"]
    [row] = found["verdicts"]
    assert (row["claim"], row["before"], row["now"]) == ("C1", "supported", "contradicted")
    assert (row["estimate_before"], row["estimate_now"]) == (0.3, -0.3)
    assert "C1 (repurchase) from supported to contradicted" in changes_sentence(found)


def test_a_sign_turns_only_from_one_side_of_zero_to_the_other(tmp_path: Path) -> None:
    below = {"estimate": -0.3, "conf_low": -0.4, "conf_high": -0.2}
    around = {"conf_low": -0.1, "conf_high": 0.4}
    cases = {"turned": below, "around": around, "few": below | {"df": 3.0}, "same": {}}
    constant = SLOPE | {"term": "(Intercept)"}
    before = run_folder(
        tmp_path / "a", regression=[*(SLOPE | {"term": name} for name in cases), constant]
    )
    rows = [SLOPE | {"term": name} | change for name, change in cases.items()]
    now = run_folder(tmp_path / "b", regression=[*rows, constant | below])
    found = answer_changes(before, now)
    assert [(row["term"], row["before"], row["now"]) for row in found["signs"]] == [
        ("turned", "+", "-")
    ]
    assert found["answer_changed"]


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        pytest.param((1, 1), (1, 1), True, id="told apart in both"),
        pytest.param((1, 2), (1, 1), False, id="a tie before"),
        pytest.param((1, 1), (1, 2), False, id="a tie now"),
        pytest.param(None, None, True, id="no ranks: shares apart"),
    ],
)
def test_ranks_change_where_no_run_calls_the_two_a_tie(
    tmp_path: Path, before: tuple[int, int] | None, now: tuple[int, int] | None, told: bool
) -> None:
    def drivers(first: str, second: str, ends: tuple[int, int] | None) -> list[dict[str, Any]]:
        low, high = ends or (float("nan"), float("nan"))
        last = {"rank": 2, "rank_low": 2 if ends else low, "rank_high": 2 if ends else high}
        small = {"share": 0.1, "share_low": 0.05, "share_high": 0.15, **last}
        return [
            DRIVER | {"term": first, "rank_low": low, "rank_high": high},
            DRIVER | {"term": second} | small,
        ]

    runs = [
        run_folder(tmp_path / "a", drivers=drivers("value", "price", before)),
        run_folder(tmp_path / "b", drivers=drivers("price", "value", now)),
    ]
    found = answer_changes(*runs)
    assert found["answer_changed"] is told
    pairs = [(row["term"], row["over"], row["rank_now"]) for row in found["ranks"]]
    assert pairs == ([("price", "value", 1)] if told else [])


def test_shares_with_overlapping_intervals_are_a_tie_where_no_ranks_are_known(
    tmp_path: Path,
) -> None:
    nan = {"rank_low": float("nan"), "rank_high": float("nan")}
    near = {"share": 0.28, "rank": 2}
    runs = [
        run_folder(
            tmp_path / name,
            drivers=[DRIVER | nan | {"term": first}, DRIVER | nan | near | {"term": second}],
        )
        for name, first, second in (("a", "value", "price"), ("b", "price", "value"))
    ]
    assert answer_changes(*runs)["ranks"] == []


def test_n_is_reported_and_no_alert(tmp_path: Path) -> None:
    models = [{"model": "satisfaction", "n": 250}, {"model": "loyalty.total", "n": 250}]
    before = run_folder(tmp_path / "a", models=models)
    more = {"respondents": {"read": 300, "analysed": 290}}
    now = run_folder(tmp_path / "b", manifest=more, models=[models[0] | {"n": 290}, models[1]])
    found = answer_changes(before, now)
    assert found["n"]["read"] == {"before": 260, "now": 300}
    assert found["n"]["models"] == [{"model": "satisfaction", "before": 250, "now": 290}]
    assert not found["answer_changed"]


def test_a_gate_that_failed_is_an_answer_that_changed(tmp_path: Path) -> None:
    low = {"gate": "reliability", "about": "value", "value": 0.72, "limit": 0.7}
    sound = {"gate": "admissible", "about": "", "value": float("nan"), "limit": float("nan")}
    before = run_folder(tmp_path / "a", gates=[GATE | low, GATE | sound])
    failed = [
        GATE | low | {"value": 0.69, "passes": False},
        GATE | sound | {"about": "price", "passes": False},
        GATE | {"gate": "invariance", "about": "sector", "passes": False},  # not asked before
    ]
    now = run_folder(tmp_path / "b", gates=failed)
    found = answer_changes(before, now)["gates"]
    assert [(row["gate"], row["about"], row["now"]) for row in found] == [
        ("admissible", "price", "fails"),
        ("reliability", "value", "fails"),
    ]
    assert [(row["value_before"], row["value_now"]) for row in found][1] == (0.72, 0.69)


def flickering(folder: Path, name: str, value: float, **more: Any) -> Path:
    """A run whose one claim is judged, or not, by a gate with this value; the limit is 0.9."""
    passes = value < 0.9
    nan = {"estimate": float("nan"), "p_value": float("nan"), "p_holm": float("nan")}
    stopped = {"verdict": "not testable", "reason": "not_distinct: value and price", **nan}
    return run_folder(
        folder / name,
        [{} if passes else stopped],
        gates=[GATE | {"value": value, "passes": passes}],
        discriminant=[PAIR | {"htmt_high": value, **more}],
    )


def test_a_gate_within_monte_carlo_error_of_its_limit_flips_nothing(tmp_path: Path) -> None:
    before, now = (flickering(tmp_path, f"{value}", value) for value in (0.899, 0.902))
    found = answer_changes(before, now)
    assert not found["answer_changed"]
    assert [row["kind"] for row in found["within_monte_carlo"]] == ["gate", "verdict"]
    far = flickering(tmp_path, "far", 0.93)
    assert [row["about"] for row in answer_changes(before, far)["gates"]] == ["value and price"]
    assert [row["now"] for row in answer_changes(before, far)["verdicts"]] == ["not testable"]


def test_without_random_draws_the_same_step_is_a_change(tmp_path: Path) -> None:
    runs = [
        flickering(tmp_path, f"{value}", value, method="jackknife over clusters")
        for value in (0.899, 0.902)
    ]
    found = answer_changes(*runs)
    assert len(found["gates"]) == len(found["verdicts"]) == 1


def test_a_slow_drift_is_told_once_it_is_sure(tmp_path: Path) -> None:
    values = [0.899, 0.902, 0.904, 0.93, 0.931]
    runs = [flickering(tmp_path, f"{value}", value) for value in values]
    told = []
    for before, now in pairwise(runs):
        found = answer_changes(before, now)
        write_json(now / "changes.json", found)
        told.append((len(found["gates"]), len(found["verdicts"])))
    assert told == [(0, 0), (0, 0), (1, 1), (0, 0)]


def test_an_unsettled_gate_beside_another_reason_is_a_change(tmp_path: Path) -> None:
    before, now = (flickering(tmp_path, f"{value}", value) for value in (0.899, 0.902))
    table = pd.read_csv(now / "verdicts.csv", keep_default_na=False)
    table["reason"] = "not_distinct: value and price, value and trust"
    table.to_csv(now / "verdicts.csv", index=False)
    assert len(answer_changes(before, now)["verdicts"]) == 1


def indirect(low: float, verdict: str, **more: Any) -> dict[str, Any]:
    """An indirect effect whose low end decides."""
    ends = {"estimate": 0.2, "conf_low": low, "conf_high": 0.4}
    return {"estimand": "indirect", "verdict": verdict, **ends, **more}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param({}, False, id="within"),
        pytest.param({"conf_low": -0.03}, True, id="beyond"),
        pytest.param({"p_holm": 0.2}, True, id="another p"),
        pytest.param({"estimand": "total"}, True, id="not drawn"),
    ],
)
def test_drawn_ends_near_a_bound_are_no_change(
    tmp_path: Path, change: dict[str, Any], told: bool
) -> None:
    sides = [indirect(0.001, "supported"), indirect(-0.001, "inconclusive") | change]
    asked = {"estimand": change.get("estimand", "indirect")}  # the same question in both
    runs = [run_folder(tmp_path / f"{at}", [side | asked]) for at, side in enumerate(sides)]
    found = answer_changes(*runs)
    assert found["answer_changed"] is told
    assert len(found["within_monte_carlo"]) == (not told)


def test_the_ends_of_the_twin_count_too(tmp_path: Path) -> None:
    def run(name: str, low: float, verdict: str) -> Path:
        twin = {"latent": 0.25, "latent_low": low, "latent_high": 0.5}
        row = {"estimand": "indirect", "outcome": "repurchase", "term": "value", "estimate": 0.2}
        return run_folder(tmp_path / name, [indirect(0.05, verdict)], contrasts=[row | twin])

    before, near = run("a", 0.001, "supported"), run("b", -0.001, "inconclusive")
    assert not answer_changes(before, near)["answer_changed"]
    assert answer_changes(before, run("c", -0.05, "inconclusive"))["answer_changed"]


def test_a_part_that_really_flipped_makes_the_claim_flip(tmp_path: Path) -> None:
    parts = [indirect(0.001, "supported", part="a"), indirect(0.1, "supported", part="b")]
    near = [indirect(-0.001, "inconclusive", part="a"), parts[1]]
    real = [near[0], indirect(-0.1, "inconclusive", part="b")]
    claim = {"estimate": float("nan"), "conf_low": float("nan"), "conf_high": float("nan")}
    before, one, two = (
        run_folder(tmp_path / name, [claim | {"verdict": verdict}, *rows])
        for name, verdict, rows in (
            ("a", "supported", parts), ("b", "inconclusive", near), ("c", "inconclusive", real),
        )
    )  # fmt: skip
    assert not answer_changes(before, one)["answer_changed"]
    assert answer_changes(before, two)["answer_changed"]


def test_a_claim_that_holm_settles_anew_because_a_gate_flickered_is_no_change(
    tmp_path: Path,
) -> None:
    other = {"claim": "C2", "p_value": 0.03}
    runs = []
    for value in (0.902, 0.899):  # now C1 can be tested, and C2 shares its level with it
        alone = value >= 0.9
        run = flickering(tmp_path, f"{value}", value)
        table = pd.read_csv(run / "verdicts.csv", keep_default_na=False)
        held = {"verdict": "inconclusive", "reason": "multiplicity", "p_holm": 0.06}
        row = CLAIM | other | ({"p_holm": 0.03} if alone else held)
        table = pd.concat([table.assign(p_value="" if alone else 0.04), pd.DataFrame([row])])
        table.to_csv(run / "verdicts.csv", index=False)
        runs.append(run)
    found = answer_changes(*runs)
    assert not found["answer_changed"], found["verdicts"]
    assert {row["why"] for row in found["within_monte_carlo"] if "why" in row} == {BY_GATE, FAMILY}


def test_claims_that_came_went_or_ask_something_else_are_told_apart(tmp_path: Path) -> None:
    claims = {"claims": [{"file": "own.toml", "sha256": "a"}]}
    before = run_folder(tmp_path / "a", [{}, {"claim": "C2"}, {"claim": "C3"}], claims)
    rows = [{}, {"claim": "C4"}, {"claim": "C3", "sign": "-", "verdict": "contradicted"}]
    now = run_folder(tmp_path / "b", rows, {"claims": [{"file": "own.toml", "sha256": "b"}]})
    found = answer_changes(before, now)
    assert found["differing"] == ["the claims"]
    named = {kind: [row["claim"] for row in rows] for kind, rows in found["claims"].items()}
    assert named == {"new": ["C4"], "gone": ["C2"], "reworded": ["C3"]}
    assert not found["answer_changed"]


def test_a_claim_that_vanished_for_no_reason_is_an_alert(tmp_path: Path) -> None:
    before = run_folder(tmp_path / "a", [{}, {"claim": "C2"}])
    found = answer_changes(before, run_folder(tmp_path / "b", [{}]))
    assert [(row["claim"], row["now"]) for row in found["verdicts"]] == [("C2", "absent")]
    assert found["answer_changed"]


@pytest.mark.parametrize("damaged", ["[", "{}", "[1]", '{"within_monte_carlo": null}'])
def test_runs_without_results_or_with_a_damaged_comparison_are_compared_all_the_same(
    tmp_path: Path, damaged: str
) -> None:
    before, now = run_folder(tmp_path / "a", [{}]), run_folder(tmp_path / "b", [{}])
    (before / "changes.json").write_text(damaged, encoding="utf-8")
    assert not answer_changes(before, now)["answer_changed"]


def test_the_sentence_counts_every_kind() -> None:
    row = {"claim": "R1", "outcome": "", "before": "supported", "now": "negligible"}
    found = {"answer_changed": True, "compared_with": "x", "verdicts": [row] * 5, "signs": [{}]}
    said = changes_sentence(found | {"ranks": [{}, {}], "gates": []})
    assert said.startswith("5 verdicts, 1 sign and 2 ranks changed since run x: R1 from supported")
    assert said.endswith("and 3 others.")


def test_a_mended_word_in_a_claim_does_not_hide_its_verdict(tmp_path: Path) -> None:
    before = run_folder(tmp_path / "a", [{"text": "It maters."}])
    now = run_folder(tmp_path / "b", [{"verdict": "contradicted"}])
    assert answer_changes(before, now)["answer_changed"]


def section(found: dict[str, Any]) -> str:
    since = {
        "run": "a", "started": "2026-11-21T20:37:55+00:00", "page": True, "differing": "the data",
        "changes": found, "sentence": changes_sentence(found),
    }  # fmt: skip
    template = environment().get_template("changes.html.j2")
    return template.render(since=since, study=load_study("bank_customers"))


def test_the_section_shows_every_kind_of_change_escaped(tmp_path: Path) -> None:
    bad = "<img src=x onerror=alert(1)>"
    swapped = [DRIVER | {"rank": 2, "rank_low": 2, "rank_high": 2, "share": 0.1}]
    swapped += [DRIVER | {"term": "price", "share": 0.5}]
    first = [DRIVER, DRIVER | {"term": "price", "rank_low": 2, "rank_high": 2, "share": 0.1}]
    before = run_folder(
        tmp_path / "a", [{"text": bad}], regression=[SLOPE], drivers=first, gates=[GATE]
    )
    turned = SLOPE | {"conf_low": -0.4, "conf_high": -0.2, "estimate": -0.3}
    failed = GATE | {"passes": False, "value": 0.95}
    verdict = {"text": bad, "verdict": "contradicted"}
    now = run_folder(
        tmp_path / "b", [verdict], regression=[turned], drivers=swapped, gates=[failed],
        manifest={"respondents": {"read": 260, "analysed": 240}},
    )  # fmt: skip
    html = section(answer_changes(before, now))
    soup = BeautifulSoup(html, "html.parser")
    captions = [caption.text for caption in soup.select("table caption")]
    assert len(captions) == 5
    assert captions[0] == "Claims and outcomes whose verdict changed."
    assert "<img" not in html
    assert [one.text for one in soup.select("#changes-heading")] == [
        "What changed since the last run"
    ]
    assert {mark["class"][1] for mark in soup.select(".mark")} == {"supported", "contradicted"}
    assert "240" in soup.find_all("table")[4].text


def test_the_section_of_an_unchanged_answer_has_no_table(tmp_path: Path) -> None:
    before, now = (flickering(tmp_path, f"{value}", value) for value in (0.899, 0.902))
    soup = BeautifulSoup(section(answer_changes(before, now)), "html.parser")
    assert "Nothing that matters changed since run 0.899." in soup.text
    assert not soup.find_all("table")
    [summary] = soup.select("details summary")
    assert summary.text.startswith("2 within Monte Carlo error")
