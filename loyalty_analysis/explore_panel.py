"""The panel of exploration: widgets in JupyterLab, a still view where nobody can turn them."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from loyalty_analysis.errors import LoyaltyError
from loyalty_analysis.explore import EXPLORATORY, Choice, Explored, Shown, chosen
from loyalty_analysis.explored_study import save_figure, save_study
from loyalty_analysis.formatting import VERDICT_MARKS, estimate, listing, number, shortened
from loyalty_analysis.holdout import notices
from loyalty_analysis.plotting import Figure
from loyalty_analysis.survey import Survey

_CELL = 'style="text-align:left; padding:0 1em 0 0; vertical-align:top"'


def explorer(survey: Survey, folder: str | Path = ".") -> Explorer:
    """Choose outcome, drivers, group, filter and weights of a survey, and see what follows.

    Parameters
    ----------
    survey : Survey
        Of respondents.
    folder : path
        Where its buttons save a choice as a study file and a figure as SVG.

    Returns
    -------
    Explorer
        Shown in a notebook: widgets, or a still view where no front end is there to turn them.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> explorer(read_survey("rice_simulated")).choice.outcome
    'repurchase'
    """
    return Explorer(survey, folder)


class Explorer:
    """A choice and what it shows; see :func:`explorer`.

    Attributes
    ----------
    choice : Choice
    shown : Shown
    seconds : float
        What the last update took, the drawing included.
    """

    def __init__(self, survey: Survey, folder: str | Path = ".") -> None:
        self.explored = Explored(survey)
        self.folder = Path(folder)
        self._panel: Any = None
        self.update(self.explored.first)

    def update(self, choice: Choice) -> None:
        """Look at another choice; an error leaves everything as it is."""
        begun = time.perf_counter()
        shown = self.explored.show(choice)
        figure = shown.figure()
        self.figure, self.still = figure, still(shown, figure)
        self.choice, self.shown = choice, shown
        self.seconds = time.perf_counter() - begun

    def save_study(self) -> Path:
        """Save the choice as a study file, marked as exploratory."""
        rows = self.explored.rows(self.choice.where)
        return save_study(chosen(rows.study, self.choice), self.folder)

    def save_figure(self) -> Path:
        """Save the figure as SVG."""
        return save_figure(self.figure, self.explored.survey.study, self.folder)

    @property
    def panel(self) -> Any:
        """The widgets, made when first asked for."""
        if self._panel is None:
            self._panel = _Panel(self)
        return self._panel.box

    def _ipython_display_(self) -> None:
        from IPython.display import HTML, display

        display(self.panel if front_end() else HTML(self.still))


def front_end() -> bool:
    """Whether a person is at the other end of a kernel: papermill says that nobody can be asked."""
    from IPython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    return bool(getattr(kernel, "_allow_stdin", False))


def still(shown: Shown, figure: Figure) -> str:
    """Everything that a choice shows, as HTML: figure, slopes with shares, verdicts."""
    notes = [EXPLORATORY, *notices(shown.survey.study)]
    counted = f"{number(shown.survey.n, 0)} respondents analysed."
    study = shown.survey.study
    beside = [name for name in shown.shares["term"] if name not in shown.equation.focal]
    if beside:  # the mediator takes part of what the drivers explain
        counted += f" {study.label(beside[0])} is left out of the slopes, and shares with them."
    return "".join(
        [
            *(f"<p><b>{escape(note)}</b></p>" for note in notes),
            f"<p>{escape(counted)}</p>",
            _image(figure),
            _table("slopes", *_slopes(shown)),
            _table("verdicts", *_verdicts(shown)),
        ]
    )


def _image(figure: Figure) -> str:
    code = base64.b64encode(figure.svg().encode()).decode()
    source = f"data:image/svg+xml;base64,{code}"
    return f'<img alt="{escape(figure.alt)}" src="{source}" style="max-width:100%">'


def _table(name: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return f"<tr>{''.join(f'<{tag} {_CELL}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"

    body = "".join(line(row, "td") for row in rows)
    return f'<table class="explore-{name}">{line(head, "th")}{body}</table>'


def _slopes(shown: Shown) -> tuple[list[str], list[list[str]]]:
    """One row per driver: standardized slope, share of explained variance, slopes of groups."""
    study = shown.survey.study
    shares = shown.shares.set_index("term")
    slopes = shown.slopes.set_index("term")
    groups = list(dict.fromkeys(shown.groups["group"]))
    inside = shown.groups.set_index(["group", "term"])
    outcome = study.label(shown.equation.outcome)
    head = [f"Goes with {outcome}", "Slope (SD) [95%]", "Share of variance [95%]", *groups]
    ends = ("share", "share_low", "share_high")
    rows = []
    for term in dict.fromkeys([*shown.equation.focal, *shares.index]):
        beta = slopes.loc[term, ["beta", "beta_low", "beta_high"]] if term in slopes.index else None
        own = [inside.loc[(group, term)] if term in slopes.index else None for group in groups]
        rows.append(
            [
                study.label(term),
                "" if beta is None else estimate(*beta),
                estimate(*shares.loc[term, list(ends)]) if term in shares.index else "",
                *("" if o is None else estimate(o.estimate, o.conf_low, o.conf_high) for o in own),
            ]
        )
    return head, rows


def _verdicts(shown: Shown) -> tuple[list[str], list[list[str]]]:
    head = ["Claim", "", "Estimate [95%]", "Verdict of scores alone (exploratory)"]
    rows = []
    for row in shown.verdicts.to_dict("records"):
        mark, part = VERDICT_MARKS[row["verdict"]], str(row["part"])
        rows.append(
            [
                "" if part else str(row["claim"]),
                part or shortened(str(row["text"]), 70),
                estimate(row["estimate"], row["conf_low"], row["conf_high"]),
                f"{mark.glyph} {mark.word}",
            ]
        )
    return head, rows or [["", "No claim of this study is about this choice.", "", ""]]


class _Panel:
    """The widgets of an explorer."""

    def __init__(self, explorer: Explorer) -> None:
        import ipywidgets as w

        self.explorer = explorer
        self._busy = False
        found, choice = explorer.explored, explorer.choice
        study = found.survey.study
        weights = [
            ("none", ""),
            *([(study.design.weight, study.design.weight)] * bool(study.design.weight)),
        ]
        groups = [("none", ""), *((study.label(name), name) for name in study.design.groups)]
        style = {"style": {"description_width": "6em"}, "layout": w.Layout(width="28em")}
        self.outcome = w.Dropdown(
            options=self._named(found.outcomes),
            value=choice.outcome,
            description="Outcome",
            **style,
        )
        options = found.drivers(choice.outcome)
        self.drivers = w.SelectMultiple(
            options=self._named(options), value=choice.drivers, description="Drivers",
            rows=min(len(options), 8), **style,
        )  # fmt: skip
        self.group = w.Dropdown(options=groups, value=choice.group, description="Group", **style)
        self.where = w.Text(
            value=choice.where, description="Filter", continuous_update=False,
            placeholder="country == 'US' and age > 30", **style,
        )  # fmt: skip
        self.weight = w.Dropdown(
            options=weights, value=choice.weight, description="Weights", **style
        )
        self.said, self.view = w.HTML(), w.HTML(explorer.still)
        keep = w.Button(description="Save as study file", layout=w.Layout(width="14em"))
        draw = w.Button(description="Save figure as SVG", layout=w.Layout(width="14em"))
        keep.on_click(lambda _: self._saving(explorer.save_study))
        draw.on_click(lambda _: self._saving(explorer.save_figure))
        controls = [self.outcome, self.drivers, self.group, self.where, self.weight]
        for one in controls:
            one.observe(self._changed, names="value")
        self.box = w.VBox([*controls, w.HBox([keep, draw]), self.said, self.view])
        self._say(self._took())

    def _named(self, names: Iterable[str]) -> list[tuple[str, str]]:
        label = self.explorer.explored.survey.study.label
        return [(label(name), name) for name in names]

    def _changed(self, change: Any) -> None:
        if not self._busy:
            self._say(self._look(change))

    def _look(self, change: Any) -> str:
        """Show what is chosen now; say how long it took, or why it cannot be shown."""
        if change["owner"] is self.outcome:
            self._offer()
        choice = Choice(
            self.outcome.value, tuple(self.drivers.value), self.group.value,
            self.where.value.strip(), self.weight.value,
        )  # fmt: skip
        if not choice.drivers:
            return "Choose at least one driver."
        try:
            self.explorer.update(choice)
        except LoyaltyError as error:
            return f"Not shown: {error} What stands below is the choice before."
        self.view.value = self.explorer.still
        return self._took()

    def _offer(self) -> None:
        """Offer the drivers that an outcome can have, and keep those that were chosen."""
        options = self.explorer.explored.drivers(self.outcome.value)
        kept = [name for name in self.drivers.value if name in options]
        self._busy = True
        self.drivers.options, self.drivers.value = self._named(options), kept
        self._busy = False

    def _saving(self, save: Any) -> None:
        try:
            self._say(f"Saved, as exploratory: {save()}")
        except LoyaltyError as error:
            self._say(f"Not saved: {error}")

    def _took(self) -> str:
        names = listing(self.explorer.shown.equation.focal, 9)
        return f"{self.explorer.choice.outcome} on {names}: {self.explorer.seconds:.2f} s."

    def _say(self, text: str) -> None:
        self.said.value = f'<p class="explore-said">{escape(text)}</p>'
