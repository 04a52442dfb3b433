"""Figures of further models, of slopes that change with a moderator, and of captive customers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from loyalty_analysis.captions import named, twin_side
from loyalty_analysis.captive import FORCED
from loyalty_analysis.driver_figures import driver_shares
from loyalty_analysis.effect_captions import sides
from loyalty_analysis.effect_figures import indirect_effects
from loyalty_analysis.errors import RunError
from loyalty_analysis.formatting import estimate, listing, number, sample
from loyalty_analysis.marks import COLOURS, draw_mark, draw_twin, limits_with_twins
from loyalty_analysis.moderated import TENURE
from loyalty_analysis.panels import Panels, Word, limits_of
from loyalty_analysis.pillar_captions import (
    PLACES,
    antecedents_finding,
    captive_finding,
    moderation_finding,
)
from loyalty_analysis.pillar_readings import further_reading
from loyalty_analysis.pillars import further_models, own_names, pillar_view
from loyalty_analysis.planes import Planes
from loyalty_analysis.plotting import GREY, INK, QUIET, Figure, Page, house_style
from loyalty_analysis.prose import Prose
from loyalty_analysis.results import Results
from loyalty_analysis.sentences import told_side
from loyalty_analysis.survey import Survey

_BETA = ["beta", "beta_low", "beta_high"]
_TWIN = ["beta_latent", "beta_latent_low", "beta_latent_high"]
_ENDS = ["estimate", "conf_low", "conf_high"]
_KINDS = ["behaviour", "intention", "attitude", "leaving"]
_MOST = 12  # panels


def further(results: Results, survey: Survey) -> list[Figure | Prose]:
    """Show every further model of a study: its figures, then what they come to.

    Examples
    --------
    >>> from loyalty_analysis.analysis import analyse
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("mobile_customers", ["models.few={drivers = ['likeability']}"])
    >>> shown = further(analyse(survey), survey)
    >>> [getattr(one, "name", "words") for one in shown]
    ['slopes_few', 'shares_few', 'words']
    """
    shown: list[Figure | Prose] = []
    for part in further_models(survey.study):
        frames, view = results.further[part], survey.model(part)
        shown += [*further_figures(frames, view.study), further_reading(frames, view)]
    return shown


def further_figures(frames: Mapping[str, pd.DataFrame], study: Any) -> list[Figure]:
    """Draw what a further model holds: slopes and shares, what runs through a mediator, paths.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        Results of the model: regression, and drivers and mediation where it has any.
    study : Study
        The view of the model.
    """
    from loyalty_analysis.figures import forest  # figures offers this module's functions too

    part, found = study.part, []
    own = study.model_copy(update={"part": ""})
    regression = own_names(frames, "regression", part)
    if study.model.drivers:
        found.append(replace(forest(regression, own), name=f"slopes_{part}"))
    if "drivers" in frames:
        shares = driver_shares(frames["drivers"], own)
        alt = shares.alt.replace("results/drivers.csv", "results/further_drivers.csv")
        found.append(replace(shares, name=f"shares_{part}", alt=alt))
    if len(frames.get("mediation", ())):
        indirect = indirect_effects(frames["mediation"], own)
        alt = indirect.alt.replace("results/mediation.csv", "results/further_mediation.csv")
        found.append(replace(indirect, name=f"indirect_{part}", alt=alt))
    if study.paths:
        found.append(antecedents(regression, own, f"paths_{part}"))
    return found


def antecedents(regression: pd.DataFrame, study: Any, name: str = "antecedents") -> Figure:
    """Draw the standardized slopes of every equation of [paths], each under its outcome.

    Parameters
    ----------
    regression : pandas.DataFrame
        As in results/regression.csv.
    study : Study
    name : str
        Of the figure.

    Raises
    ------
    RunError
        When the table holds none of the equations.
    """
    keys = [(left, term) for left, right in study.paths.items() for term in right]
    table = regression[regression["model"].isin(list(study.paths))]
    table = table[[key in keys for key in zip(table["model"], table["term"], strict=True)]]
    if table.empty:
        raise RunError("results/regression.csv holds no equation of [paths]. Leave this out.")
    title = antecedents_finding(table, study)
    rows: list[Any] = []
    labels: list[str] = []
    for outcome, part in table.groupby("outcome", sort=False):
        ordered = part.sort_values("beta", ascending=False, kind="stable")
        rows += [None, *ordered.itertuples()]
        labels.append(study.label(str(outcome)))
        labels += [f"\u00a0\u00a0{study.label(term)}" for term in ordered["term"]]
    limits = limits_with_twins(table[_BETA], table[_TWIN])
    twins = table["beta_latent"].notna().any()
    note = (
        f"{'Hollow diamonds: corrected for measurement error. ' if twins else ''}Lines: 95% "
        f"intervals. Grey: the interval includes zero. Bold: what the others go with. "
        f"{sample(table['n'])}"
    )
    with house_style():
        heads = [place for place, row in enumerate(rows) if row is None]
        grid = Panels([""], labels, [[_slope_word(row) for row in rows]], bold=heads)
        page = Page(title, grid.height, note, simulated=study.is_simulated)
        axis = "standardized slope (SDs per SD)"
        [axes] = grid.draw(page, limits, axis)
        for y, row in zip(grid.centres, rows, strict=True):
            if row is None:
                continue
            draw_mark(axes, y - 0.05 * twins, [getattr(row, one) for one in _BETA], told_side(row))
            twin = [getattr(row, one) for one in _TWIN]
            draw_twin(axes, y + 0.05, twin, twin_side(row), limits)
    alt = f"{title}. Every slope with its interval is in results/regression.csv."
    return Figure(name, title, alt, page.figure)


def _slope_word(row: Any) -> Word:
    if row is None:
        return Word("")
    return Word(estimate(row.beta, row.beta_low, row.beta_high), INK if told_side(row) else QUIET)


def moderation_figures(results: Mapping[str, pd.DataFrame], survey: Survey) -> list[Figure]:
    """Draw slopes along switching costs, and along tenure: those figures for which there are any.

    Parameters
    ----------
    results : mapping of str to DataFrame
        conditional_slopes and regions, where there are such.
    survey : Survey

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> moderation_figures({}, read_survey("bank_customers"))
    []
    """
    if "conditional_slopes" not in results:
        return []
    slopes, study = results["conditional_slopes"], pillar_view(survey).study
    kinds = sorted({bool(one) for one in slopes["moderator"] == TENURE})
    return [johnson_neyman(slopes, results["regions"], study, tenure) for tenure in kinds]


def johnson_neyman(
    conditional_slopes: pd.DataFrame, regions: pd.DataFrame, study: Any, tenure: bool = False
) -> Figure:
    """Draw slopes along the range of their moderator, and where they can be told from zero.

    Parameters
    ----------
    conditional_slopes, regions : pandas.DataFrame
        As in results/conditional_slopes.csv and results/regions.csv.
    study : Study
        For the labels.
    tenure : bool
        Slopes that may change with tenure, in place of those with switching costs.

    Raises
    ------
    RunError
        When there are none.
    """
    wanted = [(frame["moderator"] == TENURE) == tenure for frame in (conditional_slopes, regions)]
    lines, regions = conditional_slopes[wanted[0]], regions[wanted[1]]
    lines = lines[lines["at"] == ""]
    if lines.empty:
        raise RunError("results/conditional_slopes.csv holds no such slope. Leave this out.")
    title = moderation_finding(regions, study)
    keys = ["outcome", "term", "moderator"]
    panels = list(lines.groupby(keys, sort=False))
    # Behaviour first, then intention: what a figure has no room for are attitudes.
    kinds = {name: _KINDS.index(kind) for name, kind in study.model.outcomes.items()}
    panels.sort(key=lambda panel: kinds[panel[0][0]])
    outcomes = list(dict.fromkeys(outcome for (outcome, _, _), _ in panels))
    per_outcome = len(panels) // len(outcomes)
    drawn = max(_MOST // per_outcome, 1)
    shown = panels[: drawn * per_outcome]
    left = listing([named(name, study) for name in outcomes[drawn:]], 4)
    note = (
        "Thick: told from zero at a false discovery rate of 5% over the range. Band: 95% interval "
        "at each value alone. The range leaves out the nine lowest and highest respondents. "
        f"{f'Not drawn: on {left}. ' if left else ''}{sample(lines['n'])}"
    )
    up = limits_of(lines[["conf_low", "conf_high"]])
    across = (float(lines["value"].min()), float(lines["value"].max()))
    with house_style():
        heads = [study.label(term if tenure else by) for (_, term, by), _ in shown]
        remarks = [f"on {named(outcome, study)}" for (outcome, _, _), _ in shown]
        planes = Planes(heads, remarks)
        page = Page(title, planes.height, note, simulated=study.is_simulated)
        by = named(TENURE, study) if tenure else "the kind of switching costs in the heading"
        what = "slope" if tenure else f"slope of {named(shown[0][0][1], study)}"
        labels = (f"{by}, in its own units", f"{what} (points per point)")
        for axes, (key, line) in zip(planes.draw(page, (across, up), labels), shown, strict=True):
            inside = np.logical_and.reduce(
                [regions[k] == v for k, v in zip(keys, key, strict=True)]
            )
            _draw_line(axes, line, regions[inside & (regions["rule"] == "adjusted")])
    kind = "tenure" if tenure else "costs"
    alt = f"{title}. The ends of every region are in results/regions.csv."
    return Figure(f"johnson_neyman_{kind}", title, alt, page.figure)


def _draw_line(axes: Axes, line: pd.DataFrame, segments: pd.DataFrame) -> None:
    """Draw a slope in grey, and thick and coloured where it can be told from zero."""
    x, y = line["value"].to_numpy(), line["estimate"].to_numpy()
    axes.fill_between(x, line["conf_low"], line["conf_high"], color=GREY, alpha=0.18, lw=0)
    axes.plot(x, y, color=GREY, linewidth=0.9)
    for row in segments[segments["side"] != 0].itertuples():
        ends = np.array([row.start, row.end])
        axes.plot(ends, np.interp(ends, x, y), color=COLOURS[int(row.side)], linewidth=2.4)


def captive_customers(captive: pd.DataFrame, study: Any) -> Figure:
    """Draw for each outcome how far those who are shown alternatives stand from the others.

    At three places on the scale of forced commitment.

    Parameters
    ----------
    captive : pandas.DataFrame
        As in results/captive.csv, or results/experiment.csv.
    study : Study

    Raises
    ------
    RunError
        When the table holds no difference.
    """
    table = captive[captive["quantity"] == "difference"]
    if table.empty:
        raise RunError("results/captive.csv holds no difference. Leave this out.")
    title, places = captive_finding(captive, study), list(PLACES)
    away = table[_ENDS].div(table["outcome_sd"], axis=0)
    table = table.assign(**away, side=sides(table)).set_index(["outcome", "at"])
    outcomes = list(dict.fromkeys(table.index.get_level_values(0)))
    limits = limits_of(table[_ENDS])
    note = (
        f"Rows: where on the scale of {named(FORCED, study)}. Every other term at its mean; "
        "lines: 95% intervals. Grey: includes zero. "
        f"{sample(table['n'])}"
    )
    with house_style():
        words = [[_difference_word(table.loc[(name, at)]) for at in places] for name in outcomes]
        labels = list(PLACES.values())
        grid = Panels([study.label(name) for name in outcomes], labels, words, pitch=0.34)
        page = Page(title, grid.height, note, simulated=study.is_simulated)
        axis = "alternatives shown less not shown (SDs of the outcome)"
        for axes, outcome in zip(grid.draw(page, limits, axis), outcomes, strict=True):
            for y, at in zip(grid.centres, places, strict=True):
                row = table.loc[(outcome, at)]
                draw_mark(axes, y, row[_ENDS], row["side"])
    alt = f"{title}. Slopes, differences and means are in results/captive.csv."
    return Figure("captive_customers", title, alt, page.figure)


def _difference_word(row: pd.Series) -> Word:
    text = number(row["estimate"])
    return Word(text, INK if row["side"] else QUIET)
