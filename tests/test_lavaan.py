"""The script of a study reruns its latent models in R with the same numbers."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from factory import REMOVE, answers, survey_of
from rscript import lavaan_program

from loyalty_analysis.cfa import cfa_fit, measurement_model
from loyalty_analysis.equations import equations
from loyalty_analysis.invariance import invariance
from loyalty_analysis.lavaan import study_script
from loyalty_analysis.structures import rival_structures
from loyalty_analysis.survey import Survey, read_survey
from loyalty_analysis.twins import twins


def mobile(folder: Path) -> Survey:
    return read_survey("mobile_customers")


def weighted(folder: Path) -> Survey:
    """Categories, weights and groups; respondents with names that R cannot read."""
    frame = answers(240).rename(columns={"aff1": "Mögen 1"})
    changes = {
        "constructs.affective.items": ["Mögen 1", "aff2"], "design.weight": "w",
        "model.controls": ["age", "gender"], "design.groups": ["sector"],
    }  # fmt: skip
    return survey_of(folder, changes, frame=frame)


@pytest.mark.parametrize("study", [mobile, weighted])
def test_r_finds_the_same(study, tmp_path):
    program = lavaan_program()
    if program is None:
        pytest.skip("Rscript with the package lavaan is not installed")
    survey = study(tmp_path)
    script = tmp_path / "lavaan.R"
    told = 'cat("slopes:", format(found, digits = 12), "\\n")'
    text = study_script(survey).replace("round(found, 6)", told)
    text = re.sub(r"fitMeasures\(measurement, .*\)", 'cat("chi2:", format(fitMeasures('
                  'measurement, "chisq"), digits = 12), "\\\\n")', text)  # fmt: skip
    script.write_text(text, encoding="utf-8")
    done = subprocess.run([program, str(script)], capture_output=True, text=True, check=True)
    lines = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("slopes:")]
    latent = twins(survey)
    for line, equation in zip(lines, equations(survey.study), strict=True):
        terms = [t for t in survey.terms(equation.terms) if t not in survey.small_groups]
        ours = latent.slopes(equation, survey.terms(equation.terms)).values
        np.testing.assert_allclose(
            ours[: len(terms)], np.array(line, dtype=float), rtol=1e-4, atol=1e-5
        )
    chi2 = re.search(r"chi2: ([\d.]+)", done.stdout)
    assert chi2 is not None
    fit = measurement_model(survey).fit
    assert fit is not None and float(chi2[1]) == pytest.approx(fit.chi2, rel=1e-5)


def test_every_part_of_a_study_is_in_it(tmp_path):
    survey = weighted(tmp_path)
    text = study_script(survey)
    assert "Mögen" not in text and "M_gen_1" in text
    for part in ("measurement <- fitted", "columns <- fitted", "Invariance across sector"):
        assert part in text
    assert len(cfa_fit(measurement_model(survey))) == 1
    assert text.count("group.equal") == len(set(invariance(survey)["group"]))
    assert all(f"'{name}'" in text for name in rival_structures(survey).get("model", []))


def test_a_study_of_single_items_has_no_latent_model(tmp_path):
    single = {"items": ["usa1"]}
    changes = {
        "constructs": {"usability": single, "search": {"items": ["sea1"]}}, "paths": REMOVE,
        "model": {"drivers": ["usability"], "outcomes": {"search": "leaving"}},
    }  # fmt: skip
    frame = answers().assign(usa1=answers()["usability"])
    assert study_script(survey_of(tmp_path, changes, frame=frame)) == ""
