"""Bad input, one case each: what is wrong, how to make it, and the words the message must hold.

``test_hostile.py`` runs every case through the command line; ``python tests/make_readme.py`` writes
the messages down in ``tests/README.md``. Both read this list, so that they cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from factory import REMOVE, answers, make

TWO_WAVES = pd.concat([answers(), answers(seed=2)], ignore_index=True)
MOMENTS = """\
variable,n,mean,sd,affective,satisfaction,repurchase
affective,200,4.1,1.2,1,,
satisfaction,200,4.9,1.1,.6,1,
repurchase,200,4.5,1.4,.4,.5,1
"""
PRINTED: dict[str, Any] = {
    "data": "moments.csv",
    "constructs": {"affective": {}, "satisfaction": {}, "repurchase": {}},
    "model": {"drivers": ["affective"], "mediator": "satisfaction", "outcomes": {"repurchase": "intention"}},
    "paths": REMOVE,
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One bad input.

    ``edit`` changes the files of a sound study in a folder; ``arguments`` follow the study on the
    command line; ``words`` must be in the message. ``study`` replaces the path of the study.
    """

    name: str
    words: Sequence[str]
    changes: dict[str, Any] = field(default_factory=dict)
    frame: Callable[[], pd.DataFrame] = answers
    edit: Callable[[Path], object] = lambda folder: None
    arguments: Sequence[str] = ()
    study: str = "shop"
    claims: Sequence[dict[str, Any]] = ({},)

    def command(self, folder: Path) -> list[str]:
        """Write the files into ``folder/shop`` and return the arguments behind the verb."""
        make(folder / "shop", self.changes, self.frame(), self.claims)
        self.edit(folder / "shop")
        return [str(folder / self.study), *self.arguments]


def edited(**columns: Any) -> Callable[[], pd.DataFrame]:
    """Answers with columns replaced; a function of the answers is applied to them."""
    return lambda: answers().assign(**columns)


def first(column: str, *values: object) -> Callable[[], pd.DataFrame]:
    """Answers whose first rows hold other values in one column."""

    def frame() -> pd.DataFrame:
        table = answers().astype({column: object})
        table.loc[: len(values) - 1, column] = pd.Series(values, dtype=object)
        return table

    return frame


def text(name: str, content: str | bytes) -> Callable[[Path], object]:
    """Write a file of the study anew."""
    stored = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / name).write_bytes(stored)


def replaced(name: str, old: str, new: str) -> Callable[[Path], object]:
    """Change words in a file of the study."""

    def edit(folder: Path) -> None:
        content = (folder / name).read_text(encoding="utf-8")
        assert old in content
        (folder / name).write_text(content.replace(old, new, 1), encoding="utf-8")

    return edit


def moments(old: str = "", new: str = "") -> Callable[[Path], object]:
    """Write a table of moments with one thing changed."""
    assert old in MOMENTS
    return text("moments.csv", MOMENTS.replace(old, new, 1))


def _blank(*columns: str) -> Callable[[], pd.DataFrame]:
    return lambda: answers().assign(**dict.fromkeys(columns, np.nan))


def _asked_two_of_three() -> pd.DataFrame:
    """Each respondent was asked two of the three items, one of which runs the other way."""
    frame = answers().assign(aff3=lambda d: 8 - d["aff3"])
    left_out = [f"aff{number % 3 + 1}" for number in range(len(frame))]
    for row, item in enumerate(left_out):
        frame.loc[row, item] = np.nan
    return frame


def _several() -> pd.DataFrame:
    frame = answers().drop(columns="nor1")
    return frame.assign(aff1=frame["aff1"].replace(7, 77), sea1=4, w=0, rep1="often")


STUDY_FILE = [
    Case("no such study", ["no such study", "shipped study"], study="shp"),
    Case("a study with a name too long for a file", ["no such study file or folder"], study="x" * 300),
    Case("a folder without study.toml", ["the folder holds no study.toml"], edit=lambda f: (f / "study.toml").unlink()),
    Case("an empty study file", ["6 problems", "'title' is missing", "'model' is missing"], edit=text("study.toml", "")),
    Case("not TOML", ["not valid TOML", "line 1"], edit=text("study.toml", "title = \n")),
    Case("not UTF-8", ["not UTF-8", "Save the file as UTF-8"], edit=text("study.toml", "title = 'Läden'".encode("latin-1"))),
    Case("binary", ["not UTF-8"], edit=text("study.toml", bytes(range(256)))),
    Case("unknown key", ["unknown key 'model.driver'", "Did you mean 'drivers'?"], {"model.driver": ["affective"]}),
    Case("unknown table", ["unknown key 'modle'", "Did you mean 'model'?"], {"modle": {"drivers": []}}),
    Case("a key that reports do not have", ["unknown key 'reports.fit'", "Allowed: block_on_gates, keep, min_size"], {"reports": {"fit": 1}}),
    Case("a further model with an outcome of nobody", ["models.x.outcomes: 'lo' is not an outcome of [model]"], {"models.x": {"drivers": ["forced"], "outcomes": ["lo"]}}),
    Case("a further model without equations", ["models.x: holds no equation", "Give drivers or paths"], {"models.x": {}}),
    Case("levels of a scale without cuts", ["levels.measure: 'forced' has 3 items", "Give cuts"], {"levels": {"measure": "forced"}}),
    Case("cuts of levels out of order", ["levels.cuts: 5 levels need 4 cuts, each above the last; found 2, 5, 3, 6"], {"levels": {"measure": "forced", "cuts": [2, 5, 3, 6]}}),
    Case("types made from an outcome", ["types.attitude: 'advocacy' is an outcome of the types", "An outcome may not be part of the typing"], {"types": {"attitude": "advocacy", "patronage": "normative", "attitude_cut": 4, "patronage_cut": 4}}),
    Case("a cut that leaves everybody on one side", ["types.patronage_cut = 9", "1 to 7", "Name a score between"], {"types": {"attitude": "affective", "patronage": "normative", "attitude_cut": 4, "patronage_cut": 9}}),
    Case("a treatment that stands in no equation", ["experiment.treatment: 'shown' stands in no equation", "Add it to model.moderators"], {"experiment": {"treatment": "shown"}}),
    Case("a treatment with one arm", ["shown"], {"model.moderators": ["shown"], "experiment": {"treatment": "shown"}}, edited(shown=1)),
    Case("a limit that no HTMT can pass", ["'gates.htmt' must be less than or equal to 1; found 9"], arguments=["--set", "gates.htmt=9"]),
    Case("an unknown gate", ["'gates.warn.0' must be 'reliability', 'htmt', 'invariance' or 'admissible'", "found 'alpha'"], {"gates.warn": ["alpha"]}),
    Case("an unknown rule of exclusion", ["'quality.exclude.0' must be 'straight_lining' or 'too_fast'", "found 'careless'"], {"quality.exclude": ["careless"]}),
    Case("too fast, without answer times", ["quality.exclude: 'too_fast' needs answer times", "Name their column as quality.seconds"], {"quality.exclude": ["too_fast"]}),
    Case("a weight for an answer time", ["quality.seconds: 'w' is already design.weight"], {"design.weight": "w", "quality.seconds": "w"}),
    Case("a marker that is a driver", ["quality.marker: 'affective' stands in the equations", "nothing to do with the model"], {"quality.marker": "affective"}),
    Case("a marker that is an item", ["quality.marker: 'aff1' is an item of 'affective'"], {"quality.marker": "aff1"}),
    Case("a key of the wrong type", ['must be a list, such as ["a", "b"]', "found 'affective'"], {"model.drivers": "affective"}),
    Case("unknown kind of outcome", ["model.outcomes.search", "'leaving'"], {"model.outcomes.search": "quitting"}),
    Case("a driver that is no construct", ["model.drivers: 'afective'", "Did you mean 'affective'?"], {"model.drivers": ["afective"]}),
    Case("item listed twice", ["item 'aff1' is listed twice: affective and normative"], {"constructs.normative.items": ["aff1", "nor2"]}),
    Case("item twice in one construct", ["item 'aff1' is listed twice: affective and affective"], {"constructs.affective.items": ["aff1", "aff1"]}),
    Case("reversed item of another construct", ["'nor1' is not an item of it"], {"constructs.affective.reversed": ["nor1"]}),
    Case("scale upside down", ["min 7 is not below max 1"], {"scale.min": 7, "scale.max": 1}),
    Case("no scale", ["no scale for 'affective', 'normative'", "give min and max"], {"scale": REMOVE}),
    Case("a construct without a name", ["'constructs.'", "must be text, not blank"], {"constructs": {"": {}}}),
    Case("a name with a line break", ["'model.mediator'", "without control characters", r"found 'satis\nfaction'"], {"model.mediator": "satis\nfaction"}),
    Case("a construct that reads as a product", ["'age:gender' may not hold ':'", "Rename it"], {"constructs": {"age:gender": {}}}),
    Case("a whole number of 400 digits", ["beyond 64 bits"], edit=replaced("study.toml", '"min" = 1', f'"min" = {"9" * 400}')),
    Case("a scale that no computer can hold", ["sizes up to 1e+50 can be calculated with"], {"scale.max": 1e308}),
    Case("a setting that holds too much", ["setting 'scale.min=999", "beyond 64 bits"], arguments=["--set", f"scale.min={'9' * 400}"]),
    Case("a setting that is none", ["'nonsense'", "table.key=value"], arguments=["--set", "nonsense"]),
    Case("unknown claim set", ["riuals", "Did you mean 'rivals'?"], {"claims": ["riuals"]}),
    Case("claim file is not TOML", ["own.toml", "not valid TOML"], edit=text("own.toml", "[[claim]")),
    Case("claim with an unknown estimand", ["own.toml", "estimand"], claims=[{"estimand": "magic"}]),
]  # fmt: skip

DATA_FILE = [
    Case("no such data file", ["survey.csv: cannot be read"], edit=lambda f: (f / "survey.csv").unlink()),
    Case("the data are a folder", ["cannot be read"], {"data": "answers.csv"}, edit=lambda f: (f / "answers.csv").mkdir()),
    Case("another kind of file", ["'.ods' are not read by this version", ".csv"], {"data": "survey.ods"}),
    Case("an empty file", ["survey.csv: is empty", "one row per respondent"], edit=text("survey.csv", "")),
    Case("a header alone", ["a header but no respondent"], frame=lambda: answers()[:0]),
    Case("wrong encoding (Latin-1)", ["not UTF-8", "Save the file"], edit=text("survey.csv", "id,straße\n1,süd\n".encode("latin-1"))),
    Case("wrong encoding (UTF-16)", ["not UTF-8"], edit=text("survey.csv", "id,aff1\n1,2\n".encode("utf-16"))),
    Case("a spreadsheet called .csv", ["not UTF-8"], edit=text("survey.csv", b"PK\x03\x04\x14\x00\x06\x00\x08\x00\xe1\xf2")),
    Case("duplicate headers", ["the header repeats aff2", "Rename"], edit=replaced("survey.csv", "aff1", "aff2")),
    Case("semicolons between columns", ["separated by semicolons", "commas"], edit=text("survey.csv", "id;aff1\n1;2\n")),
    Case("semicolons and decimal commas", ["separated by semicolons", "points in decimal numbers"], edit=text("survey.csv", "id;aff1\n1;2,5\n2;3,5\n")),
    Case("rows longer than the header", ["more fields than the 2"], edit=text("survey.csv", "a,b\n1,2,3\n4,5,6\n")),
    Case("a quote that never closes", ["not a readable CSV", "in quotes"], edit=text("survey.csv", 'a,b\n"1,2\n')),
]  # fmt: skip

ANSWERS = [
    Case("unknown column", ["column 'aff1' (an item of affective) is missing", "Did you mean 'aff_1'?"], frame=lambda: answers().rename(columns={"aff1": "aff_1"})),
    Case("answers off the scale", ["column 'aff1' holds 9 (2 times), 0 (once)", "outside the scale 1 to 7", "Declare the code in 'missing'"], frame=first("aff1", 9, 9, 0)),
    Case("constant item", ["column 'aff1' holds 4 only", "an item must vary"], frame=edited(aff1=4)),
    Case("text among the answers", ["column 'aff1' holds text in 2 rows (data rows 1, 2: 'n.a.')", "numbers"], frame=first("aff1", "agree", "n.a.")),
    Case("decimal commas", ["holds text", "'4,5'"], frame=first("aff1", "4,5")),
    Case("an infinite answer", ["column 'aff1' holds inf"], frame=first("aff1", np.inf)),
    Case("a number of 400 digits", ["column 'aff1' holds"], frame=first("aff1", "9" * 400)),
    Case("an item without answers", ["column 'aff1' (of affective) holds no answer at all"], frame=_blank("aff1")),
    Case("a construct without answers", ["columns 'aff1' and 'aff2' and 'aff3' (all items of affective) hold no answer"], frame=_blank("aff1", "aff2", "aff3")),
    Case("an item reversed and not declared", ["items of 'forced' run against the others: 'for3' (item-rest correlation -0.", "constructs.forced.reversed"], {"constructs.forced.reversed": REMOVE}),
    Case("an item declared reversed that is not", ["'aff1' (declared reversed; item-rest", "must list exactly"], {"constructs.affective.reversed": ["aff1"]}),
    Case("problems in the answers and in the claims", ["survey.csv: column 'aff1' holds 4 only", "own.toml: C1: unknown estimand 'magic'"], frame=edited(aff1=4), claims=[{"estimand": "magic"}]),
    Case("a reversed item among items that not everybody was asked", ["items of 'affective' run against the others: 'aff3'"], {"scale.min_items": 1}, _asked_two_of_three),
    Case("several problems at once", ["5 problems", "1. column 'nor1'", "5. weight"], {"design.weight": "w"}, _several),
]  # fmt: skip

DESIGN = [
    Case("repeated respondents", ["column 'id' repeats 120 times (data rows 121, 122, 123, …)", "design.wave"], {"design.respondent": "id"}, lambda: TWO_WAVES),
    Case("weights that are not positive", ["weight column 'w' holds what is no weight in 2 rows (data rows 1, 2: '0', '-1')", "positive"], {"design.weight": "w"}, first("w", 0, -1)),
    Case("text among the weights", ["weight column 'w' holds what is no weight in 1 row (data row 1)"], {"design.weight": "w"}, first("w", "heavy")),
    Case("a weight that outweighs all others", ["the sample counts as 1.0 respondents (Kish's effective number)", "trim the weights"], {"design.weight": "w"}, first("w", 1e8)),
    Case("a column of answer times that is not there", ["column 'seconds' (quality.seconds) is missing", "Did you mean 'second'?"], {"quality.seconds": "seconds"}, edited(second=60)),
    Case("text among the answer times", ["column 'seconds' (quality.seconds) holds what is no answer time in 2 rows (data rows 1, 2: 'n.a.')", "leave them empty"], {"quality.seconds": "seconds"}, lambda: first("age", "quick", "n.a.")().rename(columns={"age": "seconds"})),
    Case("answer times below zero", ["(data row 1: '-99')", "answer times are seconds, 0 or more"], {"quality.seconds": "seconds"}, lambda: first("age", -99)().rename(columns={"age": "seconds"})),
    Case("text in a marker", ["column 'gender' (quality.marker) holds what is no answer in 120 rows", "answers must be numbers"], {"quality.marker": "gender"}),
    Case("a marker that everyone answers alike", ["quality.marker: 'colour' is the same for everyone"], {"quality.marker": "colour"}, edited(colour=4)),
    Case("everybody left out as too fast", ["no respondent is complete", "The costliest is 'too_fast excluded'"], {"quality": {"seconds": "seconds", "exclude": ["too_fast"]}}, edited(seconds=5)),
    Case("one cluster only", ["'industry' holds one cluster only"], {"design.cluster": "industry"}, edited(industry="x")),
    Case("text in a numeric control", ["column 'age' (model.controls) holds text in 1 row (data row 1: 'unknown')", "Leave these cells empty"], {"model.controls": ["age"]}, first("age", "unknown")),
    Case("a control in an impossible unit", ["column 'age' runs from", "to 1e+200", "Change its unit"], {"model.controls": ["age"]}, first("age", 1e200)),
    Case("a control that hardly varies", ["age varies so little beside its mean", "Subtract a constant"], {"model.controls": ["age"]}, edited(age=1e16 + 2.0 * answers()["shown"])),
    Case("a column called like a category", ["column 'gender[male]'", "a category of 'gender'"], {"model.controls": ["gender", "gender[male]"]}, lambda: answers().assign(**{"gender[male]": answers()["age"]})),
    Case("free text as a control", ["'gender' (model.controls) holds 120 different texts", "at most 50"], {"model.controls": ["gender"]}, edited(gender=[f"me {i}" for i in range(120)])),
    Case("a control that does not vary", ["'gender' is x for everyone"], {"model.controls": ["gender"]}, edited(gender="x")),
    Case("a moderator with many levels", ["'gender' has 3 levels", "two levels"], {"model.moderators": ["gender"]}),
    Case("fewer rows than parameters", ["12 respondents for 13 parameters", "Use fewer terms"], {"model.controls": ["age", "w", "shown", *(f"x{i}" for i in range(5))]}, lambda: answers(12).assign(**{f"x{i}": np.random.default_rng(i).normal(size=12) for i in range(5)})),
    Case("fewer than ten respondents", ["fewer than 10 respondents are complete", "least that is analysed"], frame=lambda: answers(9)),
    Case("no respondent complete", ["no respondent is complete", "costliest is 'age missing'"], {"model.controls": ["age"]}, lambda: answers().assign(age=np.where(np.arange(120) < 50, np.arange(120), np.nan), aff1=lambda d: d["aff1"].where(d.index >= 50))),
    Case("perfectly collinear drivers", ["affective, normative are collinear", "take one of them out"], frame=lambda: answers().assign(nor1=lambda d: d["aff1"], nor2=lambda d: d["aff2"], nor3=lambda d: d["aff3"])),
    Case("a filter on an unknown column", ["no column is called 'agee'", "Did you mean 'age'?"], arguments=["--where", "agee > 30"]),
    Case("a filter that compares texts with numbers", ["'gender' is of texts, 1 of numbers", "Put texts in quotes"], arguments=["--where", "gender != 1"]),
    Case("a filter that cannot be read", ["cannot be applied", "Write a comparison"], arguments=["--where", "age >"]),
    Case("a filter that runs code", ["'.to_csv' is not understood here", "Allowed are columns"], arguments=["--where", "age.to_csv('x')"]),
    Case("a filter that would never end", ["'9 ** 9 ** 9' is not understood", "Allowed are columns"], arguments=["--where", "age < 9**9**9"]),
    Case("a filter of thousands of brackets", ["longer than 10,000 characters"], arguments=["--where", f"{'(' * 5000}age > 3{')' * 5000}"]),
    Case("a filter nobody passes", ["leaves no respondent"], arguments=["--where", "age > 1000"]),
    Case("a group in a contrast that is no column", ["column 'sectr' (design.groups) is missing", "Did you mean 'sector'?"], {"design.groups": ["sectr"]}),
]  # fmt: skip

PUBLISHED = [
    Case("a correlation beyond 1", ["the correlation of satisfaction and affective is 1.6"], PRINTED, edit=moments(".6", "1.6")),
    Case("an impossible correlation table", ["no data can have these correlations together"], PRINTED, edit=moments(".6,1,\nrepurchase,200,4.5,1.4,.4,.5", ".9,1,\nrepurchase,200,4.5,1.4,.9,-.9")),
    Case("an SD that is not positive", ["sd of satisfaction is not positive"], PRINTED, edit=moments("1.1", "0")),
    Case("an SD in an impossible unit", ["mean or sd of satisfaction cannot be calculated with", "Change its unit"], PRINTED, edit=moments("1.1", "1e200")),
    Case("a mean off the scale", ["the mean of satisfaction is 49, outside the scale 1 to 7"], PRINTED, edit=moments("4.9", "49")),
    Case("an SD beyond what the scale allows", ["the sd of satisfaction is 11", "at most"], PRINTED, edit=moments("1.1", "11")),
    Case("unequal n", ["n must be one whole number"], PRINTED, edit=moments("repurchase,200", "repurchase,150")),
    Case("text for a number", ["column 'mean' of satisfaction holds 'high' where a number belongs"], PRINTED, edit=moments("4.9", "high")),
    Case("decimal commas in a table", ["points in decimal numbers"], PRINTED, edit=moments("4.9", "4,9")),
    Case("a variable that is missing", ["'repurchase' (of repurchase) is not among"], PRINTED, edit=text("moments.csv", "".join(line.removesuffix(",repurchase").removesuffix(",") + "\n" for line in MOMENTS.splitlines()[:3]))),
    Case("exclusions without respondents", ["quality.exclude: needs respondents"], {**PRINTED, "quality": {"exclude": ["straight_lining"]}}, edit=moments()),
    Case("a filter without respondents", ["needs respondents"], PRINTED, edit=moments(), arguments=["--where", "age > 3"]),
    Case("variables that say the same", ["are collinear"], {**PRINTED, "model": {"drivers": ["affective", "satisfaction"], "outcomes": {"repurchase": "intention"}}}, edit=moments(".6,1,\nrepurchase,200,4.5,1.4,.4,.5", "1,1,\nrepurchase,200,4.5,1.4,.4,.4")),
]  # fmt: skip


def _unclosed(path: Path) -> None:
    """Open a quotation mark in one row and close it in the next but one."""
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[3] = lines[3].removesuffix("x") + '"x'
    lines[5] += '"'
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _lonely() -> pd.DataFrame:
    """An item that has nothing to do with the others, and by chance runs slightly against them."""
    frame = answers()
    others = frame["aff1"] + frame["aff2"]
    draws = (np.random.default_rng(seed).permutation(frame["aff3"]) for seed in range(100))
    return frame.assign(aff3=next(d for d in draws if -0.12 < np.corrcoef(d, others)[0, 1] < -0.05))


DOUBTS = [
    Case("a quotation mark that closes too late", ["column 'note' holds 2 lines that look like rows of the file, first in data row 3"], frame=edited(note="x"), edit=lambda f: _unclosed(f / "survey.csv")),
    Case("a country called NA in a filter", ["column 'gender' holds 'NA' in 2 rows, read as missing"], frame=first("gender", "NA", "NA"), arguments=["--where", "gender != 'male'"]),
    Case("an item that hardly goes with the others", ["item 'aff3' of 'affective' hardly goes with the others (item-rest correlation -0."], frame=_lonely),
    Case("a missing code in a control", ["column 'age' (model.controls) holds -99 in 1 row", "Leave these cells empty"], {"model.controls": ["age"]}, first("age", -99)),
    Case("a country called NA", ["column 'gender' holds 'NA' in 2 rows, read as missing"], {"model.controls": ["gender"]}, first("gender", "NA", "NA")),
    Case("a missing code in a marker", ["column 'age' (quality.marker) holds -99 in 1 row", "Leave these cells empty"], {"quality.marker": "age"}, first("age", -99)),
    Case("an outcome answered like a driver", ["search is an exact combination of usability"], {"model": {"drivers": ["usability"], "outcomes": {"search": "leaving"}}, "paths": REMOVE}, edited(sea1=answers()["usability"])),
    Case("a value of a contrast that nobody has", ["nobody analysed has 'service'", "Did you mean 'services'?"], {"design.groups": ["sector"], "contrasts.sector": {"a": "goods", "b": "service"}}),
    Case("a claim that misspells a construct", ["claim C1 names 'afective'", "Did you mean 'affective'?"], claims=[{"term": "afective"}]),
]  # fmt: skip
"""Allowed, but warned of by ``loyalty check``."""

CASES = {
    "The study file": STUDY_FILE,
    "The data file": DATA_FILE,
    "The answers": ANSWERS,
    "Design and model": DESIGN,
    "Published moments": PUBLISHED,
}
