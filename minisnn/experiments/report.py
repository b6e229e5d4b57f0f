"""Write the report: all findings on one page of Markdown, with their figures."""

from datetime import UTC, datetime
from pathlib import Path

from ..files import write_whole
from .findings import Findings

VERDICTS = ("agrees", "differs", "inconclusive")


def counts(findings: list[Findings]) -> str:
    """Count the experiments, and the claims by their verdict."""
    verdicts = [claim.verdict for found in findings for claim in found.claims]
    kinds = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in VERDICTS)
    return f"{len(findings)} experiments; {len(verdicts)} claims: {kinds}"


def write_report(findings: list[Findings], folder: Path, seconds: float) -> Path:
    """Write folder/report.md of findings whose files are in folder/<name>; return its path."""
    parts = [
        "# Stewart & Neftci 2022, measured by minisnn",
        f"{counts(findings)}. {datetime.now(UTC):%Y-%m-%d}, {seconds / 60:.1f} minutes.",
    ]
    for found in findings:
        settings = ", ".join(f"{name} {value}" for name, value in found.settings.items())
        parts += [f"## {found.title}", f"```text\n{found.text()}\n```", f"Settings: {settings}."]
        parts += [
            f"![{caption}]({found.name}/{name}.png)" for name, (_, caption) in found.figures.items()
        ]
    write_whole(folder / "report.md", ("\n\n".join(parts) + "\n").encode())
    return folder / "report.md"
