"""Files are read as they are, or refused with the reason."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from loyalty_analysis.errors import DataError
from loyalty_analysis.formats import read_file
from loyalty_analysis.moments import Moments
from loyalty_analysis.readers import read_moments

TABLE = "variable,n,mean,sd,x,y\nx,50,1,2,1,\ny,50,3,4,.5,1\n"


def stored(folder: Path, content: str | bytes, name: str = "survey.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        ("a,b\n1,x\n", {"a": [1], "b": ["x"]}),
        ("\ufeffa,b\n1,x\n", {"a": [1], "b": ["x"]}),
        ("\na,b\n\n1,x\n\n", {"a": [1], "b": ["x"]}),
        ("a,b\r\n1,x\r\n", {"a": [1], "b": ["x"]}),
        ('"a","b"\n1,"x,\ny"\n', {"a": [1], "b": ["x,\ny"]}),
        ("a,b\n1,x,\n2,y,\n", {"a": [1, 2], "b": ["x", "y"]}),  # a separator ends every row
        ("a;b\n1;x\n", {"a": [1], "b": ["x"]}),
        ("a\tb\n1,5\tx\n", {"a": [1.5], "b": ["x"]}),
        ('a,b,"Which; of; these; four"\n1,x,y\n', {"a": [1], "b": ["x"]}),
        ("a,b,,\n1,x,,\n", {"a": [1], "b": ["x"]}),  # empty columns without a name
    ],
)
def test_a_table_is_read_as_stored(tmp_path, content, columns):
    frame = read_file(stored(tmp_path, content)).frame
    assert frame[["a", "b"]].to_dict("list") == columns
    assert frame.index.equals(pd.RangeIndex(len(frame)))


def test_an_empty_cell_is_missing(tmp_path):
    frame = read_file(stored(tmp_path, "a,b\n1\n2,3\n")).frame
    assert np.isnan(frame["b"][0]) and frame["b"][1] == 3


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["is empty", "header"]),
        ("\n\n", ["is empty", "header"]),
        ("a,b\n", ["holds a header but no respondent"]),
        ("a,b,a\n1,2,3\n", ["the header repeats a", "Rename"]),
        ('"a","b","a"\n1,2,3\n', ["the header repeats a"]),
        ("a,b\n1,2,5\n3,4,6\n", ["more fields than the 2", "Name every column"]),
        ("a,b\n1,2\n3,4,5\n", ["not a readable CSV", "line 3"]),
        ('a,b\n"1,2\n3,4\n', ["not a readable CSV"]),
        ("a,b\n1,2\n".encode("utf-16-le"), ["not UTF-8"]),
        ("a,b\né,2\n".encode() + b"\xe9,3\n", ["not UTF-8", "two encodings are mixed"]),
        ("a,b\n1,é".encode()[:-1], ["ends within a letter", "cut off"]),
        (b"PK\x03\x04\x00", ["an Excel workbook", "not UTF-8", "end in .xlsx"]),
        (bytes(range(256)) * 4, ["not UTF-8"]),
    ],
)
def test_a_hostile_table_is_refused(tmp_path, content, words):
    path = stored(tmp_path, content)
    with pytest.raises(DataError) as caught:
        read_file(path)
    assert str(path) in str(caught.value)
    assert all(word in str(caught.value) for word in words), caught.value


def test_what_is_no_csv_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_file(tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        read_file(tmp_path / "folder.csv")
    with pytest.raises(DataError, match=r"'.ods' are not read by this version"):
        read_file(stored(tmp_path, "x", "survey.ods"))
    assert len(read_file(stored(tmp_path, "a\n1\n", "SURVEY.CSV")).frame) == 1


def test_a_printed_table_becomes_moments(tmp_path):
    moments = read_moments(stored(tmp_path, "# Table 2\n" + TABLE))
    assert moments.columns == ("x", "y") and moments.n == 50
    np.testing.assert_allclose(moments.mean, [1, 3])
    np.testing.assert_allclose(moments.sd, [2, 4])
    np.testing.assert_allclose(moments.covariance, [[4, 4], [4, 16]])


@pytest.mark.parametrize(
    "rows",
    [
        "x,50,1,2,1,.5\ny,50,3,4,.5,1\n",  # the whole table
        "x,50,1,2,1,.5\ny,50,3,4,,1\n",  # its upper triangle
        "x,50,1,2,,\ny,50,3,4,.5,\n",  # an empty diagonal
    ],
)
def test_a_correlation_may_be_typed_above_below_or_twice(tmp_path, rows):
    table = read_moments(stored(tmp_path, "variable,n,mean,sd,x,y\n" + rows))
    np.testing.assert_allclose(table.correlation, [[1, 0.5], [0.5, 1]])


def test_moments_typed_from_rows_are_those_of_the_rows(tmp_path):
    frame = pd.DataFrame(np.random.default_rng(2).normal(3, 2, (40, 3)), columns=list("abc"))
    typed = frame.agg(["mean", "std"]).T.set_axis(["mean", "sd"], axis=1)
    typed.insert(0, "n", 40)
    typed.join(frame.corr()).to_csv(tmp_path / "moments.csv", index_label="variable")
    found, direct = read_moments(tmp_path / "moments.csv"), Moments.from_frame(frame)
    np.testing.assert_allclose(found.cross, direct.cross, rtol=1e-12)
    np.testing.assert_allclose(found.mean, direct.mean, rtol=1e-12)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["not a readable moments table"]),
        ("variable,n,mean,sd\n", ["n must be one whole number"]),
        (TABLE.replace("sd", "std"), ["column sd is missing"]),
        (TABLE.replace("x,y", "y,x"), ["in the order of the rows: x, y", "1 is y in the header"]),
        (TABLE.replace("sd,x,y", "sd,x"), ["more fields than the header names"]),
        (TABLE.replace("x,y\n", "x,y,z\n"), ["3 is z in the header and nothing in the rows"]),
        (TABLE.replace("mean,sd", "sd,mean"), ["Begin with variable, n, mean, sd."]),
        (TABLE.replace(",", ";"), ["separated by semicolons"]),
        (TABLE.replace("50", "50.5"), ["n must be one whole number"]),
        (TABLE.replace("50", "2"), ["n must be one whole number of 3 or more"]),
        (TABLE.replace("50", "inf"), ["n must be one whole number"]),
        (TABLE.replace("x,50", "x,51"), ["the same in every row"]),
        (TABLE.replace("x,50,1", "x,50,"), ["mean of x is not a number"]),
        (TABLE.replace("x,50,1", "x,50,inf"), ["mean of x is not a number"]),
        (TABLE.replace("1,2,1", "1,inf,1"), ["sd of x is not a number"]),
        (TABLE.replace("1,2,1", "1,0,1"), ["sd of x is not positive"]),
        (TABLE.replace(".5,1", "1.5,1"), ["the correlation of y and x is 1.5"]),
        (TABLE.replace(".5,1", ",1"), ["the correlation of y and x is empty"]),
        (TABLE.replace("1,2,1,", "1,2,.9,"), ["the correlation of x with itself is 0.9"]),
        (TABLE.replace("1,2,1,", "1,2,1,.4"), ["0.5 below the diagonal and 0.4 above"]),
        (TABLE.replace(".5", "half"), ["column 'x' of y holds 'half' where a number"]),
        (TABLE.replace("x", "é").encode("latin-1"), ["not a readable moments table"]),
        (
            "variable,n,mean,sd,x,y,z\nx,9,1,2,1,,\ny,9,3,4,.9,1,\nz,9,1,1,.9,-.9,1\n",
            ["no data can have these correlations"],
        ),
    ],
)
def test_an_impossible_table_is_refused(tmp_path, content, words):
    path = stored(tmp_path, content, "moments.csv")
    with pytest.raises(DataError) as caught:
        read_moments(path)
    assert str(path) in str(caught.value)
    assert all(word in str(caught.value) for word in words), caught.value


def test_every_wrong_cell_is_named_at_once(tmp_path):
    content = TABLE.replace("x,50,1,2", "x,51,,0").replace(".5", "2")
    with pytest.raises(DataError) as caught:
        read_moments(stored(tmp_path, content, "moments.csv"))
    assert "4 problems" in str(caught.value)
