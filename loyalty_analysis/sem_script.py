"""A fitted latent model as an R script, so that a sceptic can rerun it in lavaan."""

from __future__ import annotations

from collections.abc import Sequence

from loyalty_analysis.moments import Array
from loyalty_analysis.sem_data import SemData
from loyalty_analysis.sem_fit import Fit

_HEADER = """# Reruns a latent variable model in R; needs the package lavaan.
library(lavaan)
model <- '
{model}
'
"""


def lavaan_script(
    fit: Fit,
    file: str | None = None,
    *,
    group: str | None = None,
    weight: str | None = None,
    cluster: str | None = None,
) -> str:
    """Write an R script that fits the same model to the same data.

    Parameters
    ----------
    fit : Fit
    file : str, optional
        CSV file of the respondents; without it, the moments themselves are written.
    group, weight, cluster : str, optional
        Columns of the file.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If moments are asked for where respondents are needed (robust errors, missing answers).

    Examples
    --------
    >>> import numpy as np
    >>> from loyalty_analysis.moments import Moments
    >>> from loyalty_analysis.sem_fit import fit_model
    >>> rows = np.random.default_rng(1).normal(size=(90, 1)) + np.random.default_rng(2).normal(
    ...     size=(90, 3))
    >>> print(lavaan_script(fit_model("f =~ a + b + c", Moments.from_rows("abc", rows)), "a.csv"))
    # Reruns a latent variable model in R; needs the package lavaan.
    library(lavaan)
    model <- '
    f =~ a + b + c
    '
    fit <- sem(model, data = read.csv("a.csv"), fixed.x = TRUE)
    summary(fit, fit.measures = TRUE, standardized = TRUE)
    """
    if file is None and (fit.robust or fit.data.missing):
        raise ValueError("robust errors and missing answers need the file of the respondents.")
    lines = [_HEADER.format(model="\n".join(filter(None, fit.model.script.split(";"))))]
    if file is None:
        lines.append(moment_lines(fit.data))
        source = ["sample.cov = covariance", "sample.nobs = n", "sample.cov.rescale = FALSE"]
        source += ["sample.mean = means"] if fit.means else []
    else:
        source = [f'data = read.csv("{file}")']
    named = {"group": group, "sampling.weights": weight, "cluster": cluster}
    source += [f'{key} = "{column}"' for key, column in named.items() if column]
    lines.append(f"fit <- sem({', '.join(['model', *source, *_options(fit)])})\n")
    return "".join(lines) + "summary(fit, fit.measures = TRUE, standardized = TRUE)"


def _options(fit: Fit) -> list[str]:
    settings = fit.settings
    found = [f"fixed.x = {str(settings['fixed_covariates']).upper()}"]
    if fit.data.missing:
        found.append('missing = "ml"')
    if fit.robust and not fit.data.clustered:
        found.append('estimator = "MLR"')
    if settings["standardized_factors"]:
        found.append("std.lv = TRUE")
    if settings["wishart"]:
        found.append('likelihood = "wishart"')
    if fit.means and len(fit.graphs) == 1 and not fit.data.missing:
        found.append("meanstructure = TRUE")
    for key, name in (("equal", "group.equal"), ("partial", "group.partial")):
        given: Sequence[object] = settings[key]  # type: ignore[assignment]
        texts = [item if isinstance(item, str) else "".join(map(str, item)) for item in given]  # type: ignore[call-overload]
        if texts:
            found.append(f"{name} = {_vector([repr(text) for text in texts])}")
    return found


def _vector(values: Sequence[str]) -> str:
    return f"c({', '.join(values)})"


def _numbers(values: Array) -> str:
    return _vector([f"{value:.17g}" for value in values.ravel()])


def moment_lines(data: SemData) -> str:
    """Moments as R code: ``covariance`` (divisor n, or n - 1 with Wishart), ``means`` and ``n``.

    With several groups each is a list.

    Examples
    --------
    >>> from loyalty_analysis.moments import Moments
    >>> from loyalty_analysis.sem_data import sem_data
    >>> import numpy as np
    >>> known = Moments.from_rows(["a"], np.array([[0.0], [2.0], [4.0], [2.0]]))
    >>> print(moment_lines(sem_data(known, ["a"])), end="")
    covariance <- matrix(c(2), 1, dimnames = list(c('a'), c('a')))
    means <- setNames(c(2), c('a'))
    n <- c(4)
    """
    names = _vector([repr(name) for name in data.columns])
    covariances, means = [], []
    for group in data.groups:
        matrix = f"matrix({_numbers(group.covariance)}, {len(group.mean)}"
        covariances.append(f"{matrix}, dimnames = list({names}, {names}))")
        means.append(f"setNames({_numbers(group.mean)}, {names})")
    sizes = _vector([f"{group.n:.17g}" for group in data.groups])
    if len(data.groups) == 1:
        return f"covariance <- {covariances[0]}\nmeans <- {means[0]}\nn <- {sizes}\n"
    labels = [repr(group.name) for group in data.groups]
    listed = ["list({})".format(", ".join(f"{a} = {b}" for a, b in zip(labels, x, strict=True)))
              for x in (covariances, means)]  # fmt: skip
    return f"covariance <- {listed[0]}\nmeans <- {listed[1]}\nn <- {sizes}\n"
