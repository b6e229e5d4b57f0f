"""The report: all findings on one HTML page that needs no other file, no network and no script."""

import base64
from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from string import Template

from ..files import write_whole
from .findings import Claim, Findings, cell, quantity

VERDICTS = {"agrees": "✓ agrees", "differs": "✗ differs", "inconclusive": "? inconclusive"}
# settings that the page names
USED = "episodes seed queries minisnn python numpy machine threads".split()
PAGE = Path(__file__)  # its .html and .css are next to it
HEAD = "claim|the paper|here [95 % interval]|what was asked|verdict|see".split("|")


def write_report(findings: list[Findings], folder: Path, seconds: float) -> Path:
    """Write folder/report.html of findings whose files are in folder/<name>; its path."""
    claims = [_claim(found, claim) for found in findings for claim in found.claims]
    verdicts = [claim.verdict for found in findings for claim in found.claims]
    settings = findings[0].settings
    links = (f'<li><a href="#{one.name}">{escape(one.title)}</a></li>' for one in findings)
    words = {name: escape(str(settings.get(name, ""))) for name in USED}
    words |= {verdict: str(verdicts.count(verdict)) for verdict in VERDICTS}
    for name in ("root", "asl_root"):
        words[name] = "real" if settings.get(name) else "simulated"
    words |= dict(
        claims=str(len(claims)),
        minutes=f"{seconds / 60:.1f}",
        time=f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        contents="".join(links),
        table=_wide(HEAD, claims, "claims"),
        sections="\n".join(_section(found, folder / found.name) for found in findings),
        style=PAGE.with_suffix(".css").read_text(encoding="utf-8"),
    )
    page = Template(PAGE.with_suffix(".html").read_text(encoding="utf-8")).substitute(words)
    write_whole(folder / "report.html", page.encode())
    return folder / "report.html"


def _claim(found: Findings, claim: Claim) -> str:
    """The cells of a claim's row; on a narrow screen they have names."""
    cells = (("paper", claim.paper), ("here", quantity(claim)), ("asked", claim.rule))
    shown = "".join(f'<td data-label="{name}">{escape(text)}</td>' for name, text in cells)
    verdict = f'<td class="{claim.verdict}">{VERDICTS[claim.verdict]}</td>'
    link = f'<td><a href="#{found.name}">{found.name}</a></td>'
    return f"<td>{escape(claim.text)}</td>{shown}{verdict}{link}"


def _section(found: Findings, folder: Path) -> str:
    parts = [f'<h2 id="{found.name}">{escape(found.title)}</h2>', f"<p>{escape(found.summary)}</p>"]
    for name, (_, caption) in found.figures.items():
        image = base64.b64encode((folder / f"{name}.png").read_bytes()).decode()
        picture = f'<img alt="{escape(caption)}" src="data:image/png;base64,{image}">'
        parts.append(f"<figure>{picture}<figcaption>{escape(caption)}</figcaption></figure>")
    for table in found.tables:
        rows = ("".join(f"<td>{escape(cell(one))}</td>" for one in row) for row in table.rows)
        parts += [f"<h3>{escape(table.title)}</h3>", _wide(table.header, rows)]
        parts.append(f'<p class="note">{escape(table.note)}</p>')
    if found.claims:
        claims = (_claim(found, claim) for claim in found.claims)
        parts += ["<h3>What it says of the paper</h3>", _wide(HEAD, claims, "claims")]
    parts += [f'<p class="missing">Not run: {escape(line)}</p>' for line in found.missing]
    names = "; ".join(f"{role}: {text}" for role, text in found.settings["networks"].items())
    return "\n".join([*parts, f'<p class="note">Networks: {escape(names) or "none"}.</p>'])


def _wide(header: list[str], rows: Iterable[str], kind: str = "numbers") -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f'<div class="wide"><table class="{kind}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
