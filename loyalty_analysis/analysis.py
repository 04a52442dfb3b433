"""One analysis of one survey: every result frame by the name of its file in results/."""

from __future__ import annotations

import pandas as pd

from loyalty_analysis.claims import Claim, load_claims
from loyalty_analysis.contrasts import contrasts
from loyalty_analysis.descriptives import answers, descriptives
from loyalty_analysis.diagnostics import diagnostics
from loyalty_analysis.errors import DataError
from loyalty_analysis.moments import one_thread
from loyalty_analysis.regression import correlations, models, regression
from loyalty_analysis.study import Study
from loyalty_analysis.survey import Survey


@one_thread
def analyse(survey: Survey, everything: bool = True) -> dict[str, pd.DataFrame]:
    """Estimate what a study declares.

    Parameters
    ----------
    survey : Survey
    everything : bool
        Also what no claim needs: diagnostics, descriptives and answer distributions.

    Returns
    -------
    dict of str to DataFrame
        models, regression, contrasts, correlations, attrition; with ``everything`` also
        descriptives and, where there are respondents, diagnostics and answers.

    Raises
    ------
    DataError
        When the data of an equation do not decide its slopes or their errors.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> sorted(analyse(read_survey("bank_customers"), everything=False))
    ['attrition', 'contrasts', 'correlations', 'models', 'regression']
    """
    try:
        return _frames(survey, everything)
    except DataError as error:
        raise type(error)(f"{survey.study.data_path}: {error}") from None


def _frames(survey: Survey, everything: bool) -> dict[str, pd.DataFrame]:
    results = {
        "models": models(survey),
        "regression": regression(survey),
        "contrasts": contrasts(survey, single_claims(survey.study)),
        "correlations": correlations(survey),
        "attrition": survey.attrition,
    }
    if everything:
        results["descriptives"] = descriptives(survey)
    if everything and survey.has_respondents:
        results["diagnostics"] = diagnostics(survey)
        results["answers"] = answers(survey)
    return results


def single_claims(study: Study) -> list[Claim]:
    """Every claim of a study with its parts spelled out.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> [claim.term for claim in single_claims(load_study("rice_simulated")) if claim.id == "P2"]
    ['affective', 'normative', 'economic', 'forced', 'habitual']
    """
    claims = [claim for one in load_claims(study) for claim in one.claims]
    return [one for c in claims for one in ([c.part(p) for p in c.parts] if c.parts else [c])]
