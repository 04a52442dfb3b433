"""What should not matter does not: units, order, names, and how respondents are counted.

``tests/strategies.py`` says how to try many more examples; ``test_malformed.py`` tries broken ones.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from factory import changed
from hypothesis import assume, given, reject
from hypothesis import strategies as st
from strategies import DESIGNS, SMALL, TIMES, Table, claim_table, examples, rows, toml_file

from loyalty_analysis.analysis import analyse
from loyalty_analysis.errors import LoyaltyError
from loyalty_analysis.moments import Moments
from loyalty_analysis.regression import fit_rows
from loyalty_analysis.survey import read_survey
from loyalty_analysis.verdicts import judge

CLAIM_TEXT = toml_file(claim_table())


@st.composite
def parts_of_rows(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray | None, list[np.ndarray]]:
    """Rows, weights or none, and the rows dealt into parts, some of them empty."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, k = draw(st.integers(2, 40)), draw(st.integers(1, 4))
    offset, size = draw(st.sampled_from([0, 4, -1e6])), draw(st.sampled_from([1e-6, 1, 1e6]))
    data = offset + size * rng.normal(size=(n, k)).round(draw(st.integers(0, 9)))
    weights = rng.uniform(0.01, 10, n) if draw(st.booleans()) else None
    part = rng.integers(0, draw(st.integers(1, 8)), n)
    return data, weights, [np.flatnonzero(part == i) for i in range(8)]


@examples(100)
@given(parts_of_rows(), st.randoms(use_true_random=False))
def test_moments_merge_in_any_order_and_grouping(drawn, random):
    data, weights, parts = drawn
    names = [f"x{i}" for i in range(data.shape[1])]
    whole = Moments.from_rows(names, data, weights)
    pieces = [
        Moments.from_rows(names, data[part], None if weights is None else weights[part])
        for part in parts
    ]
    while len(pieces) > 1:
        random.shuffle(pieces)
        pieces.append(pieces.pop() + pieces.pop())
    (merged,) = pieces
    assert merged.n == whole.n and merged.columns == whole.columns
    assert np.isclose(merged.weight, whole.weight, rtol=1e-12)
    assert np.isclose(merged.weight_squared, whole.weight_squared, rtol=1e-12)
    assert np.allclose(merged.mean, whole.mean, rtol=1e-12, atol=1e-9 * np.abs(data).max())
    # A column far from zero has fewer digits left for what it varies by.
    root = np.sqrt(np.diag(whole.cross)) + 1e-9 * np.abs(data).max()
    assert (np.abs(merged.cross - whole.cross) <= 1e-8 * np.outer(root, root)).all()


Numbers = tuple[pd.DataFrame, pd.DataFrame]
SLOPES = ["estimate", "beta", "zero_order", "vif"]
STANDARDIZED = [
    "beta", "beta_low", "beta_high", "beta_std_error", "beta_df", "beta_p", "zero_order", "vif",
    "statistic", "p_value", "df", "n",
]  # fmt: skip
JUDGED = ["estimate", "conf_low", "conf_high", "p_value", "p_holm", "n", "negligible"]
SAID = ["outcome", "estimand", "term", "sign", "verdict", "size", "reason"]


def numbers_of(study: Table, frame: pd.DataFrame, claims: str = CLAIM_TEXT) -> Numbers | None:
    """Regression by model and term, verdicts by claim, part and outcome; None when refused."""
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("error")
        path = Path(folder) / "study.toml"
        path.write_text(toml_file(study), encoding="utf-8")
        (Path(folder) / "own.toml").write_text(claims, encoding="utf-8")
        frame.to_csv(Path(folder) / "survey.csv", index=False)
        try:
            survey = read_survey(path)
            results = analyse(survey, everything=False)
            verdicts = judge(survey, results)
        except LoyaltyError:
            return None
    regression = results["regression"].set_index(["model", "term"]).sort_index()
    return regression, verdicts.set_index(["claim", "part", "outcome"], drop=False).sort_index()


def the_same(found: Numbers | None, wanted: Numbers, columns: Sequence[str] = STANDARDIZED) -> None:
    """Numbers agree to eight digits, words entirely."""
    assert found is not None, "refused"
    for one, other, chosen in zip(found, wanted, (columns, JUDGED), strict=True):
        assert list(one.index) == list(other.index)
        a, b = (table[list(chosen)].to_numpy(dtype=float) for table in (one, other))
        close = np.isclose(a, b, rtol=1e-8, atol=1e-10, equal_nan=True)
        assert close.all(), (np.asarray(chosen)[~close.all(axis=0)], a[~close], b[~close])
    assert found[1][SAID].equals(wanted[1][SAID])


def the_same_slopes(found: Numbers, wanted: Numbers) -> None:
    """Slopes agree, whatever the number of respondents."""
    a, b = _free_of_n(found[0]), _free_of_n(wanted[0])
    if list(a.index) != list(b.index):
        # A category of fewer than ten is not shown, nor what others are compared with.
        a, b = (one[~one.index.get_level_values("term").str.endswith(("]", ")"))] for one in (a, b))
    assert list(a.index) == list(b.index) and len(a) > 8
    assert np.allclose(a, b, rtol=1e-8, atol=1e-10, equal_nan=True)


def _free_of_n(regression: pd.DataFrame) -> pd.DataFrame:
    """Categories are not scaled: their slopes are in SDs of the outcome, with divisor n - 1."""
    category = regression.index.get_level_values("term").str.endswith("]")
    size = np.sqrt(regression["n"] / (regression["n"] - 1)).where(category, 1.0)
    return regression[SLOPES].assign(beta=regression["beta"] * size)


@st.composite
def sound(draw: st.DrawFn, among: Sequence[dict[str, Any]] = DESIGNS) -> tuple[Table, pd.DataFrame]:
    """A study of some design, and respondents that leave a few answers out."""
    design = draw(st.sampled_from(among))
    frame = respondents(draw(st.integers(0, 2 if TIMES == 1 else 2**32)))
    return changed(SMALL, design), frame


def respondents(seed: int) -> pd.DataFrame:
    frame = rows(75, seed)
    holes = np.random.default_rng(seed).random((len(frame), 4)) < 0.02
    for column, hole in zip(["aff1", "sat2", "age", "rep1"], holes.T, strict=True):
        frame[column] = frame[column].astype(float).where(~hole)
    return frame


KNOWN: dict[str, Numbers | None] = {}


def analysed(study: Table, frame: pd.DataFrame) -> Numbers:
    """Numbers of a study; an example that is refused by chance is drawn anew."""
    key = f"{study} {frame.to_csv()}"
    if key not in KNOWN:
        KNOWN[key] = numbers_of(study, frame)
    numbers = KNOWN[key]
    assume(numbers is not None)
    assert numbers is not None
    return numbers


@examples(4)
@given(sound(), st.sampled_from([0.001, 0.5, 1000.0]), st.sampled_from([0.0, -5.0, 300.0]))
def test_the_unit_of_the_answers_does_not_matter(drawn, factor, shift):
    study, frame = drawn
    items = [c for c in frame if c[:3] in ("aff", "nor", "for", "sat", "rep", "adv", "sea", "usa")]
    moved = frame.assign(**{item: frame[item] * factor + shift for item in items})
    scale = {key: study["scale"][key] * factor + shift for key in ("min", "max")}
    rescaled = changed(study, {f"scale.{key}": value for key, value in scale.items()})
    found, wanted = numbers_of(rescaled, moved), analysed(study, frame)
    the_same(_slopes_alone(found), _slopes_alone(wanted))


def _slopes_alone(numbers: Numbers | None) -> Numbers:
    """Without intercepts, which change with the point where a column is zero."""
    assert numbers is not None, "refused"
    return numbers[0].drop(index="(Intercept)", level="term"), numbers[1]


@examples(4)
@given(
    sound([one for one in DESIGNS if "model.controls" in one and "design.where" not in one]),
    st.sampled_from([1e-6, 1e-3, 60.0, 1e6]),
    st.sampled_from([0.0, 1e3, -40.0]),
)
def test_the_unit_of_a_control_does_not_matter(drawn, factor, shift):
    study, frame = drawn
    wanted = analysed(study, frame)
    found = numbers_of(study, frame.assign(age=(frame["age"] + shift) * factor))
    the_same(_slopes_alone(found), _slopes_alone(wanted))


@examples(5)
@given(sound(), st.randoms(use_true_random=False))
def test_the_order_of_rows_columns_items_and_names_does_not_matter(drawn, random):
    study, frame = drawn

    def mixed(value: Any) -> Any:
        if isinstance(value, dict):
            keys = random.sample(list(value), len(value))
            return {key: mixed(value[key]) for key in keys}
        return random.sample(value, len(value)) if isinstance(value, list) else value

    columns = random.sample(list(frame), frame.shape[1])
    order = random.sample(range(len(frame)), len(frame))
    found = numbers_of(mixed(study), frame[columns].iloc[order])
    the_same(found, analysed(study, frame), [*STANDARDIZED, "estimate", "std_error"])


@examples(4)
@given(sound([one for one in DESIGNS if "design.respondent" not in one]), st.integers(2, 3))
def test_every_respondent_twice_leaves_slopes_alone(drawn, times):
    study, frame = drawn
    wanted = analysed(study, frame)
    found = numbers_of(study, pd.concat([frame] * times, ignore_index=True))
    assert found is not None
    the_same_slopes(found, wanted)
    assert (found[0]["n"] == times * wanted[0]["n"].iloc[0]).all()


@examples(20)
@given(st.integers(0, 99), st.integers(2, 4), st.booleans())
def test_robust_errors_shrink_as_respondents_repeat(seed, times, weighted):
    frame = rows(50, seed)[["aff1", "age", "sat1", "w"]].astype(float)
    kind: dict[str, Any] = {"outcome": "sat1", "terms": ("aff1", "age"), "errors": "HC0"}
    more = pd.concat([frame] * times, ignore_index=True)
    once, often = (
        fit_rows(one, weights=one["w"].to_numpy() if weighted else None, **kind)
        for one in (frame, more)
    )
    assert np.allclose(once.slopes, often.slopes, rtol=1e-9)
    assert np.allclose(once.std_error, often.std_error * np.sqrt(times), rtol=1e-8)


@examples(4)
@given(
    sound([one for one in DESIGNS if "design.weight" in one]),
    st.sampled_from([1e-12, 1e-3, 7.0, 1e12]),
)
def test_the_size_of_all_weights_together_does_not_matter(drawn, factor):
    study, frame = drawn
    found = numbers_of(study, frame.assign(w=frame["w"] * factor))
    the_same(found, analysed(study, frame), [*STANDARDIZED, "estimate", "std_error"])


@examples(4)
@given(sound([{}, {"model.controls": ["age", "gender"]}]), st.integers(0, 99))
def test_whole_weights_are_repeated_rows(drawn, seed):
    study, frame = drawn
    counts = np.random.default_rng(seed).integers(1, 4, len(frame))
    weighted = numbers_of(changed(study, {"design.weight": "w"}), frame.assign(w=counts))
    repeated = numbers_of(study, frame.loc[frame.index.repeat(counts)])
    assume(weighted is not None and repeated is not None)
    assert weighted is not None and repeated is not None
    the_same_slopes(weighted, repeated)


@examples(4)
@given(sound(), st.sampled_from(["affective", "forced", "satisfaction", "search"]), st.data())
def test_an_item_turned_round_and_declared_so_does_not_matter(drawn, construct, data):
    study, frame = drawn
    own = study["constructs"][construct]
    item = data.draw(st.sampled_from(own["items"]))
    was = own.get("reversed", [])
    now = [one for one in was if one != item] if item in was else [*was, item]
    turned = frame.assign(**{item: 8 - frame[item]})
    changes = {f"constructs.{construct}.reversed": now}
    the_same(numbers_of(changed(study, changes), turned), analysed(study, frame))


@examples(4)
@given(sound(), st.permutations([f"{letter}{i} é" for i in range(3) for letter in "zam"]))
def test_names_do_not_matter(drawn, words):
    study, frame = drawn
    new = dict(zip([*SMALL["constructs"], "age", "gender", "aff1"], words, strict=True))
    back = {word: name for name, word in new.items()}

    def named(value: Any) -> Any:
        if isinstance(value, dict):
            return {new.get(key, key): named(one) for key, one in value.items()}
        if isinstance(value, list):
            return [named(one) for one in value]
        return (
            "".join(str(new.get(part, part)) for part in re.split(r"(:| \+ )", value))
            if isinstance(value, str)
            else value
        )

    def old(text: str) -> str:
        return re.sub("|".join(map(re.escape, back)), lambda match: back[match[0]], text)

    renamed = named({key: value for key, value in study.items() if key != "design"})
    design = {
        key: re.sub(r"\b(age|gender)\b", lambda m: f"`{new[m[0]]}`", value)
        if key == "where"
        else named(value)
        for key, value in study.get("design", {}).items()
    }
    claims = toml_file(named(claim_table()))
    found = numbers_of({**renamed, "design": design}, frame.rename(columns=new), claims)
    assert found is not None
    regression, verdicts = (table.rename(index=old).sort_index() for table in found)
    for column in ("outcome", "term"):
        verdicts[column] = verdicts[column].map(old)
    the_same(
        (regression, verdicts.assign(reason=verdicts["reason"].map(old))), analysed(study, frame)
    )


@examples(4)
@given(sound())
def test_a_construct_outside_the_model_does_not_matter(drawn):
    study, frame = drawn
    more = changed(study, {"constructs.advocacy": {"items": ["adv1", "adv2"]}})
    partly = frame.assign(adv1=frame["adv1"].where(frame.index > 20))
    the_same(numbers_of(more, partly), analysed(study, frame))


@examples(4)
@given(sound(), st.sampled_from(["gender", "shown", "sector", "industry"]))
def test_groups_together_are_the_whole(drawn, column):
    study, frame = drawn
    groups = list(dict.fromkeys([*study.get("design", {}).get("groups", []), column]))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "study.toml"
        path.write_text(toml_file(changed(study, {"design.groups": groups})), encoding="utf-8")
        (Path(folder) / "own.toml").write_text(CLAIM_TEXT, encoding="utf-8")
        frame.to_csv(Path(folder) / "survey.csv", index=False)
        try:
            survey = read_survey(path)
        except LoyaltyError:
            reject()
    names = list(survey.study.model_constructs)
    whole, split = survey.sample(names), survey.sample(names, by=column)
    assert len(split.moments) > 1 and split.n == whole.n
    assert np.allclose(split.pooled.mean, whole.pooled.mean, rtol=1e-10)
    assert np.allclose(split.pooled.cross, whole.pooled.cross, rtol=1e-8, atol=1e-8)
    assert np.isclose(split.pooled.weight, whole.pooled.weight, rtol=1e-12)
