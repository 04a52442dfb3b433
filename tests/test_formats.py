"""The same respondents give the same verdicts from every format; what is unsound is refused."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from factory import CLAIM, make
from stored import FORMATS, QUESTION, mutilated, respondents, to_server, workbook

from loyalty_analysis import raw_tables
from loyalty_analysis.analysis import analyse
from loyalty_analysis.cli import main
from loyalty_analysis.errors import DataError, LoyaltyError
from loyalty_analysis.formats import Table, read_file
from loyalty_analysis.labelled import short_labels
from loyalty_analysis.manifest import first_manifest
from loyalty_analysis.raw_tables import labels_of
from loyalty_analysis.study import load_study
from loyalty_analysis.survey import Survey, read_survey
from loyalty_analysis.verdicts import judge

DESIGN = {
    "model.controls": ["age", "gender"],
    "design": {"respondent": "id", "weight": "w", "groups": ["sector"]},
    "contrasts.sector": {"a": "goods", "b": "services"},
}
CLAIMS = [
    CLAIM,
    {"outcome": "loyalty", "term": "satisfaction"},
    {"estimand": "slope_difference", "outcome": "satisfaction", "term": "affective",
     "sign": "+", "versus": ["goods", "services"]},
]  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("formats") / "shop"
    return make(folder, DESIGN, respondents(), CLAIMS)


@pytest.fixture(scope="module")
def expected(shop: Path) -> pd.DataFrame:
    found = verdicts(read_survey(shop))
    assert len(found) > 3 and "supported" in set(found["verdict"])
    return found


def verdicts(survey: Survey) -> pd.DataFrame:
    return judge(survey, analyse(survey))


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_respondents_give_the_same_verdicts(kind, shop, expected):
    address = FORMATS[kind](respondents(), shop.parent)
    study = load_study(shop).model_copy(update={"data": address})
    survey = read_survey(study)
    pd.testing.assert_frame_equal(verdicts(survey), expected)
    assert survey.frame is not None and survey.frame["id"].tolist()[0] == "0001"


@pytest.fixture
def server() -> str:
    named = os.environ.get("LOYALTY_POSTGRES")
    if not named:
        pytest.skip("LOYALTY_POSTGRES names no PostgreSQL server (.ci/run starts Debian's)")
    return named


def test_a_postgresql_server_gives_the_same_verdicts(server, shop, expected, monkeypatch):
    address = to_server(respondents(), server)
    study = load_study(shop).model_copy(update={"data": address})
    survey = read_survey(study)
    pd.testing.assert_frame_equal(verdicts(survey), expected)
    manifest = str(first_manifest("20261121T093000Z-abcd", "judge", survey, {"study": "shop"}, "r"))
    assert address in manifest and len(survey.digest) == 64
    assert os.environ["PGPASSWORD"] not in manifest
    query = f"{server}#select id, count(*) over () as n from loyalty_answers where w > 1"
    assert read_file(query).frame.columns.tolist() == ["id", "n"]
    with pytest.raises(DataError, match=r"refuses what is asked for: .* read-only transaction"):
        read_file(f"{server}#select nextval('loyalty_numbers')")
    with pytest.raises(DataError, match="one query is read"):
        read_file(f"{server}#select 1; drop table loyalty_answers")
    monkeypatch.setenv("PGPASSWORD", "not-the-password")
    with pytest.raises(DataError) as caught:
        read_file(address)
    assert "cannot be read" in str(caught.value) and "not-the-password" not in str(caught.value)


def test_what_an_address_of_a_server_may_not_hold(tmp_path):
    for address, word in {
        "postgresql://ann:secret@localhost/shop#t": "user name or password",
        "postgresql://ann@localhost/shop#t": "user name or password",
        "postgresql://localhost/shop?password=secret#t": "'password' is no option",
        "postgresql://localhost#t": "no database",
        "postgresql://localhost:secret/shop": "cannot be read",
        "mysql://ann:secret@localhost/shop": "'mysql://' are not read",
        "postgresql://${NO_SUCH}:${NO_SUCH_EITHER}@localhost/shop#t": "variable NO_SUCH, which",
    }.items():
        with pytest.raises(LoyaltyError) as caught:
            read_survey(make(tmp_path / "shop", {"data": address}))
        assert word in str(caught.value) and "secret" not in str(caught.value).replace(
            "localhost:secret", ""
        )


def test_no_value_of_the_environment_is_shown(monkeypatch):
    monkeypatch.setenv("PGUSER", "ann-of-the-shop")
    monkeypatch.setenv("PGPASSWORD", "hunter2hunter2")
    address = "postgresql://${PGUSER}:${PGPASSWORD}@127.0.0.1:9/shop#answers"
    with pytest.raises(DataError) as caught:
        read_file(address)
    assert "hunter2" not in str(caught.value) and "ann-of-the-shop" not in str(caught.value)
    assert str(caught.value).startswith(address)


def test_labels_and_codes_of_no_answer_travel(shop):
    address = FORMATS["spss"](respondents(), shop.parent)
    table = read_file(address, shop.parent)
    assert table.labels["aff1"] == QUESTION["aff1"] and table.missing == {"nor2": (-99,)}
    assert table.value_labels["sector"] == {1: "goods", 2: "services"}
    assert (table.frame["nor2"] == -99).sum() == 2
    changes = {**DESIGN, "scale.missing": [], "data": address}
    make(shop.parent.parent / "labels", changes)
    survey = read_survey(load_study(shop).model_copy(update={"data": address}))
    assert survey.study.label("aff1") == QUESTION["aff1"]
    assert survey.study.label("usability") == "Ease of use"
    assert survey.study.label("affective") == "Affective commitment"
    assert "-99 in 2 rows of nor2 is no answer, as the file declares" in survey.notes
    assert "sector goes by the labels of the file, not by its codes" in survey.notes


def test_questions_of_qualtrics_become_labels(shop):
    address = FORMATS["qualtrics"](respondents(), shop.parent)
    table = read_file(address, shop.parent)
    assert len(table.frame) == 120 and table.labels["aff1"] == QUESTION["aff1"]
    assert table.labels["aff2"] == "Question about aff2"
    assert "Qualtrics" in table.notes[0]


def test_labels_are_names_and_no_questions():
    labels = {
        "a": "Please rate the following statements about our company and its staff - They are kind",
        "b": "x" * 61,
        "c": "Twice",
        "d": "Twice",
        "e": "<i>Trust</i>\nin staff - today",
    }
    found = short_labels(Table(pd.DataFrame(), labels))
    assert found == {"a": "They are kind", "e": "Trust in staff - today"}


@pytest.mark.parametrize("kind", sorted(set(FORMATS) - {"spss", "stata"}))
def test_identifiers_are_taken_as_written(kind, tmp_path):
    frame = respondents().head(20)
    table = read_file(FORMATS[kind](frame, tmp_path), tmp_path)
    assert labels_of(table, ["id", "aff2"])["id"].tolist() == frame["id"].tolist()
    assert labels_of(table, ["aff2"])["aff2"].tolist() == frame["aff2"].astype(str).tolist()


AGREEMENT = (
    "Strongly disagree", "Disagree", "Somewhat disagree", "Neither agree nor disagree",
    "Somewhat agree", "Agree", "Strongly agree",
)  # fmt: skip


def worded(columns: list[str], words: tuple[str, ...]) -> pd.DataFrame:
    frame = respondents()
    for name in columns:
        frame[name] = frame[name].where(frame[name] > 0).map(lambda code: words[int(code) - 1],
                                                             na_action="ignore")  # fmt: skip
    return frame


@pytest.mark.parametrize("kind", ["csv", "excel", "spss", "parquet"])
def test_answers_in_words_are_those_in_numbers(kind, shop):
    items = ["aff1", "aff2", "aff3", "for3", "nor2", "rep1"]
    folder = shop.parent.parent / f"words {kind}"
    path = make(folder, DESIGN, claims=CLAIMS)
    address = FORMATS[kind](worded(items, AGREEMENT), folder)
    survey = read_survey(load_study(path).model_copy(update={"data": address}))
    pd.testing.assert_frame_equal(survey.frame, read_survey(shop).frame, check_dtype=False)
    assert any("aff1, aff2, aff3" in note and "agreement" in note for note in survey.notes)


def test_a_declared_order_maps_words_of_any_language(shop):
    words = ("gar nicht", "kaum", "wenig", "teils", "ziemlich", "sehr", "völlig")
    folder = shop.parent.parent / "declared"
    frame = worded(["aff1", "aff2", "sea1"], words)
    path = make(folder, {**DESIGN, "scale.answers": list(words)}, frame, CLAIMS)
    pd.testing.assert_frame_equal(read_survey(path).frame, read_survey(shop).frame)
    frame.loc[7, "aff2"] = "weiß nicht"
    make(folder, {**DESIGN, "scale.answers": list(words)}, frame, CLAIMS)
    with pytest.raises(DataError, match=r"none of the declared answers of 'affective'"):
        read_survey(path)


def test_words_that_could_be_five_points_or_seven_are_not_guessed(tmp_path):
    five = ("Strongly disagree", "Disagree", "Neutral", "Neutral", "Neutral", "Agree",
            "Strongly agree")  # fmt: skip
    with pytest.raises(DataError, match="a scale of 5 or 7 points, and the scale of 'affective'"):
        read_survey(make(tmp_path / "shop", frame=worded(["aff2"], five)))


def test_two_orders_in_one_column_are_refused(tmp_path):
    mixed = (*AGREEMENT[:6], "Very satisfied")
    with pytest.raises(DataError, match="column 'aff2' holds text"):
        read_survey(make(tmp_path / "shop", frame=worded(["aff2"], mixed)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scale.answers": ["no", "yes"]}, "scale.answers: lists 2 answers, but the scale is 1 to"),
        ({"scale.answers": ["no"] * 7}, "scale.answers: list two answers or more"),
        ({"constructs.usability": {"answers": ["a", "b"], "min": 0, "max": 9}}, "2 answers, but"),
    ],
)
def test_answers_that_do_not_fit_their_scale(changes, words, tmp_path):
    with pytest.raises(LoyaltyError, match=words):
        load_study(make(tmp_path / "shop", changes))


def test_a_package_that_is_not_installed_is_named(monkeypatch, tmp_path):
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(raw_tables, "import_module", missing)
    for file, extra in {"a.sav": "spss", "a.dta": "spss", "a.parquet": "parquet",
                        "a.db": "sql", "a.duckdb": "sql"}.items():  # fmt: skip
        (tmp_path / file).write_bytes(b"x")
        with pytest.raises(DataError, match=rf'pip install "loyalty-analysis\[{extra}\]"'):
            read_file(tmp_path / file)


def test_a_long_file_is_refused_before_it_is_read(monkeypatch, tmp_path):
    monkeypatch.setattr(raw_tables, "MOST_CELLS", 2_000)
    for kind in FORMATS:
        address = FORMATS[kind](respondents(), tmp_path)
        with pytest.raises(DataError, match="2,000 cells are read"):
            read_file(address, tmp_path)


def test_a_file_that_ends_within_a_row_is_warned_of(tmp_path):
    frame = respondents()
    FORMATS["csv"](frame, tmp_path)
    content = (tmp_path / "survey.csv").read_bytes()
    (tmp_path / "cut.csv").write_bytes(content[:-30])
    assert "may have been cut off" in read_file(tmp_path / "cut.csv").warnings[0]
    (tmp_path / "whole.csv").write_bytes(content[:-1])
    assert not read_file(tmp_path / "whole.csv").warnings


# A hundred files that are no longer sound


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("sound")
    kinds = ("csv", "qualtrics", "spss", "stata", "parquet", "sqlite", "duckdb")
    found = {}
    for kind in kinds:
        file = folder / FORMATS[kind](respondents(), folder).partition("#")[0].removeprefix(
            "sqlite:///"
        )
        found[".tsv" if kind == "qualtrics" else file.suffix] = file.read_bytes()
    return found | {".xlsx": workbook(lambda book, sheet: None)}


REMEDIES = ("save", "rename", "name", "correct", "copy", "keep", "unmerge", "open", "belong",
            "cannot be read", "write", "declare", "take", "widen", "code them")  # fmt: skip


def test_a_hundred_mutilated_files_are_refused_or_read_honestly(
    sound, tmp_path, capsys: pytest.CaptureFixture[str]
):
    study = make(tmp_path / "shop", {"design": {"respondent": "id"}}, respondents())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes = dict(_tried(study, sound, tmp_path, capsys))
    assert len(outcomes) >= 100
    refused = [name for name, code in outcomes.items() if code == 2]
    assert len(refused) >= 100, sorted(set(outcomes) - set(refused))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < 600, f"{grown:.0f} MB"


def _tried(
    study: Path, sound: dict[str, bytes], folder: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[tuple[str, int]]:
    for number, (name, file, content) in enumerate(mutilated(sound)):
        path = folder / str(number) / file
        path.parent.mkdir()
        path.mkdir() if content is None else path.write_bytes(content)
        with pytest.raises(SystemExit) as stop:
            main(["check", str(study), "--data", str(path)])
        said = capsys.readouterr()
        code = int(stop.value.code or 0)
        assert code in (0, 2), (name, said.err)
        if code == 2:
            assert said.err.startswith(f"Error: {path}"), (name, said.err)
            assert any(word in said.err.lower() for word in REMEDIES), (name, said.err)
        else:
            assert " respondents" in said.out, (name, said.out)
        yield name, code
