"""The report: all findings on one HTML page that needs no other file, no network and no script."""

import base64
import math
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from string import Template

from ..files import write_whole
from .findings import Findings, Table, quantity

VERDICTS = {"agrees": "✓ agrees", "differs": "✗ differs", "inconclusive": "? inconclusive"}
# settings that the page names
USED = "episodes seed queries root asl_root minisnn python numpy machine threads".split()
PAGE = Path(__file__)  # its .html and .css lie beside it
HEAD = "claim|the paper|here [95 % interval]|what was asked|verdict|see".split("|")


def write_report(findings: list[Findings], folder: Path, seconds: float) -> Path:
    """Write folder/report.html of findings whose files lie in folder/<name>; its path."""
    claims = [(found, claim) for found in findings for claim in found.claims]
    settings = {name: "" for name in USED} | (findings[0].settings if findings else {})
    words = {name: escape(str(value)) for name, value in settings.items()}
    words |= {name: "real" if settings[name] else "simulated" for name in ("root", "asl_root")}
    words["threads"] += f" thread{'s' * (settings['threads'] != 1)}"
    words |= {
        verdict: str(sum(claim.verdict == verdict for _, claim in claims)) for verdict in VERDICTS
    }
    words |= dict(
        claims=str(len(claims)),
        minutes=f"{seconds / 60:.1f}",
        time=f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
    )
    words["contents"] = "".join(
        f'<li><a href="#{found.name}">{escape(found.title)}</a></li>' for found in findings
    )
    words |= dict(
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
    rows = [
        f'<tr><td>{escape(claim.text)}</td><td data-label="paper">{escape(claim.paper)}</td>'
        f'<td data-label="here">{escape(quantity(claim))}</td><td '
        f'data-label="asked">{escape(claim.rule)}</td>'
        f'<td class="{claim.verdict}">{VERDICTS[claim.verdict]}</td><td><a '
        f'href="#{found.name}">{found.name}</a></td></tr>'
        for found, claim in claims
    ]
    return _wide(HEAD, rows, "claims")


def _section(found: Findings, folder: Path) -> str:
    parts = [f'<h2 id="{found.name}">{escape(found.title)}</h2>']
    if found.summary:
        parts.append(f"<p>{escape(found.summary)}</p>")
    for name, (_, caption) in found.figures.items():
        image = base64.b64encode((folder / f"{name}.png").read_bytes()).decode()
        parts.append(
            f'<figure><img alt="{escape(caption)}" '
            f'src="data:image/png;base64,{image}"><figcaption>{escape(caption)}</figcaption></figure>'
        )
    parts += [_table(table) for table in found.tables]
    if found.claims:
        parts += [
            "<h3>What it says of the paper</h3>",
            _claims([(found, claim) for claim in found.claims]),
        ]
    parts += [f'<p class="missing">Not run: {_command(line)}</p>' for line in found.missing]
    if networks := found.settings.get("networks"):
        names = "; ".join(f"{role}: {text}" for role, text in networks.items())
        parts.append(f'<p class="note">Networks: {escape(names)}.</p>')
    return "\n".join(parts)


def _command(line: str) -> str:
    text, found, command = escape(line).partition("minisnn train")
    return f"{text}<code>{found}{command}</code>" if found else text


def _table(table: Table) -> str:
    rows = [
        "<tr>" + "".join(f"<td>{escape(_cell(value))}</td>" for value in row) + "</tr>"
        for row in table.rows
    ]
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    return f"<h3>{escape(table.title)}</h3>{_wide(table.header, rows)}{note}"


def _wide(header: list[str], rows: list[str], kind: str = "numbers") -> str:
    head = "<tr>" + "".join(f"<th>{escape(name)}</th>" for name in header) + "</tr>"
    return (
        '<div class="wide"><table '
        f'class="{kind}"><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table></div>'
    )


def _cell(value) -> str:
    if value is None or isinstance(value, float) and not math.isfinite(value):
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
