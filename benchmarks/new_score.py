"""Score what `loyalty new` drafts without help against surveys whose constructs are known.

    LOYALTY_REFERENCE=FOLDER python benchmarks/new_score.py

writes new_score.md. The folder holds keys.csv and data/: three surveys that nobody on this project
wrote. Two more are made here, with other habits of naming.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))

import numpy as np  # noqa: E402
from draft_surveys import Score, lettered, numbered, reference_keys, score  # noqa: E402

from loyalty_analysis.draft import draft  # noqa: E402
from loyalty_analysis.formats import read_file  # noqa: E402
from loyalty_analysis.raw_tables import Table  # noqa: E402

REFERENCE = ("satisfaction", "corp_rep", "investment_model_couples")
ASKED = 0.9
TEXT = """\
# What `loyalty new` puts together without help

Made by `LOYALTY_REFERENCE=FOLDER python benchmarks/new_score.py`.

An item is put with its construct when it stands in the drafted construct that holds most of that
construct's items, one matched with one; an item left out is not. Items keyed reversed are proposed
reversed, refused (left out with a comment) or, which must not be, scored as they are. Asked for: at
least {asked:.0%}, none scored as it is.

| survey | listed | put with their construct | reversed | proposed | refused | as it is | wrongly |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
{rows}

The first three are described in the README of the folder. The others are made from seeds
(`tests/draft_surveys.py`), five each: names such as TrustA with labels, 8 and 9 for no answer,
weights, shops and times beside the items; and Q1 to Q20 in no order, without labels, which only
correlations can put together.

Not asked for, and where it ends: the items of the first three as Q1, Q2, ... in random order (seed
1), so that only correlations XX
| survey | listed | put with their construct | reversed | proposed | refused | as it is | wrongly |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
{nameless}
"""


def rows(folder: Path) -> list[tuple[str, Score]]:
    found = []
    for name in REFERENCE:
        drafted = draft(read_file(folder / "data" / f"{name}.csv"), name, f"{name}.csv")
        found.append((name, score(drafted, reference_keys(folder, name))))
    for make, name in ((lettered, "TrustA, ... with labels"), (numbered, "Q1 to Q20 without")):
        for seed in range(5):
            table, keys = make(seed=seed)
            found.append((f"{name}, seed {seed}", score(draft(table, name, "x.csv"), keys)))
    return found


def nameless(folder: Path) -> list[tuple[str, Score]]:
    found = []
    for name in REFERENCE:
        table, keys = read_file(folder / "data" / f"{name}.csv"), reference_keys(folder, name)
        order = np.random.default_rng(1).permutation(list(keys))
        names = {str(item): f"Q{number}" for number, item in enumerate(order, 1)}
        bare = Table(table.frame[list(order)].rename(columns=names))
        known = {names[item]: keys[item] for item in names}
        found.append((f"{name}, names taken away", score(draft(bare, name, "x.csv"), known)))
    return found


def line(name: str, one: Score) -> str:
    cells = (
        name, one.listed, f"{one.placed} ({one.share:.0%})", one.reversed, one.proposed,
        one.refused, one.silent, one.turned_wrongly,
    )  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    folder = os.environ.get("LOYALTY_REFERENCE")
    if not folder:
        sys.exit("Set LOYALTY_REFERENCE to the folder that holds keys.csv and data/.")
    found = rows(Path(folder))
    lines = {"rows": found, "nameless": nameless(Path(folder))}
    shown = {key: "\n".join(line(*one) for one in part) for key, part in lines.items()}
    text = TEXT.format(asked=ASKED, **shown)
    (HERE / "new_score.md").write_text(text, encoding="utf-8")
    print(text)
    failed = [name for name, one in found if one.share < ASKED or one.silent]
    sys.exit(f"Below what is asked: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
