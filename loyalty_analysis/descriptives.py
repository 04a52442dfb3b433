"""What was measured: scores, their reliability, and the answers behind them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from loyalty_analysis.measurement import cronbach_alpha
from loyalty_analysis.preparation import possible_answers
from loyalty_analysis.reliability import item_sample
from loyalty_analysis.study import Study
from loyalty_analysis.survey import Survey


def descriptives(survey: Survey) -> pd.DataFrame:
    """Describe the score of every construct of the model.

    Returns
    -------
    DataFrame
        construct, label, kind (driver, mediator, outcome, moderator, other), items (count), n,
        mean, sd, minimum, maximum, skewness (third central moment over the SD cubed, both with
        divisor n), alpha (Cronbach's, raw, of respondents who answered every item; empty for single
        items and where only score moments are known). Weights honoured, except in the extremes.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> table = descriptives(read_survey("bank_customers")).set_index("construct")
    >>> float(table.loc["image", "mean"].round(2)), table.loc["image", "kind"]
    (7.55, 'driver')
    """
    study = survey.study
    names = list(study.model_constructs)
    moments = survey.moments[names]
    rows = [
        {
            "construct": name,
            "label": study.label(name),
            "kind": _kind(study, name),
            "items": len(study.items_of(name)),
            "n": survey.n,
            "mean": mean,
            "sd": sd,
            **_extremes(survey, name),
            "alpha": _alpha(survey, name),
        }
        for name, mean, sd in zip(names, moments.mean, moments.sd, strict=True)
    ]
    return pd.DataFrame(rows)


def _kind(study: Study, name: str) -> str:
    model = study.model
    if name in model.drivers:
        return "driver"
    if name == model.mediator:
        return "mediator"
    if name in model.outcomes:
        return "outcome"
    return "moderator" if name in model.moderators else "other"


def _extremes(survey: Survey, name: str) -> dict[str, float]:
    if survey.frame is None:
        return {"minimum": np.nan, "maximum": np.nan, "skewness": np.nan}
    values = survey.frame[name].to_numpy(dtype=float)
    weights = np.ones(len(values)) if survey.weights is None else survey.weights
    centred = values - np.average(values, weights=weights)
    second, third = (np.average(centred**power, weights=weights) for power in (2, 3))
    skewness = float(third / second**1.5)
    return {"minimum": values.min(), "maximum": values.max(), "skewness": skewness}


def _alpha(survey: Survey, name: str) -> float:
    several = len(survey.study.items_of(name)) > 1
    sample = item_sample(survey, [name]) if several else None
    if sample is None or sample.n < 2:
        return np.nan
    return float(cronbach_alpha(sample.moments[""].cross))


def answers(survey: Survey) -> pd.DataFrame:
    """Share of respondents that chose each point of the scale, item by item.

    Returns
    -------
    DataFrame
        construct, item, answer (scale point, after reversing), share (0 to 1, weighted), n (who
        answered the item). Scales of more than 11 points, and items with answers between the
        points, are left out.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("mobile_customers")
    >>> names = [item for one in survey.study.constructs for item in survey.study.items_of(one)]
    >>> items = pd.DataFrame(dict.fromkeys(names, [7.0, 7.0, 5.0, np.nan]))
    >>> answers(replace(survey, items=items)).query("item == 'comp_1' and share > 0").round(2)
        construct    item  answer  share  n
    4  competence  comp_1     5.0   0.33  3
    6  competence  comp_1     7.0   0.67  3
    """
    assert survey.items is not None
    study, tables = survey.study, []
    weights = pd.Series(1.0 if survey.weights is None else survey.weights, survey.items.index)
    for construct in study.model_constructs:
        points = possible_answers(study, construct)
        for item in study.items_of(construct):
            given = survey.items[item].dropna()
            if not given.isin(points).all():
                continue
            total = weights[given.index].groupby(given).sum().reindex(points, fill_value=0.0)
            share = (total / total.sum()).to_numpy()
            columns = {"construct": construct, "item": item, "answer": points, "share": share}
            tables.append(pd.DataFrame(columns).assign(n=len(given)))
    names = ["construct", "item", "answer", "share", "n"]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=names)
