"""The questionnaire: it covers what claims name, its forms say the same, and answers come back."""

import io
import re
import tomllib
import zipfile
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from loyalty_analysis.claims import LOYALTY, read_claims, shipped_sets
from loyalty_analysis.errors import DataError, InputError
from loyalty_analysis.exports import survey_of
from loyalty_analysis.forms import document, qualtrics
from loyalty_analysis.instrument import claims_served, rendered, study_text, write_instrument
from loyalty_analysis.questionnaire import load_instrument
from loyalty_analysis.resources import shipped
from loyalty_analysis.study import load_study
from loyalty_analysis.survey import read_survey
from loyalty_analysis.verdicts import judge
from loyalty_analysis.xlsform import workbook, xlsform

SHIPPED = shipped("data") / "instrument"
INSTRUMENT = load_instrument()
BLOCKS = {block.name: block for block in INSTRUMENT.block}
OPTIONAL = [block.name for block in INSTRUMENT.block if not block.required]
SCALES = {scale.name: scale for block in INSTRUMENT.block for scale in block.scale}
QUESTIONS = {question.name: question for question in INSTRUMENT.questions}
TYPES, LEVELS = {"type"}, {"below", "meets", "exceeds", "delights", "amazes", "upper", "lower"}
TYPES |= {"premium", "latent", "inertia", "none"}
TEXTS = [
    (column, text) for scale in SCALES.values()
    for column, text in zip(scale.columns, scale.items, strict=True)
]  # fmt: skip


def named_in_claims():
    """Every construct that a shipped claim set names, found without the code under test."""
    names = set()
    for path in shipped_sets().values():
        raw = tomllib.loads(path.read_text(encoding="utf-8"))["claim"]
        for one in [*raw, *(part for claim in raw for part in claim.get("parts", []))]:
            outcomes = one.get("outcome", [])
            texts = [outcomes] if isinstance(outcomes, str) else outcomes
            texts = [*texts, one.get("term", ""), *one.get("versus", []), *one.get("through", [])]
            names |= {name.strip() for text in texts for name in re.split(r"[:+]| - ", text)}
    return names - {"", LOYALTY, "goods", "services"} - LEVELS - TYPES


def simulated(n=60, seed=1):
    """Answers of every column, as the study codes them."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"id": [f"r{k}" for k in range(n)]})
    for column in INSTRUMENT.columns:
        choices = [choice.value for choice in INSTRUMENT.offered[column]]
        frame[column] = rng.choice(choices, n) if choices else rng.integers(18, 60, n).astype(str)
    return frame.assign(duration=rng.integers(300, 2000, n).astype(str), consent="1", customer="1")


# ------------------------------------------------------------------------------------- the source


def test_every_construct_that_claims_name_is_asked_for():
    assert named_in_claims() <= {*SCALES, *QUESTIONS}
    assert {"forced", "switching_logistical", "reciprocation", "level"} <= named_in_claims()


def test_constructs_have_three_statements_on_seven_points():
    assert len(SCALES) == 41
    assert {len(scale.items) for scale in SCALES.values()} == {3}
    assert {len(scale.points) for scale in INSTRUMENT.scales.values()} == {7}
    for scale in INSTRUMENT.scales.values():
        assert scale.points[0] and scale.points[3] and scale.points[6]


def test_columns_and_wordings_are_unique():
    assert max(Counter(INSTRUMENT.columns).values()) == 1
    assert max(Counter(text for _, text in TEXTS).values()) == 1


def test_reversed_items_are_keyed_in_the_study():
    study = load_study(SHIPPED)
    turned = {item for construct in study.constructs.values() for item in construct.reversed}
    assert turned == {
        "affective_3", "forced_3", "satisfaction_3", "search_2", "attitude_3", "quality_3",
    }  # fmt: skip


@pytest.mark.parametrize(("column", "text"), TEXTS)
def test_wordings_are_short_and_ask_one_thing(column, text):
    assert len(text.split()) <= 20
    # Denials and "and" between two things asked make answers ambiguous.
    assert not re.search(r"\bnot\b|n't\b|\bnever\b", text), column
    assert not re.search(r"\band\b", text) or column in {"shared_values_3", "mutual_loyalty_3",
                                                         "emotional_connection_1"}  # fmt: skip


def test_attention_checks_say_what_to_choose():
    assert "choose 2" in QUESTIONS["attention_1"].text
    assert "choose 6" in QUESTIONS["attention_2"].text


def test_codes_are_those_of_the_study():
    for name in ("alternatives_shown", "staying", "churn", "consent", "customer"):
        assert [choice.value for choice in QUESTIONS[name].choices] == ["1", "0"]
    assert [choice.value for choice in QUESTIONS["level"].choices] == list("12345")
    assert [choice.value for choice in QUESTIONS["gender"].choices][:2] == ["female", "male"]
    assert [choice.value for choice in QUESTIONS["sector"].choices] == ["goods", "services"]


def test_placeholders_are_declared():
    source = (SHIPPED / "instrument.toml").read_text(encoding="utf-8")
    body = source[source.index("[scales.agree]") :]
    assert set(re.findall(r"\{(\w+)\}", body)) <= set(INSTRUMENT.placeholders)


def test_malformed_sources_are_refused(tmp_path):
    source = (SHIPPED / "instrument.toml").read_text(encoding="utf-8")
    file = tmp_path / "instrument.toml"
    for old, new, said in [
        ('answers = "share"', 'answers = "shares"', "no [scales.shares]. Did you mean 'share'?"),
        ('name = "delight"', 'name = "value"', "column 'value_1' is asked for twice."),
        ('about = """', 'abuot = """', "'abuot'"),
    ]:
        file.write_text(source.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(InputError, match=re.escape(said)):
            load_instrument(file)


# ---------------------------------------------------------------------------- blocks and the study


def test_blocks_serve_every_claim_and_say_which():
    served = claims_served(INSTRUMENT)
    claims = {claim.id for path in shipped_sets().values() for claim in read_claims(path).claims}
    assert {claim for ids in served.values() for claim in ids} == claims
    assert served["levels"] == ("V5", "L1", "L2", "L3", "L4", "L5")
    assert served["about_you"] == ("P5", "P6")
    text = document(INSTRUMENT, served)
    assert "| `habits` | How you buy from [brand] | 9 | B7 | yes |" in text


@pytest.mark.parametrize("left_out", [[], *([name] for name in OPTIONAL), OPTIONAL])
def test_studies_without_blocks_are_sound(tmp_path, left_out):
    short = INSTRUMENT.without(left_out)
    (tmp_path / "study.toml").write_text(study_text(short), encoding="utf-8")
    study = load_study(tmp_path)
    gone = {name for block in left_out for name in BLOCKS[block].names}
    assert not gone & {*study.constructs, *study.analysed, study.quality.marker}
    items = {item for name in study.constructs for item in study.items_of(name)}
    assert items <= set(short.columns)
    assert (study.types is None) == ("types" in left_out)
    assert (study.levels is None) == ("levels" in left_out)


@pytest.mark.parametrize(("block", "said"), [("outcomes", "left out"), ("bond", "mean 'bonds'")])
def test_blocks_that_cannot_be_left_out(block, said):
    with pytest.raises(InputError, match=said):
        INSTRUMENT.without([block])


def test_study_without_its_survey_says_so():
    with pytest.raises(DataError, match=r"survey\.csv: cannot be read"):
        read_survey(SHIPPED)


# -------------------------------------------------------------------------------------- the forms


@pytest.mark.parametrize("name", ["questionnaire.md", "questionnaire.txt", "study.toml"])
def test_shipped_files_are_what_the_source_gives(name):
    assert (SHIPPED / name).read_bytes() == rendered(INSTRUMENT)[name]


def test_shipped_workbook_is_what_the_source_gives():
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.load_workbook(SHIPPED / "questionnaire.xlsx")
    sheets = {
        sheet.title: [
            tuple(cell or "" for cell in row) for row in sheet.iter_rows(values_only=True)
        ]
        for sheet in book
    }
    assert sheets == xlsform(INSTRUMENT)


def test_workbooks_are_the_same_bytes_every_time():
    pytest.importorskip("openpyxl")
    first, second = workbook(xlsform(INSTRUMENT)), workbook(xlsform(INSTRUMENT))
    assert first == second
    with zipfile.ZipFile(io.BytesIO(first)) as file:
        assert {entry.date_time for entry in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def rows_of(sheet):
    return [dict(zip(sheet[0], row, strict=True)) for row in sheet[1:]]


def test_xlsform_names_are_the_columns_and_its_choices_the_codes():
    sheets = xlsform(INSTRUMENT)
    survey, choices = rows_of(sheets["survey"]), rows_of(sheets["choices"])
    asked = [row["name"] for row in survey if row["type"].split()[0] in ("select_one", "integer")]
    assert tuple(asked) == INSTRUMENT.columns
    assert {"id", "duration"} <= {row["name"] for row in survey if row["type"] == "calculate"}
    for row in (row for row in survey if row["type"].startswith("select_one")):
        own = [c["name"] for c in choices if c["list_name"] == row["type"].split()[1]]
        assert own == [choice.value for choice in INSTRUMENT.offered[row["name"]]]


@pytest.mark.parametrize("left_out", [[], OPTIONAL])
def test_xlsform_passes_pyxform_and_where_java_is_odk_validate(tmp_path, left_out):
    pyxform = pytest.importorskip("pyxform.xls2xform", reason="pyxform is not installed")
    write_instrument(tmp_path, left_out)
    from pyxform.validators.odk_validate import check_java_available

    try:
        check_java_available()
        java = True
    except OSError:
        java = False
    made = pyxform.convert(tmp_path / "questionnaire.xlsx", validate=java)
    assert not made.warnings
    assert all(f'/{column}"' in made.xform for column in INSTRUMENT.without(left_out).columns)


def test_qualtrics_text_is_well_formed():
    text = qualtrics(INSTRUMENT)
    assert text.startswith("[[AdvancedFormat]]\n")
    tags = re.findall(r"^\[\[(.*)\]\]$", text, flags=re.MULTILINE)
    kinds = Counter(re.split(r":", tag)[0] for tag in tags)
    assert kinds["Question"] == kinds["ID"] == len(SCALES) + len(QUESTIONS) + len(BLOCKS)
    assert [tag.partition(":")[2] for tag in tags if tag.startswith("Block:")] == list(BLOCKS)
    ids = [tag.partition(":")[2] for tag in tags if tag.startswith("ID:")]
    assert len(set(ids)) == len(ids)
    assert {*SCALES, *QUESTIONS} <= set(ids)
    assert not re.search(r"\{(brand|organisation|contact)\}", text)
    for chunk in text.split("\n\n"):
        lines = chunk.splitlines()
        if lines[0] == "[[Question:Matrix]]":
            statements = lines[lines.index("[[Choices]]") + 1 : lines.index("[[Answers]]")]
            assert len(statements) == 3 and len(lines[lines.index("[[Answers]]") + 1 :]) == 7
        assert all(lines), "an empty line would end the question"


# ------------------------------------------------------------------------------------ the answers


def kobo(frame, path):
    frame.assign(start="2026-01-01", _uuid="x").to_csv(path, sep=";", index=False)


def odk_central(frame, path):
    page = {c: f"page_x-{c}" for c in INSTRUMENT.columns}
    frame.rename(columns=page).assign(KEY="uuid:1").to_csv(path, index=False)


def excel(frame, path):
    pytest.importorskip("openpyxl")
    frame.to_excel(path, index=False)


def as_qualtrics(frame, path, zeros):
    """Choices numbered from 1, or the codes 1 and 0 kept; three lines of header."""
    coded = frame.copy()
    for column, choices in INSTRUMENT.offered.items():
        values = [choice.value for choice in choices]
        if values and not (zeros and values == ["1", "0"]):
            coded[column] = coded[column].map({v: str(k) for k, v in enumerate(values, 1)})
    names = {"id": "ResponseId", "duration": "Duration (in seconds)"}
    coded = coded.rename(columns=names)
    head = pd.DataFrame(
        [["text"] * coded.shape[1], [f'{{"ImportId":"{c}"}}' for c in coded]],
        columns=coded.columns,
    )
    pd.concat([head, coded]).to_csv(path, index=False)


WAYS = {
    "kobo.csv": kobo,
    "odk.csv": odk_central,
    "kobo.xlsx": excel,
    "numbered.csv": lambda frame, path: as_qualtrics(frame, path, zeros=False),
    "recoded.csv": lambda frame, path: as_qualtrics(frame, path, zeros=True),
}


@pytest.mark.parametrize("name", WAYS)
def test_exports_come_back_as_they_were_answered(tmp_path, name):
    frame = simulated()
    refused = frame.assign(consent=["0"] + ["1"] * 59, age=["40", "17"] + ["33"] * 58)
    WAYS[name](refused, tmp_path / name)
    found = survey_of(tmp_path / name)
    expected = refused.iloc[2:].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


def test_answers_in_words_are_understood(tmp_path):
    frame, words = simulated(), simulated()
    for column, choices in INSTRUMENT.offered.items():
        labels = {choice.value: choice.label for choice in choices}
        words[column] = words[column].map(labels) if labels else words[column]
    words.to_csv(tmp_path / "words.csv", index=False)
    found = survey_of(tmp_path / "words.csv")
    pd.testing.assert_frame_equal(found, frame, check_dtype=False)


def test_exports_that_lack_columns_are_refused(tmp_path):
    simulated().drop(columns=["bond", "value_1"], errors="ignore").to_csv(tmp_path / "a.csv")
    with pytest.raises(DataError, match="no column value_1"):
        survey_of(tmp_path / "a.csv")


def test_exports_are_read_with_the_study_unchanged(tmp_path):
    frame, rng = simulated(400), np.random.default_rng(3)
    for scale in SCALES.values():
        own = rng.normal(size=400)
        for number, column in enumerate(scale.columns, 1):
            answer = np.clip(np.rint(4 + 1.3 * own + 0.6 * rng.normal(size=400)), 1, 7)
            frame[column] = (8 - answer if number in scale.reversed else answer).astype(int)
    frame.to_csv(tmp_path / "export.csv", index=False)
    folder = write_instrument(tmp_path / "study", answers=tmp_path / "export.csv")
    assert (folder / "study.toml").read_bytes() == (SHIPPED / "study.toml").read_bytes()
    survey = read_survey(folder)
    assert survey.n == 400 and not survey.warnings


def test_what_a_person_changed_is_not_written_over(tmp_path):
    folder = write_instrument(tmp_path / "mine")
    study = folder / "study.toml"
    study.write_text(study.read_text().replace("title = ", "title = 'Ours' # "))
    changed = study.read_bytes()
    with pytest.raises(InputError, match=r"study\.toml: is there already.*--force"):
        write_instrument(folder)
    assert study.read_bytes() == changed
    write_instrument(folder, force=True)
    assert study.read_bytes() != changed


def test_answers_in_its_columns_are_judged_by_the_shipped_study_unchanged(tmp_path):
    """Every claim of every set is judged on simulated answers exported under these names."""
    answered = pd.read_csv(shipped("data") / "full_simulated" / "survey.csv")
    export = answered.head(1200).assign(consent=1, customer=1)
    export.to_csv(tmp_path / "export.csv", index=False)
    folder = write_instrument(tmp_path / "mine", answers=tmp_path / "export.csv")
    assert (folder / "study.toml").read_bytes() == rendered(load_instrument())["study.toml"]
    verdicts = judge(read_survey(folder))
    assert set(verdicts["claim"]) == {
        claim.id for path in shipped_sets().values() for claim in read_claims(path).claims
    }
    assert "not testable" not in set(verdicts["verdict"])
