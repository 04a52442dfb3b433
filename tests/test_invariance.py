"""Invariance of a study: what differs is named, and only claims that compare groups wait for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from factory import survey_of
from latent import LOADINGS, drawn, equal, items_of, study_of

from loyalty_analysis.cfa import measurement_model
from loyalty_analysis.gates import gates
from loyalty_analysis.invariance import COLUMNS, compared_levels, invariance
from loyalty_analysis.study_tables import Gates
from loyalty_analysis.survey import Survey, read_survey
from loyalty_analysis.verdicts import judge

NAMES = ("care", "price fit", "loyalty")
TRUTH = equal(NAMES, 0.4)
GROUPS: dict[str, Any] = {
    "design": {"groups": ["land"]}, "contrasts": {"land": {"a": "north", "b": "south"}},
}  # fmt: skip
CLAIMS = [
    {"estimand": "slope_difference", "outcome": "loyalty", "term": "care",
     "versus": ["north", "south"]},
    {"estimand": "total", "outcome": "loyalty", "term": "care"},
]  # fmt: skip


def group(
    seed: int, n: int = 300, other: Mapping[str, float] | None = None, count: int = 4
) -> pd.DataFrame:
    """Respondents of one group; ``other`` names the loadings that differ there."""
    rng = np.random.default_rng(seed)
    latent, found = drawn(TRUTH, n, rng), {}
    for name in NAMES:
        for item, loading in zip(items_of(name, count), LOADINGS, strict=False):
            found[item] = (other or {}).get(item, loading) * latent[name]
            found[item] += np.sqrt(1 - loading**2) * rng.normal(size=n)
    return pd.DataFrame(found)


def together(groups: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    parts = [part.assign(land=name) for name, part in groups.items()]
    return pd.concat(parts, ignore_index=True)


def surveyed(
    folder: Path, groups: Mapping[str, pd.DataFrame] | Sequence[pd.DataFrame], count: int = 4,
    changes: Mapping[str, Any] | None = None,
) -> Survey:  # fmt: skip
    if not isinstance(groups, Mapping):
        groups = dict(zip(("north", "south"), groups, strict=True))
    study = study_of({name: items_of(name, count) for name in NAMES}, **GROUPS)
    return survey_of(folder, changes, together(groups), study=study, claims=CLAIMS)


def gate(survey: Survey, table: pd.DataFrame) -> pd.Series:
    """The gate of the only group column."""
    found = gates(survey.study, {"invariance": table}, measurement_model(survey))
    [row] = found.query("gate == 'invariance'").to_dict("records")
    return pd.Series(row)


@pytest.fixture(scope="module")
def same(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    return surveyed(tmp_path_factory.mktemp("same"), [group(1), group(2)])


def test_groups_that_answer_alike(same: Survey) -> None:
    table = invariance(same)
    assert list(table) == list(COLUMNS)
    assert table["step"].tolist() == ["configural", "metric", "scalar", "strict"]
    assert table["holds"].all() and (table["freed"] == "").all() and table["enough"].isna().all()
    assert table["df"].tolist() == [102, 111, 120, 132]
    assert (table["group"] == "land").all() and (table["levels"] == "north, south").all()
    assert (table["n"] == 600).all() and (table["p_value"].dropna() > 0.001).all()
    row = gate(same, table)
    assert row["passes"] and row["note"] == "land: metric invariance holds."


@pytest.mark.parametrize(("item", "loading"), [("price fit3", 0.15), ("care1", 0.3)])
def test_the_item_that_differs_is_named(tmp_path: Path, item: str, loading: float) -> None:
    """As the study names it, also where it is the first of its construct; three others are left."""
    survey = surveyed(tmp_path, [group(3), group(4, other={item: loading})])
    table = invariance(survey)
    assert table["holds"].tolist() == [True, False, False, False]
    metric = table.set_index("step").loc["metric"]
    assert (metric["freed"], metric["enough"]) == (item, 1)
    assert (table.loc[table["step"] != "metric", "freed"] == "").all()
    row = gate(survey, table)
    assert row["passes"]
    assert row["note"] == (
        f"land: metric invariance does not hold; loadings that differ: {item}, two invariant items "
        "are left for each construct."
    )


@pytest.fixture(scope="module")
def different(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    """Three items each; no two items of two constructs keep the ratio of their loadings."""
    other = {"care2": 0.4, "care3": 0.15, "loyalty1": 0.35, "loyalty3": 0.1}
    groups = [group(5, count=3), group(6, other=other, count=3)]
    return surveyed(tmp_path_factory.mktemp("different"), groups, count=3)


def test_too_few_items_are_left(different: Survey) -> None:
    table = invariance(different)
    assert table["holds"].tolist() == [True, False, False, False]
    assert table.set_index("step").loc["metric", "enough"] == 0
    row = gate(different, table)
    assert not row["passes"] and "does not hold, whichever loadings may differ" in row["note"]


def test_only_claims_that_compare_groups_wait(different: Survey) -> None:
    rows = judge(different)
    assert rows["reason"].tolist()[0] == "not_invariant: land"
    assert rows["verdict"].tolist()[0] == "not testable"
    assert rows["sentence"][0] == (
        "Not testable: the items do not mean the same in each group: land."
    )
    assert "not_invariant" not in rows["reason"][1] and rows["verdict"][1] == "supported"


def test_a_gate_that_warns_lets_them_be_judged(different: Survey) -> None:
    warn = Gates(warn=("invariance",))
    warned = replace(different, study=different.study.model_copy(update={"gates": warn}))
    row = gate(warned, invariance(warned))
    assert row["warns"] and not row["passes"]
    assert judge(warned)["verdict"][0] != "not testable"


@pytest.mark.parametrize("n", [5, 49])
def test_groups_that_are_too_small(tmp_path: Path, n: int) -> None:
    survey = surveyed(tmp_path, [group(7), group(8, n=n)])
    table = invariance(survey)
    assert table["note"].tolist() == ["fewer than two groups of 50 respondents"]
    assert table["step"].tolist() == [""] and not table["holds"].any()
    row = gate(survey, table)
    assert not row["passes"] and row["note"] == (
        "land: metric invariance cannot be assessed (fewer than two groups of 50 respondents)."
    )
    expected = "missing_group" if n == 5 else "not_invariant: land"
    assert judge(survey)["reason"][0].startswith(expected)


def test_a_side_of_the_contrast_that_was_not_assessed(tmp_path: Path) -> None:
    """Two large groups are alike; the one that the claim compares is too small to tell."""
    groups = {"north": group(9), "south": group(10, n=40), "west": group(11)}
    survey = surveyed(tmp_path, groups)
    table = invariance(survey)
    assert table["holds"].all() and (table["levels"] == "north, west").all()
    assert compared_levels(survey, "land") == ["north", "west"]
    row = gate(survey, table)
    assert not row["passes"] and "(too few respondents in south)" in row["note"]
    assert judge(survey)["reason"][0] == "not_invariant: land"


def test_one_cluster_in_each_group(tmp_path: Path) -> None:
    """Groups that are clusters: errors cannot be clustered within them."""
    groups = {"north": group(12).assign(shop="n"), "south": group(13).assign(shop="s")}
    groups |= {"west": group(14).assign(shop="w"), "east": group(15).assign(shop="e")}
    table = invariance(surveyed(tmp_path, groups, changes={"design.cluster": "shop"}))
    assert table["group"].tolist() == ["land", "land (north, south)"]
    assert (table["step"] == "").all()
    assert table["note"][0] == "group 'east': one cluster only: errors cannot be clustered."


def test_clusters_within_groups(tmp_path: Path) -> None:
    shop = np.arange(300) % 30
    shops = [group(16).assign(shop=shop), group(17).assign(shop=shop + 30)]
    table = invariance(surveyed(tmp_path, shops, changes={"design.cluster": "shop"}))
    assert table["holds"].all()


def test_twelve_groups_have_wider_limits(tmp_path: Path) -> None:
    """Half of them with one loading lower: too much for two groups, within the limits of many."""
    groups = {
        f"{k:02d}": group(20 + k, n=120, count=3, other={"care2": 0.45 if k % 2 else 0.75})
        for k in range(12)
    }
    few = {name: groups[name] for name in ("00", "01", "02", "03")}
    metric = {}
    for parts in (groups, few):
        table = invariance(surveyed(tmp_path / f"{len(parts)}", parts, count=3))
        metric[len(parts)] = table.set_index("step").loc["metric"]
    assert metric[12]["levels"].count(", ") == 11 and metric[12]["n"] == 1440
    for count, (cfi, rmsea) in {12: (0.020, 0.030), 4: (0.010, 0.015)}.items():
        row = metric[count]
        assert row["holds"] == (row["delta_cfi"] >= -cfi and row["delta_rmsea"] <= rmsea)
    assert metric[12]["delta_cfi"] < -0.010 and metric[12]["holds"]


def test_single_items_are_left_out(tmp_path: Path) -> None:
    frame = together({"north": group(40), "south": group(41)})
    items = {"care": items_of("care"), "price fit": ["price fit1"], "loyalty": items_of("loyalty")}
    table = invariance(survey_of(tmp_path, {}, frame, study=study_of(items, **GROUPS)))
    assert table["df"].tolist()[:2] == [16, 20]  # two constructs of three items, two groups
    alone = study_of({name: [f"{name}1"] for name in NAMES}, **GROUPS)
    none = invariance(survey_of(tmp_path / "alone", {}, frame, study=alone))
    assert none["note"].tolist() == ["no construct has two items or more"]


def test_incomplete_answers_stay_in(tmp_path: Path) -> None:
    parts = [group(42), group(43)]
    for part in parts:
        part.loc[part.index % 5 == 0, "care2"] = np.nan
    survey = surveyed(tmp_path, parts, changes={"scale.min_items": 2})
    table = invariance(survey)
    assert (table["n"] == 600).all() and table["holds"].all()


def test_only_the_columns_that_are_asked_for(same: Survey) -> None:
    assert invariance(same, []).empty and list(invariance(same, [])) == list(COLUMNS)
    assert invariance(read_survey("bank_customers")).empty


def test_an_item_that_does_not_vary_in_a_group(tmp_path: Path) -> None:
    table = invariance(surveyed(tmp_path, [group(44), group(45).assign(care2=1.0)]))
    assert table["note"].tolist() == [
        "group 'south': care2 does not vary; take it out of the model."
    ]


def test_groups_whose_own_models_cannot_be(tmp_path: Path) -> None:
    """A Heywood case in one group: nothing is compared, and the gate says why."""
    bad = group(46)
    rng = np.random.default_rng(47)
    bad["care1"] = bad["care2"] + bad["care3"] + bad["care4"] + 0.05 * rng.normal(size=300)
    survey = surveyed(tmp_path, [group(48), bad])
    table = invariance(survey)
    assert not table["admissible"][0] and not table["holds"].any() and table["freed"][1] == ""
    row = gate(survey, table)
    assert not row["passes"] and row["note"] == (
        "land: metric invariance cannot hold: the groups by themselves have no admissible solution."
    )
