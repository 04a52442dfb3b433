"""Figures say what the table says, fit their paper and come out the same every time."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd

LABELS = {
    "affective": "Affective commitment",
    "normative": "Normative commitment",
    "economic": "Economic commitment",
    "forced": "Forced commitment",
    "habitual": "Habitual commitment",
    "satisfaction": "Satisfaction",
    "repurchase": "Repurchase intention",
    "advocacy": "Advocacy",
    "search": "Search for alternatives",
}
FIVE = ["affective", "normative", "economic", "forced", "habitual"]


def make_study(drivers=FIVE, outcomes=("repurchase", "advocacy", "search"), **changes):
    labels = changes.get("labels", LABELS)
    return SimpleNamespace(
        model=SimpleNamespace(
            drivers=list(drivers),
            mediator=changes.get("mediator", "satisfaction"),
            outcomes=dict.fromkeys(outcomes, "intention"),
            moderators=[],
        ),
        is_simulated=changes.get("simulated", True),
        label=lambda name: labels.get(name, name.replace("_", " ").capitalize()),
    )


def make_big_study():
    """Nine drivers, nine outcomes, labels as long and as odd as survey text gets."""
    long = "How strongly the respondent feels bound by the costs ($, time, effort) of leaving"
    labels = {f"driver_{k}": f"Driver number {k} of nine" for k in range(9)}
    labels |= {f"outcome_{k}": f"Outcome {k}: intention to act" for k in range(9)}
    labels |= {"driver_3": long, "driver_4": "<script>alert('x')</script>", "driver_5": "$x^2$"}
    labels |= {"outcome_2": long, "outcome_7": "Donaudampfschifffahrtsgesellschaftskapitän" * 2}
    drivers = [f"driver_{k}" for k in range(9)]
    return make_study(drivers, [f"outcome_{k}" for k in range(9)], labels=labels)


def make_regression(study, seed=7):
    random = np.random.default_rng(seed)
    models = [study.model.mediator] if study.model.mediator else []
    models += [f"{outcome}.total" for outcome in study.model.outcomes]
    rows = []
    for model in models:
        centre = np.linspace(0.45, -0.25, len(study.model.drivers))
        for term, middle in zip(study.model.drivers, centre, strict=True):
            beta = middle + random.normal(0, 0.08)
            half = random.uniform(0.03, 0.12)
            rows.append(
                {
                    "model": model,
                    "outcome": model.removesuffix(".total"),
                    "term": term,
                    "n": 9000,
                    "beta": beta,
                    "beta_low": beta - half,
                    "beta_high": beta + half,
                    "zero_order": beta + random.normal(0.12, 0.06),
                }
            )
    return pd.DataFrame(rows)


def make_correlations(study, seed=3):
    model = study.model
    names = [*model.drivers, *([model.mediator] if model.mediator else []), *model.outcomes]
    random = np.random.default_rng(seed)
    sample = random.normal(size=(400, len(names))) + 0.9 * random.normal(size=(400, 1))
    sample[:, min(3, len(names) - 1)] *= -1
    r = np.corrcoef(sample.T)
    return pd.DataFrame(
        [(names[i], names[j], r[i, j], 400) for i in range(len(names)) for j in range(i)],
        columns=["a", "b", "r", "n"],
    )


def make_answers(study, items=3, low=1, high=7, seed=5):
    model = study.model
    names = [*model.drivers, *([model.mediator] if model.mediator else []), *model.outcomes]
    random = np.random.default_rng(seed)
    rows = []
    for name in names:
        for k in range(items):
            weights = random.dirichlet(np.linspace(1, random.uniform(0.5, 6), high - low + 1) * 3)
            rows += [
                (name, f"{name[:3]}{k + 1}", point, share, 9000)
                for point, share in zip(range(low, high + 1), weights, strict=True)
            ]
    return pd.DataFrame(rows, columns=["construct", "item", "answer", "share", "n"])


VERDICTS = ["contradicted", "supported", "negligible", "inconclusive", "not testable"]


def make_verdicts(seed=11):
    random = np.random.default_rng(seed)
    rows = []
    sets = {"rice_paper": 6, "rice_press": 11, "rivals": 6, "loyalty_types": 4, "pillars": 8}
    for claim_set, claims in sets.items():
        for k in range(claims):
            for outcome in ["repurchase", "advocacy"][: 1 + k % 2]:
                for part in ["", "affective"] if k == 1 else [""]:
                    estimate = random.normal(0, 0.3)
                    rows.append(
                        {
                            "claim_set": claim_set,
                            "claim": f"{claim_set[0].upper()}{k + 1}",
                            "part": part,
                            "text": f"Claim {k} of {claim_set} holds.",
                            "source": "press",
                            "outcome": outcome,
                            "estimate": estimate,
                            "conf_low": estimate - 0.1,
                            "conf_high": estimate + 0.1,
                            "n": 9000,
                            "verdict": random.choice(VERDICTS, p=[0.15, 0.3, 0.1, 0.25, 0.2]),
                            "reason": "few_clusters",
                        }
                    )
    return pd.DataFrame(rows)
