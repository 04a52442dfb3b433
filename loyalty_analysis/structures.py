"""Rival structures of a study: whether its constructs are distinct, or fewer would do."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from loyalty_analysis.claims import Claim
from loyalty_analysis.errors import DataError
from loyalty_analysis.factors import factors
from loyalty_analysis.moments import one_thread
from loyalty_analysis.sem_model import ModelError
from loyalty_analysis.sem_rivals import Merge, rivals, structures
from loyalty_analysis.study import Study
from loyalty_analysis.survey import Survey


def compared(study: Study, claims: Sequence[Claim]) -> tuple[tuple[str, ...], list[Merge]]:
    """Constructs whose structure is tested, and what each rival merges.

    Those of the study's claim about rival models; without one, its drivers, and no mergers beside
    one factor for all.

    Examples
    --------
    >>> from loyalty_analysis.analysis import single_claims
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("rice_simulated")
    >>> compared(study, single_claims(study))[1][1]
    [['economic', 'forced', 'habitual']]
    """
    for claim in claims:
        if claim.estimand == "rival_models" and not unfit(study, claim.versus):
            return claim.versus, list(claim.models.values())
    names = tuple(n for n in study.model.drivers if len(study.items_of(n)) > 1)
    return (names if len(names) > 1 else ()), []


def unfit(study: Study, names: Sequence[str]) -> list[str]:
    """Constructs that cannot stand in a factor model of their own: not measured, or by one item.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> unfit(load_study("mobile_customers"), ["satisfaction", "loyalty", "trust"])
    ['satisfaction', 'trust']
    """
    known = study.model_constructs
    return [name for name in names if name not in known or len(study.items_of(name)) < 2]


@one_thread
def rival_structures(survey: Survey, claims: Sequence[Claim] = ()) -> pd.DataFrame:
    """Compare the declared structure of some constructs with rivals.

    Parameters
    ----------
    survey : Survey
    claims : sequence of Claim
        A claim about rival models says which constructs and which rivals.

    Returns
    -------
    DataFrame
        As :func:`sem_rivals.rivals`: the declared structure first, then its rivals, one factor and
        (from four constructs on) a second-order factor. Robust with respondents; information
        criteria and cross-validation take respondents as drawn one by one, but folds keep clusters
        together. Empty where there are fewer than two constructs of two items.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> rival_structures(read_survey("mobile_customers"))["model"].to_list()
    ['2 factors', '1 factor']
    """
    names, merges = compared(survey.study, claims)
    if not names:
        return pd.DataFrame()
    found = factors(survey, names)
    alias = [[[found.factor[n] for n in part] for part in merge] for merge in merges]
    sample = found.sample()
    known = survey.has_respondents
    holes = known and bool(pd.isna(sample.rows[""]).any())  # type: ignore[index]
    try:
        table = rivals(
            structures(found.measured(names), alias), sample, robust=known,
            missing="ml" if holes else "listwise",
        )  # fmt: skip
    except (DataError, ModelError) as error:
        return pd.DataFrame([{"model": f"{len(names)} factors", "problem": str(error)}]).map(
            lambda value: found.named(value) if isinstance(value, str) else value
        )
    for column in ("model", "problem"):
        table[column] = table[column].map(found.named)
    return table
