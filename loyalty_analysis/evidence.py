"""What claims are judged on: every estimate by name, its error-corrected twin, and the gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf, isnan

import pandas as pd
from scipy.special import ndtri, stdtrit

from loyalty_analysis.claims import LEVELS, SHARES, SLOPES, TYPES, Claim
from loyalty_analysis.contrasts import SQUARES
from loyalty_analysis.drivers import players_of
from loyalty_analysis.equations import equation_of, product_equation
from loyalty_analysis.gates import COLUMNS, blocked
from loyalty_analysis.invariance import decisive
from loyalty_analysis.mediation import THROUGH
from loyalty_analysis.rules import (
    CONTRADICTED,
    INCONCLUSIVE,
    LEAST_DF,
    SUPPORTED,
    Evidence,
    Ruling,
)
from loyalty_analysis.sem_ladder import FEW
from loyalty_analysis.study import Study
from loyalty_analysis.survey import Survey

Known = dict[tuple[str, ...], Evidence]
FITS = {"cfi": 0.95, "rmsea": 0.06, "srmr": 0.08}
"""What a structure must reach to fit: CFI at least, RMSEA and SRMR at most (Hu & Bentler 1999)."""


@dataclass(frozen=True, eq=False)
class Findings:
    """Everything that verdicts are made from; nothing is estimated after it.

    Attributes
    ----------
    known : dict
        Every standardized slope by ``slope``, model, term; every contrast by estimand, model, term
        and a fourth name: the rival of ``largest`` and of shares, the group column of
        ``slope_difference``, the mediators of ``indirect``.
    twins : dict
        The same, corrected for measurement error, where that could be done.
    gates, structures : DataFrame
        Of :func:`gates.gates` and :func:`structures.rival_structures`.
    invariance : DataFrame
        Of :func:`invariance.invariance`.
    """

    known: Known = field(default_factory=dict)
    twins: Known = field(default_factory=dict)
    gates: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(COLUMNS)))
    structures: pd.DataFrame = field(default_factory=pd.DataFrame)
    invariance: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"group": []}))


def findings(results: Mapping[str, pd.DataFrame]) -> Findings:
    """Collect what verdicts are made from.

    Parameters
    ----------
    results : mapping of str to DataFrame
        regression, contrasts; gates and cfa_fit where they are known.

    Examples
    --------
    >>> from loyalty_analysis.analysis import analyse
    >>> from loyalty_analysis.survey import read_survey
    >>> found = findings(analyse(read_survey("bank_customers"), everything=False))
    >>> round(found.known["slope", "loyalty.direct", "satisfaction"].estimate, 3)
    0.219
    """
    known: Known = {}
    twins: Known = {}
    for row in results["regression"].itertuples():
        key = ("slope", row.model, row.term)
        known[key] = Evidence(
            row.beta, row.beta_std_error, row.beta_df, row.beta_low, row.beta_high, row.n,
            min(row.df, row.beta_df),
        )  # fmt: skip
        twin = (row.beta_latent, row.beta_latent_std_error, row.beta_latent_df,
                row.beta_latent_low, row.beta_latent_high)  # fmt: skip
        if not isnan(twin[1]):
            twins[key] = Evidence(*twin, row.n, min(row.df, twin[2]))
    for row in results["contrasts"].itertuples():
        last = row.group or row.versus or row.through
        sets = (row.sets,) if row.estimand in SHARES else ()
        names = (row.estimand, row.model, row.term, last, *sets)
        df = row.df if isnan(row.df_satterthwaite) else min(row.df, row.df_satterthwaite)
        known[names] = Evidence(
            row.estimate, row.std_error, row.df, row.conf_low, row.conf_high, row.n, df
        )
        twin = (row.latent, row.latent_std_error, row.latent_df, row.latent_low, row.latent_high)
        if not isnan(twin[1]):
            twins[names] = Evidence(*twin, row.n, df)
    found = Findings(known, twins)
    structures = results.get("cfa_fit", pd.DataFrame({"model": []}))
    measured = structures["model"].astype(str).str.endswith("measurement")
    structures = structures[~measured].reset_index(drop=True)
    gates = results.get("gates", found.gates)
    steps = results.get("invariance", found.invariance)
    return replace(found, gates=gates, structures=structures, invariance=steps)


def unequal_errors(study: Study, invariance: pd.DataFrame, column: str) -> bool:
    """Whether contrasted groups pass for comparable although their scores are not as good.

    Error variances cannot be held equal where loadings can, or some loadings had to differ. Slopes
    of scores depend on both, so that they differ there although no slope of the constructs does.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> steps = pd.DataFrame({"group": "sector", "step": ["metric", "scalar", "strict"]})
    >>> numbers = {"holds": [True, False, False], "delta_cfi": [0, -0.02, -0.03]}
    >>> steps = steps.assign(**numbers, delta_rmsea=[0, 0.02, 0.03])
    >>> unequal_errors(load_study("rice_simulated"), steps, "sector")
    True
    """
    part = invariance[invariance["group"] == decisive(study, invariance, column)]
    steps = part.set_index("step") if len(part) else pd.DataFrame()
    if not {"metric", "strict"} <= set(steps.index):
        return False
    if not steps.loc["metric", "holds"]:
        return bool(steps.loc["metric"].get("enough") == 1)
    last = steps.loc["strict"]
    return bool(-last["delta_cfi"] > FEW[0] or last["delta_rmsea"] > FEW[1])


def evidence_of(
    claim: Claim, outcome: str, survey: Survey, known: Known, column: str = "", turned: bool = False
) -> tuple[Evidence, ...]:
    """Evidence for a claim on an outcome; empty where ``known`` lacks any of it.

    Parameters
    ----------
    claim : Claim
        One that is testable here.
    outcome : str
    survey : Survey
    known : dict
        ``Findings.known`` or ``Findings.twins``.
    column : str
        Group column of a slope difference.
    turned : bool
        Whether the study's contrast runs the other way.

    Returns
    -------
    tuple of Evidence
        One for most estimands; for ``largest`` the slope itself and its lead over every rival, for
        shares the lead over every rival.
    """
    scarce = "few_respondents" if survey.n_clusters is None else "few_clusters"
    keys = _keys(claim, outcome, survey.study, column)
    if any(key not in known for key, _ in keys):
        return ()
    found = [replace(known[key], label=label, scarce=scarce) for key, label in keys]
    return tuple(one.flipped() if turned else one for one in found)


def bent_evidence(claim: Claim, outcome: str, survey: Survey, known: Known) -> tuple[Evidence, ...]:
    """Evidence for a product with the squares of its sides held constant; empty without any."""
    if claim.estimand != "interaction":
        return ()
    [((*name, _), _)] = _keys(claim, outcome, survey.study, "")
    key = (*name, SQUARES)
    return (known[key],) if key in known else ()


def _keys(
    claim: Claim, outcome: str, study: Study, column: str
) -> list[tuple[tuple[str, ...], str]]:
    """Under which names the evidence for a claim is known, each with what is compared."""
    if claim.estimand in (*LEVELS, *TYPES):
        kind = "types" if claim.estimand in TYPES else "levels"
        return [((claim.estimand, f"{outcome}.{kind}", claim.term, claim.against), "")]
    equation = equation_of(study, claim.estimand, outcome)
    assert equation is not None
    contrast = (claim.estimand, equation.model, claim.term)
    if "+" in claim.term and claim.estimand in SLOPES:
        return [((*contrast, ""), "")]
    keys: list[tuple[tuple[str, ...], str]] = [(("slope", equation.model, claim.term), "")]
    if claim.estimand == "interaction":
        product = product_equation(study, outcome, claim.term.split(":"))
        assert product is not None
        keys = [((claim.estimand, product.model, claim.term, ""), "")]
    if claim.estimand == "slope_difference":
        keys = [((*contrast, column), "")]
    if claim.estimand == "indirect":
        keys = [((*contrast, THROUGH.join(claim.through)), "")]
    if claim.estimand in SHARES:
        players, rivals = players_of(claim, equation)
        keys = [((*contrast, rival, players.joined), rival) for rival in rivals]
    if claim.estimand == "largest":
        keys += [((*contrast, rival), rival) for rival in claim.versus]
    return keys


def gate_reason(
    claim: Claim,
    outcome: str,
    survey: Survey,
    gates: pd.DataFrame,
    column: str,
    warns: bool = False,
) -> str:
    """Reason codes of the gates that stop a claim here, or that only warn; empty without any."""
    study = survey.study
    named = [name for name in (*claim.constructs, outcome) if name in study.constructs]
    if claim.estimand == "rival_models":  # whether they can be told apart is what it is about
        return blocked(gates, named, skip=("htmt", "admissible", "invariance"), warns=warns)
    equation = equation_of(study, claim.estimand, outcome)
    together = (outcome, *equation.terms) if equation else ()
    if claim.estimand == "largest_share":
        named = [name for name in together if name in study.constructs]
    return blocked(gates, named, together, column, warns=warns)


def overlapping(claim: Claim, gates: pd.DataFrame) -> str:
    """Reason code where two constructs that a claim calls distinct fail the limit of HTMT."""
    others = ("reliability", "admissible", "invariance")
    both = [blocked(gates, claim.versus, claim.versus, skip=others, warns=w) for w in (False, True)]
    return "; ".join(filter(None, both))


def uncorrected(claim: Claim, outcome: str, survey: Survey) -> str:
    """Constructs of a claim's equation measured by one item whose reliability is not declared.

    The outcome counts where a claim says that something adds nothing to it, since error shrinks
    slopes; behaviour is taken as recorded without error.
    """
    study = survey.study
    equation = equation_of(study, claim.estimand, outcome)
    names = [*(equation.terms if equation else ()), *claim.constructs]
    names = list(dict.fromkeys(name for name in names if name != outcome))
    recorded = study.model.outcomes.get(outcome) == "behaviour"
    names += [outcome] if claim.sign == "none" and not recorded else []
    known = [name for name in names if name in study.constructs]
    single = [name for name in known if len(study.items_of(name)) == 1]
    return ", ".join(name for name in single if study.constructs[name].reliability is None)


def structure_evidence(structures: pd.DataFrame, survey: Survey) -> tuple[Evidence, ...]:
    """Lead of the declared structure over each rival, in log likelihood per respondent.

    Of respondents who were left out of the estimation (and answered every item). Where only moments
    are known nobody can be left out: then half the difference in BIC, with the error that the
    chi-square test implies; a rival that is ahead by BIC alone has no interval.

    Parameters
    ----------
    structures : DataFrame
        Of :func:`structures.rival_structures`, the declared one first.
    survey : Survey
    """
    first, found = structures.iloc[0], []
    units = survey.n_clusters or survey.n
    scarce = "few_respondents" if survey.n_clusters is None else "few_clusters"
    for _, row in fewer_factors(structures).iterrows():
        if survey.has_respondents and pd.notna(row.get("cv_difference")):
            value, error = (row[name] / row["cv_n"] for name in ("cv_difference", "cv_error"))
        else:
            value = (row["bic"] - first["bic"]) / 2 / survey.n
            p = 1.0 if pd.isna(row["p_value_difference"]) else row["p_value_difference"]
            distance = -float(ndtri(max(p, 1e-300) / 2))
            # That the test rejects a rival is no evidence for it, whatever BIC makes of its size.
            error = value / distance if min(value, distance) > 0 else inf
        half = float(stdtrit(units - 1, 0.975)) * error
        label = str(row["model"])
        ends, df = (value - half, value + half), units - 1.0
        found.append(Evidence(value, error, df, *ends, survey.n, df, scarce, label))
    return tuple(found)


def fewer_factors(structures: pd.DataFrame) -> pd.DataFrame:
    """The rivals that merge constructs; a second-order factor keeps them distinct."""
    rivals = structures.iloc[1:]
    return rivals[rivals["model"].str.contains("factor")]


def fits(row: pd.Series) -> bool:
    """Whether the solution of a structure is admissible and fits as `FITS` asks.

    Examples
    --------
    >>> fits(pd.Series({"admissible": True, "cfi": 0.97, "rmsea": 0.04, "srmr": 0.03}))
    True
    >>> fits(pd.Series({"admissible": True, "cfi": 0.90, "rmsea": 0.04, "srmr": 0.03}))
    False
    """
    close = row["cfi"] >= FITS["cfi"] and row["rmsea"] <= FITS["rmsea"]
    return bool(row["admissible"] and close and row["srmr"] <= FITS["srmr"])


def rule_structures(
    structures: pd.DataFrame, leads: Sequence[Evidence], p_holm: float
) -> tuple[Ruling, Evidence]:
    """Rule on a claim that a structure beats its rivals and fits; also return what is shown.

    Supported: the lead over every rival is above zero by its interval and by Holm, AIC and BIC
    agree, and the structure fits. Contradicted: a rival with an admissible solution is ahead by all
    three.
    """
    first = structures.iloc[0]
    rows = fewer_factors(structures).set_index("model")
    shown = min(leads, key=lambda one: one.estimate)
    if shown.least_df < LEAST_DF:
        return Ruling(INCONCLUSIVE, reason=shown.scarce), shown
    behind = [
        one
        for one in leads
        if one.conf_high < 0
        and rows.loc[one.label, "admissible"]
        and (rows.loc[one.label, ["aic", "bic"]] < first[["aic", "bic"]]).all()
    ]
    if behind and p_holm < 0.05:
        return Ruling(CONTRADICTED), min(behind, key=lambda one: one.conf_high)
    ahead = all(
        one.conf_low > 0 and (rows.loc[one.label, ["aic", "bic"]] > first[["aic", "bic"]]).all()
        for one in leads
    )
    if not ahead:
        return Ruling(INCONCLUSIVE, reason="structures_tie"), shown
    if not p_holm < 0.05:
        return Ruling(INCONCLUSIVE, reason="multiplicity"), shown
    if not fits(first):
        return Ruling(INCONCLUSIVE, reason="poor_fit"), shown
    return Ruling(SUPPORTED), shown
