"""What the guides say runs as it is written, block after block, with fewer updates and episodes.

```python blocks are run, and so is every line of ```sh blocks; what stands in a ```text output
block is what the block above it prints. Other ```text blocks are not run: installing, other
machines, hours of training.
"""

import re
import shlex
from pathlib import Path

import make_gestures
import pytest

import minisnn as ms
from minisnn import cli

ROOT = Path(__file__).resolve().parents[1]
GUIDES = ROOT / "lessons" / "guides"
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.M | re.S)
ELSEWHERE = {"model.md": "tests/gradcheck/test_own.py"}  # where its blocks are run
SLOW = {
    "benchmark.md",
    "clusters.md",
    "datasets.md",
    "first-steps.md",
    "hardware.md",
    "interchange.md",
    "meta-training.md",
    "recordings.md",
    "regression.md",
    "speed.md",
}
TRAIN = "--updates 2 --evaluate-every 1 --evaluate-episodes 2 --test-episodes 2 --queries 2 --quiet"
LESS = {
    "train": shlex.split(TRAIN),
    "evaluate": ["--episodes", "2", "--queries", "2", "--quiet"],
    "hardware": ["--episodes", "2", "--queries", "2", "--quiet"],
    "hardware loihi": ["--episodes", "2", "--queries", "2", "--quiet"],
    "hardware classes": ["--episodes", "2", "--orders", "2", "--quiet"],
    "hardware refuse": ["--episodes", "2", "--quiet"],
}
FEW = dict(
    updates=2,
    evaluate_every=1,
    evaluate_episodes=2,
    test_episodes=2,
    queries=2,
    channels=(4,),
    prototype_updates=0,
)


def blocks(text: str) -> list[tuple[str, str, str]]:
    """(language, words behind it, content) of every block."""
    return [(kind, words.strip(), content) for kind, words, content in BLOCK.findall(text)]


def pages() -> list:
    found = [ROOT / "README.md", *sorted(GUIDES.glob("*.md"))]
    ran = [
        page
        for page in found
        if {kind for kind, _, _ in blocks(page.read_text(encoding="utf-8"))} & {"python", "sh"}
    ]
    slow = pytest.mark.slow
    chosen = [page for page in ran if page.name not in ELSEWHERE]
    return [
        pytest.param(page, id=page.name, marks=slow if page.name in SLOW else ()) for page in chosen
    ]


@pytest.fixture
def small(monkeypatch):
    """Runs and evaluations of Python blocks are small."""
    config, evaluate = ms.TrainingConfig, ms.evaluate
    monkeypatch.setattr(ms, "TrainingConfig", lambda **given: config(**{**given, **FEW}))
    monkeypatch.setattr(
        ms, "evaluate", lambda *given, **named: evaluate(*given, **{**named, "episodes": 2})
    )


def carry_out(line: str) -> None:
    program, *words = shlex.split(line)
    if (program, words[0]) == ("python", "data/make_gestures.py"):
        return make_gestures.make(Path(words[1]), 1, 3)  # fewer recordings
    assert program == "minisnn", f"no test knows how to run {line}"
    less = LESS.get(
        " ".join(words[:2]),
        LESS.get(words[0], []) if words[0] != "hardware" or words[1].startswith("-") else [],
    )
    # no channels for sounds, nor for generated tasks
    given = {"--layers", "none", "waves", "bars", "movement"} & {*words}
    if words[0] == "train" and not given:
        less = [*less, "--channels", "4"]
    assert cli.main([*words, *less]) == 0, line


def run(page: Path, capsys) -> None:
    """Run a page's blocks in order."""
    names: dict = {"__name__": "__main__"}
    printed = ""
    for n, (kind, words, content) in enumerate(blocks(page.read_text(encoding="utf-8"))):
        if words == "nir":
            pytest.importorskip("nir", reason='nir is not installed; pip install "minisnn[nir]"')
        capsys.readouterr()
        if kind == "python":
            content = content.replace("range(400)", "range(4)")  # of updates
            content = content.replace("range(1000)", "range(2)").replace("= 600", "= 2")
            file = Path(f"block{n}.py")  # a neuron of one's own is compiled from its file
            file.write_text(content, encoding="utf-8")
            exec(compile(content, file.resolve(), "exec", dont_inherit=True), names)
            printed = capsys.readouterr().out
        elif kind == "sh":
            for line in content.splitlines():
                carry_out(line)
        elif (kind, words) == ("text", "output"):
            assert printed == content


@pytest.mark.parametrize("page", pages())
def test_every_block_runs(page, here, capsys, small):
    run(page, capsys)
