"""Whatever a study, a survey or a claim set holds, it is analysed or refused with a message.

``tests/strategies.py`` and ``tests/broken_files.py`` say how they are broken, and how to try many
more of them.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from broken_files import broken_bytes, broken_rows, csv_text, odd_answers, table_of
from factory import changed
from hypothesis import given
from hypothesis import strategies as st
from strategies import (
    DESIGNS,
    SMALL,
    broken,
    claim_table,
    doubtful,
    doubtful_claims,
    examples,
    filters,
    names,
    rows,
    toml,
    toml_file,
    values,
)

from loyalty_analysis.analysis import analyse
from loyalty_analysis.claims import load_claims
from loyalty_analysis.errors import LoyaltyError
from loyalty_analysis.rules import VERDICTS
from loyalty_analysis.slips import slips
from loyalty_analysis.study import load_study
from loyalty_analysis.survey import Survey, read_survey
from loyalty_analysis.verdicts import judge

STUDY_TEXT = toml_file(SMALL)
CLAIM_TEXT = toml_file(claim_table())
TABLE = table_of(rows())
SURVEY_TEXT = csv_text(TABLE)
NUMBERED = re.compile(r"  (\d+\. \S|\.\.\. and \d+ more\.)")


def helps(error: LoyaltyError) -> None:
    """The message is for the one who wrote the file: it names a place, in lines of our own."""
    message = str(error)
    first, *rest = message.split("\n")
    where = first.split(": ")[0]
    assert "/" in where or where.startswith("setting "), message
    assert all(NUMBERED.match(line) for line in rest), message
    assert not rest or first.endswith(f"{len(rest)} problems.") or len(rest) > 25, message
    assert "Traceback" not in first.split("'")[0], message
    assert message.isprintable() or message.replace("\n", "").isprintable(), message


def sensible(survey: Survey, verdicts: pd.DataFrame) -> None:
    """Verdicts are of the allowed words, and what was settled rests on ordered, finite numbers."""
    assert survey.n >= (10 if survey.has_respondents else 3)
    assert set(verdicts["verdict"]) <= set(VERDICTS)
    settled = verdicts[verdicts["verdict"].isin(["supported", "contradicted", "negligible"])]
    with_parts = set(verdicts.loc[verdicts["part"] != "", "claim"])
    judged = settled[(settled["part"] != "") | ~settled["claim"].isin(with_parts)]
    ends = judged[["conf_low", "estimate", "conf_high"]].to_numpy(dtype=float)
    assert np.isfinite(ends).all() and (np.diff(ends) >= 0).all(), judged
    assert verdicts["p_value"].dropna().between(0, 1).all(), verdicts["p_value"]


def tried(
    path: Path, settings: Sequence[str] = (), where: str | None = None
) -> pd.DataFrame | None:
    """Do everything that a command does with a study; the verdicts, or None when it is refused."""
    with warnings.catch_warnings():
        # A warning of numpy means that infinities or gaps slipped into the numbers.
        warnings.simplefilter("error")
        try:
            study = load_study(path, settings)
            load_claims(study)
            survey = read_survey(study, where=where)
            slips(survey)
            verdicts = judge(survey, analyse(survey, everything=True))
        except LoyaltyError as error:
            helps(error)
            return None
    sensible(survey, verdicts)
    return verdicts


def files(
    study: str | bytes = STUDY_TEXT,
    survey: str | bytes = SURVEY_TEXT,
    claims: str | bytes = CLAIM_TEXT,
    settings: Sequence[str] = (),
    where: str | None = None,
    name: str = "survey.csv",
) -> pd.DataFrame | None:
    """Write the three files of a study and try it."""
    written = {"study.toml": study, name: survey, "own.toml": claims}
    with TemporaryDirectory() as folder:
        for file, content in written.items():
            stored = content if isinstance(content, bytes) else content.encode()
            (Path(folder) / file).write_bytes(stored)
        return tried(Path(folder) / "study.toml", settings, where)


designs = st.sampled_from(DESIGNS).map(lambda changes: changed(SMALL, changes))
studies = designs.map(toml_file)


MOMENT_COLUMNS = [
    "aff1",
    "aff2",
    "aff3",
    "forced",
    "satisfaction",
    "repurchase",
    "search",
    "usability",
]


def _moments_table() -> list[list[str]]:
    frame = rows(200).assign(
        forced=lambda d: d[["for1", "for2"]].mean(axis=1),
        satisfaction=lambda d: d[["sat1", "sat2", "sat3"]].mean(axis=1),
        repurchase=lambda d: d[["rep1", "rep2"]].mean(axis=1),
        search=lambda d: d["sea1"],
    )[MOMENT_COLUMNS]
    r = frame.corr().round(4).to_numpy()
    table = [["variable", "n", "mean", "sd", *MOMENT_COLUMNS]]
    for i, name in enumerate(MOMENT_COLUMNS):
        lower = [str(r[i, j]) if j <= i else "" for j in range(len(MOMENT_COLUMNS))]
        mean, sd = f"{frame[name].mean():.3f}", f"{frame[name].std():.3f}"
        table.append([name, "200", mean, sd, *lower])
    return table


MOMENTS = _moments_table()
MOMENTS_TEXT = csv_text(MOMENTS)
MOMENT_STUDY = changed(
    SMALL,
    {"data": "moments.csv", "constructs.forced": {}, "model.controls": ["usability"], "paths": {}},
)


PLAUSIBLE = {
    "n": ["200", "12", "6", "5", "4", "3", "2", "1e12", "199.5", "nan"],
    "mean": ["0", "-4", "1e6", "1e16", "1e49", "1e51", "1e-300", "inf", ""],
    "sd": ["1", "0.001", "1e-49", "1e-51", "1e49", "1e300", "0", "-1", "1e6"],
    "r": [
        ".3",
        "-.3",
        ".9",
        ".999999",
        ".9999999999",
        "1",
        "-1",
        "1.0000000001",
        "0",
        "",
        "1e-300",
    ],
}


@st.composite
def moment_tables(draw: st.DrawFn) -> str:
    """A table of moments with a few numbers changed to what they could almost be."""
    table = [list(row) for row in MOMENTS]
    for _ in range(draw(st.integers(1, 4))):
        column = draw(st.sampled_from(["n", "mean", "sd", "r", "r"]))
        cell = draw(st.sampled_from(PLAUSIBLE[column]))
        row = draw(st.integers(1, len(table) - 1))
        if column == "n":
            for one in table[1:]:
                one[1] = cell
        elif column == "r":
            table[row][draw(st.integers(4, row + 3))] = cell
        else:
            table[row][table[0].index(column)] = cell
    return csv_text(table)


SET_KEYS = [
    "model.controls", "model.drivers", "model.mediator", "model.outcomes.search", "design.where",
    "design.weight", "scale.min", "scale.missing", "constructs.affective.items", "title", "data",
    "constructs.new.items", "contrasts.sector.a", "path", "settings", "gates.fit", "title.x", "",
    ".", "a..b", "model", "constructs", "constructs.affective.items.0", " model . controls ",
    "claims",
]  # fmt: skip
setting_texts = st.one_of(
    st.text(max_size=12),
    st.tuples(
        st.sampled_from(SET_KEYS),
        st.one_of(values.map(toml), names, filters, st.text(max_size=8)),
        st.sampled_from(["=", "=", "=", " = ", "==", ":"]),
    ).map(lambda parts: parts[0] + parts[2] + parts[1]),
)


@examples(40)
@given(designs.flatmap(broken))
def test_a_broken_study(study):
    files(toml_file(study))


@examples(15)
@given(designs.flatmap(doubtful))
def test_a_study_that_makes_no_sense(study):
    files(toml_file(study))


@examples(20)
@given(broken_bytes(STUDY_TEXT.encode()))
def test_a_study_file_of_broken_bytes(content):
    files(content)


@examples(60)
@given(setting_texts)
def test_any_text_as_a_setting(text):
    files(settings=[text])


@examples(60)
@given(filters)
def test_any_text_as_a_filter(text):
    files(where=text)


@examples(40)
@given(broken(claim_table()))
def test_broken_claims(claims):
    files(claims=toml_file(claims))


@examples(10)
@given(studies, doubtful_claims())
def test_claims_that_make_no_sense(study, claims):
    files(study, claims=toml_file(claims))


@examples(20)
@given(broken_bytes(CLAIM_TEXT.encode()))
def test_a_claim_file_of_broken_bytes(content):
    files(claims=content)


@examples(25)
@given(studies, broken_rows(TABLE), st.booleans())
def test_broken_answers(study, table, quoted):
    files(study, csv_text(table, quoted))


@examples(15)
@given(studies, odd_answers(rows()))
def test_answers_that_leave_little_to_calculate_with(study, frame):
    files(study, frame.to_csv(index=False))


@examples(20)
@given(studies, broken_bytes(SURVEY_TEXT.encode()))
def test_a_data_file_of_broken_bytes(study, content):
    files(study, content)


@examples(40)
@given(
    st.one_of(st.just(MOMENT_STUDY), doubtful(MOMENT_STUDY)).map(toml_file),
    st.one_of(moment_tables(), broken_rows(MOMENTS).map(csv_text)),
)
def test_broken_moments(study, table):
    files(study, table, name="moments.csv")


@examples(30)
@given(broken_bytes(MOMENTS_TEXT.encode()))
def test_a_moments_file_of_broken_bytes(content):
    files(toml_file(MOMENT_STUDY), content, name="moments.csv")
