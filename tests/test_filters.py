"""A filter keeps the rows it says, and can neither run code nor hang."""

import numpy as np
import pandas as pd
import pytest

from loyalty_analysis.errors import DataError, StudyError
from loyalty_analysis.filters import LONGEST, filtered

ROWS = pd.DataFrame(
    {
        "age": [20, 30, 40.5, np.nan, 65],
        "country": ["US", "DE", None, "US", "a & b"],
        "two words": [1, 2, 3, 4, 5],
        "it's": [0, 0, 1, 1, 1],
        "member": [True, False, True, False, True],
        "perhaps": pd.Series([True, None, False, True, True], dtype=object),
        "µ": [1, 2, 3, 4, 5],
    }
)


def kept(where: str) -> list[int]:
    return list(filtered(ROWS, where, "survey.csv").index)


def refused(where: str) -> str:
    with pytest.raises(StudyError) as caught:
        filtered(ROWS, where, "survey.csv")
    assert str(caught.value).startswith("survey.csv: filter ")
    return str(caught.value)


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("age > 30", [2, 4]),
        ("18 <= age < 35", [0, 1]),
        ("age == age", [0, 1, 2, 4]),
        ("not age > 30", [0, 1, 3]),
        ("~(age > 30)", [0, 1, 3]),
        ("age > 25 and member", [2, 4]),
        ("age > 25 & member == True", [2, 4]),
        ("age < 25 | `two words` > 4", [0, 4]),
        ("country == 'US'", [0, 3]),
        ('"US" == country', [0, 3]),
        ("country != 'US'", [1, 2, 4]),
        ("country == 'a & b'", [4]),
        ("country in ['US', 'DE']", [0, 1, 3]),
        ("country not in ('US',)", [1, 2, 4]),
        ("age in [20, 65, -99]", [0, 4]),
        ("country > 'F'", [0, 3, 4]),
        ("member", [0, 2, 4]),
        ("perhaps == True", [0, 3, 4]),
        ("`it's` == 0", [0, 1]),
        ("`two words` % 2 == 0", [1, 3]),
        ("(age - 20) / 10 >= 1", [1, 2, 4]),
        ("-age > -25", [0]),
        ("age / 0 > 1", [0, 1, 2, 4]),
        ("µ > 3", [3, 4]),
        ("age\n> 30\nand member", [2, 4]),
        ("age < 1e999", [0, 1, 2, 4]),
        ("`two words` < 99999999999999999999", [0, 1, 2, 3, 4]),
        ("age.isna()", [3]),
        ("country.notna() and age.between(20, 30)", [0, 1]),
        ("country.isin(['DE'])", [1]),
        ("country.str.startswith('U')", [0, 3]),
        ("country.str.endswith('b')", [4]),
        ("country.str.contains('&')", [4]),
        ("country.str.contains('(a+)+$') or age > 60", [4]),
    ],
)
def test_a_filter_keeps_the_rows_it_says_yes_to(where: str, rows: list[int]) -> None:
    assert kept(where) == rows


@pytest.mark.parametrize(
    "where",
    [
        "age > 30",
        "country == 'US' and age > 10",
        "18 <= age < 35",
        "country in ['US']",
        "not member",
    ],
)
def test_pandas_keeps_the_same_rows(where: str) -> None:
    assert kept(where) == list(ROWS.query(where, engine="python").index)


@pytest.mark.parametrize("sign", ["==", "!=", "<", "<=", ">", ">="])
def test_a_missing_answer_says_no_except_to_unequal(sign: str) -> None:
    assert (3 in kept(f"age {sign} 30 or member")) == (sign == "!=")


@pytest.mark.parametrize(
    "where",
    [
        "age.to_csv('stolen.csv')", "country.map(print)", "age.__class__ == 1", "@pd.io",
        "lambda: 1",
        "__import__('os')", "print(age)", "[x for x in age]", "f'{age}' == '20'", "age[0] == 1",
        "age.isna().to_csv('x')", "country.str.replace('U', 'X') == 'X'", "(age := 3) > 1",
        "age if member else age", "age.str.contains('x')", "`two words`.values > 1", "await age",
    ],
)  # fmt: skip
def test_nothing_is_run_by_a_name_that_a_filter_gives(where: str, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused(where)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "where",
    [
        "age < 9**9**9", "2**99999999 > age", "age << 999999999 == 1",
        "'a' * 99999999999 == country",
        "('a' + 'b') * 9999999 == country", f"age > {'9' * 400}", f"age > {'9' * 5000}",
        "(" * 4900 + "age > 1" + ")" * 4900, "-" * 9900 + "1 < age", "not " * 2400 + "member",
        "age + " * 1600 + "1 > 2", "[" * 9000, "member and " * 900 + "x", "age > 1" * 9999,
    ],
)  # fmt: skip
def test_no_filter_hangs_or_exhausts_the_machine(where: str) -> None:
    assert len(refused(where)) < 800


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("agee > 30", ["no column is called 'agee'", "Did you mean 'age'?"]),
        ("`two word` > 1", ["no column is called 'two word'", "Did you mean 'two words'?"]),
        ("index > 1", ["no column is called 'index'"]),
        ("age >", ["invalid syntax", "Write a comparison"]),
        ("", ["Write a comparison"]),
        ("`age > 30", ["Write a comparison"]),
        ("age = 30", ["'=' compares nothing, '==' does"]),
        ("age > 30 # adults", ["a comment does not belong there"]),
        ("age > 30; age < 40", ["invalid syntax"]),
        ("age > '30'", ["compares texts with numbers"]),
        ("country > 3", ["compares texts with numbers"]),
        ("country + 1 > 3", ["only numbers can be calculated with"]),
        ("1 / 0 > age", ["division by zero"]),
        ("age ** 2 > 9", ["'age ** 2' is not understood", "Allowed are columns", "+ - * / %"]),
        ("`two words` ** 2 > 9", ["'two words ** 2' is not understood"]),
        ("age == None", ["'None' is not understood", ".isna()"]),
        ("age.sum() > 1", ["'.sum' is not understood here", ".isna()"]),
        ("age.between(1)", ["'.between' is not understood here"]),
        ("age in country", ["write what follows 'in' as a list"]),
        ("age in [country]", ["not columns"]),
        ("'US' in country", ["'US' is no column"]),
        ("3 in [3]", ["'3' is no column"]),
        ("age", ["does not say yes or no"]),
        ("1 < 2", ["does not say yes or no"]),
        ("perhaps", ["does not say yes or no"]),
        ("age > 1\x00", ["null bytes"]),
        ("age > 1" + " " * LONGEST, ["longer than 10,000 characters"]),
    ],
)
def test_a_filter_that_cannot_be_says_why_and_what_is_allowed(where: str, words: list[str]) -> None:
    message = refused(where)
    assert all(word in message for word in words), message


def test_a_filter_nobody_passes_is_refused() -> None:
    with pytest.raises(DataError, match=r"survey\.csv: filter 'age > 100' leaves no respondent"):
        kept("age > 100")
