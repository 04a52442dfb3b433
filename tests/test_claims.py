"""Claims are data: shipped sets load, own sets too, and a malformed one says where."""

from pathlib import Path
from typing import Any

import pytest
from factory import CLAIM, claim_file, make, toml_file

from loyalty_analysis.claims import (
    NEGLIGIBLE,
    Claim,
    load_claims,
    read_claims,
    shipped_sets,
)
from loyalty_analysis.errors import ClaimError
from loyalty_analysis.resources import shipped_studies
from loyalty_analysis.study import Study, load_study

SETS = {
    "rice_paper": ("paper", 6),
    "rice_press": ("press", 11),
    "rivals": ("rival", 6),
    "loyalty_types": ("press", 4),
    "pillars": ("press", 8),
    "satisfaction_levels": ("press", 5),
}
HEAD = {"title": "Mine", "source": "own"}


def study_of(folder: Path, **changes: Any) -> Study:
    return load_study(make(folder, changes))


def own_set(folder: Path, content: dict | str | bytes) -> Path:
    path = folder / "own.toml"
    text = toml_file(content) if isinstance(content, dict) else content
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refused(folder: Path, content: dict | str | bytes) -> str:
    path = own_set(folder, content)
    with pytest.raises(ClaimError) as caught:
        read_claims(path)
    message = str(caught.value)
    assert message.startswith(str(path)) and "Input should" not in message
    return message


def test_shipped_sets_are_those_of_the_design():
    assert set(shipped_sets()) == set(SETS)


@pytest.mark.parametrize("name", SETS)
def test_a_shipped_set_loads(name):
    found = read_claims(shipped_sets()[name])
    assert (found.name, found.source, len(found.claims)) == (name, *SETS[name])
    assert all(claim.text.endswith(".") for claim in found.claims)


@pytest.mark.parametrize("name", sorted(shipped_studies()))
def test_the_claims_of_a_shipped_study_load(name):
    study = load_study(name)
    assert [one.name for one in load_claims(study)] == [
        n.removesuffix(".toml") for n in study.claims
    ]


def test_the_smallest_effects_are_those_of_the_design():
    tenth = ["total", "direct", "path", "largest", "slope_difference"]
    tenth += ["ordered_means", "steps", "step_difference", "mean_difference", "penalty_reward"]
    twentieth = ["indirect", "largest_share", "share_difference", "interaction"]
    expected = dict.fromkeys(tenth, 0.10) | dict.fromkeys(twentieth, 0.05) | {"rival_models": 0}
    assert expected == NEGLIGIBLE


def test_an_own_set_is_found_beside_the_study(tmp_path):
    study = study_of(tmp_path, claims=["rivals", "own.toml"])
    own_set(tmp_path, {**HEAD, "claim": [CLAIM]})
    shipped, own = load_claims(study)
    assert (shipped.name, own.name) == ("rivals", "own")
    assert (own.title, own.source, own.about) == ("Mine", "own", "")
    assert own.claims == (Claim(**CLAIM),)


def test_a_set_named_twice_is_read_once(tmp_path):
    assert len(load_claims(study_of(tmp_path, claims=["rivals", "rivals"]))) == 1


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        (["rivls"], ["'rivls' is neither", "Did you mean 'rivals'?"]),
        (["none.toml"], ["'none.toml' is neither a shipped claim set nor a file beside"]),
        (["study.toml"], ["study.toml", "unknown key"]),
        (
            ["own.toml", "sub/own.toml"],
            ["claim set 'own' stands twice", "claim 'C1' stands in own and in own"],
        ),
    ],
)
def test_a_set_that_cannot_be_is_refused(tmp_path, claims, words):
    study = study_of(tmp_path, claims=claims)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "own.toml").write_text(claim_file([CLAIM]))
    with pytest.raises(ClaimError) as caught:
        load_claims(study)
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sgin": "+"}, ["claim C1: unknown key 'sgin'", "Did you mean 'sign'?"]),
        ({"estimand": "totl"}, ["C1: unknown estimand 'totl'", "Did you mean 'total'?"]),
        ({"sign": "plus"}, ["claim C1: 'sign'", "'not_negative'", "found 'plus'"]),
        ({"negligible": -1}, ["claim C1: 'negligible'", "greater than or equal to 0"]),
        ({"negligible": float("inf")}, ["claim C1: 'negligible' must be a finite number"]),
        ({"negligible": "x"}, ["claim C1: 'negligible' must be a number"]),
        ({"versus": "forced"}, ["claim C1: 'versus' must be a list", "found 'forced'"]),
        ({"size": "big"}, ["claim C1: 'size'", "'clear'"]),
        ({"id": 5}, ["claim 5: 'id' must be text in quotes"]),
        ({"outcome": 3}, ["claim C1: 'outcome", "found 3"]),
        ({"parts": ["a"]}, ["claim C1: 'parts.0' must be a table"]),
        ({"parts": [{"term": "x"}]}, ["claim C1: 'parts.0.id' is missing"]),
        ({"parts": [{"id": "a", "trem": "x"}]}, ["'parts.0.trem'", "Did you mean 'term'?"]),
        ({"parts": [{"id": "a", "size": "clear"}]}, ["unknown key 'parts.0.size'"]),
        ({"parts": [{"id": "a"}, {"id": "a"}]}, ["C1: part 'a' stands twice"]),
        ({"parts": [{"id": "a", "estimand": "x"}]}, ["C1: unknown estimand 'x'"]),
        ({"term": ""}, ["C1: estimand 'path' needs a term"]),
        ({"outcome": ""}, ["C1: estimand 'path' needs an outcome"]),
        ({"outcome": []}, ["C1: estimand 'path' needs an outcome"]),
        ({"estimand": "largest"}, ["needs its rivals in versus"]),
        ({"estimand": "largest", "versus": ["affective"]}, ["needs rivals other than its term"]),
        ({"estimand": "largest", "versus": ["x"], "sign": "any"}, ["needs the sign + or -"]),
        ({"estimand": "slope_difference", "versus": ["a"]}, ["the two groups [a, b] in versus"]),
        ({"estimand": "interaction"}, ["a term of the form a:b"]),
        ({"estimand": "interaction", "term": "a:a"}, ["a term of the form a:b"]),
        ({"estimand": "interaction", "term": "a:b:c"}, ["a term of the form a:b"]),
        ({"estimand": "interaction", "term": "a:"}, ["a term of the form a:b"]),
    ],
)
def test_a_malformed_claim_is_refused_by_name(tmp_path, changes, words):
    message = refused(tmp_path, claim_file([changes]))
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["'title' is missing", "'source' is missing", "'claim' is missing"]),
        ("title = ", ["not valid TOML", "Invalid value"]),
        (b"\xff\xfe", ["not UTF-8"]),
        (HEAD, ["'claim' is missing"]),
        ({**HEAD, "claim": []}, ["'claim' must not be empty"]),
        ({**HEAD, "claim": 3}, ["'claim' must be a list"]),
        ({**HEAD, "claim": ["x"]}, ["claim number 1: must be a table; found 'x'"]),
        ({**HEAD, "titel": "x", "claim": [CLAIM]}, ["'titel'", "Did you mean 'title'?"]),
        ({**HEAD, "source": "mine", "claim": [CLAIM]}, ["'paper', 'press', 'rival' or 'own'"]),
        ({**HEAD, "claim": [CLAIM, CLAIM]}, ["claim 'C1' stands twice"]),
        ({**HEAD, "claim": [{"text": "x"}]}, ["claim number 1: 'id' is missing", "'sign' is"]),
    ],
)
def test_a_malformed_set_is_refused(tmp_path, content, words):
    message = refused(tmp_path, content)
    assert all(word in message for word in words), message


def test_every_problem_of_a_set_is_reported_at_once(tmp_path):
    message = refused(tmp_path, claim_file([{"sign": "plus"}, {"size": "x"}, {"term": 3}]))
    assert "3 problems" in message
    assert all(f"claim C{number}" in message for number in (1, 2, 3))


def test_a_byte_order_mark_is_no_obstacle(tmp_path):
    path = own_set(tmp_path, b"\xef\xbb\xbf" + claim_file([CLAIM]).encode())
    assert read_claims(path).claims[0].id == "C1"


# Parts


def claim_with(part: dict, **changes: Any) -> Claim:
    claim = Claim(**{**CLAIM, **changes, "parts": [{"id": "p", **part}]})
    return claim.part(claim.parts[0])


def test_a_part_inherits_what_it_does_not_override():
    part = claim_with({"term": "forced", "sign": "-"}, versus=["normative"], negligible=0.2)
    assert (part.id, part.text, part.parts) == ("C1", CLAIM["text"], ())
    assert (part.term, part.sign) == ("forced", "-")
    assert (part.estimand, part.outcome, part.versus) == ("path", "satisfaction", ("normative",))
    assert part.bound == 0.2


def test_a_part_overrides_every_field_it_can():
    own = {
        "text": "Other.", "estimand": "direct", "outcome": ["search"], "term": "t", "versus": [],
        "through": ["m"], "sign": "none", "negligible": 0.0,
    }  # fmt: skip
    part = claim_with(own, versus=["normative"], negligible=0.2)
    assert (part.text, part.estimand, part.outcome) == ("Other.", "direct", ("search",))
    assert (part.term, part.versus, part.through) == ("t", (), ("m",))
    assert (part.sign, part.bound) == ("none", 0.0)


@pytest.mark.parametrize(
    ("estimand", "bound"), [("path", 0.2), ("interaction", 0.05), ("total", 0.10)]
)
def test_another_estimand_brings_its_own_smallest_effect(estimand, bound):
    assert claim_with({"estimand": estimand}, negligible=0.2).bound == bound


# Outcomes


@pytest.mark.parametrize(
    ("named", "outcomes"),
    [
        ("loyalty", ("repurchase", "advocacy")),
        (["loyalty"], ("repurchase", "advocacy")),
        ("search", ("search",)),
        ("satisfaction", ("satisfaction",)),
        ("churn", ("churn",)),
        (["churn"], ("churn",)),
        (["churn", "search", "repurchase"], ("search", "repurchase")),
        (["churn", "staying"], ()),
    ],
)
def test_a_claim_is_judged_on_the_outcomes_it_names(tmp_path, named, outcomes):
    claim = Claim(**{**CLAIM, "estimand": "total", "outcome": named})
    assert claim.outcomes(study_of(tmp_path)) == outcomes


def test_loyalty_leaves_out_what_is_leaving(tmp_path):
    claim = Claim(**{**CLAIM, "outcome": "loyalty"})
    study = study_of(tmp_path, **{"model.outcomes": {"search": "leaving"}})
    assert claim.outcomes(study) == ()


@pytest.mark.parametrize(
    ("changes", "comparing"),
    [
        ({}, False),
        ({"sign": "-"}, False),
        ({"sign": "not_negative"}, False),
        ({"estimand": "largest", "versus": ["forced"]}, True),
        ({"versus": ["forced"]}, True),
        ({"sign": "none"}, True),
        ({"sign": "any"}, True),
        ({"estimand": "share_difference"}, True),
    ],
)
def test_claims_that_compare_constructs_are_told_apart(changes, comparing):
    assert Claim(**{**CLAIM, **changes}).comparing is comparing


def test_the_comparing_claims_of_the_rice_sets():
    found = {c.id for name in ("rice_paper", "rice_press", "rivals")
             for c in read_claims(shipped_sets()[name]).claims
             if any(one.comparing for one in ([c.part(p) for p in c.parts] or [c]))}  # fmt: skip
    assert {"P2", "R1", "R2", "R3", "V2", "V3", "V4", "V6"} <= found
    assert not {"P3", "P4", "R4a", "R4b", "R5", "R6", "R7", "R9", "V1"} & found
