"""Simulated respondents with known truth: study.toml, survey.csv and truth.toml from a seed.

The truth is the population value of each estimand on the scores as analysed (answers rounded to
the scale, weighted, complete), so what rounding and errors of measurement take away is part of it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from loyalty_analysis.errors import RunError, StudyError, did_you_mean
from loyalty_analysis.full_respondents import full_blocks, full_frame
from loyalty_analysis.full_worlds import FULL_WORLDS, FullWorld
from loyalty_analysis.resources import shipped
from loyalty_analysis.respondents import SURVEY, Drawn, blocks
from loyalty_analysis.study import Study, load_study
from loyalty_analysis.truth import DRAW, SEED, planted_verdicts, population, truth_tables
from loyalty_analysis.worlds import HIGHEST, LOWEST, WORLDS, World

FILES = ("study.toml", "survey.csv", "truth.toml")
MADE_BY = "# Made by: loyalty simulate"
NO_ANSWER = -99
SMALLEST = 200
_QUESTIONNAIRE = shipped("data") / "instrument" / "study.toml"

Tables = dict[tuple[str, ...], dict[str, object]]
AnyWorld = World | FullWorld
EVERY: dict[str, AnyWorld] = {**WORLDS, **FULL_WORLDS}


def worlds() -> tuple[str, ...]:
    """Name the worlds that can be simulated.

    Examples
    --------
    >>> worlds()[:3]
    ('rice', 'retelling', 'paper')
    """
    return tuple(EVERY)


def simulate(
    world: str | AnyWorld = "rice",
    n: int = 9000,
    seed: int = 2015,
    out: str | Path = "rice_simulated",
    truth_draw: int = DRAW,
) -> Path:
    """Write a simulated survey with its study file and its truth.

    The files are the same, byte for byte, for the same arguments.

    Parameters
    ----------
    world : str, World or FullWorld
        One of :func:`worlds`. In all but ``rice`` the whole questionnaire is answered.
    n : int
        Respondents.
    seed : int
        Of the respondents. The truth has a seed of its own: it is the same for every survey of a
        world.
    out : path
        Folder to write. A simulated survey in it is replaced; anything else is left alone.
    truth_draw : int
        Respondents that the population values are found from.

    Returns
    -------
    pathlib.Path
        The folder: study.toml, survey.csv, truth.toml.

    Raises
    ------
    StudyError
        When the world is unknown, there are too few respondents, or the folder holds other things.
    RunError
        When the folder cannot be written.
    """
    chosen, folder = find_world(world), Path(out).resolve()
    _check(n, seed)
    _check(truth_draw, SEED)
    _refuse_other_things(folder)
    aside = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    try:
        aside.mkdir(parents=True)
        command = f"--world {chosen.name} -n {n} --seed {seed} --out {folder.name}"
        _write(aside / "study.toml", study_text(chosen, command))
        survey = draw(chosen, n, seed).to_csv(index=False, lineterminator="\n")
        _write(aside / "survey.csv", survey)
        _write(aside / "truth.toml", truth_text(chosen, load_study(aside), truth_draw))
        _put_in_place(aside, folder)
    except OSError as error:
        raise RunError(f"{folder}: cannot be written: {error.strerror}.") from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder


def find_world(world: str | AnyWorld) -> AnyWorld:
    """Find a world by its name.

    Raises
    ------
    StudyError
        When there is none of that name.
    """
    if not isinstance(world, str):
        return world
    if world not in EVERY:
        raise StudyError(f"no world is called '{world}'. {did_you_mean(world, EVERY)}")
    return EVERY[world]


def _check(n: int, seed: int) -> None:
    if n < SMALLEST:
        raise StudyError(
            f"{n} respondents are too few: every country and industry needs some. "
            f"Ask for {SMALLEST} or more."
        )
    if seed < 0:
        raise StudyError(f"seed {seed} is negative. Use a whole number from 0 on.")


def draw(world: str | AnyWorld, n: int, seed: int) -> pd.DataFrame:
    """Draw respondents of a world, as its survey file holds them.

    Parameters
    ----------
    world : str, World or FullWorld
    n, seed : int

    Returns
    -------
    DataFrame
        id; country, industry, sector, age, gender; w (market share over sample share of the
        respondent's country and industry); the items, 1 to 7. A skipped item is empty or -99.
        Of the whole questionnaire: id, age, gender, sector, every item and fact, the seconds taken,
        two attention checks.

    Examples
    --------
    >>> draw("rice", 200, seed=1).shape
    (200, 34)
    """
    chosen = find_world(world)
    _check(n, seed)
    frame = pd.concat(_frames(chosen, n, seed), ignore_index=True)
    frame.insert(0, "id", np.arange(1, n + 1))
    return frame


def _frames(world: AnyWorld, n: int, seed: int) -> Iterator[pd.DataFrame]:
    if isinstance(world, FullWorld):
        for full, rng in full_blocks(world, questionnaire(), n, seed, SURVEY):
            yield full_frame(full, rng)
    else:
        for drawn, rng in blocks(world, n, seed, SURVEY):
            yield _with_gaps(world, drawn, rng)


@cache
def questionnaire() -> Study:
    """The study of the shipped questionnaire: which items measure a construct.

    Examples
    --------
    >>> questionnaire().items_of("delight")
    ('delight_1', 'delight_2', 'delight_3')
    """
    return load_study(_QUESTIONNAIRE)


def _with_gaps(world: World, drawn: Drawn, rng: np.random.Generator) -> pd.DataFrame:
    """The columns of the survey file; items are skipped at random, most of them by few people."""
    n, industries = len(drawn.age), world.industries
    share, chance = world.skipping
    skipping = np.where(rng.random(n) < share, chance, world.skipping_others)
    columns: dict[str, object] = {
        "country": np.array([one.name for one in world.countries])[drawn.country],
        "industry": np.array([one.name for one in industries])[drawn.industry],
        "sector": np.array([one.sector for one in industries])[drawn.industry],
        "age": drawn.age.astype(int),
        "gender": np.where(drawn.female == 1, "female", "male"),
        "w": drawn.weight,
    }
    for item, answers in drawn.answers.items():
        skipped, coded = rng.random(n) < skipping, rng.random(n) < 0.5
        given = pd.array(np.where(skipped, NO_ANSWER, answers).astype(int), dtype="Int64")
        given[skipped & ~coded] = pd.NA
        columns[item] = given
    return pd.DataFrame(columns)


def study_text(world: AnyWorld, command: str) -> str:
    """Write the study file of a world, saying how it was made."""
    head = [
        f"{MADE_BY} {command}",
        "# Simulated respondents: a test of the software, never evidence about customers.",
        *(f"# {line}" for line in world.about),
    ]
    if isinstance(world, FullWorld):
        # The study of the questionnaire, but for where its answers are from.
        asked = _QUESTIONNAIRE.read_text(encoding="utf-8")
        own: dict[str, object] = {"title": world.title, "data": "survey.csv", "origin": "simulated"}
        return toml(head, {(): own}) + asked[asked.index("claims = ") :]
    outcomes, sides = dict(world.outcomes), list(world.sector_slopes)
    sections: Tables = {
        (): {
            "title": world.title,
            "data": "survey.csv",
            "origin": "simulated",
            "claims": world.claims,
        },
        ("scale",): {"min": LOWEST, "max": HIGHEST, "missing": [NO_ANSWER]},
        ("constructs",): {name: _construct(world, name) for name in world.labels},
        ("model",): {
            "drivers": world.drivers,
            "mediator": world.mediator,
            "outcomes": outcomes,
            "controls": ["country", "age", "gender"],
        },
        ("design",): {
            "respondent": "id",
            "weight": "w",
            "cluster": "industry",
            "groups": ["sector", "country"],
        },
        ("contrasts", "sector"): {"a": sides[0], "b": sides[1]},
    }
    return toml(head, sections)


def _construct(world: World, name: str) -> dict[str, object]:
    declared: dict[str, object] = {"label": world.labels[name], "items": world.items(name)}
    turned = world.reversed_items(name)
    return {**declared, "reversed": turned} if turned else declared


def truth_text(world: AnyWorld, study: Study, draw: int = DRAW) -> str:
    """Write the truth of a world: latent slopes, population values, the verdicts they deserve."""
    values, error = population(world, study, draw)
    head = [
        f"# The truth about the simulated world '{world.name}', whatever the seed of its survey.",
        "# structural: slopes between latent constructs; below, what some groups add to them.",
        "# population and the differences below it: standardized slopes of the scores as analysed",
        "# (answers rounded to the scale, weighted, complete), found from the draw described here;",
        "# monte_carlo_error is the largest of their standard errors.",
        "# planted: the verdict each claim deserves, that of a sample without end; reasons: why.",
    ]
    if isinstance(world, FullWorld):
        head[2:2] = [f"# {line}" for line in world.about]
        head[-1:] = [
            "# corrected_...: the same among constructs free of error of measurement, where claims",
            "# compare them; overlap: correlations of constructs too close to be told apart.",
            head[-1],
        ]
    made: dict[str, object] = {"world": world.name, "respondents": draw, "seed": SEED}
    if np.isfinite(error):
        made["monte_carlo_error"] = error
    sections: Tables = {("draw",): made}
    sections |= {("structural", *key): dict(rows) for key, rows in world.structure.items()}
    planted = planted_verdicts(study, values)
    sections |= truth_tables(values, planted)
    if isinstance(world, FullWorld):
        named = {
            f"{claim} {outcome}".strip(): one.reason for (claim, outcome), one in planted.items()
        }
        sections["reasons",] = {name: reason for name, reason in named.items() if reason}
    else:
        sections["reasons",] = {claim: why for claim, (_, why) in world.planted.items()}
    return toml(head, sections)


def toml(head: list[str], sections: Tables) -> str:
    """Write TOML: comments on top, then tables; fractions with four decimals.

    Examples
    --------
    >>> print(toml(["# Made up."], {("a", "b.c"): {"n": 3, "slope": 0.25, "on": {"x": "y"}}}))
    # Made up.
    <BLANKLINE>
    [a."b.c"]
    n = 3
    slope = 0.2500
    on = { x = "y" }
    """
    lines = list(head)
    for path, rows in sections.items():
        lines += ["", *([f"[{'.'.join(_key(name) for name in path)}]"] if path else [])]
        lines += [f"{_key(name)} = {_value(value)}" for name, value in rows.items()]
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("_", "").isalnum()
    return name if bare else json.dumps(name)


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items()) + " }"
    # Adding 0.0 turns a rounded -0.0 into 0.0.
    return f"{round(value, 4) + 0.0:.4f}" if isinstance(value, float) else json.dumps(value)


def _refuse_other_things(folder: Path) -> None:
    """Only what this module made may be replaced."""
    if folder.exists() and not folder.is_dir():
        raise StudyError(f"{folder} is a file. Name a folder.")
    found = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
    others = [name for name in found if name not in FILES] or found
    if not found or (set(found) == set(FILES) and _made_here(folder / "study.toml")):
        return
    raise StudyError(
        f"{folder} holds {', '.join(others[:3])}, which is not (only) a survey made by "
        "'loyalty simulate'. Name a folder that is new or empty."
    )


def _made_here(study: Path) -> bool:
    with study.open("rb") as file:
        return file.readline().startswith(MADE_BY.encode())


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _put_in_place(aside: Path, folder: Path) -> None:
    """Give a folder its final name; what it replaces goes last."""
    replaced = aside.with_suffix(".replaced")
    if folder.exists():
        folder.rename(replaced)
    aside.rename(folder)
    shutil.rmtree(replaced, ignore_errors=True)
