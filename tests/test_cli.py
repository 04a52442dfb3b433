"""The command line: what it prints, what it writes, how it ends."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from factory import make

from loyalty_analysis.cli import main
from loyalty_analysis.comparison import VERDICTS, read_verdicts


def run(*arguments: object) -> int:
    """Run a command and return its exit code."""
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return int(stop.value.code or 0)


def test_judge_prints_the_table_and_ends_with_the_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("judge", "bank_customers", "--out", tmp_path) == 0
    lines = capsys.readouterr().out.splitlines()
    folder = Path(lines[-1])
    assert (folder / VERDICTS).is_file() and folder.parent == tmp_path / "bank_customers"
    assert (tmp_path / "bank_customers" / "latest").resolve() == folder.resolve()
    assert max(len(line.rstrip()) for line in lines[:-1]) <= 100
    printed = " ".join(lines)
    for row in read_verdicts(folder).query("part == ''").itertuples():
        assert str(row.claim) in printed
    assert "\x1b[" not in printed  # colour only on a terminal


def test_quiet_prints_the_folder_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("judge", "mobile_customers", "--out", tmp_path, "--quiet") == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert (Path(line) / "results" / "regression.csv").is_file()
    assert not (Path(line) / "results" / "descriptives.csv").exists()


def test_all_computes_what_no_claim_needs(tmp_path: Path) -> None:
    assert run("judge", "mobile_customers", "--out", tmp_path, "--quiet", "--all") == 0
    assert (tmp_path / "mobile_customers/latest/results/descriptives.csv").is_file()


def test_several_studies_give_several_folders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("judge", "mobile_customers", "bank_customers", "--out", tmp_path, "--quiet") == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize(
    ("studies", "code", "runs"),
    [
        (("nowhere", "bank_customers"), 1, 1),
        (("bank_customers", "nowhere", "mobile_customers"), 1, 2),
        (("nowhere", "nobody"), 2, 0),
    ],
)
def test_one_bad_study_of_several_does_not_keep_the_others_from_running(
    studies: tuple[str, ...],
    code: int,
    runs: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("judge", *studies, "--out", tmp_path, "--quiet") == code
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == runs
    assert "Error: nowhere: no such study" in said.err


def test_what_cannot_be_tested_is_printed_once_for_all_outcomes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("judge", "rice_simulated", "--out", tmp_path) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if line.startswith("R8 ")]) == 1


def test_settings_and_filter_are_honoured_and_recorded(tmp_path: Path) -> None:
    study = make(tmp_path / "shop")
    out = tmp_path / "out"
    code = run("judge", study, "--out", out, "--set", "model.controls=[]", "--where", "aff1 > 2")
    assert code == 0
    manifest = json.loads((out / "shop/latest/manifest.json").read_text(encoding="utf-8"))
    assert manifest["parameters"]["settings"] == ["model.controls=[]"]
    assert manifest["parameters"]["where"] == "aff1 > 2"
    assert manifest["respondents"]["analysed"] < manifest["respondents"]["read"]


def test_alert_ends_with_three_when_a_verdict_changed(tmp_path: Path) -> None:
    command = ("judge", "bank_customers", "--out", tmp_path, "--quiet", "--alert")
    assert run(*command) == 0  # nothing to compare with
    assert run(*command) == 0  # nothing changed
    path = tmp_path / "bank_customers/latest" / VERDICTS
    table = read_verdicts(path.parent)
    was = table.loc[table["claim"] == "E4", "verdict"].iloc[0]
    table.loc[table["claim"] == "E4", "verdict"] = "negligible"
    table.to_csv(path, index=False)
    assert was != "negligible"
    assert run(*command) == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["judge", "nowhere"], "no such study"),
        (["judge", "bank_customer"], "Did you mean 'bank_customers'?"),
        (["judge", "bank_customers", "--set", "model.contrls=[]"], "Did you mean 'controls'?"),
        (["judge", "bank_customers", "--set", "nonsense"], "table.key=value"),
        (["judge", "bank_customers", "--where", "image > 3"], "needs respondents"),
        (["judge", "rice_simulated", "--where", "age >"], "filter"),
        (["judge", "rice_simulated", "--where", "agee > 30"], "Did you mean 'age'?"),
        (["judge", "rice_simulated", "--data", "missing.csv"], "missing.csv"),
        (["judge", "bank_customers", "--set", "claims=['riuals']"], "Did you mean 'rivals'?"),
        (["check", "bank_customers", "--set", "claims=['riuals']"], "Did you mean 'rivals'?"),
        (["simulate", "--world", "rise", "--out", "x"], "rice"),
    ],
)
def test_bad_input_ends_with_two_a_reason_and_nothing_written(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == 2
    said = capsys.readouterr()
    assert words in said.err and said.err.startswith("Error: ")
    assert "Traceback" not in said.err + said.out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [["jugde"], ["judge"], ["judge", "x", "--nosuch"], [], ["report", "x", "--deadline", "0"]],
)
def test_bad_usage_ends_with_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["judge", "report", "check", "explore", "simulate"])
def test_help_has_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(verb, "--help") == 0
    assert f"loyalty {verb}" in capsys.readouterr().out


def test_check_runs_no_model_and_says_what_each_rule_removed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("check", "rice_simulated") == 0
    said = capsys.readouterr().out
    assert "rows read" in said and "if half of the items were enough" in said
    code = (
        "import sys; from loyalty_analysis.cli import main\n"
        "try: main(['check', 'rice_simulated'])\n"
        "except SystemExit: print('statsmodels' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_check_names_what_looks_like_a_slip(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = make(tmp_path / "shop")
    assert run("check", study) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "No problem found."
    changes = ("design.groups=['sector']", "contrasts.sector={a = 'goods', b = 'service'}")
    assert run("check", study, "--set", changes[0], "--set", changes[1]) == 0
    *_, slip, last = capsys.readouterr().out.splitlines()
    assert "nobody analysed has 'service'. Did you mean 'services'?" in slip
    assert last == "No error found."


def test_judge_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from loyalty_analysis.cli import main\n"
        f"try: main(['judge', 'rice_simulated', '--out', {str(tmp_path)!r}])\n"
        "except SystemExit: pass\n"
        "heavy = {'matplotlib', 'seaborn', 'great_tables', 'papermill', 'nbconvert', 'IPython'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_simulate_writes_a_survey_that_judges(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loyalty_analysis.simulate.TRUTH_DRAWS", 20_000, raising=False)
    folder = tmp_path / "mine"
    assert run("simulate", "-n", 400, "--seed", 3, "--out", folder) == 0
    assert capsys.readouterr().out.strip() == str(folder)
    assert sorted(path.name for path in folder.iterdir()) == [
        "study.toml",
        "survey.csv",
        "truth.toml",
    ]
    assert run("judge", folder, "--out", tmp_path / "out", "--quiet") == 0


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    from loyalty_analysis import __version__

    assert run("--version") == 0
    assert capsys.readouterr().out.strip() == __version__
