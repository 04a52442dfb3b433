"""README is true: its findings are computed, its files exist."""

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _findings():
    spec = importlib.util.spec_from_file_location("findings", ROOT / "docs" / "findings.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_of_findings_is_what_the_package_finds() -> None:
    assert _findings().written(README) == README


def test_every_linked_file_exists() -> None:
    for page in (ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("data/*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
