"""The latent models of a study as one R script, so that a sceptic can rerun them in lavaan."""

from __future__ import annotations

from collections.abc import Sequence

from loyalty_analysis.claims import Claim
from loyalty_analysis.equations import equations
from loyalty_analysis.errors import DataError
from loyalty_analysis.factors import Factors, factors
from loyalty_analysis.invariance import compared_levels
from loyalty_analysis.moments import one_thread
from loyalty_analysis.preparation import SMALLEST_GROUP
from loyalty_analysis.sem_data import sem_data
from loyalty_analysis.sem_model import model_script
from loyalty_analysis.sem_rivals import structures
from loyalty_analysis.sem_script import moment_lines
from loyalty_analysis.structures import compared
from loyalty_analysis.survey import Survey

_INDICES = 'c("chisq", "df", "pvalue", "cfi", "tli", "rmsea", "srmr", "aic", "bic")'
_HEADER = """# {title}
# Latent variable models of this study, to be rerun in R with the package lavaan.
# Data: moments of the {n} respondents of the analysis sample{weighted}. From moments the estimates
# are those of the report; errors and tests are the classical ones of maximum likelihood, while the
# report's are robust{clustered}. {complete}
library(lavaan)

"""
_FIT = """fitted <- function(model, ...) {
  cfa(model, sample.cov = covariance, sample.mean = means, sample.nobs = n,
      sample.cov.rescale = FALSE, ...)
}

"""
_SLOPES = """# Slopes of the structural equations among constructs free of error: each follows from
# the correlations of one model in which all constructs and controls covary freely.
slopes <- function(outcome, terms) {
  among <- cov2cor(lavInspect(columns, "cov.lv"))
  found <- solve(among[terms, terms], among[terms, outcome])
  here <- intersect(terms, names(unit))
  found[here] <- found[here] / unit[here]  # categories: per unit, not per SD
  round(found, 6)
}
"""


@one_thread
def study_script(survey: Survey, claims: Sequence[Claim] = ()) -> str:
    """Write the latent models of a study as an R script.

    Parameters
    ----------
    survey : Survey
    claims : sequence of Claim
        Claims about rival models say which structures are compared.

    Returns
    -------
    str
        Measurement model, error-corrected slopes of every equation, rival structures, and the
        invariance ladder of every group column, with the moments they need; the first two of every
        further model after it. Categories of fewer
        than ten respondents are left out, groups of fewer than 50 too. Empty where no construct has
        two items.

    Notes
    -----
    Run in R: estimates and fit equal those of the report where no answer is missing.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> script = study_script(read_survey("mobile_customers"))
    >>> [line for line in script.splitlines() if line.startswith("slopes(")][0]
    'slopes("satisfaction", c("competence", "likeability"))'
    """
    further = [part for part in survey.study.parts if part]
    views = (_script(survey.model(part), ()) for part in further)
    titled = (
        f"# Further model: {part}.\n\n{text}"
        for part, text in zip(further, views, strict=True)
        if text
    )
    return "\n".join([_script(survey, claims), *titled])


def _script(survey: Survey, claims: Sequence[Claim]) -> str:
    """The latent models of one model of a study."""
    study, names = survey.study, survey.study.model_constructs
    if all(len(study.items_of(name)) == 1 for name in names):
        return ""
    columns = [c for c in survey.moments.columns if c not in study.constructs]
    kept = _shown(survey, columns)
    found = factors(survey, names, kept)
    complete = found.sample().pooled
    if complete.n < SMALLEST_GROUP:
        return f"# No latent model: fewer than {SMALLEST_GROUP} respondents answered every item.\n"
    try:
        data = moment_lines(sem_data(complete, list(found.column.values())))
    except DataError as error:
        return f"# No latent model: {found.named(str(error))}\n"
    parts = [_header(survey, complete.n, set(columns) > set(kept)), data, _FIT]
    parts += [_measurement(survey), _twins(survey, found, kept), _rivals(survey, claims)]
    return "".join([*parts, *(_ladder(survey, column) for column in study.design.groups)])


def _shown(survey: Survey, columns: Sequence[str]) -> list[str]:
    """Covariates that show no group of fewer than ten among those who answered every item."""
    if survey.frame is None or survey.items is None:
        return list(columns)
    items = [i for name in survey.study.model_constructs for i in survey.study.items_of(name)]
    frame = survey.frame.loc[survey.items[items].notna().all(axis=1).to_numpy(), list(columns)]
    counts = {name: frame[name].value_counts() for name in columns}
    return [
        c for c, n in counts.items() if len(n) > 1 and (len(n) > 2 or n.min() >= SMALLEST_GROUP)
    ]


def _header(survey: Survey, n: int, dropped: bool) -> str:
    said = "Categories with fewer than ten respondents are left out." if dropped else ""
    if survey.items is not None and survey.items.isna().any(axis=None):
        said += (
            " Respondents with missing answers are left out; the report uses what they answered."
        )
    return _HEADER.format(
        title=survey.study.title.replace("\n", " "),
        n=n,
        weighted=", weighted" if survey.weights is not None else "",
        clustered=" and honour clusters" if survey.clusters is not None else "",
        complete=said.strip(),
    )


def _measurement(survey: Survey) -> str:
    script = factors(survey, survey.study.model_constructs).script()
    return (
        f"# The measurement model.\nmeasurement <- fitted('\n{script}\n', std.lv = TRUE)\n"
        f"fitMeasures(measurement, {_INDICES})\nstandardizedSolution(measurement)\n\n"
    )


def _twins(survey: Survey, found: Factors, kept: Sequence[str]) -> str:
    lines = [f"columns <- fitted('\n{found.script()}\n', std.lv = TRUE)"]
    plain = [name for name in kept if name not in survey.scaled]
    sizes = [f"{found.factor[n]} = sqrt(covariance[{found.column[n]!r}, {found.column[n]!r}] * "
             "n / (n - 1))" for n in plain]  # fmt: skip
    lines.append(f"unit <- c({', '.join(sizes)})")
    for equation in equations(survey.study):
        terms = [t for t in survey.terms(equation.terms) if t in found.items]
        listed = ", ".join(f'"{found.factor[term]}"' for term in terms)
        lines.append(f'slopes("{found.factor[equation.outcome]}", c({listed}))')
    return _SLOPES + "\n".join(lines) + "\n\n"


def _rivals(survey: Survey, claims: Sequence[Claim]) -> str:
    names, merges = compared(survey.study, claims)
    if not names:
        return ""
    found = factors(survey, names)
    alias = [[[found.factor[n] for n in part] for part in merge] for merge in merges]
    scripts = structures(found.measured(names), alias)
    lines = [f"'{name}' = '\n{script}\n'" for name, script in scripts.items()]
    return (
        f"# Rival structures.\nrivals <- list({', '.join(lines)})\n"
        f"sapply(rivals, function(model) fitMeasures(fitted(model), {_INDICES}))\n\n"
    )


def _ladder(survey: Survey, column: str) -> str:
    levels = compared_levels(survey, column)
    names = [n for n in survey.study.model_constructs if len(survey.study.items_of(n)) > 1]
    if len(levels) < 2 or not names:
        return ""
    found = factors(survey, names)
    parts = found.sample(by=column, keep=levels).moments
    if min(part.n for part in parts.values()) < SMALLEST_GROUP:  # who answered every item
        return ""
    try:
        data = moment_lines(sem_data(parts, list(found.column.values())))
    except DataError:
        return ""
    script = model_script(found.measured(names))
    return (
        f"# Invariance across {column}: the same items, loadings, intercepts, error variances.\n"
        f"{data}model <- '\n{script}\n'\n"
        'steps <- list(configural = "", metric = "loadings",\n'
        '              scalar = c("loadings", "intercepts"),\n'
        '              strict = c("loadings", "intercepts", "residuals"))\n'
        "sapply(steps, function(equal) {\n"
        f"  fitMeasures(fitted(model, group.equal = equal, meanstructure = TRUE), {_INDICES})\n"
        "})\n\n"
    )
