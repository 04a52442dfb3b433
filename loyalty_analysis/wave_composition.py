"""Who answered in each wave: shares and means, and weights that give all waves one composition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from loyalty_analysis.formatting import in_sentence, listing, percent
from loyalty_analysis.group_levels import levels_of
from loyalty_analysis.groups import equality
from loyalty_analysis.inference import pooled
from loyalty_analysis.moments import Array, one_thread
from loyalty_analysis.preparation import SMALLEST_GROUP, as_text
from loyalty_analysis.rules import holm
from loyalty_analysis.survey import Survey
from loyalty_analysis.wave_sample import usable_waves, waves_in

COLUMNS = [
    "column", "level", "kind", "wave", "value", "n", "everyone", "away", "largest", "high", "low",
    "statistic", "df1", "df2", "p_value", "p_holm", "note",
]  # fmt: skip
_OTHERS = "others"
"""Levels of fewer than ten respondents together."""


class Standard(NamedTuple):
    """Weights that give every wave the same composition, and what to say of them.

    ``factor`` is None where there are none.
    """

    factor: Array | None
    note: str


def composed_of(survey: Survey) -> list[str]:
    """Name the columns that say who answered: controls, moderators, group columns.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> composed_of(read_survey("rice_simulated", ["design.wave=sector"]))[:3]
    ['country', 'age', 'gender']
    """
    study = survey.study
    names = [*study.model.controls, *study.model.moderators, *study.design.groups]
    return [name for name in dict.fromkeys(names) if name != study.design.wave]


def _categorical(survey: Survey) -> list[str]:
    groups = survey.study.design.groups
    return [name for name in composed_of(survey) if name in survey.levels or name in groups]


@one_thread
def composition(survey: Survey) -> pd.DataFrame:
    """Compare who answered between waves: every control, moderator and group column.

    Parameters
    ----------
    survey : Survey

    Returns
    -------
    DataFrame
        column, level (of a category; of two the second), kind (``share`` or ``mean``), wave, value
        (empty where fewer than ten respondents could be told from it, or from it and the other
        levels), n, everyone (of all waves), away (from everyone, in SDs), largest (the largest
        difference between two waves, in SDs; where values are empty to one decimal, and with ten
        respondents in place of fewer), high, low (those two waves), statistic, df1, df2, p_value
        (all waves alike: HC3, or CR2 and Hotelling's test with clusters), p_holm (over all columns
        and levels), note.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("rice_simulated", ["design.wave=sector", "model.controls=['age']"])
    >>> table = composition(survey)
    >>> table.query("column == 'age'")[["wave", "kind"]].values.tolist()
    [['goods', 'mean'], ['services', 'mean']]
    """
    if len(usable_waves(survey)) < 2:
        return pd.DataFrame(columns=COLUMNS)
    tables = [
        _compared(survey, about, level, values, level in hidden)
        for about in composed_of(survey)
        for hidden in [_hidden(survey, about)]
        for level, values in _columns(survey, about)
    ]
    tables = [table for table in tables if len(table)]
    if not tables:
        return pd.DataFrame(columns=COLUMNS)
    tested = [table["p_value"].iloc[0] for table in tables]
    known = iter(holm([p for p in tested if p == p]))
    adjusted = [next(known) if p == p else np.nan for p in tested]
    found = [table.assign(p_holm=p) for table, p in zip(tables, adjusted, strict=True)]
    return pd.concat(found, ignore_index=True)[COLUMNS]


def _columns(survey: Survey, name: str) -> Iterator[tuple[str, pd.Series]]:
    """Numbers to compare: a number as it is, one indicator for each level of a category."""
    assert survey.frame is not None
    if name not in _categorical(survey):
        yield "", survey.frame[name].astype(float)
        return
    text = _merged(survey, name)
    counts = text.value_counts()
    shown = sorted(counts.index[counts >= SMALLEST_GROUP])
    for level in shown[1:] if len(counts) == 2 else shown:
        yield str(level), (text == level).astype(float)


def _merged(survey: Survey, name: str) -> pd.Series:
    """Levels of a category as text; those of fewer than ten respondents are one."""
    assert survey.frame is not None
    text = as_text(survey.frame[name])
    return text.where(text.map(text.value_counts()) >= SMALLEST_GROUP, _OTHERS)


def _hidden(survey: Survey, name: str) -> list[str]:
    """Name the levels whose shares are not shown, in any wave.

    Those that fewer than ten respondents hold in some wave, and as many others, the smallest
    first, as it takes until nobody could subtract the shares shown from everybody.
    """
    if name not in _categorical(survey):
        return []
    counts = pd.crosstab(_merged(survey, name), waves_in(survey))[usable_waves(survey)]
    least = counts.min(axis=1).sort_values(kind="stable")
    few = _few(counts).any(axis=1)
    found = [str(level) for level in least.index if few[level]]
    others = [str(level) for level in least.index if not few[level]]
    while found and others and _few(counts.loc[found].sum()).any():
        found.append(others.pop(0))
    return found


def _compared(
    survey: Survey, about: str, level: str, values: pd.Series, hidden: bool
) -> pd.DataFrame:
    wave, waves, usable = survey.study.design.wave, waves_in(survey), usable_waves(survey)
    assert survey.frame is not None and wave is not None
    inside = survey.frame.assign(_answered=values.to_numpy())
    levels = levels_of(replace(survey, frame=inside), wave, "_answered")
    sample = levels.sample
    whole = pooled({name: sample.moments[name] for name in usable})
    size = float(whole.sd[0])
    if not size > 0:
        return pd.DataFrame()
    test, note, _ = equality(levels)
    mean = np.array([float(sample.moments[name].mean[0]) for name in usable])
    n = np.array([sample.moments[name].n for name in usable])
    everyone, widest = float(whole.mean[0]), _widest(mean, usable, size)
    if hidden:
        inside_each = np.array([values[waves == name].sum() for name in usable])
        widest = _widest(_at_least(mean, inside_each, n), usable, size, digits=1)
        mean, everyone = np.full(len(usable), np.nan), np.nan
        note = "; ".join(filter(None, [note, "shares of few respondents not shown"]))
    return pd.DataFrame(
        {
            "column": about, "level": level, "kind": "share" if level else "mean",
            "wave": list(usable), "value": mean, "n": n, "everyone": everyone,
            "away": (mean - everyone) / size, **widest,
            "statistic": test.statistic, "df1": test.df1, "df2": test.df2,
            "p_value": test.p_value, "note": note,
        }
    )  # fmt: skip


def _few(counts: pd.DataFrame | pd.Series) -> pd.DataFrame | pd.Series:
    """Which counts are of one to nine respondents."""
    return (counts > 0) & (counts < SMALLEST_GROUP)


def _at_least(mean: Array, inside: Array, n: Array) -> Array:
    """Shares with ten respondents in place of fewer, so that differences tell nobody apart."""
    ten = np.minimum(SMALLEST_GROUP / n, 0.5)
    raised = np.where((inside > 0) & (inside < SMALLEST_GROUP), np.maximum(mean, ten), mean)
    outside = n - inside
    few = (outside > 0) & (outside < SMALLEST_GROUP)
    return np.where(few, np.minimum(raised, 1 - ten), raised)


def _widest(
    mean: Array, usable: Sequence[str], size: float, digits: int | None = None
) -> dict[str, object]:
    high, low = int(np.argmax(mean)), int(np.argmin(mean))
    largest = (mean[high] - mean[low]) / size
    shown = largest if digits is None else round(largest, digits)
    return {"largest": shown, "high": usable[high], "low": usable[low]}


def standard_weights(survey: Survey) -> Standard:
    """Weigh respondents so that the categories have the same shares in every wave as in all.

    Cells are combinations of the levels of categorical controls, moderators and group columns.
    Those with fewer than ten respondents in some wave are merged into one.

    Parameters
    ----------
    survey : Survey

    Returns
    -------
    Standard
        A factor for every respondent, beside a declared weight, and a sentence.

    References
    ----------
    Holt & Smith (1979), Journal of the Royal Statistical Society A 142, 33-46
    (post-stratification).

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> no_categories = ["model.controls=['age']", "design.wave=sector", "design.groups=['sector']"]
    >>> print(standard_weights(read_survey("rice_simulated", no_categories)).note)
    Waves cannot be weighted to one composition: the study has no categorical control or group
    column.
    """
    waves, usable = waves_in(survey), usable_waves(survey)
    cannot = "Waves cannot be weighted to one composition:"
    names = _categorical(survey)
    if not names:
        return Standard(None, f"{cannot} the study has no categorical control or group column.")
    assert survey.frame is not None
    texts = [as_text(survey.frame[name]).tolist() for name in names]
    cells = pd.Series(list(zip(*texts, strict=True)), index=waves.index, dtype=object)
    known = waves.isin(usable)
    cell, merged = merged_cells(cells[known], waves[known])
    said = listing([in_sentence(survey.study.label(name)) for name in names], 9)
    if cell.nunique() < 2:
        return Standard(
            None,
            f"{cannot} fewer than two cells of {said} have {SMALLEST_GROUP} respondents in every "
            "wave.",
        )
    weights = np.ones(len(waves)) if survey.weights is None else survey.weights
    factor = np.ones(len(waves))
    factor[known.to_numpy()] = _factors(cell, waves[known], weights[known.to_numpy()])
    note = f"Weighted so that every wave has the shares that {said} have in all waves"
    note += f" ({cell.nunique()} cells"
    if merged:
        note += f"; one of them holds those too small to stand alone, {percent(merged)} of "
        note += "respondents"
    return Standard(factor, f"{note}).")


def merged_cells(cells: pd.Series, waves: pd.Series) -> tuple[pd.Series, float]:
    """Merge cells that have fewer than ten respondents in some wave; their share of respondents.

    Where these are too few together, the smallest of the others join them.

    Examples
    --------
    >>> cells = pd.Series(["a"] * 40 + ["b"] * 40 + ["c"] * 4)
    >>> found, share = merged_cells(cells, pd.Series(["1", "2"] * 42))
    >>> found.nunique(), round(share, 2)
    (2, 0.52)
    """
    codes = pd.Series(pd.factorize(cells)[0], index=cells.index)
    counts = pd.crosstab(codes, waves)
    least = counts.min(axis=1).sort_values(kind="stable")
    rest = list(least.index[least < SMALLEST_GROUP])
    others = [cell for cell in least.index if cell not in rest]
    while rest and others and counts.loc[rest].sum().min() < SMALLEST_GROUP:
        rest.append(others.pop(0))
    inside = codes.isin(rest)
    if rest and counts.loc[rest].sum().min() < SMALLEST_GROUP:
        return codes.where(~inside, -1) * 0, 1.0
    return codes.where(~inside, -1), float(inside.mean())


def _factors(cells: pd.Series, waves: pd.Series, weights: Array) -> Array:
    """Share of each cell in all waves over that in its own wave."""
    table = pd.DataFrame({"cell": cells, "wave": waves, "w": weights})
    all_waves = table.groupby("cell")["w"].sum() / table["w"].sum()
    own = table.groupby(["wave", "cell"])["w"].sum() / table.groupby("wave")["w"].sum()
    keys = pd.MultiIndex.from_frame(table[["wave", "cell"]])
    return table["cell"].map(all_waves).to_numpy() / own.loc[keys].to_numpy()
