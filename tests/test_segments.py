"""Segments: folders that are safe on any system, filters that keep the rows they are made from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyreadstat
import pytest
from factory import answers, make
from hypothesis import given, settings
from hypothesis import strategies as st
from small_reports import small

from loyalty_analysis.errors import DataError, StudyError
from loyalty_analysis.filters import filtered
from loyalty_analysis.inputs import read_inputs
from loyalty_analysis.segments import (
    MOST,
    Segment,
    condition,
    folder_names,
    folder_of_batch,
    segments,
    slicer,
)
from loyalty_analysis.survey import read_survey

RESERVED = ["CON", "nul", "Aux", "prn", "COM1", "lpt9", "latest", "..", ".", "", " ", "index.html"]
HOSTILE = [
    "../../etc/passwd", "C:\\Windows", "a/b", "a\\b", "'", '"', "it's \"so\"", "`tick`", "\\",
    "\\'", "a\nb", "tab\there", "\x00nul", "<img src=x onerror=alert(1)>", "$HOME", "%00", "~",
    "-rf",
    "é", "e\u0301", "ＡＢＣ", "日本", "中国", "İ", "ß", "🙂", "\u202egnp.exe", "a" * 400, "a" * 401,
    "1", "1.0", "01", "True", "nan'", "x == 1", "' or 1 == 1 or '", "{}", "#", "a b", "a  b", "A B",
]  # fmt: skip
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
texts = st.one_of(st.text(max_size=80), st.sampled_from([*RESERVED, *HOSTILE]))


def safe(names: list[str]) -> bool:
    """Whether all are different on any system, and none is reserved."""
    apart = len({name.lower() for name in names}) == len(names)
    reserved = {*map(str.lower, RESERVED)} & {*names}
    return apart and not reserved and all(NAME.fullmatch(name) for name in names)


def test_hostile_names_become_safe_folders() -> None:
    names = folder_names([[text] for text in dict.fromkeys([*RESERVED, *HOSTILE])])
    assert safe(names)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(texts, min_size=2, max_size=2), max_size=12, unique_by=tuple))
def test_any_names_become_safe_folders_that_stay(values: list[list[str]]) -> None:
    identities = [repr(one) for one in values]
    names = folder_names(values, identities=identities)
    assert safe(names)
    known = dict(zip(identities, names, strict=True))
    turned = folder_names(values[::-1], known, identities[::-1])
    assert turned == names[::-1]
    fewer = folder_names(values[1:], known, identities[1:])
    assert fewer == names[1:]
    more = folder_names([["new", "one"], *values], known, ["another", *identities])
    assert more[1:] == names and safe(more)


def test_segments_that_are_shown_alike_have_folders_of_their_own() -> None:
    values, identities = [["Yes"], ["Yes"], ["Yes"]], ["q == 1", "q == 2", "q == 3"]
    names = folder_names(values, None, identities)
    assert safe(names)
    assert folder_names(values, dict(zip(identities, names, strict=True)), identities) == names


def test_a_record_that_somebody_changed_leads_nowhere_else() -> None:
    known = {"a": "../../elsewhere", "b": "/etc", "c": "kept", "d": ""}
    names = folder_names([["a"], ["b"], ["c"], ["d"]], known, ["a", "b", "c", "d"])
    assert safe(names) and names[2] == "kept"


def test_columns_of_any_script_have_batches_of_their_own() -> None:
    columns = [
        ["brand"],
        ["brand", "wave"],
        ["品牌"],
        ["地区"],
        ["品牌", "地区"],
        ["région 1"],
        ["région1"],
    ]
    assert safe([folder_of_batch(by) for by in columns])
    assert folder_of_batch(["Brand", "job_role"]) == "by-brand-job-role"


VALUES = st.one_of(
    st.text(max_size=40), st.sampled_from(HOSTILE), st.booleans(), st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
)  # fmt: skip
COLUMNS = st.one_of(
    st.sampled_from(["brand", "class", "True", "in", "wave no", "é", "a'b", 'a"b', "1st", "a-b"]),
    st.text("abc '\"\\#=&|", min_size=1, max_size=8),
)


@settings(max_examples=300, deadline=None)
@given(COLUMNS, VALUES, VALUES)
def test_a_condition_keeps_the_rows_of_its_value(column: str, value: Any, other: Any) -> None:
    kind = next(one for one in (bool, str, float) if isinstance(value, one) or one is float)
    of_kind = isinstance(other, bool | str) is isinstance(value, bool | str)
    other = other if of_kind and isinstance(other, kind | int) else value
    cells = pd.Series([value, other, value], dtype=object if kind is str else kind)
    kept = filtered(pd.DataFrame({column: cells}), condition(column, cells[0]), "survey.csv")
    assert kept.index.tolist() == [i for i in range(3) if cells[i] == cells[0]]


def split(study: Path, *by: str, **asked: Any) -> tuple[list[Segment], int, Any]:
    inputs = read_inputs(study, also=by, **asked)
    parts, without = segments(inputs, by)
    return parts, without, slicer(inputs, by)


def drawn(**columns: Any) -> pd.DataFrame:
    """Answers with further columns, whose values are repeated over all respondents."""
    frame = answers(120)
    return frame.assign(**{name: np.resize(value, 120) for name, value in columns.items()})


NAMES = [
    "O'Neill",
    'say "so"',
    "back\\slash",
    "`tick`",
    "' or '1'=='1",
    "naïve",
    "日本",
    "a & b | c",
]
SPLITS: dict[str, Any] = {
    "brand": np.array(NAMES, dtype=object),
    "wave no": np.array([1, 2, 3]),
    "share": np.array([0.1, 0.1 + 0.2, -2.5]),
    "class": np.array(["x", "y"], dtype=object),
    "flag": np.array([True, False]),
    "gaps": np.array([1.0, 2.0, np.nan]),
    "mixed": np.array(["1", "two", "3.50"], dtype=object),
}


@pytest.mark.parametrize("column", SPLITS)
def test_every_segment_is_what_its_filter_keeps(tmp_path: Path, column: str) -> None:
    study = small(tmp_path / "study", drawn(**{column: SPLITS[column]}))
    parts, without, slice_of = split(study, column)
    count = len(pd.unique(SPLITS[column][~pd.isna(SPLITS[column])]))
    assert len(parts) == count and safe([part.folder for part in parts])
    assert sum(len(part.rows) for part in parts) + without == 120
    assert without == (40 if column == "gaps" else 0)
    for part in parts:
        own = slice_of(part).opened()[0]
        alone = read_survey(study, where=part.where)
        assert own.n == alone.n == len(part.rows)
        assert own.frame is not None and alone.frame is not None
        pd.testing.assert_frame_equal(own.frame, alone.frame)


def test_a_filter_of_the_study_and_one_that_is_asked_for_hold_in_segments(tmp_path: Path) -> None:
    frame = drawn(brand=np.array(["a", "b"], dtype=object))
    study = small(tmp_path / "study", frame, design={"where": "age > 25"})
    parts, without, slice_of = split(study, "brand", where="gender != 'other'")
    kept = frame[(frame["age"] > 25) & (frame["gender"] != "other")]
    assert [len(part.rows) for part in parts] == kept.groupby("brand").size().tolist()
    assert without == 0
    own = slice_of(parts[0])
    assert own.parameters["where"] == "(gender != 'other') and (brand == 'a')"
    assert own.opened()[0].n == read_survey(study, where=own.parameters["where"]).n


def test_labels_of_codes_name_segments_and_may_be_the_same(tmp_path: Path) -> None:
    study = small(tmp_path / "study", data="survey.sav")
    frame = answers(120).assign(brand=np.resize([1.0, 2.0, 3.0, 9.0], 120))
    labels: dict[str, Any] = {"brand": {1: "Acme", 2: "Acme", 3: "Best", 9: "no answer"}}
    path = study.with_name("survey.sav")
    pyreadstat.write_sav(frame, path, variable_value_labels=labels, missing_ranges={"brand": [9.0]})
    parts, without, _ = split(study, "brand")
    assert [part.name for part in parts] == ["brand Acme", "brand Acme", "brand Best"]
    assert [len(part.rows) for part in parts] == [30] * 3 and without == 30
    assert safe([part.folder for part in parts])


def test_the_data_of_a_segment_is_its_own(tmp_path: Path) -> None:
    frame = drawn(brand=np.array(["a", "b", "c"], dtype=object))
    study = small(tmp_path / "study", frame)
    before = [part.digest for part in split(study, "brand")[0]]
    changed = frame.assign(unrelated=1).astype({"aff1": float})
    changed.loc[changed["brand"] == "b", "aff1"] = np.nan
    more = pd.concat([changed, changed[changed["brand"] == "c"].tail(1)])
    more.to_csv(study.with_name("survey.csv"), index=False)
    after = [part.digest for part in split(study, "brand")[0]]
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, False]


def test_two_columns_make_the_segments_that_are_there(tmp_path: Path) -> None:
    frame = drawn(brand=np.array(["a", "b"], dtype=object), level=np.array([1, 2, 2, 2]))
    parts, _, _ = split(small(tmp_path / "study", frame), "brand", "level")
    assert [part.name for part in parts] == [
        "brand a, level 1",
        "brand a, level 2",
        "brand b, level 2",
    ]
    assert [part.folder for part in parts] == ["a_1", "a_2", "b_2"]


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("bramd", {}, r"--by bramd: no such column. Did you mean 'brand'\?"),
    ("aff1", {}, "--by aff1: it is analysed"),
    ("usability", {}, "--by usability: it is analysed"),
    ("tick`", {}, "rename the column"),
    ("brand", {"settings": ["holdout=0.3"]}, "cannot be combined with a hold-out"),
    ("id", {"settings": ["design.respondent=id"]}, "it says how respondents were drawn"),
]


@pytest.mark.parametrize(("column", "asked", "said"), REFUSED, ids=[one[0] for one in REFUSED])
def test_what_cannot_split_respondents_is_refused_by_name(
    tmp_path: Path, column: str, asked: dict[str, Any], said: str
) -> None:
    frame = drawn(brand=np.array(["a", "b"], dtype=object)).assign(**{"tick`": 1})
    study = make(tmp_path / "study", frame=frame)
    with pytest.raises(StudyError, match=said):
        split(study, column, **asked)


def test_moments_have_no_respondents_to_split() -> None:
    with pytest.raises(StudyError, match=r"--by needs respondents; moments\.csv holds moments"):
        split(Path("bank_customers"), "brand")


def test_a_column_of_identifiers_makes_no_reports(tmp_path: Path) -> None:
    frame = pd.concat([answers(120)] * (MOST // 120 + 1), ignore_index=True)
    frame["code"] = [f"c{k}" for k in range(len(frame))]
    study = small(tmp_path / "study", frame)
    with pytest.raises(DataError, match=r"at most 5,000 are made\. Name a column of groups"):
        split(study, "code")
