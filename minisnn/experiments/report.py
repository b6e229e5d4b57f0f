"""The report: all findings on one HTML page that needs no other file, no network and no script."""
import base64
import math
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from ..checkpoint import write_whole
from .findings import Findings, Table, quantity

VERDICTS = {"agrees": "✓ agrees", "differs": "✗ differs", "inconclusive": "? inconclusive"}
STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 62rem; margin: 0 auto; padding: 1rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; } h2 { font-size: 1.25rem; margin-top: 2.6rem; border-top: 1px solid #ccc; padding-top: 1rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; } p { margin: .5rem 0; } nav ul { columns: 18rem; padding-left: 1.2rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .88rem; min-width: 60%; }
th, td { text-align: left; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid #e2e2e2; vertical-align: top; }
td { font-variant-numeric: tabular-nums; } th { border-bottom: 2px solid #888; }
figure { margin: 1rem 0; } img { max-width: 100%; height: auto; } figcaption, .note { color: #555; font-size: .88rem; }
.agrees { color: #00664d; font-weight: 600; white-space: nowrap; } .differs { color: #a33b00; font-weight: 600; white-space: nowrap; }
.inconclusive { color: #555; font-weight: 600; white-space: nowrap; } .missing { border-left: 4px solid #e69f00; padding-left: .7rem; }
code { font-size: .85em; overflow-wrap: anywhere; }
@media (max-width: 44rem) { td { min-width: 4.6rem; } .claims thead { display: none; } .claims tr { display: block; padding: .6rem 0;
  border-bottom: 1px solid #ccc; } .claims td { display: block; border: 0; padding: .05rem 0; } .claims td:first-child { font-weight: 600; }
  .claims td[data-label]::before { content: attr(data-label) ": "; color: #666; font-weight: 400; } }
@media print { body { max-width: none; font-size: 10pt; padding: 0; } h2 { break-after: avoid; } figure, tr { break-inside: avoid; }
  .wide { overflow: visible; } table { font-size: 8.5pt; } a { color: inherit; text-decoration: none; } }
"""


def write_report(findings: list[Findings], folder: Path, seconds: float) -> Path:
    """Write folder/report.html of findings whose files lie in folder/<name>; its path."""
    claims = [(found, claim) for found in findings for claim in found.claims]
    counts = {verdict: sum(claim.verdict == verdict for _, claim in claims) for verdict in VERDICTS}
    settings = findings[0].settings if findings else {}
    body = [
        "<h1>One-shot learning in spiking networks: the paper's tables and figures, measured again</h1>",
        "<p>K. M. Stewart and E. O. Neftci, <cite>Meta-learning spiking neural networks with surrogate gradient descent</cite>, "
        "Neuromorphic Computing and Engineering 2(4), 044002, 2022, beside what minisnn measures.</p>",
        f"<p>Of {len(claims)} claims <b>{counts['agrees']} agree</b>, <b>{counts['differs']} differ</b> and "
        f"<b>{counts['inconclusive']} are inconclusive</b>. A claim agrees where the whole 95 % interval of its number meets what is asked "
        "of it, differs where none of it does, and is inconclusive otherwise.</p>",
        _settings(settings, seconds),
        "<nav><ul>" + "".join(f'<li><a href="#{found.name}">{escape(found.title)}</a></li>' for found in findings) + "</ul></nav>",
        "<h2>The claims</h2>", _claims(claims)]
    for found in findings:
        body.append(_section(found, folder / found.name))
    page = f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>minisnn: the paper, measured again</title><style>{STYLE}</style></head>
<body>{chr(10).join(body)}</body></html>
"""
    path = folder / "report.html"
    write_whole(path, page.encode())
    return path


def _settings(settings: dict, seconds: float) -> str:
    where = {"root": "N-MNIST", "asl_root": "ASL-DVS"}
    data = "; ".join(f"{name}: {'real recordings' if settings.get(key) else 'simulated recordings'}" for key, name in where.items())
    return (f'<p class="note">{settings.get("episodes")} test episodes of seed {settings.get("seed")} with {settings.get("queries")} query samples '
            f"a class, unless a table says otherwise; {data}. minisnn {escape(str(settings.get('minisnn')))}, Python "
            f"{escape(str(settings.get('python')))}, NumPy {escape(str(settings.get('numpy')))}; {escape(str(settings.get('machine')))}, "
            f"{settings.get('threads')} threads. Made in {seconds / 60:.1f} minutes, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.</p>")


def _claims(claims: list) -> str:
    rows = [f'<tr><td>{escape(claim.text)}</td><td data-label="paper">{escape(claim.paper)}</td>'
            f'<td data-label="here">{escape(quantity(claim))}</td><td data-label="asked">{escape(claim.rule)}</td>'
            f'<td class="{claim.verdict}">{VERDICTS[claim.verdict]}</td><td><a href="#{found.name}">{found.name}</a></td></tr>' for found, claim in claims]
    return _wide("<tr><th>claim</th><th>the paper</th><th>here [95 % interval]</th><th>what was asked</th><th>verdict</th><th>see</th></tr>", rows, "claims")


def _section(found: Findings, folder: Path) -> str:
    parts = [f'<h2 id="{found.name}">{escape(found.title)}</h2>']
    if found.summary:
        parts.append(f"<p>{escape(found.summary)}</p>")
    for name, (_, caption) in found.figures.items():
        image = base64.b64encode((folder / f"{name}.png").read_bytes()).decode()
        parts.append(f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{image}"><figcaption>{escape(caption)}</figcaption></figure>')
    parts += [_table(table) for table in found.tables]
    if found.claims:
        parts += ["<h3>What it says of the paper</h3>", _claims([(found, claim) for claim in found.claims])]
    parts += [f'<p class="missing">Not run: {_command(line)}</p>' for line in found.missing]
    networks = found.settings.get("networks")
    if networks:
        parts.append('<p class="note">Networks: ' + escape("; ".join(f"{role}: {text}" for role, text in networks.items())) + ".</p>")
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
