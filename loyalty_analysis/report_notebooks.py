"""Which notebooks the report of a study executes, in the order of its page."""

from __future__ import annotations

from itertools import compress
from pathlib import Path

from loyalty_analysis.resources import shipped
from loyalty_analysis.study import TYPES, Study

REPORT_NOTEBOOKS = (
    "report", "01_data_and_measurement", "02_descriptives", "03_regressions", "04_mediation",
    "05_drivers", "06_groups",
)  # fmt: skip
"""What every report executes, in the order of its page."""

FURTHER_NOTEBOOKS = ("08_loyalty_types", "09_pillars", "10_satisfaction_levels", "11_waves")
"""What a report executes of types, of further models or an experiment, of levels, of waves."""


def notebooks_folder() -> Path:
    """Find the notebooks that ship with the package."""
    return shipped("notebooks")


def notebooks_of(study: Study) -> tuple[str, ...]:
    """Name the notebooks that the report of a study executes, in the order of its page.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> few = ["models.few={drivers = ['forced'], outcomes = ['search']}"]
    >>> [name for name in notebooks_of(load_study("rice_simulated", few)) if name > "07"]
    ['report', '09_pillars']
    """
    further = any(part not in ("", TYPES) for part in study.parts) or study.experiment is not None
    waves = study.design.wave is not None
    declared = (study.types is not None, further, study.levels is not None, waves)
    return REPORT_NOTEBOOKS + tuple(compress(FURTHER_NOTEBOOKS, declared))
