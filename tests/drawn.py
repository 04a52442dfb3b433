"""Studies with labels of every kind, and what a figure prints, box by box."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

from matplotlib.backends.backend_agg import FigureCanvasAgg

from loyalty_analysis.plotting import house_style

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
        gates=SimpleNamespace(reliability=0.7, htmt=0.9),
        from_moments=False,
        model=SimpleNamespace(
            drivers=list(drivers),
            controls=[],
            mediator=changes.get("mediator", "satisfaction"),
            outcomes=dict.fromkeys(outcomes, "intention"),
            moderators=[],
        ),
        design=SimpleNamespace(weight=None),
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


def printed_text(figure):
    """Every text the figure prints, with its box in pixels."""
    canvas = FigureCanvasAgg(figure)
    with house_style():
        figure.draw_without_rendering()
        texts = [*figure.texts]
        for axes in figure.axes:
            texts += axes.texts
            if axes.axison:
                ticks = [*axes.xaxis._update_ticks(), *axes.yaxis._update_ticks()]
                texts += [tick.label1 for tick in ticks]
        shown = [text for text in texts if text.get_visible() and text.get_text().strip()]
        return [(text.get_text(), text.get_window_extent(canvas.get_renderer())) for text in shown]


def assert_no_text_collides(figure):
    boxes = printed_text(figure)
    width, height = figure.bbox.size
    for text, box in boxes:
        inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1
        assert inside, f"{text!r} leaves the page"
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        wide = min(a.x1, b.x1) - max(a.x0, b.x0)
        high = min(a.y1, b.y1) - max(a.y0, b.y0)
        assert wide <= 1 or high <= 1, f"{one!r} runs into {other!r}"
