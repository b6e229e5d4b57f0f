"""Links lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PATTERNS = (
    "README.md",
    "CHANGELOG.md",
    "data/*.md",
    "data/results/*.md",
    "hardware/*.md",
    "lessons/*.md",
    "lessons/guides/*.md",
)
PAGES = sorted(page for pattern in PATTERNS for page in ROOT.glob(pattern))
CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.M | re.S)


def short(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found: set[str] = set()
    for heading in re.findall(
        r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), re.M
    ):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*]", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        number = 0
        while f"{anchor}-{number}".removesuffix("-0") in found:
            number += 1
        found.add(f"{anchor}-{number}".removesuffix("-0"))
    return found


def broken(page: Path, text: str) -> list[str]:
    """Links of a page to files or headings that are not there."""
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", CODE.sub("", text)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (
            anchor and anchor not in anchors(there.read_text(encoding="utf-8"))
        ):
            wrong.append(target)
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_links_lead_somewhere(page):
    assert broken(page, page.read_text(encoding="utf-8")) == []
