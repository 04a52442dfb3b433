"""Mutual loyalty: whether what a brand puts into its customers goes with what they give back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from loyalty_analysis.claims import Claim
from loyalty_analysis.equations import equation_of
from loyalty_analysis.inference import estimate, single, vectorized
from loyalty_analysis.mediation import beside_path, indirect, links
from loyalty_analysis.moments import Array, Moments, one_thread
from loyalty_analysis.preparation import scaled_weights
from loyalty_analysis.product_twin import respondents
from loyalty_analysis.regression import standardized
from loyalty_analysis.survey import Survey
from loyalty_analysis.tidy import contrast_rows

PATH = ("brand_investment", "gratitude", "affective", "reciprocation")
RECORDED = "brand_investment_recorded"
"""Construct that holds what the brand recorded of its investment in each customer."""
MUTUAL = ("mutual_loyalty", "affective")
COLUMNS = [
    "source", "effect", "outcome", "term", "through", "estimate", "std_error", "df", "p_value",
    "conf_low", "conf_high", "n", "model", "df_satterthwaite",
]  # fmt: skip


@one_thread
def reciprocity(survey: Survey) -> pd.DataFrame:
    """Follow the chain from brand investment by gratitude and affective commitment to giving back.

    Parameters
    ----------
    survey : Survey

    Returns
    -------
    DataFrame
        Standardized. source: ``perceived`` (as customers answered), ``recorded`` (from the
        construct ``brand_investment_recorded``, of the respondents for whom it is known);
        effect: ``chain`` (the product of its links), ``link`` (one slope of it), ``slope`` (of
        mutual loyalty, and of affective commitment beside it, on every outcome); outcome, term,
        through, estimate, std_error, df, p_value, conf_low, conf_high, n, model (``""`` is the
        study's own), df_satterthwaite (of chains; empty without clusters). Empty where no model of
        the study holds them.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> reciprocity(read_survey("bank_customers")).empty
    True
    """
    tables = []
    for part in survey.study.parts:
        chain = _chain(survey.model(part), PATH)
        if chain is not None:
            tables.append(chain.assign(source="perceived", model=part))
            recorded = _recorded(survey, part)
            if recorded is not None:
                tables.append(recorded.assign(source="recorded", model=part))
            break
    tables += _beside(survey)
    filled = [table.reindex(columns=COLUMNS) for table in tables]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=COLUMNS)


def _chain(view: Survey, path: Sequence[str]) -> pd.DataFrame | None:
    """The chain along a path and its links; None where the model lacks one of them."""
    first, *through, last = path
    claim = Claim(
        id="chain", text="What is put in comes back.", estimand="indirect", outcome=last,
        term=first, through=tuple(through), sign="+",
    )  # fmt: skip
    whole = indirect(view, claim, last)
    if whole is None:
        return None
    beside = [view.terms(rest) for rest in beside_path(view.study, path)]

    @vectorized
    def values(moments: Moments) -> Array:
        return links(moments, path, beside)

    columns = dict.fromkeys([*path, *(name for rest in beside for name in rest)])
    each = contrast_rows(
        estimate(single(values), view.sample(list(columns))), view.n, outcome=list(path[1:]),
        term=list(path[:-1]), estimand="", model="",
    )  # fmt: skip
    return pd.concat([whole.assign(effect="chain"), each.assign(effect="link")])


def _recorded(survey: Survey, part: str) -> pd.DataFrame | None:
    """The same chain from recorded investment in the place of the perceived one."""
    frame = survey.frame
    if RECORDED not in survey.study.constructs or frame is None or RECORDED not in frame:
        return None
    known = respondents(survey, frame[RECORDED].notna().to_numpy()).model(part)
    study, now = known.study, (RECORDED, *PATH[1:])
    paths = {left: tuple(RECORDED if name == PATH[0] else name for name in right)
             for left, right in study.paths.items()}  # fmt: skip
    drivers = tuple(RECORDED if name == PATH[0] else name for name in study.model.drivers)
    model = study.model.model_copy(update={"drivers": drivers})
    known = replace(known, study=study.model_copy(update={"paths": paths, "model": model}))
    assert known.frame is not None
    columns = [name for name in known.columns if name in known.frame]
    moments = Moments.from_frame(known.frame[columns], scaled_weights(known.frame, study))
    return _chain(replace(known, moments=moments), now)


def _beside(survey: Survey) -> list[pd.DataFrame]:
    """Slopes of mutual loyalty and of affective commitment in the first model with both."""
    for part in survey.study.parts:
        view = survey.model(part)
        if set(MUTUAL) <= set(view.study.model.drivers):
            return [_slopes(view, outcome).assign(model=part)
                    for outcome in view.study.model.outcomes]  # fmt: skip
    return []


def _slopes(view: Survey, outcome: str) -> pd.DataFrame:
    equation = equation_of(view.study, "total", outcome)
    assert equation is not None
    terms = view.terms(equation.terms)
    matrix = np.eye(len(terms))[[terms.index(name) for name in MUTUAL]]
    found = standardized(view, equation).combine(matrix)
    rows = contrast_rows(found, view.n, outcome=outcome, term=list(MUTUAL), estimand="", model="")
    return rows.assign(effect="slope", source="perceived")
