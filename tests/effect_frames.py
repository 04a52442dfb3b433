"""Result frames of mediation and drivers, made by hand from paths that are written down."""

from __future__ import annotations

import numpy as np
import pandas as pd

NAN = float("nan")
KEYS = ["outcome", "driver"]


def paths(study, seed=3):
    """Paths of every driver to the mediator, of the mediator to outcomes, and direct ones."""
    random = np.random.default_rng(seed)
    drivers, outcomes = list(study.model.drivers), list(study.model.outcomes)
    to = dict(zip(drivers, np.linspace(0.45, -0.25, len(drivers)), strict=True))
    onwards = dict(zip(outcomes, np.linspace(0.35, -0.3, len(outcomes)), strict=True))
    direct = {(y, x): random.uniform(-0.3, 0.3) for y in outcomes for x in drivers}
    return to, onwards, direct


def make_regression(study, half=0.04):
    to, onwards, direct = paths(study)
    mediator = study.model.mediator
    rows = [(mediator, mediator, term, beta) for term, beta in to.items()]
    for outcome, beta in onwards.items():
        rows.append((f"{outcome}.direct", outcome, mediator, beta))
        rows += [(f"{y}.direct", y, x, b) for (y, x), b in direct.items() if y == outcome]
    table = pd.DataFrame(rows, columns=["model", "outcome", "term", "beta"])
    ends = {"beta_low": table["beta"] - half, "beta_high": table["beta"] + half}
    return table.assign(**ends, df=100.0, beta_df=100.0, n=9000)


def make_mediation(study, half=0.04, boot=True):
    to, onwards, direct = paths(study)
    rows = []
    for (outcome, driver), value in direct.items():
        indirect = to[driver] * onwards[outcome]
        values = {"direct": value, "indirect": indirect, "total": value + indirect}
        for effect, estimate in values.items():
            for scale in ("raw", "standardized"):
                row = (driver, study.model.mediator, outcome, effect, scale, estimate)
                share = indirect / (value + indirect)
                known = effect == "indirect" and scale == "standardized" and 0 < share < 1
                rows.append((*row, share if known else NAN))
    names = ["driver", "mediator", "outcome", "effect", "scale", "estimate", "share_mediated"]
    table = pd.DataFrame(rows, columns=names).assign(df=100.0, n=9000, std_error=half / 2)
    half = np.where(table["effect"] == "indirect", half / 2, half)
    estimate, shift = table["estimate"], 0.002 if boot else NAN
    latent = (estimate * 1.2).where(table["scale"] == "standardized")
    return table.assign(
        statistic=estimate / half * 2, p_value=np.exp(-((estimate / half) ** 2)),
        conf_low=estimate - half, conf_high=estimate + half,
        boot_low=estimate - half + shift, boot_high=estimate + half + shift,
        share_low=table["share_mediated"] - 0.1, share_high=table["share_mediated"] + 0.1,
        latent=latent, latent_std_error=half, latent_df=100.0,
        latent_low=latent - 1.5 * half, latent_high=latent + 1.5 * half,
    )  # fmt: skip


def make_orders(study):
    indirect = make_mediation(study).query("effect == 'indirect' and scale == 'standardized'")
    mediator, frames = study.model.mediator, []
    for order, factor, path in (
        ("declared", 1.0, "{driver} -> {mediator} -> {outcome}"),
        ("driver and mediator exchanged", 0.5, "{mediator} -> {driver} -> {outcome}"),
        ("mediator and outcome exchanged", 1.5, "{driver} -> {outcome} -> {mediator}"),
    ):
        words = [path.format(mediator=mediator, driver=x, outcome=y)
                 for x, y in zip(indirect["driver"], indirect["outcome"], strict=True)]  # fmt: skip
        value = indirect["estimate"] * factor
        frames.append(indirect.assign(order=order, path=words, estimate=value,
                                      conf_low=value - 0.02, conf_high=value + 0.02))  # fmt: skip
    columns = ["driver", "mediator", "outcome", "order", "path", "estimate", "std_error", "df",
               "p_value", "conf_low", "conf_high", "n"]  # fmt: skip
    return pd.concat(frames, ignore_index=True)[columns]


def make_groups(study, group="sector", levels=("goods", "services"), contrast="goods - services"):
    indirect = make_mediation(study).query("effect == 'indirect' and scale == 'standardized'")
    frames = []
    for place, level in enumerate((*levels, *([contrast] if contrast else []))):
        value = indirect["estimate"] * (1 + 0.2 * place) if level != contrast else (
            indirect["estimate"] * 0.4)  # fmt: skip
        frames.append(indirect.assign(group=group, level=level, estimate=value, df=40.0,
                                      df_satterthwaite=30.0, n=4500, conf_low=value - 0.03,
                                      conf_high=value + 0.03))  # fmt: skip
    columns = ["group", "level", "driver", "mediator", "outcome", "estimate", "std_error", "df",
               "df_satterthwaite", "p_value", "conf_low", "conf_high", "n"]  # fmt: skip
    return pd.concat(frames, ignore_index=True)[columns]


def make_sensitivity(study, half=0.05):
    to, onwards, _ = paths(study)
    grid = np.round(np.arange(-0.9, 0.95, 0.1), 1)
    frames = []
    for outcome, b in onwards.items():
        moved = 0.8 * (b - grid / np.sqrt(1 - grid**2) * 0.9)
        zero = b / np.hypot(b, 0.9)
        for driver, a in to.items():
            frames.append(pd.DataFrame({
                "driver": driver, "mediator": study.model.mediator, "outcome": outcome, "rho": grid,
                "estimate": a * moved, "conf_low": a * moved - half, "conf_high": a * moved + half,
                "rho_zero": zero, "rho_zero_low": zero - 0.05, "rho_zero_high": zero + 0.05,
                "r2_product": zero**2, "n": 9000}))  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def make_drivers(study, seed=5, respondents=True, lead=0.02):
    random = np.random.default_rng(seed)
    mediator = [study.model.mediator] if study.model.mediator else []
    terms, frames = [*mediator, *study.model.drivers], []
    for outcome in study.model.outcomes:
        share = np.sort(random.dirichlet(np.ones(len(terms))) * 0.45)[::-1]
        order = random.permutation(len(terms))
        half = 0.02
        table = pd.DataFrame({
            "outcome": outcome, "term": np.array(terms)[order], "share": share,
            "share_low": share - half, "share_high": share + half, "share_std_error": half / 2,
            "df": 100.0, "johnson": share * 1.05, "first": share * 1.8, "last": share * 0.4,
            "rank": np.arange(1, len(terms) + 1),
            "sign": random.choice(["+", "-", ""], len(terms), p=[0.6, 0.3, 0.1]),
            "lead": -np.diff(share, append=NAN), "orderings": "all", "sampling_error": 0.0,
            "latent": share * 1.3, "latent_low": share * 1.3 - half * 1.5,
            "latent_high": share * 1.3 + half * 1.5, "r2": share.sum() + 0.03,
            "r2_controls": 0.03, "replicates": 5000, "failed": 0, "n": 9000})  # fmt: skip
        table["rank_low"] = (table["rank"] - 1).clip(lower=1) if respondents else NAN
        table["rank_high"] = (table["rank"] + 1).clip(upper=len(terms)) if respondents else NAN
        table["p_first"] = np.where(table["rank"] == 1, 0.98, 0.01) if respondents else NAN
        table["beta"] = 0.3 * table["sign"].map({"+": 1, "-": -1, "": 0.01})
        table["lead_low"], table["lead_high"] = table["lead"] - lead, table["lead"] + lead
        frames.append(table)
    return pd.concat(frames, ignore_index=True)


def make_importance(study, seed=7):
    random = np.random.default_rng(seed)
    mediator = [study.model.mediator] if study.model.mediator else []
    terms = [*study.model.drivers, *mediator]
    score = random.uniform(35, 70, len(terms))
    frames = []
    for outcome in study.model.outcomes:
        effect = random.uniform(-0.25, 0.45, len(terms))
        frames.append(pd.DataFrame({
            "outcome": outcome, "term": terms, "effect": effect, "effect_low": effect - 0.05,
            "effect_high": effect + 0.05, "score": score, "score_low": score - 0.7,
            "score_high": score + 0.7, "n": 9000}))  # fmt: skip
    return pd.concat(frames, ignore_index=True)
