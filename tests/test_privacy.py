"""No respondent, and no group of fewer than ten, reaches a file or a log.

Every respondent is marked: an identifier, a comment, a weight and an age that nobody else has. A
full report is made of them, and every file of the run is searched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from factory import answers, make

from loyalty_analysis.analysis import analyse
from loyalty_analysis.cli import main
from loyalty_analysis.survey import read_survey
from loyalty_analysis.verdicts import judge

CHANGES = {
    "model.controls": ["age", "gender", "shown"],
    "model.moderators": ["shown"],
    "design": {"respondent": "id", "weight": "w", "groups": ["sector"]},
    "contrasts.sector": {"a": "goods", "b": "tiny"},
}
CLAIMS: list[dict[str, Any]] = [
    {},
    {"estimand": "slope_difference", "versus": ["goods", "tiny"]},
    {"estimand": "interaction", "outcome": "repurchase", "term": "affective:shown"},
]


def marked(n: int = 120) -> pd.DataFrame:
    """Answers of respondents who can be told apart, with three small groups."""
    frame, rng = answers(n), np.random.default_rng(11)
    frame["id"] = [f"PERSON{number:04d}X" for number in range(n)]
    frame["comment"] = [f"I am {name} and I wrote this" for name in frame["id"]]
    frame["w"] = rng.uniform(0.5, 2, n).round(9)
    frame["age"] = rng.uniform(18, 80, n).round(9)
    frame["sector"] = np.where(np.arange(n) < 7, "tiny", "goods")
    frame["gender"] = np.where(np.arange(n) % 20 == 3, "rare", frame["gender"])  # six of them
    frame["shown"] = (np.arange(n) % 25 == 4).astype(int)  # five of them
    return frame


def marks(frame: pd.DataFrame) -> set[str]:
    """What would give a respondent away: the marks, and the row as it stands in the file."""
    rows = frame.to_csv(index=False, header=False).splitlines()
    answered = frame.filter(regex=r"^[a-z]{3}\d$").to_numpy()
    return {
        *frame["id"],
        *(str(value)[:10] for value in [*frame["w"], *frame["age"]]),
        *(row[:60] for row in rows),
        *(separator.join(map(str, row[:12])) for row in answered for separator in (",", ", ", " ")),
        "wrote this",
    }


def found(text: str, wanted: set[str]) -> list[str]:
    """Marks that a text holds."""
    return [mark for mark in wanted if mark in text]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A report of marked respondents, and everything that was printed meanwhile."""
    folder = tmp_path_factory.mktemp("private")
    study = make(folder / "shop", CHANGES, marked(), CLAIMS)
    with pytest.MonkeyPatch.context() as patch:
        said: list[str] = []
        patch.setattr("typer.echo", lambda message="", **_: said.append(str(message)))
        with pytest.raises(SystemExit) as stop:
            main(["report", str(study), "--out", str(folder / "out")])
    assert stop.value.code == 0, said
    yield (folder / "out"), "\n".join(said)


def test_the_marks_would_be_found() -> None:
    """The search can fail: a file that holds one row, however written, is found."""
    wanted = marks(marked())
    row = marked().iloc[5]
    assert found(marked().iloc[[5]].to_csv(), wanted)
    assert found(str(row.to_dict()), wanted)
    assert found(" ".join(map(str, row.filter(regex=r"^[a-z]{3}\d$"))), wanted)
    assert found(f"weight {row['w']}", wanted)


def test_no_respondent_reaches_a_page_a_notebook_a_table_a_manifest_or_a_log(
    run: tuple[Path, str], capfd: pytest.CaptureFixture[str]
) -> None:
    out, said = run
    wanted, files = marks(marked()), [path for path in out.rglob("*") if path.is_file()]
    kinds = {path.suffix for path in files}
    assert {".html", ".ipynb", ".csv", ".json", ".svg", ".png"} <= kinds
    for path in files:
        assert not found(path.read_text(encoding="utf-8", errors="replace"), wanted), path
        assert not found(path.name, wanted)
    assert not found(said, wanted)


def test_a_group_of_fewer_than_ten_is_counted_by_nobody(run: tuple[Path, str]) -> None:
    out, _ = run
    texts = [
        path.read_text(encoding="utf-8")
        for path in out.rglob("*")
        if path.suffix in (".html", ".csv", ".json", ".ipynb")
    ]
    assert any("tiny" in text and "fewer than 10" in text for text in texts)
    for text in texts:
        assert not re.search(r"tiny\W+\(?\b[1-9]\b|'tiny' has [1-9]\b", text)


def test_nothing_is_estimated_for_a_group_of_fewer_than_ten(tmp_path: Path) -> None:
    survey = read_survey(make(tmp_path, CHANGES, marked(), CLAIMS))
    results = analyse(survey)
    assert survey.small_groups == {"gender[rare]", "shown"}
    table = results["regression"].set_index("term")
    assert not {"gender[rare]", "shown"} & set(table.index)
    assert table.loc[["affective", "gender[male]"], "estimate"].notna().all()
    assert len(results["contrasts"]) == 0
    verdicts = judge(survey, results).set_index("claim")
    reasons = verdicts.loc[["C2", "C3"], "reason"]
    assert reasons.str.startswith("missing_group").all() and (reasons != "").all()
    assert set(verdicts.loc[["C2", "C3"], "verdict"]) == {"not testable"}


def test_a_small_group_is_no_yardstick(tmp_path: Path) -> None:
    frame = marked().assign(gender=lambda d: d["gender"].replace({"rare": "a"}))
    survey = read_survey(make(tmp_path, CHANGES, frame, CLAIMS))
    assert survey.levels["gender"][0] == "female" and "gender[a]" in survey.small_groups


def test_a_filter_cannot_single_out_a_few(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = make(tmp_path / "shop", CHANGES, marked(), CLAIMS)
    with pytest.raises(SystemExit) as stop:
        main(["judge", str(study), "--out", str(tmp_path / "out"), "--where", "sector == 'tiny'"])
    assert stop.value.code == 2
    assert "fewer than 10 respondents are complete" in capsys.readouterr().err


def test_an_error_about_respondents_names_rows_and_not_people(tmp_path: Path) -> None:
    twice = pd.concat([marked(), marked()], ignore_index=True)
    study = make(tmp_path, CHANGES, twice, CLAIMS)
    with pytest.raises(Exception, match=r"data rows 121, 122, 123, …") as caught:
        read_survey(study)
    assert "PERSON" not in str(caught.value)
