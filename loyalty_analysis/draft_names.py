"""What column names and labels say: stems, signs of reversal, constructs that claims know."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

OUTCOMES = {
    "loyalty": "intention",
    "repurchase": "intention",
    "advocacy": "attitude",
    "price_tolerance": "intention",
    "staying": "behaviour",
    "search": "leaving",
    "switching": "leaving",
    "churn": "leaving",
}
"""Constructs that claims take for outcomes, and the kind of each."""

# Words of questions, by construct: what is asked in other words than the construct's name.
_SAID = {
    "satisfaction": "satisf|pleased with|content with|happy with",
    "loyalty": "loyal",
    "repurchase": "repurchas|rebuy|buy again|purchase again|renew|choose .* again|next time i",
    "advocacy": "advoca|recommend|word of mouth|promoter|speak well|tell (others|my friends)",
    "price_tolerance": "pay more|higher price|price (increase|rise|tolerance)|willing to pay",
    "staying": "stayed|still a customer|remain a customer|retention",
    "search": r"search|look(ing)? (around|for (an|other))|compare offers|alternatives? offers",
    "switching": "switch to|change (my )?(provider|supplier|brand)|leave (this|the|my) ",
    "churn": "churn|cancelled|defect",
    "affective": "affective|attached|attachment|emotional bond|belong|feel part|fond of",
    "normative": "normative|same values|shares? my (beliefs|values)|values i",
    "obligation": "obliged|obligation|owe (it|them)|feel guilty",
    "economic": "would lose|lose (my )?(points|benefits|rewards)|economic commitment|too costly",
    "forced": "no (real )?(choice|alternative)|locked|stuck with|forced|trapped",
    "habitual": "habit|automatic|without thinking|routine",
    "quality": "quality",
    "service": r"\bservice|\bstaff\b|employees",
    "value": r"worth|value for|good value|perceived value",
    "usability": "usab|easy to (use|navigate)|user.friendly",
    "trust": "trust|honest|keeps? (its|their) promises",
    "gratitude": "grateful|gratitude|thankful",
    "engagement": "engage",
    "relationship": "relationship",
}  # fmt: skip
_FACETS = (
    "price_quality", "benefit_cost", "differentiation", "disconfirmation", "delight",
    "personalisation", "proactive_support", "emotional_connection", "brand_story", "shared_values",
    "programme", "subscription", "convenience", "switching_financial", "switching_emotional",
    "switching_logistical", "brand_investment", "reciprocation", "mutual_loyalty", "patronage",
    "attitude",
)  # fmt: skip
# Other words that stems are short for: they keep a short stem from being read as one of ours.
_OTHERS = (
    "attachment", "attention", "attractiveness", "commitment", "communication", "competence",
    "competition", "expectation", "experience", "identification", "image", "investment",
    "involvement", "likeability", "motivation", "performance", "reliability", "reputation",
    "responsibility", "risk", "security", "trust",
)  # fmt: skip
KNOWN = tuple(dict.fromkeys([*OUTCOMES, *(name for name in _SAID if name != "trust"), *_FACETS]))
"""Names of constructs that claims use."""

_NUMBERED = re.compile(
    r"^(?P<stem>.*?[^\d_.\-\s])[_.\-\s]*(?P<number>\d+)(?P<mark>[_.\-]?(?:rev(?:ersed)?|rec(?:oded)?|r))?$",
    re.IGNORECASE,
)
_LETTERED = re.compile(
    r"^(?P<stem>.+?)(?:[_.\-\s](?P<a>[A-Za-z])|(?<=\d)(?P<b>[a-z])|(?<=[a-z])(?P<c>[A-Z]))$"
)
_FIRST = re.compile(r"^[A-Za-z]{0,2}\d+[_.\-\s]+(?P<stem>[A-Za-z][A-Za-z_]{2,})$")
_NEGATED = re.compile(
    r"\b(not|never|no longer|hardly|nothing|(?:dislike|disappoint|dissatisf|unhappy|unsatisf|unfair"
    r"|unpleasant|unreliable|regret|annoy)\w*|bad|poor|worse|worst)\b|n't\b",
    re.IGNORECASE,
)  # fmt: skip
_EMPTY = re.compile(
    r"(?:[acfikpqsvxyz]|col|column|frage|items?|q[nu]|questions?|quest|st|statement|var|variable)?"
)


@dataclass(frozen=True)
class Stem:
    """The stem a name shares with others, and what its ending says.

    ``summary`` marks an ending such as *global* or *mean*; ``marked`` one such as *rev*.
    """

    text: str
    marked: bool = False
    summary: bool = False


def stems(names: Sequence[str]) -> dict[str, Stem]:
    """Find the stem of each column name: what it shares with the names of other items.

    Examples
    --------
    >>> {name: stem.text for name, stem in stems(["sat1", "SAT_2", "LoyA", "LoyB", "age"]).items()}
    {'sat1': 'sat', 'SAT_2': 'sat', 'LoyA': 'loy', 'LoyB': 'loy', 'age': 'age'}
    """
    numbered = {name: _numbered(name) for name in names}
    lettered = {name: _matched(_LETTERED, name) for name in names}
    first = {name: _matched(_FIRST, name) for name in names}
    shared = Counter(filter(None, [*lettered.values()]))
    counted = Counter(filter(None, first.values()))
    found: dict[str, Stem] = {}
    for name in names:
        if lettered[name] and shared[lettered[name]] > 1:
            found[name] = Stem(lettered[name])
        elif numbered[name]:
            found[name] = numbered[name] or Stem(name)
        elif first[name] and counted[first[name]] > 1:
            found[name] = Stem(first[name])
        else:
            found[name] = Stem(name.strip().casefold())
    known = {stem.text for stem in found.values()}
    return {name: _summary(stem, known - {name.casefold()}) for name, stem in found.items()}


def _numbered(name: str) -> Stem | None:
    match = _NUMBERED.match(name.strip())
    return Stem(_folded(match["stem"]), marked=bool(match["mark"])) if match else None


def _matched(pattern: re.Pattern[str], name: str) -> str:
    match = pattern.match(name.strip())
    return _folded(match["stem"]) if match else ""


def _folded(stem: str) -> str:
    return stem.strip("_.- ").casefold()


def _summary(stem: Stem, known: set[str]) -> Stem:
    """Tell a rating of the whole, or a score computed from items, by its last word."""
    head, _, last = stem.text.rpartition("_")
    if head in known and last in ("global", "overall", "total", "mean", "sum", "score", "index"):
        return Stem(head, summary=True)
    return stem


def is_empty(stem: str) -> bool:
    """Whether a stem says nothing about what is measured, as Q, V or Q12.

    Examples
    --------
    >>> is_empty("q12"), is_empty("var"), is_empty("sat")
    (True, True, False)
    """
    return bool(_EMPTY.fullmatch(stem.rstrip("0123456789_.- ")))


def negated(label: str) -> bool:
    """Whether a question is worded the other way round.

    Examples
    --------
    >>> negated("I do not feel at home there"), negated("I feel at home there")
    (True, False)
    """
    return bool(_NEGATED.search(label.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")))


def prefix_of(label: str) -> str:
    """What stands before the first colon or dash of a label: the question above a matrix.

    Examples
    --------
    >>> prefix_of("Trust in the shop - Keeps its promises"), prefix_of("Keeps its promises")
    ('Trust in the shop', '')
    """
    parts = re.split(r":\s|\s[-\N{EN DASH}|]\s", label, maxsplit=1)
    return " ".join(parts[0].split()) if len(parts) == 2 and parts[1].strip() else ""


def named_by_stem(stem: str) -> tuple[str, ...]:
    """Constructs a stem may be short for; one of them where it says which.

    Examples
    --------
    >>> named_by_stem("sat"), named_by_stem("switch")[:2], named_by_stem("zz")
    (('satisfaction',), ('switching', 'switching_financial'), ())
    """
    stem = re.sub(r"[\s.\-]+", "_", stem)
    if stem in (*KNOWN, *_OTHERS):
        return (stem,)
    if len(stem) < 3:
        return ()
    return tuple(name for name in (*KNOWN, *_OTHERS) if name.startswith(stem))


def named_by_labels(labels: Iterable[str]) -> tuple[str, int]:
    """The construct that most labels speak of, and how many do; nothing when it is a tie.

    Examples
    --------
    >>> named_by_labels(["I am satisfied", "Overall satisfaction", "I would buy again"])
    ('satisfaction', 2)
    """
    counts: Counter[str] = Counter()
    for label in labels:
        text = label.casefold()
        counts.update(
            name for name in KNOWN if re.search(_SAID.get(name, name.replace("_", " ")), text)
        )
    ranked = counts.most_common(2)
    if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
        return "", 0
    return ranked[0]


def words_of(label: str) -> frozenset[str]:
    """Words of a label that tell it from others, cut to their first six letters.

    Examples
    --------
    >>> sorted(words_of("I am satisfied with the branches"))
    ['branch', 'satisf']
    """
    words = re.findall(r"[^\W\d_]{4,}", label.casefold())
    common = {"with", "this", "that", "they", "them", "have", "from", "their", "very", "would"}
    return frozenset(word[:6] for word in words if word not in common)


def readable(stem: str) -> str:
    """A label for a construct that has no other.

    Examples
    --------
    >>> readable("price_quality")
    'Price quality'
    """
    words = " ".join(re.split(r"[_.\-\s]+", stem)).strip()
    return words[:1].upper() + words[1:]


def one_of(names: Mapping[str, object], wanted: str) -> list[str]:
    """Columns whose whole name, or one word of it, is among some words.

    Examples
    --------
    >>> one_of({"Resp_ID": 0, "idle": 0, "RespondentId": 0}, "id|respondent")
    ['Resp_ID', 'RespondentId']
    """
    pattern = re.compile(rf"^(?:{wanted})$", re.IGNORECASE)
    found = []
    for name in names:
        split = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", str(name))
        parts = re.split(r"[^A-Za-z]+", split)
        if pattern.match(str(name).strip()) or any(pattern.match(part) for part in parts):
            found.append(str(name))
    return found
