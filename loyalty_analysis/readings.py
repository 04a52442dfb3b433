"""Readings of tables: short paragraphs of computed sentences for notebooks and reports."""

from __future__ import annotations

import pandas as pd

from loyalty_analysis.captions import flips
from loyalty_analysis.categorical_readings import categorical_reading
from loyalty_analysis.driver_readings import (
    drivers_conclusion,
    drivers_reading,
    importance_performance_reading,
)
from loyalty_analysis.effect_readings import (
    mediation_conclusion,
    mediation_groups_reading,
    mediation_reading,
    orders_reading,
    sensitivity_reading,
)
from loyalty_analysis.formatting import in_sentence, listing, number, percent
from loyalty_analysis.group_readings import (
    differences_reading,
    groups_reading,
    moderation_reading,
    needs_groups,
    simple_slopes_reading,
)
from loyalty_analysis.holdout import notices
from loyalty_analysis.level_readings import group_means_reading, mixed_reading
from loyalty_analysis.measurement_readings import (
    distinct_reading,
    gates_reading,
    invariance_reading,
    loadings_reading,
    quality_reading,
    reliability_reading,
    structures_reading,
)
from loyalty_analysis.prose import Prose, prose
from loyalty_analysis.sentences import rule_label
from loyalty_analysis.slope_readings import (
    method_reading,
    slope_sentence,
    slope_side,
    slopes_reading,
    twin_reading,
)
from loyalty_analysis.study import Study
from loyalty_analysis.survey import Survey

__all__ = [
    "Prose",
    "attrition_reading",
    "categorical_reading",
    "correlations_reading",
    "descriptives_reading",
    "diagnostics_reading",
    "differences_reading",
    "distinct_reading",
    "drivers_conclusion",
    "drivers_reading",
    "gates_reading",
    "group_means_reading",
    "groups_reading",
    "importance_performance_reading",
    "invariance_reading",
    "loadings_reading",
    "mediation_conclusion",
    "mediation_groups_reading",
    "mediation_reading",
    "method_reading",
    "mixed_reading",
    "models_reading",
    "moderation_reading",
    "needs_groups",
    "needs_respondents",
    "orders_reading",
    "prose",
    "quality_reading",
    "reliability_reading",
    "sample_reading",
    "sensitivity_reading",
    "sign_reading",
    "simple_slopes_reading",
    "skipped",
    "slope_sentence",
    "slope_side",
    "slopes_reading",
    "structures_reading",
    "twin_reading",
    "verdict_reading",
]


def sample_reading(survey: Survey) -> Prose:
    """Say who is analysed, with what weights and clusters, and what the data are.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> print(sample_reading(read_survey("bank_customers")))
    This study is known by the moments of 250 respondents only.
    """
    said = [f"{number(survey.n, 0)} of {number(survey.n_read, 0)} respondents are analysed."]
    if not survey.has_respondents:
        said = [f"This study is known by the moments of {number(survey.n, 0)} respondents only."]
    if survey.study.is_simulated:
        said.append("They are simulated: they test the software and say nothing about customers.")
    said += notices(survey.study)
    if survey.weights is not None:
        effective = number(survey.effective_n, 0)
        said.append(f"Weights leave the precision of {effective} equally weighted respondents.")
    if survey.n_clusters is not None:
        said.append(f"Errors are clustered in {survey.n_clusters} clusters ({survey.cluster}).")
    return prose(said)


def attrition_reading(survey: Survey) -> Prose:
    """Say what was lost, which column costs most, and what a half-of-items rule would keep.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> print(attrition_reading(read_survey("bank_customers")))
    Published moments come with their own analysis sample: nothing to remove.
    """
    if not survey.has_respondents:
        return prose(["Published moments come with their own analysis sample: nothing to remove."])
    table = survey.attrition
    steps = table[table["kind"] == "step"]
    lost = survey.n_read - survey.n
    said = [f"{number(lost, 0)} rows ({percent(lost / survey.n_read)}) are not analysed."]
    worst = steps.loc[steps["alone"].idxmax()]
    if worst["alone"] > 0:
        cost = number(worst["alone"], 0)
        costliest = rule_label(str(worst["rule"]), survey.study)
        said.append(f"The costliest rule is '{costliest}': {cost} rows by itself.")
    half = table[table["kind"] == "comparison"]["left"]
    if len(half):
        kept = number(half.iloc[0], 0)
        said.append(f"If half of the items of a construct were enough, {kept} would be kept.")
    return prose(said)


def skipped(survey: Survey) -> Prose:
    """Say which sections a study known by its moments must skip; empty for respondents.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> print(skipped(read_survey("bank_customers")).sentences[1])
    Errors are classical: they assume equal error variances and normal scores.
    """
    if survey.has_respondents:
        return prose([])
    return prose(
        [
            "Respondents are not at hand, so these are skipped: attrition, data quality, answer "
            "distributions, robust errors, checks of the regressions, invariance, groups, "
            "interactions, bootstrap intervals and ranks.",
            "Errors are classical: they assume equal error variances and normal scores.",
        ]
    )


def needs_respondents(what: str) -> Prose:
    """Say that something cannot be shown for a study known by its moments.

    Examples
    --------
    >>> str(needs_respondents("Answer distributions"))
    'Answer distributions need respondents; this study is known by its moments only.'
    """
    return prose([f"{what} need respondents; this study is known by its moments only."])


def descriptives_reading(table: pd.DataFrame) -> Prose:
    """Say which score is highest and lowest, and which scale is least reliable.

    Examples
    --------
    >>> scores = {"label": ["Image", "Value"], "mean": [7.5, 6.8], "alpha": [0.8, 0.7], "items": 4}
    >>> print(descriptives_reading(pd.DataFrame(scores)))
    Image has the highest mean (7.50), value the lowest (6.80). The least reliable scale is
    value: Cronbach's alpha 0.70.
    """
    high, low = table.loc[table["mean"].idxmax()], table.loc[table["mean"].idxmin()]
    said = [
        f"{high['label']} has the highest mean ({number(high['mean'])}), "
        f"{in_sentence(str(low['label']))} the lowest ({number(low['mean'])})."
    ]
    known = table.dropna(subset="alpha")
    if len(known):
        worst = known.loc[known["alpha"].idxmin()]
        said.append(
            f"The least reliable scale is {in_sentence(str(worst['label']))}: "
            f"Cronbach's alpha {number(worst['alpha'])}."
        )
    single = [in_sentence(str(label)) for label in table[table["items"] == 1]["label"]]
    if single:
        said.append(f"Reliability is not assessable for single items: {listing(single, 9)}.")
    return prose(said)


def correlations_reading(table: pd.DataFrame, study: Study, most: int = 2) -> Prose:
    """Name the pairs of constructs that overlap most.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> table = pd.DataFrame({"a": ["value", "quality"], "b": "image", "r": [0.4, 0.6]})
    >>> print(correlations_reading(table, load_study("bank_customers"), most=1))
    The strongest correlations: perceived quality with image (0.60).
    """
    order = table["r"].abs().sort_values(ascending=False).index[:most]
    pairs = [
        f"{in_sentence(study.label(row['a']))} with {in_sentence(study.label(row['b']))} "
        f"({number(row['r'])})"
        for _, row in table.loc[order].iterrows()
    ]
    return prose([f"The strongest correlations: {listing(pairs, most)}."])


def models_reading(table: pd.DataFrame, study: Study) -> Prose:
    """Say how much of each outcome's variance its equation accounts for.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> table = pd.DataFrame({"outcome": ["loyalty"], "kind": ["total"], "r2": [0.512]})
    >>> print(models_reading(table, load_study("bank_customers")))
    Drivers and controls account for 51% of the variance of loyalty.
    """
    chosen = table[table["kind"].isin(["mediator", "total"])]
    parts = [
        f"{percent(row['r2'])} of the variance of {in_sentence(study.label(row['outcome']))}"
        for _, row in chosen.iterrows()
    ]
    return prose([f"Drivers and controls account for {listing(parts, 9)}."])


def sign_reading(table: pd.DataFrame, study: Study) -> Prose:
    """Name the drivers whose partial slope points the other way than their correlation.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> slope = {"model": ["loyalty.total"], "outcome": "loyalty", "term": "expectation"}
    >>> slope |= {"zero_order": 0.4, "beta": -0.2, "beta_low": -0.3, "beta_high": -0.1}
    >>> print(sign_reading(pd.DataFrame(slope), load_study("bank_customers")))
    Beside the others these point the other way: expectations on loyalty (correlation 0.40,
    slope −0.20).
    """
    totals = table[table["model"].str.endswith(".total") & table["term"].isin(study.model.drivers)]
    turned = totals[[flips(row) for row in totals.itertuples()]]
    if turned.empty:
        return prose(["No driver's slope points the other way than its correlation."])
    pairs = [
        f"{in_sentence(study.label(row['term']))} on {in_sentence(study.label(row['outcome']))} "
        f"(correlation {number(row['zero_order'])}, slope {number(row['beta'])})"
        for _, row in turned.iterrows()
    ]
    return prose([f"Beside the others these point the other way: {listing(pairs, 9)}."])


def diagnostics_reading(table: pd.DataFrame | None) -> Prose:
    """Say where the regressions show unequal error variances, curvature or heavy respondents.

    Examples
    --------
    >>> found = {"check": ["breusch_pagan", "reset", "largest_cook"], "statistic": [9.1, 1.2, 0.05]}
    >>> table = pd.DataFrame({"model": "satisfaction", "p_value": [0.01, 0.31, None], **found})
    >>> print(diagnostics_reading(table))
    1 of 1 equations show unequal error variances (p < 0.05). 0 of 1 equations show curvature
    (p < 0.05). The largest Cook's distance is 0.050. The errors used here allow for unequal
    variances.
    """
    if table is None:
        return prose([])
    models = table["model"].nunique()
    said = []
    words = {"breusch_pagan": "unequal error variances", "reset": "curvature"}
    for check, what in words.items():
        found = int((table[table["check"] == check]["p_value"] < 0.05).sum())
        said.append(f"{found} of {models} equations show {what} (p < 0.05).")
    cook = table[table["check"] == "largest_cook"]["statistic"].max()
    said.append(f"The largest Cook's distance is {number(cook, 3)}.")
    return prose([*said, "The errors used here allow for unequal variances."])


def verdict_reading(verdicts: pd.DataFrame, claim: str) -> Prose:
    """Read what was found for one claim, outcome by outcome.

    Examples
    --------
    >>> table = pd.DataFrame({"claim": ["R2"], "part": "", "sentence": "Not testable: …"})
    >>> print(verdict_reading(table, "R2"), verdict_reading(table, "R9"))
    Not testable: … This study does not ask for claim R9.
    """
    rows = verdicts[(verdicts["claim"] == claim) & (verdicts["part"] == "")]
    return prose(rows["sentence"] if len(rows) else [f"This study does not ask for claim {claim}."])
