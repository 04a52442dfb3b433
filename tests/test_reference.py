"""Every least-squares block that R computed on four real surveys, through whole studies.

Needs the folder that LOYALTY_REFERENCE names. A composite enters as a construct of one item, so the
numbers pass through the study file, the survey, the regressions and the diagnostics.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import reference_data

from loyalty_analysis.contrasts import interaction
from loyalty_analysis.diagnostics import diagnostics
from loyalty_analysis.measurement import cronbach_alpha
from loyalty_analysis.moments import Moments
from loyalty_analysis.regression import INTERCEPT, fit_moments, fit_rows, models, regression
from loyalty_analysis.survey import Survey, read_survey

# Closed form on both sides, 15 digits in the files. A p value has lost log10(t^2) of them: three
# for the largest t of 20 or so.
CLOSED = 1e-8


@dataclass(frozen=True)
class Block:
    """One ols_* block: its outcome, terms, categorical controls and products."""

    dataset: str
    name: str
    outcome: str
    drivers: tuple[str, ...]
    controls: tuple[str, ...] = ()
    product: tuple[str, str] | None = None
    cluster: str | None = None

    def __str__(self) -> str:
        return f"{self.dataset}.{self.name}"


BLOCKS = [
    Block("satisfaction", "ols_loy", "LOY", ("IMAG", "EXPE", "QUAL", "VAL", "SAT")),
    Block("satisfaction", "ols_loy_gender", "LOY", ("IMAG", "EXPE", "QUAL", "VAL", "SAT", "male")),
    Block(
        "satisfaction", "ols_interaction", "LOY", ("SAT", "male", "IMAG"), product=("SAT", "male")
    ),
    Block(
        "corp_rep", "ols_cusl", "CUSL", ("COMP", "LIKE", "SWITCH3", "CUSA"),
        cluster="serviceprovider",
    ),
    Block("corp_rep", "ols_cusa", "CUSA", ("COMP", "LIKE", "SWITCH3"), cluster="serviceprovider"),
    Block(
        "corp_rep", "ols_provider_fe", "CUSL", ("COMP", "LIKE", "SWITCH3", "CUSA", "contract"),
        controls=("serviceprovider",),
    ),
    Block(
        "corp_rep", "ols_interaction", "CUSL", ("LIKE", "SWITCH3", "CUSA"),
        product=("LIKE", "SWITCH3"),
    ),
    Block(
        "investment_model_couples", "ols_cluster", "COMM", ("SATI", "QALT", "INVE", "female"),
        cluster="couple",
    ),
    Block("univbct", "ols_cluster_person", "JSAT", ("TIME", "COMMIT", "READY"), cluster="SUBNUM"),
    Block("univbct", "ols_cluster_unit", "JSAT", ("TIME", "COMMIT", "READY"), cluster="UNIT"),
]  # fmt: skip
each_block = pytest.mark.parametrize("block", BLOCKS, ids=str)
each_clustered = pytest.mark.parametrize("block", [b for b in BLOCKS if b.cluster], ids=str)


@pytest.fixture
def blocks(reference: Path) -> Any:
    """The ols blocks of a data set by name."""

    def of(dataset: str) -> dict[str, Any]:
        results = reference_data.load(reference, dataset)["results"]
        return {name: found for name, found in results.items() if name.startswith("ols")}

    return of


def study_of(reference: Path, block: Block, folder: Path, clustered: bool) -> Survey:
    frame = reference_data.scores(reference, block.dataset)
    names = [*block.drivers]
    if block.product:
        first, second = block.product
        names.append(f"{first}_x_{second}")
        frame[names[-1]] = frame[first] * frame[second]
    for column in block.controls:
        # In R a factor; numbers alone would be one numeric control here.
        frame[column] = "p" + frame[column]
    columns = [*names, block.outcome, *block.controls, *([block.cluster] if block.cluster else [])]
    frame[columns].to_csv(folder / "survey.csv", index=False)
    lines = [
        'title = "Reference"\ndata = "survey.csv"\norigin = "real"\nclaims = ["rivals"]',
        "[scale]\nmin = -1000\nmax = 1000\n[constructs]",
        *(f"{name} = {{}}" for name in [*names, block.outcome]),
        f'[model]\ndrivers = {names}\noutcomes = {{ {block.outcome} = "attitude" }}',
        f"controls = {list(block.controls)}",
        f'[design]\ncluster = "{block.cluster}"' if clustered else "",
    ]
    (folder / "study.toml").write_text("\n".join(lines), encoding="utf-8")
    return read_survey(folder)


def spelled(term: str) -> str:
    """Our name of R's term."""
    if term.startswith("serviceprovider"):
        return f"serviceprovider[p{term.removeprefix('serviceprovider')}]"
    return term.replace(":", "_x_")


def quantities(found: dict[str, Any], names: dict[str, str]) -> pd.DataFrame:
    """Quantities of a block by our names, terms as we spell them."""
    table = pd.DataFrame({ours: pd.Series(found[theirs]) for ours, theirs in names.items()})
    return table.rename(index=spelled)


def assert_agree(found: pd.DataFrame, wanted: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(
        found.loc[wanted.index, wanted.columns],
        wanted,
        check_names=False,
        check_dtype=False,
        rtol=CLOSED,
        atol=0,
    )


def by_term(one: Survey) -> pd.DataFrame:
    return regression(one).set_index("term")


def test_no_block_is_left_out(blocks: Any) -> None:
    for dataset in reference_data.BUILDERS:
        named = {block.name for block in BLOCKS if block.dataset == dataset}
        assert named == set(blocks(dataset))


@each_block
def test_slopes_errors_and_intervals(
    reference: Path, blocks: Any, tmp_path: Path, block: Block
) -> None:
    wanted = blocks(block.dataset)[block.name]
    names = {
        "estimate": "coef",
        "std_error": "se_hc3",
        "statistic": "t_hc3",
        "p_value": "p_hc3_t",
        "conf_low": "ci95_hc3_lo",
        "conf_high": "ci95_hc3_hi",
    }
    table = quantities(wanted, names).assign(n=wanted["n"], df=wanted["df_resid"])
    found = by_term(study_of(reference, block, tmp_path, clustered=False))
    assert set(found.index) == set(table.index)
    assert_agree(found, table)


@each_block
def test_every_kind_of_error(reference: Path, blocks: Any, tmp_path: Path, block: Block) -> None:
    wanted = blocks(block.dataset)[block.name]
    one = study_of(reference, block, tmp_path, clustered=bool(block.cluster))
    assert one.frame is not None
    terms = one.terms([*one.study.model.drivers, *one.study.model.controls])
    known = fit_moments(one.moments, block.outcome, terms)
    found = {"moments": pd.Series(known.std_error, known.terms)}
    for kind in ("classical", "HC0", "HC1", "HC2", "HC3", "HC4"):
        fit = fit_rows(one.frame, block.outcome, terms, errors=kind)
        found[kind] = pd.Series(fit.std_error, fit.terms)
    theirs = {kind: f"se_{kind.lower()}" for kind in found} | {"moments": "se_classical"}
    table = quantities(wanted, theirs)
    for kind in ("CR0", "CR1") if block.cluster else ():
        fit = fit_rows(one.frame, block.outcome, terms, None, one.clusters, kind)
        found[kind] = pd.Series(fit.std_error, fit.terms)
        table[kind] = quantities(wanted["cluster"], {kind: f"se_{kind.lower()}"})
    if block.cluster == "SUBNUM":
        # sandwich counted the levels of the factor: 495 persons, five of whom are never complete.
        # The sample holds 490 (n_clusters says so too), and G / (G - 1) is this much more.
        table["CR1"] *= np.sqrt(490 / 489 / (495 / 494))
    assert_agree(pd.DataFrame(found), table)


@each_clustered
def test_cr2_and_satterthwaite(reference: Path, blocks: Any, tmp_path: Path, block: Block) -> None:
    wanted = blocks(block.dataset)[block.name]["cluster"]
    names = {"beta": "estimate", "se": "std_error", "t": "statistic", "p": "p_value"}
    table = pd.DataFrame(wanted["cr2"]).set_index("term").rename(index=spelled, columns=names)
    one = study_of(reference, block, tmp_path, clustered=True)
    assert one.n_clusters == wanted["n_clusters"]
    assert set(models(one)["covariance"]) == {"CR2"}
    assert_agree(by_term(one), table)


@each_block
def test_fit_and_diagnostics(reference: Path, blocks: Any, tmp_path: Path, block: Block) -> None:
    wanted = blocks(block.dataset)[block.name]
    one = study_of(reference, block, tmp_path, clustered=False)
    fit = models(one).iloc[0]
    assert (fit["n"], fit["df_residual"]) == (wanted["n"], wanted["df_resid"])
    np.testing.assert_allclose(
        [fit["r2"], fit["r2_adjusted"]], [wanted["r2"], wanted["adj_r2"]], rtol=CLOSED
    )
    table = pd.DataFrame(
        {
            "statistic": [wanted["bp_studentized"]["lm"], wanted["reset_f"]["f"]],
            "df": [wanted["bp_studentized"]["df"], 2],
            "p_value": [wanted["bp_studentized"]["p"], wanted["reset_f"]["p"]],
        },
        index=["breusch_pagan", "reset"],
    )
    found = diagnostics(one).set_index("check")
    assert_agree(found, table)
    largest = float(found["statistic"]["largest_cook"])
    assert largest == pytest.approx(wanted["max_cook"], rel=CLOSED)


@each_block
def test_standardized_slopes_and_vif(
    reference: Path, blocks: Any, tmp_path: Path, block: Block
) -> None:
    wanted = blocks(block.dataset)[block.name]
    one = study_of(reference, block, tmp_path, clustered=False)
    found = by_term(one)
    assert np.isnan(found.loc[INTERCEPT, "vif"])
    if block.controls:
        # With a factor R gives no standardized slopes, and a table of generalized factors that
        # begins with those of the single columns, where they are the plain ones.
        vif = pd.DataFrame({"vif": wanted["vif"][: len(block.drivers)]}, index=block.drivers)
        assert_agree(found, vif)
        return
    assert_agree(found, quantities(wanted, {"vif": "vif"}))
    beta = quantities(wanted, {"beta": "beta_std"})
    if block.product:
        # R multiplies z-scores: the slope of their product is a contrast of ours, and of the others
        # only the terms outside the product mean the same.
        pair = ":".join(block.product)
        alone = replace(block, product=None)
        product = interaction(study_of(reference, alone, tmp_path, False), block.outcome, pair)
        assert product is not None
        slope = beta.loc["_x_".join(block.product), "beta"]
        assert product["estimate"].item() == pytest.approx(slope, rel=CLOSED)
        beta = beta.drop(index=[*block.product, "_x_".join(block.product)])
    assert_agree(found, beta)


@pytest.mark.parametrize("dataset", ["satisfaction", "corp_rep"])
def test_alpha(reference: Path, dataset: str) -> None:
    """Raw alpha of psych; its item-rest correlations name the items."""
    frame = reference_data.scores(reference, dataset)
    for found in reference_data.load(reference, dataset)["results"]["reliability"].values():
        items = frame[list(found["item_rest_r"])].dropna()
        assert len(items) == found["n"]
        alpha = cronbach_alpha(Moments.from_frame(items).covariance)
        assert alpha == pytest.approx(found["alpha_raw"], rel=CLOSED)
