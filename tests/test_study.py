"""Every key of a study file is honoured, or refused by name."""

from pathlib import Path

import pytest
from factory import REMOVE, STUDY, make, toml_file
from pydantic import ValidationError

from loyalty_analysis.errors import StudyError
from loyalty_analysis.resources import shipped, shipped_studies
from loyalty_analysis.study import Study, load_study
from loyalty_analysis.study_tables import Quality
from loyalty_analysis.toml_files import parse_setting


def refused(folder: Path, changes: dict, settings: tuple[str, ...] = ()) -> str:
    with pytest.raises(StudyError) as caught:
        load_study(make(folder, changes), settings)
    message = str(caught.value)
    assert "Input should" not in message and "tuple" not in message  # pydantic's words, not ours
    return message


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "study.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_every_key_of_the_design_is_honoured(tmp_path):
    path = make(
        tmp_path / "bank 2026",
        {
            "origin": "real",
            "claims": ["rice_press", "own.toml"],
            "scale": {"min": 1, "max": 7, "missing": [-99, 99], "min_items": 3},
            "constructs.normative": {"items": ["nor1", "nor2"], "min": 0, "max": 10},
            "constructs.forced.missing": [8],
            "constructs.forced.min_items": 2,
            "model.controls": ["age", "gender"],
            "model.moderators": ["shown"],
            "design": {
                "respondent": "id", "weight": "w", "cluster": "industry", "wave": "wave",
                "groups": ["sector"], "where": "age > 20",
            },
            "contrasts": {"sector": {"a": "goods", "b": "services"}},
            "gates": {"reliability": 0.6, "htmt": 0.85, "warn": ["htmt", "invariance"]},
            "constructs.colour": {"items": ["col1", "col2"]},
            "quality": {
                "seconds": "duration", "fastest": 45, "marker": "colour",
                "exclude": ["too_fast", "straight_lining"],
            },
        },
    )  # fmt: skip
    study = load_study(path)
    assert (study.name, study.title, study.origin) == ("bank 2026", "A tiny study", "real")
    assert (study.path, study.data_path) == (path, path.parent / "survey.csv")
    assert not study.is_simulated and not study.from_moments
    assert study.claims == ("rice_press", "own.toml")
    assert study.model.drivers == ("affective", "normative", "forced")
    assert study.model.mediator == "satisfaction"
    assert study.model.outcomes["search"] == "leaving"
    assert study.model.controls == ("age", "gender") and study.model.moderators == ("shown",)
    assert study.loyalty == ("repurchase", "advocacy")
    assert study.paths == {"affective": ("usability",)}
    assert study.constructs["search"].reliability == 0.8
    design = study.design
    assert (design.respondent, design.weight, design.cluster) == ("id", "w", "industry")
    assert (design.wave, design.groups, design.where) == ("wave", ("sector",), "age > 20")
    assert (study.contrasts["sector"].a, study.contrasts["sector"].b) == ("goods", "services")
    gates, quality = study.gates, study.quality
    assert (gates.reliability, gates.htmt, gates.warn) == (0.6, 0.85, ("htmt", "invariance"))
    assert (quality.seconds, quality.fastest, quality.marker) == ("duration", 45, "colour")
    assert quality.exclude == ("too_fast", "straight_lining")
    assert study.scale_of("affective").missing == (-99, 99)
    assert study.scale_of("affective").min_items == 3
    assert (study.scale_of("normative").min, study.scale_of("normative").max) == (0, 10)
    assert study.scale_of("forced").missing == (8,)
    assert study.scale_of("forced").min_items == 2
    assert study.items_of("usability") == ("usability",)


def test_a_construct_can_switch_off_the_missing_codes_of_the_scale(tmp_path):
    study = load_study(make(tmp_path, {"constructs.forced.missing": []}))
    assert study.scale_of("forced").missing == ()
    assert study.scale_of("affective").missing == (-99,)


def test_what_is_optional_can_be_left_out(tmp_path):
    left_out = {"model.mediator": REMOVE, "paths": REMOVE, "constructs.search.reliability": REMOVE}
    study = load_study(make(tmp_path, left_out))
    assert study.model.mediator is None and study.paths == {} and study.contrasts == {}
    assert study.design.groups == () and study.model.controls == ()
    assert (study.gates.reliability, study.gates.htmt, study.gates.warn) == (0.7, 0.9, ())
    assert study.quality == Quality(seconds=None, fastest=None, marker=None, exclude=())


def test_a_study_is_frozen(tmp_path):
    study = load_study(make(tmp_path))
    with pytest.raises(ValidationError, match="frozen"):
        study.title = "other"
    with pytest.raises(ValidationError, match="frozen"):
        study.model.mediator = None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"titel": "x"}, ["unknown key 'titel'", "Did you mean 'title'?"]),
        ({"scale.mn": 1}, ["unknown key 'scale.mn'", "Did you mean 'min'?"]),
        ({"constructs.forced.lable": "x"}, ["'constructs.forced.lable'", "Did you mean 'label'?"]),
        ({"model.driver": ["x"]}, ["unknown key 'model.driver'", "Did you mean 'drivers'?"]),
        ({"design.weigth": "w"}, ["unknown key 'design.weigth'", "Did you mean 'weight'?"]),
        (
            {"design.groups": ["sector"], "contrasts.sector": {"a": 1, "b": 2, "c": 3}},
            ["unknown key 'contrasts.sector.c'", "Allowed: a, b."],
        ),
        ({"gates.relability": 0.7}, ["unknown key 'gates.relability'", "mean 'reliability'?"]),
        ({"quality.second": "t"}, ["unknown key 'quality.second'", "Did you mean 'seconds'?"]),
        ({"gate": {}}, ["unknown key 'gate'", "Did you mean 'gates'?"]),
        ({"path": "x"}, ["unknown key 'path'", "Did you mean 'paths'?"]),
        ({"settings": ["x"]}, ["unknown key 'settings'"]),
    ],
)
def test_an_unknown_key_is_refused_with_a_suggestion(tmp_path, changes, words):
    message = refused(tmp_path, changes)
    assert str(tmp_path / "study.toml") in message
    assert all(word in message for word in words), message


def test_reports_have_defaults_and_bounds(tmp_path):
    reports = load_study(make(tmp_path / "own")).reports
    assert (reports.min_size, reports.keep, reports.block_on_gates) == (30, 0, False)
    assert "reports.min_size" in refused(tmp_path, {"reports": {"min_size": 9}})
    assert "Did you mean 'keep'" in refused(tmp_path, {"reports": {"kep": 9}})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model.drivers": "affective"}, ["'model.drivers' must be a list", "found 'affective'"]),
        ({"constructs.forced.items": "for1"}, ["'constructs.forced.items' must be a list"]),
        ({"claims": "own.toml"}, ["'claims' must be a list"]),
        ({"design.groups": "sector"}, ["'design.groups' must be a list"]),
        ({"scale.missing": 99}, ["'scale.missing' must be a list"]),
        ({"paths.affective": "usability"}, ["'paths.affective' must be a list"]),
        ({"model.drivers": [1]}, ["'model.drivers.0' must be text in quotes", "found 1"]),
        ({"title": 5}, ["'title' must be text in quotes"]),
        ({"design.where": 5}, ["'design.where' must be text in quotes"]),
        ({"model.mediator": ["satisfaction"]}, ["'model.mediator' must be text in quotes"]),
        ({"scale.min": "1"}, ["'scale.min' must be a number", "found '1'"]),
        ({"scale.min": True}, ["'scale.min' must be a number", "found True"]),
        ({"scale.max": float("inf")}, ["'scale.max' must be a finite number"]),
        ({"scale.max": float("nan")}, ["'scale.max' must be a finite number"]),
        ({"scale.missing": ["99"]}, ["'scale.missing.0' must be a number"]),
        ({"scale.min_items": 0}, ["'scale.min_items'", "greater than or equal to 1"]),
        ({"scale.min_items": 2.5}, ["'scale.min_items' must be a whole number"]),
        ({"constructs.search.reliability": 1.5}, ["reliability", "less than or equal to 1"]),
        ({"constructs.search.reliability": 0}, ["reliability", "greater than 0"]),
        ({"model.outcomes": ["repurchase"]}, ["'model.outcomes' must be a table"]),
        ({"model.outcomes.repurchase": "intent"}, ["'intention', 'attitude'", "found 'intent'"]),
        ({"constructs.forced": 5}, ["'constructs.forced' must be a table"]),
        ({"scale": 5}, ["'scale' must be a table"]),
        ({"paths": ["x"]}, ["'paths' must be a table"]),
        ({"origin": "simulatd"}, ["'real' or 'simulated'", "found 'simulatd'"]),
        ({"model.drivers": []}, ["'model.drivers' must not be empty"]),
        ({"model.outcomes": {}}, ["'model.outcomes' must not be empty"]),
        ({"constructs": {}}, ["'constructs' must not be empty"]),
        ({"claims": []}, ["'claims' must not be empty"]),
        ({"contrasts.sector": {"a": 1}}, ["'contrasts.sector.b' is missing"]),
        ({"gates": 5}, ["'gates' must be a table"]),
        ({"gates.reliability": 0}, ["'gates.reliability' must be greater than 0; found 0"]),
        ({"gates.reliability": 1}, ["'gates.reliability' must be less than 1; found 1"]),
        ({"gates.htmt": 0}, ["'gates.htmt' must be greater than 0"]),
        ({"gates.warn": "htmt"}, ["'gates.warn' must be a list"]),
        ({"gates.warn": ["fit"]}, ["'gates.warn.0' must be 'reliability', 'htmt', 'inv", "'fit'"]),
        ({"quality.seconds": 5}, ["'quality.seconds' must be text in quotes"]),
        ({"quality.fastest": 0}, ["'quality.fastest' must be greater than 0"]),
        ({"quality.exclude": "too_fast"}, ["'quality.exclude' must be a list"]),
        ({"quality.exclude": ["slow"]}, ["'straight_lining' or 'too_fast'; found 'slow'"]),
        ({"contrasts.sector": {"a": True, "b": 2}}, ["'contrasts.sector.a", "found True"]),
    ],
)
def test_a_wrong_type_is_refused(tmp_path, changes, words):
    message = refused(tmp_path, changes)
    assert all(word in message for word in words), message


@pytest.mark.parametrize("key", ["title", "data", "origin", "claims", "constructs", "model"])
def test_a_missing_key_is_named(tmp_path, key):
    assert f"'{key}' is missing" in refused(tmp_path, {key: REMOVE})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model.drivers": ["affctive"]}, ["model.drivers: 'affctive'", "'affective'?"]),
        ({"model.mediator": "satisfacton"}, ["model.mediator", "Did you mean 'satisfaction'?"]),
        ({"model.outcomes": {"churn": "leaving"}}, ["model.outcomes: 'churn'", "Allowed:"]),
        ({"model.drivers": ["forced", "forced"]}, ["'forced' stands twice"]),
        ({"model.mediator": "forced"}, ["'forced' stands twice among drivers, mediator"]),
        ({"model.outcomes": {"forced": "attitude"}}, ["'forced' stands twice"]),
        ({"model.controls": ["forced"]}, ["'forced' is already a driver, mediator or outcome"]),
        ({"model.controls": ["age", "age"]}, ["model.controls: 'age' is listed twice"]),
        ({"model.controls": ["usability"]}, ["paths.affective: 'usability' is already a control"]),
        ({"constructs.forced.items": ["for1", "for1"]}, ["item 'for1' is listed twice"]),
        (
            {"constructs.forced.items": ["for1", "aff1", "for3"]},
            ["item 'aff1' is listed twice: affective and forced"],
        ),
        ({"constructs.forced.reversed": ["for4"]}, ["forced.reversed: 'for4'", "Did you mean"]),
        ({"constructs.usability.reversed": ["x"]}, ["'x' is not an item of it", "usability"]),
        ({"constructs.forced.min_items": 4}, ["forced.min_items = 4, but it has 3 items"]),
        ({"constructs.forced.reliability": 0.8}, ["forced.reliability is for a single item"]),
        ({"scale.min": 7}, ["min 7 is not below max 7"]),
        ({"constructs.forced.min": 9}, ["the scale of 'forced': min 9 is not below max 7"]),
        ({"scale": REMOVE}, ["no scale for 'affective'", "in [scale], or for the construct"]),
        ({"paths.affective": ["affective"]}, ["paths.affective", "not 'affective' itself"]),
        ({"paths.affective": ["usability", "usability"]}, ["list each antecedent once"]),
        ({"paths.affective": []}, ["list each antecedent once"]),
        ({"paths.affective": ["usabilty"]}, ["Did you mean 'usability'?"]),
        ({"paths.affctive": ["usability"]}, ["Did you mean 'affective'?"]),
        ({"paths.satisfaction": ["usability"]}, ["already has an equation for 'satisfaction'"]),
        ({"paths.search": ["usability"]}, ["already has an equation for 'search'"]),
        ({"contrasts.sector": {"a": "x", "b": "y"}}, ["add 'sector' to design.groups"]),
        (
            {"design.groups": ["sector"], "contrasts.sector": {"a": "x", "b": "x"}},
            ["contrasts.sector: a and b are both 'x'"],
        ),
        ({"design.groups": ["forced"]}, ["design.groups: 'forced' is a construct"]),
        ({"design.cluster": "usability"}, ["design.cluster: 'usability' is a construct"]),
        ({"design.weight": "usability"}, ["design.weight: 'usability' is a construct"]),
        (
            {"quality.exclude": ["too_fast"]},
            ["quality.exclude: 'too_fast' needs answer times", "quality.seconds"],
        ),
        ({"quality.fastest": 30}, ["quality.fastest needs answer times"]),
        (
            {"quality": {"seconds": "t", "exclude": ["too_fast", "too_fast"]}},
            ["quality.exclude: 'too_fast' is listed twice"],
        ),
        (
            {"quality.seconds": "w", "design.weight": "w"},
            ["quality.seconds: 'w' is already design.weight", "column of answer times"],
        ),
        (
            {"quality.seconds": "sector", "design.groups": ["sector"]},
            ["quality.seconds: 'sector' is already design.groups"],
        ),
        ({"quality.seconds": "usability"}, ["quality.seconds: 'usability' is a construct"]),
        ({"quality.seconds": "aff1"}, ["quality.seconds: 'aff1' is an item of 'affective'"]),
        *(
            ({"quality.marker": name}, [f"'{name}' stands in the equations", "or remove it"])
            for name in ("affective", "satisfaction", "search", "usability")
        ),
        (
            {"quality.marker": "age", "model.controls": ["age"]},
            ["quality.marker: 'age' stands in the equations"],
        ),
        ({"quality.marker": "aff1"}, ["quality.marker: 'aff1' is an item of 'affective'"]),
        (
            {"quality.marker": "id", "design.respondent": "id"},
            ["quality.marker: 'id' is already design.respondent"],
        ),
        (
            {"quality": {"seconds": "t", "marker": "t"}},
            ["quality.marker: 't' is the column of answer times"],
        ),
    ],
)
def test_a_contradiction_is_refused(tmp_path, changes, words):
    message = refused(tmp_path, changes)
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    "key", ["respondent", "weight", "cluster", "wave", "where", "groups", "min_items"]
)
def test_a_study_known_by_moments_refuses_what_needs_respondents(tmp_path, key):
    table = "scale" if key == "min_items" else "design"
    value = {"groups": ["sector"], "min_items": 2}.get(key, "x")
    message = refused(tmp_path, {"data": "moments.csv", f"{table}.{key}": value})
    assert f"{table}.{key}: needs respondents, but moments.csv holds moments only" in message


@pytest.mark.parametrize(
    ("key", "value"), [("seconds", "t"), ("fastest", 30), ("exclude", ["straight_lining"])]
)
def test_a_study_known_by_moments_refuses_what_is_asked_of_respondents(tmp_path, key, value):
    message = refused(tmp_path, {"data": "moments.csv", f"quality.{key}": value})
    assert f"quality.{key}: needs respondents, but moments.csv holds moments only" in message


def test_a_study_known_by_moments_needs_a_scale_only_to_reverse(tmp_path):
    changes = {"data": "moments.csv", "scale": REMOVE}
    assert "no scale for 'forced'" in refused(tmp_path / "a", changes)
    assert load_study(make(tmp_path / "b", changes | {"constructs.forced.reversed": []}))


def test_several_problems_are_reported_together(tmp_path):
    message = refused(tmp_path / "types", {"titel": "x", "scale.mn": 1, "origin": "x"})
    assert "3 problems" in message
    assert all(key in message for key in ("titel", "scale.mn", "origin"))
    changes = {"model.drivers": ["a"], "paths.b": ["c"], "constructs.forced.reversed": ["d"]}
    message = refused(tmp_path / "names", changes)
    assert "4 problems" in message
    assert all(name in message for name in ("'a'", "'b'", "'c'", "'d'"))


@pytest.mark.parametrize(
    ("setting", "keys", "value"),
    [
        ("model.controls=[]", ["model", "controls"], []),
        ("model.controls = ['age']", ["model", "controls"], ["age"]),
        ("scale.max=5", ["scale", "max"], 5),
        ("scale.max=5.5", ["scale", "max"], 5.5),
        ("design.where=age > 30", ["design", "where"], "age > 30"),
        ("design.where=country == 'US'", ["design", "where"], "country == 'US'"),
        ('title="A = B"', ["title"], "A = B"),
        ("data=other.csv", ["data"], "other.csv"),
    ],
)
def test_settings_are_written_as_in_toml(setting, keys, value):
    assert parse_setting(setting) == (keys, value)


def test_settings_change_the_study(tmp_path):
    path = make(tmp_path, {"model.controls": ["age"]})
    settings = ("model.controls=[]", "scale.max=5", "design.where=age > 30", "gates.htmt=0.85")
    study = load_study(path, settings)
    assert study.model.controls == () and study.scale.max == 5
    assert study.design.where == "age > 30" and study.gates.htmt == 0.85
    assert study.settings == settings
    again = load_study(study, ("scale.max=6",))
    assert again.scale.max == 6 and again.model.controls == ()  # earlier settings stay
    assert load_study(study) is study


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("model.controls", ["setting 'model.controls'", "table.key=value"]),
        ("=3", ["setting '=3'", "table.key=value"]),
        ("scale=5", ["'scale' must be a table"]),
        ("model.drivers.x=1", ["'drivers' is a value, not a table"]),
        ("scale.mx=3", ["unknown key 'scale.mx'", "Did you mean 'max'?"]),
        ("scale.max=five", ["'scale.max' must be a number", "found 'five'"]),
        ("model.controls=age", ["'model.controls' must be a list"]),
        ("title=2026", ["'title' must be text in quotes"]),
        ("levels.a=1", ["unknown key 'levels.a'", "'levels.measure' is missing"]),
        ("gates.hmt=0.85", ["unknown key 'gates.hmt'", "Did you mean 'htmt'?"]),
        ("gates.htmt=9", ["'gates.htmt' must be less than or equal to 1; found 9"]),
        ("path=x", ["unknown key 'path'"]),
        ("a..b=1", ["unknown key 'a'"]),
    ],
)
def test_a_bad_setting_is_refused(tmp_path, setting, words):
    message = refused(tmp_path, {}, (setting,))
    assert all(word in message for word in words), message


@pytest.mark.parametrize("name", sorted(shipped_studies()))
def test_a_shipped_study_is_found_by_name_folder_and_file(name):
    by_name = load_study(name)
    assert by_name.name == name
    assert by_name == load_study(by_name.path.parent) == load_study(by_name.path)
    assert by_name.path.is_relative_to(shipped("data"))


def test_shipped_studies_are_those_of_the_design():
    assert {"rice_simulated", "bank_customers", "mobile_customers"} <= set(shipped_studies())


def test_an_unknown_name_suggests_a_shipped_study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StudyError, match="Did you mean 'bank_customers'"):
        load_study("bank_custmers")
    with pytest.raises(StudyError, match="no such study file"):
        load_study(tmp_path / "nothing.toml")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe\x00t", ["not UTF-8", "Save the file as UTF-8"]),
        ("title = 'Zürich'".encode("latin-1"), ["not UTF-8"]),
        (b"title = \n", ["not valid TOML", "line 1"]),
        (b"title = 'a'\ntitle = 'b'\n", ["not valid TOML"]),
        (b"", ["6 problems", "'title' is missing", "'model' is missing"]),
        (b"\x00", ["not valid TOML"]),
    ],
)
def test_a_hostile_file_is_refused(tmp_path, content, words):
    path = written(tmp_path, content)
    with pytest.raises(StudyError) as caught:
        load_study(path)
    assert str(path) in str(caught.value)
    assert all(word in str(caught.value) for word in words), caught.value


def test_a_byte_order_mark_is_no_obstacle(tmp_path):
    path = written(tmp_path, b"\xef\xbb\xbf" + toml_file(STUDY).encode())
    assert load_study(path).title == "A tiny study"


def test_a_folder_without_a_study_is_refused(tmp_path):
    with pytest.raises(StudyError, match="the folder holds no study"):
        load_study(tmp_path)
    (tmp_path / "study.toml").mkdir()
    with pytest.raises(StudyError, match="the folder holds no study"):
        load_study(tmp_path / "study.toml")


def test_labels_fall_back_to_names(tmp_path):
    study = load_study(make(tmp_path))
    label = study.label
    assert label("affective") == "Affective commitment"
    assert label("normative") == "Normative"
    assert label("price_quality") == "Price quality"
    assert label("country[DE]") == "Country: DE"
    assert label("forced:alternatives_shown") == "Forced x Alternatives shown"
    assert label("affective:shown") == "Affective commitment x Shown"


def test_model_constructs_are_listed_once_in_the_order_of_the_model(tmp_path):
    study = load_study(make(tmp_path, {"model.moderators": ["usability"]}))
    assert study.model_constructs == (
        "affective", "normative", "forced", "satisfaction", "repurchase", "advocacy", "search",
        "usability",
    )  # fmt: skip


def test_a_study_of_only_leaving_outcomes_has_no_loyalty(tmp_path):
    study = load_study(make(tmp_path, {"model.outcomes": {"search": "leaving"}}))
    assert study.loyalty == ()
    assert isinstance(study, Study)
