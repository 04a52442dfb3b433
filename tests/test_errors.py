"""Errors say what is wrong, what is allowed and what to do, all of it at once."""

import pytest

from loyalty_analysis import errors
from loyalty_analysis.errors import LoyaltyError, StudyError, did_you_mean, raise_all, shown


def test_every_error_has_one_root():
    named = [value for value in vars(errors).values() if isinstance(value, type)]
    raised = [value for value in named if issubclass(value, Exception)]
    assert len(raised) > 4
    assert all(issubclass(value, LoyaltyError) for value in raised)


@pytest.mark.parametrize(
    ("name", "allowed", "said"),
    [
        ("scal", ["scale", "model"], "Did you mean 'scale'?"),
        ("zzz", ["scale", "model"], "Allowed: model, scale."),
        ("x", [], "Nothing is allowed here."),
        ("zzz", ["b", "a", "b"], "Allowed: a, b."),
        ("1", [1, 2], "Did you mean '1'?"),
        ("zzz", [f"a{i:02}" for i in range(30)], "a19 and 10 more."),
    ],
)
def test_a_suggestion_is_a_near_name_or_the_list(name, allowed, said):
    assert said in did_you_mean(name, allowed)


def test_no_problem_raises_nothing():
    raise_all(StudyError, "study.toml", [])


def test_one_problem_is_one_sentence():
    with pytest.raises(StudyError) as caught:
        raise_all(StudyError, "study.toml", ["no title."])
    assert str(caught.value) == "study.toml: no title."


def test_several_problems_are_numbered_in_order():
    with pytest.raises(StudyError) as caught:
        raise_all(StudyError, "study.toml", ["first.", "second."])
    assert str(caught.value) == "study.toml: 2 problems.\n  1. first.\n  2. second."


def test_what_no_terminal_should_be_sent_is_shown_escaped():
    with pytest.raises(StudyError) as caught:
        raise_all(StudyError, "study.toml", ["no 'a\n  2. injected'.", "no '\x1b[31m'."])
    assert str(caught.value) == (
        "study.toml: 2 problems.\n  1. no 'a\\n  2. injected'.\n  2. no '\\x1b[31m'."
    )
    assert str(StudyError("one\nline")) == "one\\nline"
    assert str(StudyError("naïve 日本語")) == "naïve 日本語"


@pytest.mark.parametrize(
    ("value", "said"),
    [("a" * 9, "'aaaaaaaaa'"), ("a" * 99, f"'{'a' * 59}…'"), (5, "5"), (["a"] * 99, "['a', 'a'")],
)
def test_what_was_found_is_cut_where_it_grows_long(value, said):
    assert shown(value).startswith(said) and len(shown(value)) < 65
