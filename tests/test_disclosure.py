"""What a run would give away is found, what the suite itself shows is not."""

from __future__ import annotations

import base64
import html
import json
import shutil
import time
import urllib.parse
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from factory import answers, make

from loyalty_analysis.disclosure import disclosures, registered_secrets, weak_secrets
from loyalty_analysis.formats import read_file
from loyalty_analysis.raw_tables import Table
from loyalty_analysis.runs import Run
from loyalty_analysis.study import load_study
from loyalty_analysis.survey import Survey, read_survey

SECRET = "gk7&L/q 29\"x'é"
ITEMS = [name for name in answers(5).columns if name[:3] in ("aff", "nor", "for", "sat")]


def marked(n: int = 200) -> pd.DataFrame:
    """Answers with identifiers and comments, and an item that not everybody answered."""
    frame = answers(n, seed=3)
    frame["id"] = [f"PX{number:05d}Q" for number in range(n)]
    frame["comment"] = [f"My branch in street {number} was closed" for number in range(n)]
    frame.loc[::9, "sat1"] = -99
    return frame


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> tuple[Survey, Table]:
    """A survey and its data file as it was read."""
    design = {"design": {"respondent": "id", "groups": ["sector"]}, "model.controls": ["age"]}
    survey = read_survey(make(tmp_path_factory.mktemp("study"), design, marked()))
    return survey, read_file(survey.study.data, survey.study.path.parent)


def notebook(*outputs: Mapping[str, object], source: str = "show()") -> str:
    """A notebook of one cell without output and one with these outputs."""
    cells = [
        {"cell_type": "markdown", "source": ["# A title"], "metadata": {}},
        {"cell_type": "code", "source": [source], "metadata": {}, "outputs": list(outputs)},
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def printed(text: str) -> dict[str, object]:
    """Output of print."""
    return {"output_type": "stream", "name": "stdout", "text": text.splitlines(keepends=True)}


def displayed(page: str) -> dict[str, object]:
    """Output displayed as HTML."""
    return {"output_type": "display_data", "data": {"text/html": [page]}, "metadata": {}}


def searched(folder: Path, files: Mapping[str, str | bytes], *known: object) -> list[str]:
    """What is found in a folder of these files."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        raw = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(raw)
    secrets, survey, table = [*known, None, None, None][:3]
    return disclosures(folder, secrets or {}, survey, table)  # type: ignore[arg-type]


# Secrets


def coded(value: str, before: str) -> str:
    return base64.b64encode(f"{before}{value}".encode()).decode()


WAYS = {
    "plain": SECRET,
    "address": urllib.parse.quote(SECRET),
    "address without slash": urllib.parse.quote(SECRET, safe=""),
    "form": urllib.parse.quote_plus(SECRET),
    "html": html.escape(SECRET),
    "html text": html.escape(SECRET, quote=False),
    "json": json.dumps(SECRET),
    "json of json": json.dumps(json.dumps(SECRET)),
    **{f"base64 after {n}": coded(SECRET, "x" * n) for n in range(4)},
    "base64 for addresses": base64.urlsafe_b64encode(f"ab:{SECRET}".encode()).decode(),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("file", ["run.log", "index.html", "manifest.json", "figures/a.svg"])
def test_a_secret_is_found_in_every_way_of_writing_it(tmp_path: Path, way: str, file: str) -> None:
    found = searched(tmp_path, {file: f"first\nthen {WAYS[way]} there"}, {"PGPASSWORD": SECRET})
    assert len(found) == 1 and found[0].startswith(f"{file}, line 2: ")
    assert "PGPASSWORD" in found[0] and SECRET not in found[0]


def test_a_secret_is_found_in_every_part_of_a_notebook(tmp_path: Path) -> None:
    trace = {"output_type": "error", "ename": "E", "evalue": "", "traceback": [f"x\x1b[0m{SECRET}"]}
    book = json.loads(notebook(printed(f"a {SECRET}"), displayed(html.escape(SECRET)), trace))
    book["cells"][1]["source"] = [f"password = {SECRET!r}\n"]
    book["metadata"] = {"papermill": {"parameters": {"password": SECRET}}}
    found = searched(tmp_path, {"notebooks/a.ipynb": json.dumps(book)}, {"P": SECRET})
    places = {one.partition(":")[0] for one in found}
    cells = {"cell 2, line 1", *(f"cell 2, output {number}, line 1" for number in (1, 2))}
    expected = cells | {"cell 2, output 3, line 1", "metadata, line 1"}
    assert places == {f"notebooks/a.ipynb, {place}" for place in expected}


def test_a_secret_is_found_in_the_words_of_a_picture_but_not_in_its_pixels(tmp_path: Path) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")
        )

    begin, end = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(13)), chunk(b"IEND", b"")
    plain = begin + chunk(b"tEXt", b"Comment\0secret-value-1") + end
    packed = begin + chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"secret-value-1")) + end
    pixels = begin + chunk(b"IDAT", b"secret-value-1") + end
    files = {"a.png": plain, "b.png": packed, "c.png": pixels}
    found = searched(tmp_path, files, {"S": "secret-value-1"})
    assert [one.partition(",")[0] for one in found] == ["a.png", "b.png"]
    inside = base64.b64encode(plain).decode()
    page = {"d.html": f'<img src="data:image/png;base64,{inside}">'}
    assert len(searched(tmp_path, page, {"S": "secret-value-1"})) == 3


def test_short_secrets_count_as_words_of_their_own_and_shorter_ones_not_at_all(
    tmp_path: Path,
) -> None:
    files = {"a.txt": "xq7zb and abc", "b.txt": "user q7zb here"}
    assert searched(tmp_path, files, {"S": "q7zb", "T": "abc"}) == [
        "b.txt, line 1: holds the value of the secret S (as it is)."
    ]


def test_secrets_that_every_page_holds_are_named_to_their_owner(
    known: tuple[Survey, Table],
) -> None:
    study = known[0].study
    weak = weak_secrets(
        {"A": "abc", "B": "12345", "C": "commitment", "D": "q7zb", "E": "tiny"}, study
    )
    assert [one.partition(":")[0] for one in weak] == ["A", "B", "C", "E"]
    assert "12345" not in "".join(weak)


def test_secrets_are_those_of_the_address_of_alerts_and_those_named(tmp_path: Path) -> None:
    address = "postgresql://${PGUSER}:${SHOP_PASSWORD}@db.example.org/shop#answers"
    study = load_study(make(tmp_path, {"data": address}))
    environment = {
        "PGUSER": "ann", "SHOP_PASSWORD": "s3", "PGPASSWORD": "library", "OTHER": "token-1",
        "LOYALTY_SECRETS": "OTHER, NOT_SET,", "HOME": "/home/ann", "EMPTY": "",
        "LOYALTY_WEBHOOK": "https://hooks.example.org/services/T0/B0/abcdefghijklmnop",
        "LOYALTY_SMTP": "smtp://ann:p%40ss@mail.example.org:587",
    }  # fmt: skip
    found = registered_secrets(study, environment)
    assert set(found) == {
        "PGUSER", "SHOP_PASSWORD", "PGPASSWORD", "OTHER", "LOYALTY_WEBHOOK", "LOYALTY_SMTP",
        "the path in LOYALTY_WEBHOOK", "the password in LOYALTY_SMTP",
        "the written password in LOYALTY_SMTP",
    }  # fmt: skip
    assert found["the password in LOYALTY_SMTP"] == "p@ss"
    assert found["the path in LOYALTY_WEBHOOK"] == "abcdefghijklmnop"


# E-mail addresses


def test_addresses_are_found_unless_study_or_claims_show_them(tmp_path: Path) -> None:
    study = make(tmp_path / "study", {"title": "Asked by office@example.org"}, marked(60))
    survey = read_survey(study)
    text = "By office@example.org.\nOne is Ann.Smith+x@mail.example.com"
    found = searched(tmp_path / "run", {"a.txt": text}, {}, survey)
    assert found == ["a.txt, line 2: holds what looks like an e-mail address."]


@pytest.mark.parametrize(
    "text", ["@media print", "x@y", "a @ b.c", "X@beta.T", "${PGUSER}@db", "***@", "@", "a@1.2.3"]
)
def test_what_is_no_address_is_left_alone(tmp_path: Path, text: str) -> None:
    assert searched(tmp_path, {"a.txt": text}) == []


# Respondents

SHOWN = {
    "head": lambda f: printed(str(f.head(20))),
    "head, whole": lambda f: printed(f.head(20).to_string()),
    "all": lambda f: printed(str(f)),
    "html": lambda f: displayed(f.head().to_html()),
    "html, all": lambda f: displayed(f._repr_html_()),
    "preformatted": lambda f: displayed(f"<pre>{f.head(10).to_string()}</pre>"),
    "turned": lambda f: printed(f.head().T.to_string()),
    "turned html": lambda f: displayed(f.head().T.to_html()),
    "drawn": lambda f: printed(f[ITEMS[:4]].sample(20, random_state=1).to_string()),
    "two columns": lambda f: printed(f[ITEMS[:2]].head(20).to_string()),
    "one row": lambda f: printed(str(f.iloc[3])),
    "dictionary": lambda f: printed(str(f.iloc[5].to_dict())),
    "records": lambda f: printed(f.head(3).to_json(orient="records")),
    "columns": lambda f: printed(str(f[ITEMS[:4]].head(20).to_dict())),
    "lists": lambda f: printed(str(f[ITEMS[:4]].head(20).to_dict("list"))),
    "array": lambda f: printed(str(f[ITEMS].to_numpy()[:20])),
    "array as a list": lambda f: printed(str(f[ITEMS].head(9).to_numpy().tolist())),
    "csv": lambda f: printed(f.head(5).to_csv(index=False)),
    "bars": lambda f: printed(f.head(5).to_csv(index=False, sep="|")),
    "identifiers": lambda f: printed(str(f["id"].head(3).tolist())),
    "a comment": lambda f: printed(f"One said: {f['comment'][7]}!"),
    "a comment in html": lambda f: displayed(f"<p>{html.escape(f['comment'][7])}</p>"),
    "residuals": lambda f: printed(str(pd.Series(np.linspace(0, 1, len(f))))),
}


@pytest.mark.parametrize("way", SHOWN)
def test_respondents_are_recognised(tmp_path: Path, known: tuple[Survey, Table], way: str) -> None:
    frame = marked()
    if not way.startswith(("identifiers", "a comment")):
        frame = frame.drop(columns=["id", "comment"])
    found = searched(tmp_path, {"notebooks/a.ipynb": notebook(SHOWN[way](frame))}, {}, *known)
    assert found and all(one.startswith("notebooks/a.ipynb, cell 2, output 1") for one in found)
    assert not any(str(value) in one for one in found for value in frame.iloc[7, -2:])


def test_scores_of_respondents_are_recognised(tmp_path: Path, known: tuple[Survey, Table]) -> None:
    scores = known[0].frame
    assert scores is not None
    shown = notebook(printed(str(scores.drop(columns=["id"]).head(8))))
    assert searched(tmp_path, {"a.ipynb": shown}, {}, known[0])


def test_a_file_of_respondents_is_recognised(tmp_path: Path, known: tuple[Survey, Table]) -> None:
    rng = np.random.default_rng(2)
    fitted = pd.DataFrame(
        {"fitted": rng.normal(size=known[0].n), "h": rng.uniform(size=known[0].n)}
    )
    files = {"results/fitted.csv": fitted.to_csv(index=False)}
    assert searched(tmp_path, files, {}, *known) == [
        "results/fitted.csv: shows a table with one row per respondent."
    ]


SUMMARIES = {
    "described": lambda f: f.describe(),
    "described, turned": lambda f: f.describe().T,
    "described, few columns": lambda f: f[ITEMS[:4]].describe(),
    "means": lambda f: f[ITEMS].mean(),
    "medians": lambda f: f[ITEMS].median(),
    "medians by group": lambda f: f.groupby("industry")[ITEMS].median(),
    "correlations": lambda f: f[ITEMS].corr(),
    "counts": lambda f: f["aff1"].value_counts(),
    "counts by item": lambda f: f[ITEMS].apply(pd.Series.value_counts),
    "ends": lambda f: f[ITEMS].agg(["min", "max"]).T,
    "missing": lambda f: f.isna().sum(),
    "crossed": lambda f: pd.crosstab(f["aff1"], f["aff2"]),
    "quantiles": lambda f: f[ITEMS].quantile([0.1, 0.25, 0.5, 0.75, 0.9]),
    "kinds": lambda f: f.dtypes,
}


@pytest.mark.parametrize("way", SUMMARIES)
def test_summaries_are_no_respondents(
    tmp_path: Path, known: tuple[Survey, Table], way: str
) -> None:
    summary = SUMMARIES[way](marked().drop(columns=["id", "comment"]))
    page = summary.to_frame().to_html() if isinstance(summary, pd.Series) else summary.to_html()
    shown = notebook(printed(summary.to_string()), displayed(page))
    assert searched(tmp_path, {"a.ipynb": shown}, {}, *known) == []


def test_a_report_of_the_suite_gives_nothing_away(tmp_path: Path, rice_report: Run) -> None:
    """A whole report; and the same with one notebook that shows some respondents."""
    survey = read_survey("rice_simulated")
    table = read_file(survey.study.data, survey.study.path.parent)
    began = time.process_time()
    assert disclosures(rice_report.folder, {"S": SECRET}, survey, table) == []
    assert time.process_time() - began < 10
    folder = tmp_path / "run"
    shutil.copytree(rice_report.folder, folder)
    shown = notebook(displayed(table.frame.head(6).to_html()))
    found = searched(folder, {"notebooks/a.ipynb": shown}, {}, survey, table)
    assert len(found) == 1 and found[0].startswith("notebooks/a.ipynb, cell 2, output 1")


def test_a_study_known_by_its_moments_has_nobody_to_recognise(tmp_path: Path) -> None:
    survey = read_survey("bank_customers")
    files = {"a.txt": "1 2 3 4\nann@example.org", "b.csv": "a,b\n1,2\n"}
    assert len(searched(tmp_path, files, {}, survey)) == 1


# Hostile files


@pytest.mark.parametrize(
    "text",
    ["a" * 500_000,
     "@" * 200_000, "<" * 300_000, "<table" * 60_000, "1 " * 300_000, "a:[" * 150_000,
     "aff1" + " " * 300_000, "'" * 300_000, "<tr><td>" * 60_000, "a@a." * 100_000, "<pre>" * 60_000,
     "aff1 aff2\n" * 30_000, "aff1: 4 " * 50_000, "base64," * 60_000],
    ids=lambda text: text[:8],
)  # fmt: skip
def test_no_text_takes_long(tmp_path: Path, known: tuple[Survey, Table], text: str) -> None:
    began = time.process_time()
    searched(tmp_path, {"a.html": text, "b.txt": text, "c.csv": text}, {"S": SECRET}, *known)
    assert time.process_time() - began < 20


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"cells": 4}', '{"cells": [1]}', "[" * 9000])
def test_a_damaged_notebook_is_read_as_text(tmp_path: Path, text: str) -> None:
    found = searched(tmp_path, {"a.ipynb": f"{text} gk7-Lq29"}, {"S": "gk7-Lq29"})
    assert len(found) == 1


def test_what_cannot_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("x")

    def barred(_: Path) -> bytes:
        raise PermissionError

    monkeypatch.setattr(Path, "read_bytes", barred)
    assert disclosures(tmp_path, {}, None) == [
        "a.txt: cannot be read, so nobody knows what it holds."
    ]
