"""The report: all findings on one HTML page that needs no other file, no network and no script."""

import base64
import math
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from ..files import write_whole
from .findings import Findings, Table, quantity

VERDICTS = {"agrees": "✓ agrees", "differs": "✗ differs", "inconclusive": "? inconclusive"}
STYLE = Path(__file__).with_name("report.css")


def write_report(findings: list[Findings], folder: Path, seconds: float) -> Path:
    """Write folder/report.html of findings whose files lie in folder/<name>; its path."""
    claims = [(found, claim) for found in findings for claim in found.claims]
    counts = {verdict: sum(claim.verdict == verdict for _, claim in claims) for verdict in VERDICTS}
    settings = findings[0].settings if findings else {}
    body = [
        "<h1>One-shot learning in spiking networks: the paper's tables and figures, measured again</h1>",
        "<p>K. M. Stewart and E. O. Neftci, <cite>Meta-learning spiking neural networks with surrogate gradient "
        "descent</cite>, "
        "Neuromorphic Computing and Engineering 2(4), 044002, 2022, beside what minisnn measures.</p>",
        f"<p>Of {len(claims)} claims <b>{counts['agrees']} agree</b>, <b>{counts['differs']} differ</b> and "
        f"<b>{counts['inconclusive']} are inconclusive</b>. A claim agrees where the whole 95 % interval of its "
        "number meets what is asked of it, differs where none of it does, and is inconclusive otherwise.</p>",
        _settings(settings, seconds),
        "<nav><ul>"
        + "".join(f'<li><a href="#{found.name}">{escape(found.title)}</a></li>' for found in findings)
        + "</ul></nav>",
        "<h2>The claims</h2>",
        _claims(claims),
    ]
    for found in findings:
        body.append(_section(found, folder / found.name))
    page = f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>minisnn: the paper, measured again</title><style>{STYLE.read_text(encoding="utf-8")}</style></head>
<body>{chr(10).join(body)}</body></html>
"""
    path = folder / "report.html"
    write_whole(path, page.encode())
    return path


def _settings(settings: dict, seconds: float) -> str:
    where = {"root": "N-MNIST", "asl_root": "ASL-DVS"}
    data = "; ".join(
        f"{name}: {'real recordings' if settings.get(key) else 'simulated recordings'}" for key, name in where.items()
    )
    return (
        f'<p class="note">{settings.get("episodes")} test episodes of seed {settings.get("seed")} with '
        f"{settings.get('queries')} query samples a class, unless a table says otherwise; {data}. "
        f"minisnn {escape(str(settings.get('minisnn')))}, Python {escape(str(settings.get('python')))}, NumPy "
        f"{escape(str(settings.get('numpy')))}; {escape(str(settings.get('machine')))}, "
        f"{settings.get('threads')} threads. Made in {seconds / 60:.1f} minutes, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.</p>"
    )


def _claims(claims: list) -> str:
    rows = [
        f'<tr><td>{escape(claim.text)}</td><td data-label="paper">{escape(claim.paper)}</td>'
        f'<td data-label="here">{escape(quantity(claim))}</td><td data-label="asked">{escape(claim.rule)}</td>'
        f'<td class="{claim.verdict}">{VERDICTS[claim.verdict]}</td><td><a href="#{found.name}">{found.name}</a></td></tr>'
        for found, claim in claims
    ]
    return _wide(
        "<tr><th>claim</th><th>the paper</th><th>here [95 % interval]</th><th>what was asked</th><th>verdict</th>"
        "<th>see</th></tr>",
        rows,
        "claims",
    )


def _section(found: Findings, folder: Path) -> str:
    parts = [f'<h2 id="{found.name}">{escape(found.title)}</h2>']
    if found.summary:
        parts.append(f"<p>{escape(found.summary)}</p>")
    for name, (_, caption) in found.figures.items():
        image = base64.b64encode((folder / f"{name}.png").read_bytes()).decode()
        parts.append(
            f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{image}">'
            f"<figcaption>{escape(caption)}</figcaption></figure>"
        )
    parts += [_table(table) for table in found.tables]
    if found.claims:
        parts += ["<h3>What it says of the paper</h3>", _claims([(found, claim) for claim in found.claims])]
    parts += [f'<p class="missing">Not run: {_command(line)}</p>' for line in found.missing]
    networks = found.settings.get("networks")
    if networks:
        parts.append(
            '<p class="note">Networks: ' + escape("; ".join(f"{role}: {text}" for role, text in networks.items())) + ".</p>"
        )
    return "\n".join(parts)


def _command(line: str) -> str:
    text, found, command = escape(line).partition("minisnn train")
    return f"{text}<code>{found}{command}</code>" if found else text


def _table(table: Table) -> str:
    head = "<tr>" + "".join(f"<th>{escape(name)}</th>" for name in table.header) + "</tr>"
    rows = ["<tr>" + "".join(f"<td>{escape(_cell(value))}</td>" for value in row) + "</tr>" for row in table.rows]
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    return f"<h3>{escape(table.title)}</h3>{_wide(head, rows)}{note}"


def _wide(head: str, rows: list[str], kind: str = "numbers") -> str:
    return f'<div class="wide"><table class="{kind}"><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table></div>'


def _cell(value) -> str:
    if value is None or isinstance(value, float) and not math.isfinite(value):
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
