"""Waves: slopes in every wave of a survey, and whether they changed from wave to wave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd

from loyalty_analysis.equations import Equation
from loyalty_analysis.errors import DataError
from loyalty_analysis.group_levels import Levels, compared, levels_of
from loyalty_analysis.inference import Estimate, Sample, estimate, pooled, vectorized
from loyalty_analysis.moments import Array, Moments, one_thread, slopes
from loyalty_analysis.rules import holm
from loyalty_analysis.survey import Survey
from loyalty_analysis.tidy import df_of, numbers, satterthwaite
from loyalty_analysis.wave_composition import composition, standard_weights
from loyalty_analysis.wave_sample import ordered, refusal, usable_waves, wave_counts, waves_in

SLOPES = [
    "wave", "model", "outcome", "term", "estimate", "std_error", "df", "statistic", "p_value",
    "conf_low", "conf_high", "n", "df_satterthwaite", "note",
]  # fmt: skip
CHANGES = [
    "kind", "versus", "model", "outcome", "term", "estimate", "std_error", "df", "statistic",
    "p_value", "conf_low", "conf_high", "n", "df_satterthwaite", "p_holm", "family", "reweighted",
    "reweighted_low", "reweighted_high", "note",
]  # fmt: skip
_ENOUGH_CLUSTERS = 1_000
"""Clusters beyond which Satterthwaite's degrees of freedom stop nobody, and cost much."""


class _Fit(NamedTuple):
    """Slopes of one equation in all usable waves with their covariance, wave by wave."""

    equation: Equation
    levels: Levels
    names: tuple[str, ...]
    found: Estimate
    note: str

    def combined(self, weights: Array) -> Estimate:
        """A combination of waves, the same for every driver."""
        width = len(self.levels.focal)
        found = self.found.combine(np.kron(weights, np.eye(width)))
        variances = self.found.std_error.reshape(-1, width) ** 2 * (weights**2)[:, None]
        return replace(found, df=self._df(weights, variances))

    def _df(self, weights: Array, variances: Array) -> Array | float:
        """Welch's degrees of freedom of independent waves; with clusters those that take part."""
        sample = self.levels.sample
        names = [name for name, w in zip(self.names, weights, strict=True) if w]
        if sample.clusters is not None or len(names) == 1:
            return df_of(sample, names)
        own = np.array([df_of(sample, [name]) for name in self.names])
        with np.errstate(divide="ignore", invalid="ignore"):
            return variances.sum(axis=0) ** 2 / (variances**2 / own[:, None]).sum(axis=0)

    def satterthwaite(self, weights: Array) -> Array | float:
        """Degrees of freedom that few or unequal clusters leave."""
        sample, chosen = self.levels.sample, np.eye(len(self.levels.terms))[list(self.levels.focal)]
        if sample.clusters is None or len(sample.cluster_names) > _ENOUGH_CLUSTERS:
            return np.nan
        used = [(name, w) for name, w in zip(self.names, weights, strict=True) if w]
        contrast = np.hstack([w * chosen for _, w in used])
        return satterthwaite(sample, contrast, [name for name, _ in used])


def _fitted(survey: Survey, equation: Equation) -> _Fit | None:
    column = survey.study.design.wave
    assert column is not None
    levels = levels_of(survey, column, equation.outcome, equation.terms, equation.focal)
    names = tuple(name for name in ordered(levels.names) if levels.clusters_in(name) != 1)
    if not names:
        return None
    found, note = _estimated(levels, names)
    return _Fit(equation, levels, names, found, note)


def _estimated(levels: Levels, names: tuple[str, ...]) -> tuple[Estimate, str]:
    """Standardized slopes of all waves at once, by the SDs of the whole sample."""
    sample, focal, q = levels.sample, list(levels.focal), len(levels.focal) * len(names)

    @vectorized
    def values(groups: Mapping[str, Moments]) -> Array:
        size = pooled(groups).size
        unit = size[..., focal] / size[..., -1:]
        outcome, terms = sample.columns[-1], levels.terms
        each = [slopes(groups[name], outcome, terms)[..., focal] * unit for name in names]
        return np.concatenate(np.broadcast_arrays(*each), axis=-1)

    try:
        return estimate(values, sample), ""
    except DataError:  # of the jackknife over clusters
        none = Estimate(values(sample.moments), np.full((q, q), np.nan), np.nan, "none")
        return none, "cannot be estimated without one of its clusters: no interval"


@one_thread
def wave_slopes(survey: Survey) -> pd.DataFrame:
    """Estimate the standardized slopes of the main model in every wave.

    Every slope, those of controls too, is free in each wave; standardized by the SDs of the whole
    sample, the same in all waves.

    Returns
    -------
    DataFrame
        wave, model, outcome, term, estimate, std_error, df, statistic, p_value, conf_low,
        conf_high, n, df_satterthwaite, note. Waves of fewer than ten respondents, with too few for
        the equation, or in one cluster alone stay empty, and the note says why. Empty with fewer
        than two usable waves.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> table = wave_slopes(read_survey("rice_simulated", ["design.wave=sector"]))
    >>> table["wave"].unique().tolist()
    ['goods', 'services']
    """
    if len(usable_waves(survey)) < 2:
        return pd.DataFrame(columns=SLOPES)
    wave = survey.study.design.wave
    assert wave is not None
    tables = [_slopes(survey, equation) for equation in compared(survey, wave)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=SLOPES)


def _slopes(survey: Survey, equation: Equation) -> pd.DataFrame:
    fit, tables = _fitted(survey, equation), []
    for row in wave_counts(survey).itertuples():
        known: dict[str, object] = {"n": row.n, "note": row.note or "cannot be estimated alone"}
        if fit and row.wave in fit.names:
            weights = np.array([float(name == row.wave) for name in fit.names])
            n = fit.levels.sample.moments[str(row.wave)].n
            known = {**numbers(fit.combined(weights), n), "note": fit.note}
            known["df_satterthwaite"] = fit.satterthwaite(weights)
        terms = {"wave": row.wave, "term": list(equation.focal)}
        tables.append(pd.DataFrame({**terms, **known}).reindex(columns=SLOPES))
    named = {"model": equation.model, "outcome": equation.outcome}
    return pd.concat([table.astype({"note": str}).assign(**named) for table in tables])


@one_thread
def wave_changes(survey: Survey) -> pd.DataFrame:
    """Test whether slopes changed: from each wave to the next, from first to last, along a line.

    Returns
    -------
    DataFrame
        kind (``step``: to the next wave; ``overall``: from the first to the last of three or more;
        ``trend``: change per wave along a straight line, waves equally far apart), versus, model,
        outcome, term, estimate, std_error, df, statistic, p_value, conf_low, conf_high, n,
        df_satterthwaite, p_holm (over all rows), family (their number), reweighted,
        reweighted_low, reweighted_high (with every wave weighted to the composition of all, see
        :func:`wave_composition.standard_weights`; the weights taken as known), note. Empty with
        fewer than two usable waves.

    Raises
    ------
    DataError
        When the same respondents answered in several waves and the declared cluster does not hold
        them together (:func:`refusal`).

    Notes
    -----
    Waves are dependent where respondents or clusters return; then errors are clustered by them.
    Without design.respondent nobody is taken to have answered twice.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> table = wave_changes(read_survey("rice_simulated", ["design.wave=sector"]))
    >>> table["versus"].unique().tolist()
    ['services - goods']
    """
    if why := refusal(survey):
        raise DataError(f"{survey.study.address}: {why}")
    wave = survey.study.design.wave
    if wave is None or len(usable_waves(survey)) < 2:
        return pd.DataFrame(columns=CHANGES)
    factor = standard_weights(survey).factor
    fits = [_fitted(survey, equation) for equation in compared(survey, wave)]
    tables = [_changes(survey, fit, factor) for fit in fits if fit and len(fit.names) > 1]
    if not tables:
        return pd.DataFrame(columns=CHANGES)
    return adjusted(pd.concat(tables, ignore_index=True)).reindex(columns=CHANGES)


def adjusted(changes: pd.DataFrame) -> pd.DataFrame:
    """Add p values adjusted by Holm over all rows that have one, and their number.

    Examples
    --------
    >>> adjusted(pd.DataFrame({"p_value": [0.01, np.nan, 0.04]}))["p_holm"].tolist()
    [0.02, nan, 0.04]
    """
    known = changes["p_value"].notna()
    found = pd.Series(np.nan, index=changes.index)
    found[known] = holm(changes.loc[known, "p_value"].tolist())
    return changes.assign(p_holm=found, family=int(known.sum()))


def _changes(survey: Survey, fit: _Fit, factor: Array | None) -> pd.DataFrame:
    again = None if factor is None else _reweighted(survey, fit, factor)
    n, tables = fit.levels.sample.moments, []
    for kind, versus, weights in contrasts_of(wave_counts(survey)["wave"].tolist(), fit.names):
        count = sum(n[name].n for name, w in zip(fit.names, weights, strict=True) if w)
        known: dict[str, object] = {"kind": kind, "versus": versus, "note": fit.note}
        known["term"] = list(fit.equation.focal)
        known |= numbers(fit.combined(weights), count)
        known["df_satterthwaite"] = fit.satterthwaite(weights)
        if again is not None:
            other = again.combined(weights)
            low, high = other.interval()
            known |= {"reweighted": other.values, "reweighted_low": low, "reweighted_high": high}
        tables.append(pd.DataFrame(known))
    named = {"model": fit.equation.model, "outcome": fit.equation.outcome}
    return pd.concat(tables, ignore_index=True).assign(**named)


def contrasts_of(waves: list[str], usable: tuple[str, ...]) -> list[tuple[str, str, Array]]:
    """Name what is compared: steps, first and last, a straight line; with the weight of each wave.

    Parameters
    ----------
    waves : list of str
        All waves in order; one that cannot be used leaves its place on the line free.
    usable : tuple of str

    Examples
    --------
    >>> [(kind, versus) for kind, versus, _ in contrasts_of(list("abc"), tuple("abc"))]
    [('step', 'b - a'), ('step', 'c - b'), ('overall', 'c - a'), ('trend', 'per wave')]
    >>> contrasts_of(list("abcd"), tuple("abd"))[-1][2].round(2).tolist()
    [-0.29, -0.07, 0.36]
    """
    one = dict(zip(usable, np.eye(len(usable)), strict=True))
    found = [("step", f"{b} - {a}", one[b] - one[a]) for a, b in pairwise(usable)]
    if len(usable) > 2:
        first, last = usable[0], usable[-1]
        found.append(("overall", f"{last} - {first}", one[last] - one[first]))
        place = np.array([waves.index(name) for name in usable], dtype=float)
        centred = place - place.mean()
        found.append(("trend", "per wave", centred / (centred @ centred)))
    return found


def _reweighted(survey: Survey, fit: _Fit, factor: Array) -> _Fit:
    """The same fit with respondents weighted so that every wave has one composition."""
    waves, sample = waves_in(survey).to_numpy(dtype=str), fit.levels.sample
    rows = sample.rows
    assert rows is not None
    given = sample.weights or {name: np.ones(len(part)) for name, part in rows.items()}
    weights = {name: given[name] * factor[waves == name] for name in rows}
    moments = {
        name: Moments.from_rows(sample.columns, part, weights[name]) for name, part in rows.items()
    }
    changed: Sample = replace(sample, moments=moments, weights=weights)
    levels = replace(fit.levels, sample=changed)
    found, note = _estimated(levels, fit.names)
    return fit._replace(levels=levels, found=found, note=note)


def wave_frames(survey: Survey) -> dict[str, pd.DataFrame]:
    """Every result about waves by the name of its file.

    Returns
    -------
    dict of str to DataFrame
        Those that have rows: wave_counts; with two usable waves or more also waves, wave_changes
        (left out where :func:`wave_sample.refusal` says why), composition, wave_verdicts.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> wave_frames(read_survey("bank_customers"))
    {}
    """
    from loyalty_analysis.wave_verdicts import wave_verdicts

    found = {"wave_counts": wave_counts(survey)}
    if len(usable_waves(survey)) > 1:
        found |= {
            "waves": wave_slopes(survey),
            "wave_changes": pd.DataFrame() if refusal(survey) else wave_changes(survey),
            "composition": composition(survey),
            "wave_verdicts": wave_verdicts(survey),
        }
    return {name: frame for name, frame in found.items() if len(frame)}
