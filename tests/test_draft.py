"""Drafts of studies: what is put together, what is turned, what is left to the person."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from draft_surveys import lettered, numbered, reference_keys, score

from loyalty_analysis.draft import draft
from loyalty_analysis.draft_file import new_study
from loyalty_analysis.draft_groups import Group, groups_of
from loyalty_analysis.draft_names import stems
from loyalty_analysis.draft_naming import names_of
from loyalty_analysis.draft_signs import directed
from loyalty_analysis.draft_text import study_text
from loyalty_analysis.errors import DataError, InputError
from loyalty_analysis.formats import read_file
from loyalty_analysis.raw_tables import Table
from loyalty_analysis.study import load_study
from loyalty_analysis.survey import read_survey

REFERENCE = ("satisfaction", "corp_rep", "investment_model_couples")


@pytest.mark.parametrize("dataset", REFERENCE)
def test_surveys_nobody_here_wrote_are_put_together(reference: Path, dataset: str) -> None:
    table = read_file(reference / "data" / f"{dataset}.csv")
    found = score(draft(table, "x", "x.csv"), reference_keys(reference, dataset))
    assert found.share >= 0.9
    assert found.silent == 0
    assert found.turned_wrongly == 0


@pytest.mark.parametrize("make", [lettered, numbered])
@pytest.mark.parametrize("seed", range(5))
def test_surveys_of_our_own_are_put_together(make, seed: int) -> None:
    table, keys = make(seed=seed)
    found = score(draft(table, "x", "x.csv"), keys)
    assert found.share >= 0.9
    assert found.silent == 0
    assert found.turned_wrongly == 0


def test_what_every_column_is_for() -> None:
    found = draft(lettered()[0], "x", "x.csv")
    roles = found.roles
    columns = {key: column for key, (column, _) in roles.design.items()}
    assert columns == {"weight": "Wt", "respondent": "CaseID", "cluster": "StoreNo"}
    assert list(roles.groups) == ["Region"]
    assert list(roles.controls) == ["Age", "Sex"]
    assert roles.seconds is not None and roles.seconds[0] == "Duration"
    assert list(found.aside) == ["Comment"]
    assert (found.scale, found.codes) == ((1, 5), (8, 9))
    assert found.mediator == "satisfaction"
    assert dict(found.outcomes) == {"repurchase": "intention", "advocacy": "attitude"}


def _shop(folder: Path) -> Path:
    """Our own survey as CSV, which holds no labels: two stems say what is measured."""
    names = {"Happy": "Sat", "Back": "Repurchase"}
    frame = lettered()[0].frame
    for old, new in names.items():
        frame = frame.rename(columns=lambda name, old=old, new=new: name.replace(old, new))
    frame.to_csv(folder / "shop.csv", index=False)
    return folder / "shop.csv"


def test_every_guess_is_marked_and_the_draft_loads_and_reads(tmp_path: Path) -> None:
    written = new_study(_shop(tmp_path))
    assert written.lacking == ""
    survey = read_survey(written.path)
    assert survey.n > 200
    lines = written.path.read_text(encoding="utf-8").splitlines()
    keys = [i for i, line in enumerate(lines) if " = " in line and not line.startswith("#")]
    plain = ("title", "data", "max")
    for at in keys:
        if not lines[at].startswith(plain):
            assert lines[at - 1].startswith("#"), lines[at]


def test_a_study_file_is_never_written_over(tmp_path: Path) -> None:
    _shop(tmp_path)
    new_study(tmp_path / "shop.csv")
    with pytest.raises(InputError, match=r"study\.toml: is there already.*--out"):
        new_study(tmp_path / "shop.csv")
    other = new_study(tmp_path / "shop.csv", tmp_path / "wave2" / "mine.toml").path
    assert load_study(other).data == "../shop.csv"
    with pytest.raises(InputError, match="never written over"):
        new_study(tmp_path / "shop.csv", other)


def test_a_draft_without_outcomes_says_what_is_missing(tmp_path: Path) -> None:
    numbered()[0].frame.to_csv(tmp_path / "q.csv", index=False)
    written = new_study(tmp_path / "q.csv")
    assert "model.outcomes" in written.lacking
    assert "# decide: no construct was recognised as an outcome" in written.path.read_text()


def test_answers_of_a_person_go_into_the_draft(tmp_path: Path) -> None:
    numbered()[0].frame.to_csv(tmp_path / "q.csv", index=False)
    replies = iter(["Customers", "simulated", "q1, q2", "q3"])
    written = new_study(tmp_path / "q.csv", ask=lambda question, default: next(replies))
    study = load_study(written.path)
    assert (study.title, study.origin, study.model.mediator) == ("Customers", "simulated", "q3")
    assert list(study.model.outcomes) == ["q1", "q2"]
    assert "# as you said" in written.path.read_text()


def test_nothing_is_asked_where_nobody_sits(tmp_path: Path) -> None:
    _shop(tmp_path)
    code = "from loyalty_analysis.cli import main; main(['new', 'shop.csv'])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "study.toml"
    again = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert again.returncode == 2
    assert "never written over" in again.stderr


def _items(seed: int = 3, n: int = 300, **signs: float) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    mood = rng.normal(size=n)
    return pd.DataFrame({name: sign * mood + rng.normal(size=n) for name, sign in signs.items()})


def test_two_items_against_each_other_are_left_out_unless_words_decide() -> None:
    items = _items(a=1, b=-1)
    assert directed(items, {}).items == ()
    assert len(directed(items, {}).aside) == 2
    worded = directed(items, {"a": "I like it", "b": "I do not like it"})
    assert worded.reversed == ("b",)


def test_words_decide_against_a_majority() -> None:
    items = _items(a=1, b=-1, c=-1)
    assert directed(items, {}).reversed == ("a",)
    said = {"a": "I like it", "b": "I don’t like it", "c": "I never liked it"}
    assert directed(items, said).reversed == ("b", "c")


def test_an_item_worded_otherwise_is_never_scored_in_silence() -> None:
    items = _items(a=1, b=1, c=1, d=0.25)
    labels = dict.fromkeys("abc", "I like it")
    weak = directed(items, {**labels, "d": "I do not like it"})
    assert "d" not in weak.items
    strong = directed(_items(a=1, b=1, c=1, d=1), {**labels, "d": "I do not like it"})
    assert "d" in strong.items
    assert "worded the other way round" in strong.doubts[0]


def test_an_item_that_hardly_goes_with_the_others_is_left_out() -> None:
    found = directed(_items(a=1, b=1, c=1, d=0), {})
    assert found.items == ("a", "b", "c")
    assert "hardly goes with the others" in dict(found.aside)["d"]


def test_a_stem_group_whose_halves_do_not_correlate_is_parted() -> None:
    items = pd.concat([_items(1, x1=1, x2=1), _items(2, x3=1, x4=1)], axis=1)
    items = items.rename(columns=lambda name: name.replace("x", "img"))
    found = groups_of(items, stems(list(items)), {})
    assert [group.items for group in found] == [("img1", "img2"), ("img3", "img4")]
    assert "parted" in found[0].why


def test_different_stems_are_not_put_together_for_their_correlation() -> None:
    items = _items(mood=3, cheer=3, sat1=1, sat2=1)
    assert len(groups_of(items, stems(list(items)), {})) == 3


@pytest.mark.parametrize(
    ("names", "together"),
    [
        (["sat1", "sat_2", "SAT.3"], 1),
        (["SatA", "SatB", "LoyA", "LoyB"], 2),
        (["sat_a", "sat_b", "sat_c"], 1),
        (["Q12a", "Q12b", "Q13a", "Q13b"], 2),
        (["q1_trust", "q2_trust", "q3_value", "q4_value"], 2),
        (["sat1", "sat2_r", "sat3rev"], 1),
        (["cusa", "cusl_1", "cusl_2"], 2),
    ],
)
def test_stems_of_many_habits(names: list[str], together: int) -> None:
    assert len({stem.text for stem in stems(names).values()}) == together


@pytest.mark.parametrize(
    ("values", "codes", "scale"),
    [
        ([1, 2, 3, 4, 5, 6, 7, -99], (-99,), (1, 7)),
        ([1, 2, 3, 4, 5, 6, 7, 9], (9,), (1, 7)),
        ([1, 2, 3, 4, 5, 8, 9], (8, 9), (1, 5)),
        ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 98, 99], (98, 99), (0, 10)),
        ([1, 2, 3, 4, 5, 6, 7, 8, 9], (), (1, 9)),
        ([-3, -2, -1, 0, 1, 2, 3], (), (-3, 3)),
        ([1, 2, 3, 4, 5, -1, 999], (-1, 999), (1, 5)),
    ],
)
def test_codes_are_told_from_answers(values, codes, scale) -> None:
    rng = np.random.default_rng(5)
    chosen = rng.integers(0, len(values), 300)
    mood = np.array(values)[chosen]
    found = draft(Table(pd.DataFrame({"sat1": mood, "sat2": mood[::1]})), "x", "x.csv")
    assert (found.codes, found.scale) == (codes, scale)


def test_answers_in_words_are_drafted_and_read(tmp_path: Path) -> None:
    words = np.array(["Strongly disagree", "Disagree", "Neutral", "Agree", "Strongly agree"])
    frame = pd.DataFrame(index=range(200))
    for number, stem in enumerate(("sat", "loy")):
        latent = _items(number, 200, a=1, b=1, c=1)
        for place, column in enumerate(latent, 1):
            codes = np.clip(np.rint(latent[column] + 2), 0, 4).astype(int)
            frame[f"{stem}{place}"] = words[codes]
    frame["image1"], frame["image2"] = np.tile([1, 2, 4, 5], 50), np.tile([2, 1, 5, 4], 50)
    frame.to_csv(tmp_path / "w.csv", index=False)
    written = new_study(tmp_path / "w.csv")
    assert [one.name for one in written.draft.constructs] == ["satisfaction", "loyalty", "image"]
    assert written.draft.scale == (1, 5)
    assert read_survey(written.path).n == 200


def test_words_of_no_known_order_are_said_not_taken_for_groups() -> None:
    words = ["trifft zu", "trifft nicht zu", "teils"] * 20
    found = draft(Table(pd.DataFrame({"zuf1": words, "zuf2": words[::-1]})), "x", "x.csv")
    assert found.constructs == ()
    assert not found.roles.groups
    assert "answers = [...]" in found.aside["zuf1"]


def test_nothing_in_a_file_escapes_from_a_comment_or_a_text(tmp_path: Path) -> None:
    items = _items(a=1, b=1, c=1).clip(-2, 2).round()
    items.columns = ['x" = 1\n[model]1', "sat2", "sat3"]
    labels = {"sat2": 'good"\n[scale]\nmin = 3', "sat3": 'good"\n[scale]\nmin = 3'}
    text = study_text(draft(Table(items, labels), 'A "title"\n[design]', "a.csv"))
    assert text.count("\n[scale]\n") == 1
    assert "\n[design]" not in text
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    assert "outcomes" in text


def test_nearly_copies_stay_out_of_the_model() -> None:
    items = _items(a=1, b=1, c=1).clip(-3, 3).round() + 4
    items.columns = ["image1", "image2", "image3"]
    items["dupl1"], items["dupl2"] = items["image1"], items["image2"]
    found = draft(Table(items), "x", "x.csv")
    copy = next(one for one in found.constructs if one.name == "dupl")
    assert copy.outside
    assert "nearly copies" in copy.doubts[0]
    assert "dupl" not in found.drivers


def test_a_person_is_described_by_what_was_asked() -> None:
    frame = lettered()[0].frame.rename(columns={"Sex": "D1", "Age": "D2"})
    labels = {"D1": "What is your gender?", "D2": "How old are you?"}
    found = draft(Table(frame, labels), "x", "x.csv")
    assert sorted(found.roles.controls) == ["D1", "D2"]


def test_more_columns_than_a_survey_has_are_refused() -> None:
    wide = pd.DataFrame(np.ones((2, 3001)), columns=[f"c{n}" for n in range(3001)])
    with pytest.raises(DataError, match="3,001 columns"):
        draft(Table(wide), "x", "x.csv")


def test_parts_of_one_matrix_are_labelled_apart() -> None:
    parts = [Group(f"Q{part}", (f"Q{part}_1", f"Q{part}_2")) for part in (1, 2)]
    labels = {item: f"How far do you agree? - {item}" for part in parts for item in part.items}
    found = [label for _, label, _, _ in names_of(parts, labels).values()]
    assert len(set(found)) == 2
    alone = names_of(parts[:1], labels)[parts[0]]
    assert alone[1] == "How far do you agree?"
