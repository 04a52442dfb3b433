"""What a notebook asks for in one call: results that show as tables and read as a sentence.

The functions of the modules give plain frames; these give the same frames, shown for a reader.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from loyalty_analysis.drivers import drivers as shares_of_drivers
from loyalty_analysis.errors import RunError
from loyalty_analysis.mediation import mediation as effects_of_drivers
from loyalty_analysis.regression import models
from loyalty_analysis.regression import regression as slopes_of_equations
from loyalty_analysis.survey import Survey, read_survey
from loyalty_analysis.verdicts import judge as verdicts_of_claims

if TYPE_CHECKING:
    from loyalty_analysis.plotting import Figure
    from loyalty_analysis.prose import Prose


class Readable(pd.DataFrame):
    """A result: a frame like any other, shown as a table with the sentence it comes to.

    Whatever is taken from it (rows, columns, copies) is a plain frame again, since the sentence
    speaks of the whole.

    Attributes
    ----------
    reading : str
        What was found, in one sentence; the notebooks say more.
    """

    _metadata = ["reading", "_show"]  # noqa: RUF012 - what pandas asks for

    reading: str
    _show: Callable[[], Any]

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        return pd.DataFrame

    def _repr_html_(self) -> str:
        return f"{self._show().as_raw_html()}<p>{escape(self.reading)}</p>"


def _readable(frame: pd.DataFrame, reading: str, show: Callable[[], Any]) -> Readable:
    shown = Readable(frame)
    shown.attrs.update(frame.attrs)
    shown.reading, shown._show = reading, show
    return shown


def _first(reading: Prose) -> str:
    return next(iter(reading.sentences), "No slope can be told from zero.")


def _read(survey: Survey | str | Path) -> Survey:
    """A survey, or the one that a study file or folder names."""
    return survey if isinstance(survey, Survey) else read_survey(survey)


def judge(
    survey: Survey | str | Path, results: Mapping[str, pd.DataFrame] | None = None
) -> Readable:
    """Judge every claim of a study.

    Parameters
    ----------
    survey : Survey, str or pathlib.Path
        Or its study file or folder.
    results : mapping of str to DataFrame, optional
        What :func:`analysis.analyse` returned; computed when not given.

    Returns
    -------
    Readable
        As :func:`verdicts.judge` gives it.

    Examples
    --------
    >>> import loyalty_analysis as la
    >>> verdicts = la.judge(la.read_survey("mobile_customers"))
    >>> verdicts.reading.split(";")[0]
    'Of 22 verdicts, 2 are supported'
    """
    from loyalty_analysis.sentences import untold

    survey = _read(survey)
    found = verdicts_of_claims(survey, cast("Any", results))

    def show() -> Any:
        from loyalty_analysis.tables import verdict_summary

        return verdict_summary(found, survey.study)

    return _readable(found, untold(found), show)


def regression(survey: Survey | str | Path) -> Readable:
    """Estimate every equation of a study.

    Returns
    -------
    Readable
        As :func:`regression.regression` gives it: raw and standardized slopes with intervals.

    Examples
    --------
    >>> import loyalty_analysis as la
    >>> slopes = la.regression(la.read_survey("mobile_customers"))
    >>> slopes.loc[slopes["term"] == "likeability", "beta"].round(2).tolist()
    [0.44, 0.56, 0.33]
    >>> slopes.reading[:70]
    'One point more likeability goes with 0.35 points more satisfaction on '
    """
    from loyalty_analysis.slope_readings import slopes_reading

    survey = _read(survey)
    found = slopes_of_equations(survey)
    kind = "mediator" if survey.study.model.mediator else "total"

    def show() -> Any:
        from loyalty_analysis.model_tables import regression_table

        return regression_table(found, models(survey), survey.study)

    return _readable(found, _first(slopes_reading(survey, found, kind)), show)


def mediation(survey: Survey | str | Path) -> Readable:
    """Estimate direct, indirect and total effects of every driver; empty without a mediator.

    Returns
    -------
    Readable
        As :func:`mediation.mediation` gives it.

    Examples
    --------
    >>> import loyalty_analysis as la
    >>> len(la.mediation(la.read_survey("mobile_customers")))
    12
    """
    from loyalty_analysis.effect_readings import mediation_reading

    survey = _read(survey)
    found = effects_of_drivers(survey)

    def show() -> Any:
        from loyalty_analysis.effect_tables import mediation_table

        return mediation_table(found, survey.study)

    reading = mediation_reading(found if len(found) else None, survey.study)
    return _readable(found, _first(reading), show if len(found) else lambda: _Nothing())


def drivers(survey: Survey | str | Path) -> Readable:
    """Estimate each driver's share of the explained variance, with ranks.

    Returns
    -------
    Readable
        As :func:`drivers.drivers` gives it.

    Examples
    --------
    >>> import loyalty_analysis as la
    >>> shares = la.drivers(la.read_survey("mobile_customers"))
    >>> shares.loc[shares["rank"] == 1, "term"].tolist()
    ['satisfaction']
    """
    from loyalty_analysis.driver_readings import drivers_reading

    survey = _read(survey)
    found = shares_of_drivers(survey)

    def show() -> Any:
        from loyalty_analysis.effect_tables import drivers_table

        return drivers_table(found, survey.study)

    return _readable(found, _first(drivers_reading(found, survey.study)), show)


class _Nothing:
    """The table of a result that has no rows: its sentence says why."""

    def as_raw_html(self) -> str:
        return ""


def plot_slopes(survey: Survey | str | Path) -> Figure:
    """Draw the standardized slopes of every equation with their intervals.

    Examples
    --------
    >>> import loyalty_analysis as la
    >>> type(la.plot_slopes(la.read_survey("mobile_customers"))).__name__
    'Figure'
    """
    from loyalty_analysis.figures import forest

    survey = _read(survey)
    return forest(slopes_of_equations(survey), survey.study)


def plot_shares(survey: Survey | str | Path) -> Figure:
    """Draw each driver's share of the explained variance with its interval and rank.

    Examples
    --------
    >>> import loyalty_analysis as la
    >>> type(la.plot_shares(la.read_survey("mobile_customers"))).__name__
    'Figure'
    """
    from loyalty_analysis.figures import driver_shares

    survey = _read(survey)
    return driver_shares(shares_of_drivers(survey), survey.study)


def plot_mediation(survey: Survey | str | Path) -> Figure:
    """Draw the indirect effects beside direct and total ones.

    Raises
    ------
    RunError
        When the study has no mediator.

    Examples
    --------
    >>> import loyalty_analysis as la
    >>> type(la.plot_mediation(la.read_survey("mobile_customers"))).__name__
    'Figure'
    """
    from loyalty_analysis.figures import indirect_effects

    survey = _read(survey)
    found = effects_of_drivers(survey)
    if found.empty:
        raise RunError("the study has no mediator, so no effect can be drawn. Name one in [model].")
    return indirect_effects(found, survey.study)


def plot_verdicts(survey: Survey | str | Path) -> Figure:
    """Draw every verdict on one axis.

    Examples
    --------
    >>> import loyalty_analysis as la
    >>> type(la.plot_verdicts(la.read_survey("mobile_customers"))).__name__
    'Figure'
    """
    from loyalty_analysis.figures import verdict_strip

    survey = _read(survey)
    return verdict_strip(verdicts_of_claims(survey), survey.study)
