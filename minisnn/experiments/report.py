"""The report: all findings on one HTML page that needs no other file, no network and no script."""

import base64
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from string import Template

from ..files import write_whole
from .findings import Findings, Table, cell, quantity

VERDICTS = {"agrees": "✓ agrees", "differs": "✗ differs", "inconclusive": "? inconclusive"}
# settings that the page names
USED = "episodes seed queries root asl_root minisnn python numpy machine threads".split()
PAGE = Path(__file__)  # its .html and .css are next to it
HEAD = "claim|the paper|here [95 % interval]|what was asked|verdict|see".split("|")


def write_report(findings: list[Findings], folder: Path, seconds: float) -> Path:
    """Write folder/report.html of findings whose files are in folder/<name>; its path."""
    claims = [(found, claim) for found in findings for claim in found.claims]
    verdicts = [claim.verdict for _, claim in claims]
    settings = findings[0].settings
    words = {name: escape(str(settings.get(name, ""))) for name in USED}
    words |= {verdict: str(verdicts.count(verdict)) for verdict in VERDICTS}
    words |= dict(
        root="real" if settings.get("root") else "simulated",
        asl_root="real" if settings.get("asl_root") else "simulated",
        claims=str(len(claims)),
        minutes=f"{seconds / 60:.1f}",
        time=f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        contents="".join(
            f'<li><a href="#{found.name}">{escape(found.title)}</a></li>' for found in findings
        ),
        table=_claims(claims),
        sections="\n".join(_section(found, folder / found.name) for found in findings),
    )
    page, style = (
        PAGE.with_suffix(ending).read_text(encoding="utf-8") for ending in (".html", ".css")
    )
    path = folder / "report.html"
    write_whole(path, Template(page).substitute(words, style=style).encode())
    return path


def _claims(claims: list) -> str:
    rows = []
    for found, claim in claims:
        cells = (("paper", claim.paper), ("here", quantity(claim)), ("asked", claim.rule))
        rows.append(
            f"<tr><td>{escape(claim.text)}</td>"
            + "".join(f'<td data-label="{name}">{escape(text)}</td>' for name, text in cells)
            + f'<td class="{claim.verdict}">{VERDICTS[claim.verdict]}</td>'
            f'<td><a href="#{found.name}">{found.name}</a></td></tr>'
        )
    return _wide(HEAD, rows, "claims")


def _section(found: Findings, folder: Path) -> str:
    parts = [f'<h2 id="{found.name}">{escape(found.title)}</h2>']
    if found.summary:
        parts.append(f"<p>{escape(found.summary)}</p>")
    for name, (_, caption) in found.figures.items():
        image = base64.b64encode((folder / f"{name}.png").read_bytes()).decode()
        picture = f'<img alt="{escape(caption)}" src="data:image/png;base64,{image}">'
        parts.append(f"<figure>{picture}<figcaption>{escape(caption)}</figcaption></figure>")
    parts += [_table(table) for table in found.tables]
    if found.claims:
        claims = [(found, claim) for claim in found.claims]
        parts += ["<h3>What it says of the paper</h3>", _claims(claims)]
    parts += [f'<p class="missing">Not run: {escape(line)}</p>' for line in found.missing]
    if networks := found.settings.get("networks"):
        names = "; ".join(f"{role}: {text}" for role, text in networks.items())
        parts.append(f'<p class="note">Networks: {escape(names)}.</p>')
    return "\n".join(parts)


def _table(table: Table) -> str:
    rows = [
        "<tr>" + "".join(f"<td>{escape(cell(value))}</td>" for value in row) + "</tr>"
        for row in table.rows
    ]
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    return f"<h3>{escape(table.title)}</h3>{_wide(table.header, rows)}{note}"


def _wide(header: list[str], rows: list[str], kind: str = "numbers") -> str:
    head = "<tr>" + "".join(f"<th>{escape(name)}</th>" for name in header) + "</tr>"
    return (
        f'<div class="wide"><table class="{kind}"><thead>{head}</thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )
