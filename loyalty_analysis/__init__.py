"""Put claims about customer loyalty to a fair test on survey data.

A study file declares what was measured and what is claimed (:mod:`~loyalty_analysis.study`); a
survey is checked against it (:mod:`~loyalty_analysis.survey`); its scales are held against what a
referee asks for (:mod:`~loyalty_analysis.reliability`, :mod:`~loyalty_analysis.validity`,
:mod:`~loyalty_analysis.cfa`, :mod:`~loyalty_analysis.invariance`,
:mod:`~loyalty_analysis.gates`); everything with a closed form is a function of its moments
(:mod:`~loyalty_analysis.moments`, :mod:`~loyalty_analysis.inference`,
:mod:`~loyalty_analysis.regression`, :mod:`~loyalty_analysis.mediation`,
:mod:`~loyalty_analysis.drivers`, :mod:`~loyalty_analysis.contrasts`), groups borrow strength from
each other (:mod:`~loyalty_analysis.groups`, :mod:`~loyalty_analysis.pooling`,
:mod:`~loyalty_analysis.mixed`), and every slope has a twin
corrected for measurement error (:mod:`~loyalty_analysis.twins`); claims
(:mod:`~loyalty_analysis.claims`) are judged by stated rules (:mod:`~loyalty_analysis.verdicts`);
figures, tables, notebooks and one HTML page show the result (:mod:`~loyalty_analysis.figures`,
:mod:`~loyalty_analysis.tables`, :mod:`~loyalty_analysis.notebooks`,
:mod:`~loyalty_analysis.report`).

Examples
--------
>>> import loyalty_analysis as la
>>> survey = la.read_survey("mobile_customers")
>>> sorted(la.judge(survey).verdict.unique())
['inconclusive', 'not testable', 'supported']
"""

from importlib.metadata import PackageNotFoundError, version

from loyalty_analysis.analysis import analyse
from loyalty_analysis.api import (
    drivers,
    judge,
    mediation,
    plot_mediation,
    plot_shares,
    plot_slopes,
    plot_verdicts,
    regression,
)
from loyalty_analysis.errors import LoyaltyError
from loyalty_analysis.study import Study, load_study
from loyalty_analysis.survey import Survey, read_survey

try:
    __version__ = version("loyalty-analysis")
except PackageNotFoundError:
    __version__ = "0.1.0"

__all__ = [
    "LoyaltyError",
    "Study",
    "Survey",
    "__version__",
    "analyse",
    "drivers",
    "judge",
    "load_study",
    "mediation",
    "plot_mediation",
    "plot_shares",
    "plot_slopes",
    "plot_verdicts",
    "read_survey",
    "regression",
]
