"""Latent variable models: what is estimated, fixed and held equal across groups.

A model is written in the syntax of lavaan, so that R can read it as it stands: ``=~`` is measured
by, ``~`` is regressed on, ``~~`` covaries with, ``:=`` is defined as; ``0.5*x`` fixes, ``a*x``
labels (equal labels are one parameter), ``NA*x`` frees, ``c(a, b)*x`` goes group by group.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import NamedTuple

from loyalty_analysis.errors import LoyaltyError

EQUALITIES = ("loadings", "intercepts", "residuals", "means", "regressions", "lv.variances")
"""What can be held equal across groups, in the words of lavaan."""
_STATEMENT = re.compile(r"^\s*([\w.]+)\s*(:=|=~|~~|~)\s*(.+?)\s*$")
_NUMBER = re.compile(r"^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$", re.IGNORECASE)
_ALLOWED = (ast.Expression, ast.BinOp, ast.UnaryOp, ast.Name, ast.Constant, ast.Load,
            ast.operator, ast.unaryop)  # fmt: skip
Key = tuple[str, str, str]


class ModelError(LoyaltyError):
    """A latent model is malformed or not identified, or its estimation did not converge."""


class Term(NamedTuple):
    """One stated relation; ``marks`` are its modifiers, one for all groups or one for each."""

    lhs: str
    op: str
    rhs: str
    marks: tuple[str, ...] = ()


class Row(NamedTuple):
    """One parameter of one group: number ``free``, or -1 and fixed at ``value`` or the sample."""

    lhs: str
    op: str
    rhs: str
    group: int
    label: str
    free: int
    value: float = float("nan")
    sampled: bool = False

    @property
    def key(self) -> Key:
        """The relation, in lavaan's three columns."""
        return self.lhs, self.op, self.rhs


@dataclass(frozen=True)
class LatentModel:
    """A model as it was written.

    Attributes
    ----------
    script : str
        The model in lavaan syntax.
    terms : tuple of Term
        Stated relations.
    defined : dict of str to str
        Functions of labelled parameters, such as ``{"indirect": "a*b"}``.

    Examples
    --------
    >>> model = parse("trust =~ t1 + t2 + t3; loyalty =~ l1 + l2 + l3; loyalty ~ a*trust")
    >>> model.latent, model.observed
    (('trust', 'loyalty'), ('t1', 't2', 't3', 'l1', 'l2', 'l3'))
    """

    script: str
    terms: tuple[Term, ...]
    defined: dict[str, str]

    @cached_property
    def latent(self) -> tuple[str, ...]:
        """Latent variables, in the order of their definition."""
        return tuple(dict.fromkeys(term.lhs for term in self.terms if term.op == "=~"))

    @cached_property
    def observed(self) -> tuple[str, ...]:
        """Observed variables, in the order of their mention."""
        names = [name for op in ("=~", "~", "~~") for t in self.terms if t.op == op
                 for name in ((t.rhs,) if op == "=~" else (t.lhs, t.rhs))]  # fmt: skip
        latent = set(self.latent)
        return tuple(name for name in dict.fromkeys(names) if name not in latent and name != "1")

    @cached_property
    def indicators(self) -> dict[str, tuple[str, ...]]:
        """Indicators of each latent variable."""
        return {f: tuple(t.rhs for t in self.terms if (t.lhs, t.op) == (f, "=~"))
                for f in self.latent}  # fmt: skip

    @cached_property
    def regressed(self) -> dict[str, tuple[str, ...]]:
        """Predictors of each outcome."""
        terms = [t for t in self.terms if t.op == "~" and t.rhs != "1"]
        return {y: tuple(t.rhs for t in terms if t.lhs == y)
                for y in dict.fromkeys(t.lhs for t in terms)}  # fmt: skip

    @cached_property
    def exogenous(self) -> tuple[str, ...]:
        """Observed predictors that nothing predicts or stands for."""
        caused = {*self.regressed, *(i for items in self.indicators.values() for i in items)}
        used = {x for terms in self.regressed.values() for x in terms}
        return tuple(name for name in self.observed if name in used and name not in caused)


def parse(script: str) -> LatentModel:
    """Read a model in lavaan syntax.

    Parameters
    ----------
    script : str
        Statements on lines of their own, or separated by semicolons.

    Returns
    -------
    LatentModel

    Raises
    ------
    ModelError
        If a statement is not one of ``=~``, ``~``, ``~~`` and ``:=``.
    """
    terms: dict[Key, Term] = {}
    defined: dict[str, str] = {}
    lines = [line.split("#")[0] for line in re.split(r"[\n;]", script)]
    for line in filter(str.strip, lines):
        found = _STATEMENT.match(line)
        if found is None:
            raise ModelError(f"'{line.strip()}' is no model statement; allowed: =~, ~, ~~ and :=.")
        lhs, op, rhs = found.groups()
        if op == ":=":
            defined[lhs] = rhs
            continue
        for part in re.split(r"\+(?![^(]*\))", rhs):
            *before, name = (piece.strip() for piece in part.split("*"))
            marks = tuple(before[0].removeprefix("c(").rstrip(")").split(",")) if before else ()
            marks = tuple(mark.strip() for mark in marks)
            if len(before) > 1 or not re.fullmatch(r"[\w.]+", name):
                raise ModelError(f"'{part.strip()}' in '{line.strip()}' is no term of a model.")
            terms[lhs, op, name] = Term(lhs, op, name, marks)
    model = LatentModel(script.strip(), tuple(terms.values()), defined)
    _check_defined(model)
    return model


def _check_defined(model: LatentModel) -> None:
    labels = {mark for term in model.terms for mark in term.marks if not _NUMBER.match(mark)}
    for name, formula in model.defined.items():
        nodes = list(ast.walk(ast.parse(formula.replace("^", "**"), mode="eval")))
        if not all(isinstance(node, _ALLOWED) for node in nodes):
            raise ModelError(f"{name} := {formula}: allowed are labels, numbers and + - * / ^.")
        names = {node.id for node in nodes if isinstance(node, ast.Name)}
        if unknown := names - labels - set(model.defined):
            raise ModelError(
                f"{name} := {formula} uses {', '.join(sorted(unknown))}, "
                "which labels no parameter; write it before a term, as in a*x."
            )


def _completed(model: LatentModel, means: bool) -> list[Term]:
    """Relations that the model implies without saying so, after the stated ones."""
    nodes = [*model.observed, *model.latent]
    endogenous = {*model.regressed, *(i for items in model.indicators.values() for i in items)}
    measured = {i for items in model.indicators.values() for i in items}
    predicts = {x for terms in model.regressed.values() for x in terms}
    sources = [f for f in model.latent if f not in endogenous]
    ends = [y for y in model.regressed if y not in predicts and y not in measured]
    implied = [Term(name, "~~", name) for name in nodes]
    for among in (sources, ends, model.exogenous):
        implied += [Term(a, "~~", b) for a, b in combinations(among, 2)]
    implied += [Term(name, "~", "1") for name in nodes] if means else []
    stated = {(t.lhs, t.op, t.rhs) for t in model.terms}
    stated |= {(b, op, a) for a, op, b in stated if op == "~~"}
    return [*model.terms, *(t for t in implied if (t.lhs, t.op, t.rhs) not in stated)]


def parameter_table(
    model: LatentModel,
    groups: int = 1,
    *,
    means: bool = False,
    equal: Collection[str] = (),
    partial: Collection[Key] = (),
    standardized_factors: bool = False,
    fixed_covariates: bool = True,
) -> list[Row]:
    """List every parameter of every group, with lavaan's defaults for ``cfa`` and ``sem``.

    The first loading of a factor is 1 (or its variance is, with ``standardized_factors``), sources
    covary, and so do outcomes that predict nothing.

    Parameters
    ----------
    model : LatentModel
    groups : int
    means : bool
        Whether intercepts and means are modelled.
    equal : collection of str
        What is held equal across groups: names of `EQUALITIES`.
    partial : collection of (lhs, op, rhs)
        Relations exempt from ``equal``.
    standardized_factors : bool
        Identify factors by a variance of 1 instead of a first loading of 1.
    fixed_covariates : bool
        Take moments among exogenous observed variables as they are in the sample.

    Returns
    -------
    list of Row
    """
    if unknown := set(equal) - set(EQUALITIES):
        raise ModelError(f"equal = {sorted(unknown)}: allowed are {', '.join(EQUALITIES)}.")
    defaults = _Defaults(model, equal, standardized_factors, fixed_covariates)
    rows: list[Row] = []
    indices: dict[object, int] = {}
    for group in range(groups):
        for term in _completed(model, means):
            op, rhs = ("~1", "") if term.rhs == "1" else (term.op, term.rhs)
            key = term.lhs, op, rhs
            mark = term.marks[group if len(term.marks) > 1 else 0] if term.marks else ""
            number = bool(_NUMBER.match(mark))
            fixed = float(mark) if number else defaults.fixed(term, group)
            label = "" if number or mark == "NA" else mark
            shared = defaults.kind(term) in equal and key not in partial
            if fixed is None or mark == "NA":
                name: object = label or (*key, 0 if shared else group)
                rows.append(Row(*key, group, label, indices.setdefault(name, len(indices))))
            else:
                known = float("nan") if fixed == "sample" else float(fixed)
                rows.append(Row(*key, group, label, -1, known, fixed == "sample"))
    return rows


class _Defaults:
    """Which parameters are fixed when the model does not say so."""

    def __init__(
        self, model: LatentModel, equal: Collection[str], standardized: bool, fixed: bool
    ) -> None:
        self.latent, self.equal, self.standardized = set(model.latent), set(equal), standardized
        self.items = model.indicators
        self.covariates = set(model.exogenous) if fixed else set()
        self.single = {items[0] for items in self.items.values() if len(items) == 1}
        self.first_order = {f for f, items in self.items.items() if not set(items) & self.latent}

    def kind(self, term: Term) -> str:
        """What a relation is called where groups are held equal."""
        if term.rhs == "1":
            return "means" if term.lhs in self.latent else "intercepts"
        if term.op == "~~" and term.lhs == term.rhs:
            return "lv.variances" if term.lhs in self.latent else "residuals"
        return {"=~": "loadings", "~": "regressions"}.get(term.op, "covariances")

    def fixed(self, term: Term, group: int) -> float | str | None:
        """Its fixed value, ``"sample"`` for the sample moment, None when it is free."""
        lhs, op, rhs, _ = term
        later = group > 0
        if op == "=~":
            return 1.0 if rhs == self.items[lhs][0] and not self.standardized else None
        if {lhs, rhs if rhs != "1" else lhs} <= self.covariates:
            return "sample"
        if rhs == "1":
            moved = later and "intercepts" in self.equal and "means" not in self.equal
            free = lhs not in self.latent or (moved and lhs in self.first_order)
            return None if free else 0.0
        if op == "~~" and lhs == rhs:
            if lhs in self.latent and self.standardized:
                return None if later and "loadings" in self.equal else 1.0
            return 0.0 if lhs in self.single else None
        return None


def model_script(
    factors: Mapping[str, Sequence[str]],
    regressions: Mapping[str, Sequence[str]] | None = None,
    *,
    error_variances: Mapping[str, Sequence[float]] | None = None,
    second_order: Mapping[str, Sequence[str]] | None = None,
    covariates: Sequence[str] = (),
) -> str:
    """Write a model in lavaan syntax.

    Parameters
    ----------
    factors : mapping of str to sequence of str
        Items of each construct.
    regressions : mapping of str to sequence of str, optional
        Predictors of each outcome.
    error_variances : mapping of str to sequence of float, optional
        Fixed error variance of single items, one value per group.
    second_order : mapping of str to sequence of str, optional
        Factors of factors.
    covariates : sequence of str
        Observed predictors that covary freely with every source (estimate without
        ``fixed_covariates``).

    Returns
    -------
    str

    Examples
    --------
    >>> print(model_script({"trust": ["t1", "t2"], "loyal": ["l"]}, {"loyal": ["trust"]},
    ...                    error_variances={"l": [0.2]}))
    trust =~ t1 + t2
    loyal =~ l
    loyal ~ trust
    l ~~ 0.2*l
    """
    regressions = regressions or {}
    measured = {**factors, **(second_order or {})}
    lines = [f"{name} =~ {' + '.join(items)}" for name, items in measured.items()]
    lines += [f"{name} ~ {' + '.join(terms)}" for name, terms in regressions.items()]
    for item, values in (error_variances or {}).items():
        numbers = ", ".join(repr(float(value)) for value in values)
        lines.append(f"{item} ~~ {numbers if len(values) == 1 else f'c({numbers})'}*{item}")
    inner = {f for parts in (second_order or {}).values() for f in parts}
    sources = [name for name in measured if name not in regressions and name not in inner]
    lines += [f"{source} ~~ {' + '.join(covariates)}" for source in sources if covariates]
    return "\n".join(lines)


def error_variances(
    reliability: Mapping[str, float], variances: Mapping[str, Sequence[float]]
) -> dict[str, list[float]]:
    """Error variance of single items at their declared reliability: (1 - reliability) x variance.

    Parameters
    ----------
    reliability : mapping of str to float
        Declared reliability of each item.
    variances : mapping of str to sequence of float
        Variance of each item, one per group.

    Returns
    -------
    dict of str to list of float

    References
    ----------
    Bollen (1989), Structural Equations with Latent Variables, p. 168.

    Examples
    --------
    >>> error_variances({"search": 0.75}, {"search": [2.0]})
    {'search': [0.5]}
    """
    return {item: [(1 - share) * value for value in variances[item]]
            for item, share in reliability.items()}  # fmt: skip
