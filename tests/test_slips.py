"""What a study hardly means is pointed out, and nothing else."""

import pytest
from factory import make, survey_of
from level_study import STUDY, answers
from type_study import ORDERED, TYPED, answered

from loyalty_analysis.resources import shipped_studies
from loyalty_analysis.slips import slips
from loyalty_analysis.survey import read_survey

OWN = """title = "Ours"
source = "own"

[[claim]]
id = "X1"
text = "Liking goes with satisfaction."
estimand = "path"
outcome = "{outcome}"
term = "{term}"
sign = "+"
"""


@pytest.mark.parametrize("name", shipped_studies())
def test_no_shipped_study_holds_a_slip(name):
    assert slips(read_survey(name)) == []


@pytest.mark.parametrize(
    ("outcome", "term", "said"),
    [
        ("satisfaction", "affective", []),
        ("loyalty", "affective", []),
        ("satisfaction", "weather", []),  # not measured here, and like nothing that is
        ("satisfaction", "afective", ["claim X1 names 'afective'. Did you mean 'affective'?"]),
        ("satisfation", "affective", ["claim X1 names 'satisfation'. Did you mean"]),
        ("loyality", "affective", ["claim X1 names 'loyality'. Did you mean 'loyalty'?"]),
    ],
)
def test_a_misspelt_construct_in_a_claim_of_ones_own(tmp_path, outcome, term, said):
    study = make(tmp_path / "shop")
    folder = study if study.is_dir() else study.parent
    (folder / "own.toml").write_text(OWN.format(outcome=outcome, term=term), encoding="utf-8")
    found = slips(read_survey(study, ["claims=['rice_press', 'own.toml']"]))
    assert len(found) == len(said)
    assert all(words in slip for words, slip in zip(said, found, strict=True))


@pytest.mark.parametrize(
    ("versus", "said"),
    [
        (["exceeds", "meets"], []),
        (["exceed", "meets"], ["claim X1 names 'exceed'. Did you mean 'exceeds'?"]),
        (["delighted + amazes", "nowhere"],
         ["claim X1 names 'delighted'. Did you mean 'delights'?",
          "claim X1 names 'nowhere'. Allowed: amazes, below, delights, exceeds, meets."]),
    ],
)  # fmt: skip
def test_levels_that_nobody_has_in_a_claim_of_ones_own(tmp_path, versus, said):
    claim = {"id": "X1", "estimand": "mean_difference", "term": "level", "versus": versus}
    claims = [claim | {"outcome": "repurchase", "sign": "+"}]
    assert slips(survey_of(tmp_path, {}, answers(), claims, STUDY)) == said


def test_types_that_nobody_has_in_a_claim_of_ones_own(tmp_path):
    parts = [{"id": "p1", "versus": ["premium", "laten"]}]
    survey = survey_of(tmp_path, {}, answered(), [ORDERED | {"parts": parts}], TYPED)
    assert slips(survey) == ["claim T1 names 'laten'. Did you mean 'latent'?"]
