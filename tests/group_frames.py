"""Result frames of groups made by hand, and surveys of scores in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from loyalty_analysis.moments import Moments
from loyalty_analysis.study import load_study
from loyalty_analysis.survey import Survey

NAN = float("nan")
LEVELS = {"sector": ["goods", "services"], "country": [f"X{letter}" for letter in "ABCDEFGHIJ"]}


def made(frame: pd.DataFrame, drivers: list[str], cluster: str | None = None) -> Survey:
    """A survey of scores in memory: outcome ``y``, group column ``g``."""
    study = load_study("mobile_customers")
    model = study.model.model_copy(
        update={"drivers": tuple(drivers), "mediator": None, "outcomes": {"y": "intention"}}
    )
    design = study.design.model_copy(update={"groups": ("g",), "cluster": cluster})
    study = study.model_copy(update={"model": model, "design": design})
    names = [*drivers, "y"]
    known = Moments.from_frame(frame[names])
    return Survey(study, known, frozenset(names), frame, len(frame), frame, cluster=cluster)


def make_gates(passes: bool = True, warns: bool = False, groups: Any = LEVELS) -> pd.DataFrame:
    held = "holds" if passes else "does not hold, whichever loadings may differ"
    rows = [("invariance", name, passes, f"{name}: metric invariance {held}.") for name in groups]
    columns = ["gate", "about", "passes", "note"]
    return pd.DataFrame(rows, columns=columns).assign(warns=warns)


def make_slopes(study: Any, groups: Any = LEVELS, tau: float = 0.05, seed: int = 5) -> pd.DataFrame:
    """Slopes of every driver on every outcome; pooled where there are three levels or more."""
    random = np.random.default_rng(seed)
    rows = []
    for group, levels in groups.items():
        for outcome in study.model.outcomes:
            for place, term in enumerate(study.model.drivers):
                for level in levels:
                    value = 0.4 - 0.13 * place + random.normal(0, 0.05)
                    rows.append((group, level, f"{outcome}.total", outcome, term, value))
    columns = ["group", "level", "model", "outcome", "term", "estimate"]
    table = pd.DataFrame(rows, columns=columns).assign(df=90.0, n=800, note="")
    keys = ["group", "model", "term"]
    average = table.groupby(keys)["estimate"].transform("mean")
    several = table.groupby(keys)["level"].transform("size") > 2
    drawn = average + 0.3 * (table["estimate"] - average)
    pooled = {
        "average": average, "tau": tau, "pooled": drawn, "pooled_low": drawn - 0.06,
        "pooled_high": drawn + 0.06, "shrinkage": 0.7,
    }  # fmt: skip
    table = table.assign(**pooled)
    table.loc[~several, list(pooled)] = np.nan
    ends = {"conf_low": table["estimate"] - 0.1, "conf_high": table["estimate"] + 0.1}
    return table.assign(**ends, std_error=0.05, p_value=0.01)


def make_means(study: Any, groups: Any = LEVELS, seed: int = 6) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    model = study.model
    names = [*model.drivers, *([model.mediator] if model.mediator else []), *model.outcomes]
    rows = [
        (group, level, name, random.normal(4.5, 0.2))
        for group, levels in groups.items() for name in names for level in levels
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["group", "level", "construct", "mean"])
    ends = {"conf_low": table["mean"] - 0.1, "conf_high": table["mean"] + 0.1}
    return table.assign(**ends, n=800, sd=1.2, std_error=0.05, df=90.0)


def make_whole(study: Any) -> pd.DataFrame:
    names = make_means(study)["construct"].unique()
    return pd.DataFrame({"construct": names, "mean": 4.5, "sd": 1.2})


def make_tests(
    study: Any, groups: Any = LEVELS, p: float = 0.01, df2: float = 90.0
) -> pd.DataFrame:
    names = make_means(study)[["group", "construct"]].drop_duplicates()
    welch = names.assign(test="welch", statistic=4.2, df1=1.0, df2=df2, p_value=p, note="")
    anova = welch.assign(test="anova", size=0.03)
    return pd.concat([anova, welch], ignore_index=True)


def make_moderation(
    study: Any, p: float = 0.01, df2: float = 40.0, note: str = "", groups: Any = LEVELS
) -> pd.DataFrame:
    rows = [(group, f"{outcome}.total", outcome, len(levels))
            for group, levels in groups.items() for outcome in study.model.outcomes]  # fmt: skip
    table = pd.DataFrame(rows, columns=["group", "model", "outcome", "levels"])
    return table.assign(
        statistic=4.2, df1=5.0, df2=df2, p_value=p, covariance="CR2", note=note, n=800
    )
