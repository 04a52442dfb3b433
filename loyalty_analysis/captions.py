"""What the figures find, in words: titles and alt texts made from the numbers drawn."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from types import SimpleNamespace
from typing import Any, NamedTuple

import pandas as pd

from loyalty_analysis.errors import RunError
from loyalty_analysis.formatting import (
    VERDICT_MARKS,
    capitalised,
    estimate,
    in_sentence,
    listing,
    number,
    percent,
    shortened,
)
from loyalty_analysis.method_bias import bands
from loyalty_analysis.sentences import enough, told_side

WEAK_LOADING = 0.50
"""Standardized loading below which an item shares less than a quarter of its variance."""
_HELD = "once the rest of the equation is held constant"


class Panel(NamedTuple):
    """One equation of a figure: its outcome, and a row of ``slopes`` for each driver."""

    outcome: str
    slopes: pd.DataFrame


def shown_models(table: pd.DataFrame, study: Any, file: str) -> dict[str, str]:
    """Name the mediator's equation and each outcome's with the mediator left out.

    Parameters
    ----------
    table : pandas.DataFrame
        With a column ``model``.
    study : Study
    file : str
        The file that holds the table, for the message.

    Returns
    -------
    dict of str to str
        Outcome of each model that is in the table.

    Raises
    ------
    RunError
        When none is.
    """
    model = study.model
    wanted = {model.mediator: model.mediator} if model.mediator else {}
    wanted |= {f"{outcome}.total": outcome for outcome in model.outcomes}
    known = set(table["model"])
    found = {name: outcome for name, outcome in wanted.items() if name in known}
    if not found:
        raise RunError(
            f"{file}, column model: found {sorted(known)}, none of the study's models "
            f"{list(wanted)}. Run the analysis again with this study."
        )
    return found


def named(construct: str, study: Any) -> str:
    """Name a construct as it stands inside a sentence.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> named("affective", load_study("rice_simulated"))
    'affective commitment'
    """
    return in_sentence(shortened(study.label(construct)))


def flips(row: Any) -> bool:
    """Whether a slope clear of zero has the other sign than a correlation that is not 0.00.

    Examples
    --------
    >>> flips(pd.Series({"zero_order": 0.2, "beta": -0.2, "beta_low": -0.3, "beta_high": -0.1}))
    True
    """
    # A correlation that prints as 0.00 has no sign to flip.
    opposite = row.zero_order * row.beta < 0 and abs(row.zero_order) >= 0.005
    return bool(opposite) and told_side(row) != 0


def slopes_finding(panel: Panel, study: Any) -> str:
    """Say which drivers go with more and with less of an outcome.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> ends = {"beta": [0.2, 0.1], "beta_low": [0.1, -0.1], "beta_high": [0.3, 0.3]}
    >>> panel = Panel("loyalty", pd.DataFrame(ends, index=["image", "value"]))
    >>> slopes_finding(panel, load_study("bank_customers"))
    'Image goes with higher loyalty'
    """
    outcome, slopes = named(panel.outcome, study), panel.slopes
    if slopes["beta"].isna().all():
        return f"No slope could be estimated for {outcome}"
    if not any(enough(row) for row in slopes.itertuples()):
        return f"Under four degrees of freedom: too few to tell what goes with {outcome}"
    signs = {row.Index: told_side(row) for row in slopes.itertuples()}
    higher = [named(term, study) for term in signs if signs[term] > 0]
    lower = [named(term, study) for term in reversed(signs) if signs[term] < 0]
    if not higher and not lower:
        return f"No driver is clearly associated with {outcome}: every interval includes zero"
    if not higher or not lower:
        names, what = (higher, "higher") if higher else (lower, "lower")
        return capitalised(f"{_together(names)} {_go(names)} with {what} {outcome}")
    return capitalised(
        f"{_together(higher, lower)} {_go(higher)} with higher {outcome}; "
        f"{_together(lower, higher, short=True)} with lower"
    )


def slopes_alt(title: str, panel: Panel, study: Any) -> str:
    """Say the finding with its numbers, and where the others are.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> ends = {"beta": [0.2], "beta_low": [0.1], "beta_high": [0.3]}
    >>> panel = Panel("loyalty", pd.DataFrame(ends, index=["image"]))
    >>> print(slopes_alt("Image matters", panel, load_study("bank_customers")))
    Image matters. Standardized slopes with 95% intervals: image 0.20 [0.10, 0.30]; the
    numbers for every outcome are in results/regression.csv.
    """
    slopes = "; ".join(
        f"{named(row.Index, study)} {estimate(row.beta, row.beta_low, row.beta_high)}"
        for row in panel.slopes.itertuples()
    )
    return (
        f"{title}. Standardized slopes with 95% intervals: {slopes}; "
        "the numbers for every outcome are in results/regression.csv."
    )


def flips_finding(panels: Sequence[Panel], study: Any) -> str:
    """Say whose sign flips between the correlation and the slope.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> slope = {"zero_order": [0.2], "beta": -0.2, "beta_low": -0.3, "beta_high": -0.1}
    >>> panel = Panel("loyalty", pd.DataFrame(slope, index=["value"]))
    >>> print(flips_finding([panel], load_study("bank_customers")))
    The sign of perceived value flips for loyalty once the rest of the equation is held
    constant
    """
    where = {
        term: [panel.outcome for panel in panels if flips(panel.slopes.loc[term])]
        for term in panels[0].slopes.index
    }
    flipped = [named(term, study) for term, outcomes in where.items() if outcomes]
    if not flipped:
        return f"No sign clearly flips {_HELD}"
    if len(flipped) > 1:
        return f"The signs of {_together(flipped)} flip {_HELD}"
    outcomes = listing(named(outcome, study) for found in where.values() for outcome in found)
    return f"The sign of {flipped[0]} flips for {outcomes} {_HELD}"


def correlations_finding(pairs: pd.DataFrame, study: Any) -> str:
    """Name the strongest correlation, and the strongest of the other sign when there is one.

    Pairs that agree to two decimals are equally strong and are all named.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> pairs = pd.DataFrame({"a": ["value", "quality"], "b": "image", "r": [-0.2, 0.6]})
    >>> print(correlations_finding(pairs, load_study("bank_customers")))
    Strongest correlation: perceived quality with image (0.60); most negative: perceived value
    with image (−0.20)
    """
    pairs = pairs.dropna(subset="r")
    if pairs.empty:
        return "No correlation could be computed"
    strongest = pairs["r"].iloc[pairs["r"].abs().argmax()]
    names = [
        f"{named(pair.a, study)} with {named(pair.b, study)}"
        for pair in pairs.itertuples()
        if round(pair.r, 2) == round(strongest, 2)
    ]
    title = f"Strongest correlation: {listing(names)} ({number(strongest)})"
    other = pairs["r"].min() if strongest > 0 else pairs["r"].max()
    if round(other, 2) * strongest >= 0:
        return title
    pair = pairs[pairs["r"] == other].iloc[0]
    side = "negative" if other < 0 else "positive"
    between = f"{named(pair['a'], study)} with {named(pair['b'], study)}"
    return f"{title}; most {side}: {between} ({number(other)})"


def answers_finding(items: pd.DataFrame) -> str:
    """Say on how many items more answers lie above the midpoint of the scale than below.

    Examples
    --------
    >>> answers_finding(pd.DataFrame({"above": [0.6, 0.5, 0.2], "below": [0.3, 0.4, 0.7]}))
    'On 2 of 3 items, more answers lie above the midpoint of the scale than below'
    """
    above, n = int((items["above"] > items["below"]).sum()), len(items)
    if n == 1:
        side = "more" if above else "no more"
        return f"On the one item, {side} answers lie above the midpoint of the scale than below"
    where = {n: f"all {n} items", 0: f"none of {n} items"}.get(above, f"{above} of {n} items")
    if where.startswith("none"):
        return f"On {where} do more answers lie above the midpoint of the scale than below"
    return f"On {where}, more answers lie above the midpoint of the scale than below"


def weak(table: pd.DataFrame) -> pd.Series:
    """Which loadings lie below .50, so that an item shares little with its construct.

    Examples
    --------
    >>> weak(pd.DataFrame({"standardized": [0.49, 0.8, float("nan")]})).to_list()
    [True, False, False]
    """
    return table["standardized"] < WEAK_LOADING


def loadings_finding(table: pd.DataFrame, study: Any) -> str:
    """Say which items load weakly on their construct, or which loads least.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> table = pd.DataFrame({"construct": "image", "item": ["a", "b"], "standardized": [0.9, 0.4]})
    >>> loadings_finding(table, load_study("bank_customers"))
    '1 of 2 items loads below 0.50: B (image, 0.40)'
    """
    table = table.dropna(subset="standardized").sort_values("standardized", kind="stable")
    if table.empty:
        return "No loading could be estimated"
    low = table[weak(table)]
    shown = [
        f"{study.label(row.item)} ({named(row.construct, study)}, {number(row.standardized)})"
        for row in (low if len(low) else table.head(1)).itertuples()
    ]
    limit = number(WEAK_LOADING)
    if len(low):
        verb = "loads" if len(low) == 1 else "load"
        return f"{len(low)} of {len(table)} items {verb} below {limit}: {listing(shown)}"
    every = "The one item loads" if len(table) == 1 else f"All {len(table)} items load"
    return f"{every} at {limit} or above; weakest: {shown[0]}"


def distinct_finding(table: pd.DataFrame, study: Any) -> str:
    """Say which constructs cannot be told apart, or which two come closest.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> pair = {"a": ["image"], "b": "value", "htmt": 0.8, "htmt_low": 0.7, "htmt_high": 0.95}
    >>> distinct_finding(pd.DataFrame(pair), load_study("bank_customers"))
    'Of 1 pair, 1 may be one construct, not two: image with perceived value'
    """
    table = table.dropna(subset="htmt_high").sort_values("htmt_high", ascending=False)
    if table.empty:
        return "No two constructs could be compared"
    limit = study.gates.htmt
    many = f"{len(table)} pair{'s' * (len(table) > 1)}"
    close = table[table["htmt_high"] >= limit]
    names = [f"{named(row.a, study)} with {named(row.b, study)}" for row in table.itertuples()]
    if len(close):
        what = "may be one construct, not two"
        return f"Of {many}, {len(close)} {what}: {listing(names[: len(close)])}"
    first = table.iloc[0]
    closest = f"{names[0]} ({estimate(first['htmt'], first['htmt_low'], first['htmt_high'])})"
    return f"Every pair of constructs stays below {number(limit)}; closest: {closest}"


def kept_slopes(table: pd.DataFrame, study: Any) -> pd.DataFrame:
    """Up to which share of a common method each driver's slope keeps its side of zero.

    Parameters
    ----------
    table : pandas.DataFrame
        As in results/method_bias.csv.
    study : Study

    Returns
    -------
    DataFrame
        What `method_bias.bands` returns, of drivers in the mediator's equation and in those of the
        outcomes without it; ``reach``: the largest share possible in both directions;
        ``everywhere``: whether the side is kept up to there.

    Examples
    --------
    >>> from loyalty_analysis.method_bias import method_bias
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("mobile_customers")
    >>> kept_slopes(method_bias(survey), survey.study)["everywhere"].to_list()
    [False, True, False, True]
    """
    models = shown_models(table, study, "results/method_bias.csv")
    chosen = table["model"].isin(models) & table["term"].isin(list(study.model.drivers))
    table = table[chosen & (table["direction"] != "marker")]
    possible = table.groupby(["model", "share"])["admissible"].all()
    reach = possible[possible].reset_index().groupby("model")["share"].max()
    found = bands(table)
    found["reach"] = found["model"].map(reach)
    return found.assign(everywhere=found["holds_to"] >= found["reach"])


def bands_finding(kept: pd.DataFrame, most: float) -> str:
    """Say how many slopes keep their side of zero whatever a common method's share.

    Examples
    --------
    >>> kept = pd.DataFrame({"holds_to": [0.4, 0.1, None], "everywhere": [True, False, False]})
    >>> print(bands_finding(kept, 0.4))
    With a common method of up to 40% of the variance, 1 of 2 slopes keeps its side of zero
    """
    told = kept[kept["holds_to"].notna()]
    if told.empty:
        return "No slope can be told from zero, with or without a common method"
    stay = int(told["everywhere"].sum())
    verb = "keeps its side" if stay == 1 else "keep their side"
    slopes = f"{stay} of {len(told)} slopes" if len(told) > 1 else f"{stay} of 1 slope"
    return f"With a common method of up to {percent(most)} of the variance, {slopes} {verb} of zero"


def structure_label(name: str, study: Any) -> str:
    """Name a structure of constructs as a reader knows them.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> structure_label("4 factors: economic + forced", load_study("rice_simulated"))
    '4 factors (economic and forced commitment as one)'
    """
    count, _, merged = name.partition(": ")
    parts = [
        _together([named(one, study) for one in part.split(" + ")])
        for part in filter(None, merged.split(", "))
    ]
    return f"{count} ({', '.join(f'{part} as one' for part in parts)})" if parts else count


def twin_side(row: Any) -> int:
    """Side of zero that an error-corrected slope can be told to lie on; 0 when it cannot.

    Examples
    --------
    >>> row = {"df": 9.0, "beta_latent_df": 9.0, "beta_latent_low": -0.3, "beta_latent_high": -0.1}
    >>> twin_side(pd.Series(row))
    -1
    """
    # a table without degrees of freedom has enough of them
    known = [getattr(row, name) for name in ("df", "beta_latent_df") if hasattr(row, name)]
    ends = {"beta_low": row.beta_latent_low, "beta_high": row.beta_latent_high}
    return told_side(SimpleNamespace(df=min(known, default=inf), **ends))


def verdicts_finding(verdicts: Sequence[str], claims: int) -> str:
    """Count the verdicts, contradictions first.

    Examples
    --------
    >>> verdicts_finding(["supported", "contradicted", "supported"], claims=2)
    '3 verdicts on 2 claims: 1 contradicted and 2 supported'
    """
    n = len(verdicts)
    if not n:
        return "No claim was judged"
    counted = [f"{verdicts.count(word)} {word}" for word in VERDICT_MARKS if word in verdicts]
    subject = f"{claims} claim{'s' * (claims > 1)}"
    if n != claims:
        subject = f"{n} verdicts on {subject}"
    return f"{subject}: {listing(counted, most=5)}"


def _together(names: Sequence[str], others: Sequence[str] = (), *, short: bool = False) -> str:
    """List names, saying a word that ends them all only once: affective and forced commitment.

    ``others`` stand in the same sentence; with ``short`` the shared word was said there.
    """
    words = [name.split() for name in (*names, *others)]
    shared = all(len(name) == 2 and name[1] == words[0][1] for name in words)
    if len(words) == 1 or not shared or max(len(names), len(others)) > 5:
        return listing(names)
    firsts = listing((name.split()[0] for name in names), most=5)
    return firsts if short else f"{firsts} {words[0][1]}"


def _go(names: Sequence[str]) -> str:
    """Make the verb agree, as far as the ending of a label tells its number."""
    plural = names[0].endswith("s") and not names[0].endswith(("ss", "us", "is"))
    return "go" if len(names) > 1 or plural else "goes"
