"""Write the table of largest differences from R in ``golden/README.md``.

Run ``LOYALTY_REFERENCE=folder python tests/make_golden.py``; a test holds the table true.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import effects_reference
import measurement_reference
import sem_reference
from make_readme import table
from reference_numbers import ERROR, ERRORS, INDICES, ROBUST, Number

README = Path(__file__).with_name("golden") / "README.md"
TITLE = "## Real surveys: largest differences from R"
HEAD = ["analysis", "what is compared", "numbers", "largest difference", "tolerance"]
TEXT = """
Every number of reliability and validity, factor and structural models, invariance, mediation and
relative importance in the folder that `LOYALTY_REFERENCE` names: {numbers} numbers in {analyses}
analyses, all within tolerance. Made by `LOYALTY_REFERENCE=folder python tests/make_golden.py`;
`test_golden.py` holds it true where that folder is there.

A difference is relative to R's number. Estimates count relative to their error, p values to .001,
RMSEA, intervals and z to .01 where that is larger; changes of CFI, RMSEA and SRMR to .01, which is
their limit; published numbers as they are; what was bootstrapped in Monte Carlo errors. *Errors*
are standard errors with what follows from them: z, p, intervals. `sem_reference.EXCUSED` explains
the tolerance of .002.

Computed in the tests, from the package's correlations or likelihood, since the package has no use
for them: omega of a minres factor, Guttman's lambda 6, modification indices, and z, p and intervals
of standardized values.

**Not compared, of these blocks**: `gfi` and `agfi` of the two FIML fits (lavaan compares there with
pairwise moments); eigenvalues, Harman's share and its relatives in `common_method` (they decide
nothing here); alpha and rho_A of published loadings (they need the answers); the composite
reliability of SQ in `ha2023_switching_costs` (misprinted, says `SOURCES.md`); `cfa_ordinal_wlsmv`
(ordinal estimation is not offered).

Of `mediation*`: percentile ends and errors of 10,000 resamples here and there, in Monte Carlo
errors of their difference; `medsens` names the nearest point of its grid. Not compared: its other
bootstrap intervals, Sobel errors (least squares' divisor), 500 simulations of `mediate`.

**Held by other tests**: `ols*` by `test_reference.py`, `ordered_logit*` and `brant_test` by
`test_categorical.py`, `mixed*` by `test_mixed.py`, `groups_*` by `test_groups.py`; each says what
it leaves out.

**Left for the issues they belong to**: `sensitivity*`, `specification_curve*`, `speccurve`,
`typology`, `descriptives`, `correlations_composites`.

"""


class Row(NamedTuple):
    """One row of the table: numbers of an analysis that share a tolerance."""

    analysis: str
    compared: str
    numbers: int
    difference: float
    tolerance: float

    @property
    def cells(self) -> list[str]:
        """As the table shows it."""
        return [*self[:2], f"{self.numbers}", f"{self.difference:.1g}", f"{self.tolerance:g}"]


def kind(number: Number) -> str:
    """What a number is called in the table."""
    plain = number.quantity.rpartition(": ")[2].rpartition("difference ")[2]
    if plain in ERRORS and number.tolerance >= ERROR:
        return "errors"
    return "fit" if plain in INDICES | ROBUST else plain.replace("_", " ")


def rows(compared: Iterable[tuple[str, list[Number]]]) -> list[Row]:
    """Largest difference of each analysis, apart by tolerance."""
    found = []
    for analysis, numbers in compared:
        for tolerance in sorted({number.tolerance for number in numbers}):
            own = [number for number in numbers if number.tolerance == tolerance]
            kinds = ", ".join(dict.fromkeys(kind(number) for number in own))
            largest = max(float(number.difference) for number in own)
            found.append(Row(analysis, kinds, len(own), largest, tolerance))
    return found


def analyses(folder: Path) -> Iterable[tuple[str, list[Number]]]:
    """Every analysis of the reference folder, both sides."""
    return chain(
        measurement_reference.analyses(folder),
        sem_reference.analyses(folder),
        effects_reference.analyses(folder),
    )


def section(found: list[Row]) -> str:
    """The section of the page."""
    counts = {"numbers": f"{sum(row.numbers for row in found):,}",
              "analyses": len({row.analysis for row in found})}  # fmt: skip
    return f"{TITLE}\n{TEXT.format(**counts)}{table(HEAD, [row.cells for row in found])}"


def written(page: str, found: list[Row]) -> str:
    """The page with its section made anew; what stands before and after is kept."""
    before, _, old = page.partition(TITLE)
    rest = old.partition("\n## ")[2]
    return before.rstrip() + "\n\n" + section(found) + (f"\n## {rest}" if rest else "")


if __name__ == "__main__":
    named = os.environ.get("LOYALTY_REFERENCE")
    if not named:
        sys.exit("LOYALTY_REFERENCE names no folder with reference results from R")
    page = README.read_text(encoding="utf-8")
    README.write_text(written(page, rows(analyses(Path(named)))), encoding="utf-8")
