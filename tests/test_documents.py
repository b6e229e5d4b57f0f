"""README is short enough to be read, links lead somewhere, the page of commands lacks none, and
every guide keeps its form."""

import re
from pathlib import Path

import pytest

from minisnn import cli
from minisnn.results import flags
from minisnn.results.pages import renewed
from unmarked import unmarked
from minisnn.results.record import Record
from minisnn.results.tables import makers

ROOT = Path(__file__).resolve().parents[1]
GUIDES = sorted((ROOT / "lessons" / "guides").glob("*.md"))
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
HARDWARE = sorted((ROOT / "hardware").glob("*.md"))
# numbers come from results
MADE = [
    ROOT / "README.md",
    *sorted((ROOT / "data" / "results").glob("*.md")),
    *HARDWARE,
    *GUIDES,
]
FORMULAS = {"4096 ×", "4 ×"}  # of the hardware's words
SETTINGS = {
    "1 ms",
    "3 ms",
    "50 ms",
    "100 ms",
    "7 %",
    "30 %",
    "20 %",
    "95 %",
}  # steps, a recording, activities, chance, intervals
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = (ROOT / "lessons" / "guides" / "commands.md").read_text(encoding="utf-8")
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


def test_readme_is_read_in_three_minutes():
    lines = README.splitlines()
    cells = [cell for line in lines if line.startswith("|") for cell in line.strip("|").split("|")]
    assert len(lines) <= 120 and len(README.split()) <= 1200
    assert max(map(len, lines)) <= 200 and max(len(cell.strip()) for cell in cells) <= 100
    assert README.count("±") <= 20


def test_readme_begins_with_the_two_commands():
    blocks = re.findall(r"^```\w*\n(.*?)^```$", README, re.M | re.S)
    assert blocks[:2] == [
        "python -m pip install -e . && minisnn train\n",
        'python -m pip install -e ".[test]" && pytest\n',
    ]


@pytest.mark.parametrize("page", MADE, ids=short)
def test_no_number_of_a_measurement_is_typed(page):
    assert set(unmarked(page.read_text(encoding="utf-8"))) <= SETTINGS | (
        FORMULAS if page in HARDWARE else set()
    )


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_links_lead_somewhere(page):
    assert broken(page, page.read_text(encoding="utf-8")) == []


def test_a_broken_link_is_found():
    page = ROOT / "README.md"
    assert broken(
        page,
        "[a](LICENSE) [b](nothing.md) `[c](nothing.md)` [d](#no-heading) [e](https://no.where)",
    ) == [
        "nothing.md",
        "#no-heading",
    ]


def test_the_map_and_readme_reach_every_guide():
    text = (ROOT / "lessons" / "README.md").read_text(encoding="utf-8")
    for guide in GUIDES:
        assert f"(guides/{guide.name})" in text and f"(lessons/guides/{guide.name})" in README, (
            guide.name
        )


@pytest.mark.parametrize("guide", GUIDES, ids=short)
def test_a_guide_says_what_one_has_at_its_end_and_how_long_it_takes(guide):
    title, _, rest = guide.read_text(encoding="utf-8").partition("\n\n")
    first = " ".join(rest.partition("\n\n")[0].split())
    assert title.startswith("# ") and first.startswith("**At the end** ") and "**Time:** " in first


def parsers(parser, name=""):
    """Every command and sub-command with its parser."""
    for child, one in flags.children(parser):
        yield f"{name} {child}".strip(), one
        yield from parsers(one, f"{name} {child}".strip())


def test_the_page_of_commands_lacks_none():
    top = cli.parser()
    made = re.findall(r"^<!-- made: help (\S+) -->$", COMMANDS, re.M)
    assert sorted(made) == sorted(name for name, _ in flags.children(top))
    found = dict(parsers(top))
    assert {"hardware page", "hardware export", "hardware loihi", "hardware train", "nir"} <= set(
        found
    )
    for name, parser in found.items():
        entry = re.search(rf"^#+ {name}$(.*?)(?=^#|\Z)", COMMANDS, re.M | re.S)
        assert entry, f"commands.md has no {name}"
        for action in parser._actions:
            wanted = (
                []
                if action.help == flags.HIDDEN or "-h" in action.option_strings
                else action.option_strings
            )
            assert not [flag for flag in wanted if not re.search(rf"{flag}\b", entry[1])], name
            if not action.option_strings and action.choices and not list(flags.children(parser)):
                assert all(str(choice) in entry[1] for choice in action.choices), name


def test_the_page_of_commands_is_what_the_parsers_say():
    assert renewed(COMMANDS, {}, {}, flags.makers(cli.parser()), "commands.md") == COMMANDS, (
        "run `minisnn results --pages`"
    )
    with pytest.raises(ValueError, match="there is no command 'tain'; expected one of train,"):
        flags.makers(cli.parser())["help"]("tain")


def test_the_help_of_a_command_lists_its_sub_commands(capsys):
    for name, parser in parsers(cli.parser()):
        for child, _ in flags.children(parser):
            with pytest.raises(SystemExit):
                cli.main([*name.split(), "--help"])
            said = capsys.readouterr().out
            listed = [names.split(",") for names in re.findall(r"\{([\w,]+)\}", said)]
            assert re.search(rf"^ +{child}\b", said, re.M), f"{name} {child}"
            assert any(child in names for names in listed), f"{name} {child}"


def test_a_result_that_is_not_measured_yet_is_a_question_mark():
    question = Record("a", "evaluate", ["minisnn evaluate"])
    answer = Record(
        "a",
        "evaluate",
        ["minisnn evaluate"],
        figures={"accuracy": {"value": 0.98, "unit": "%", "half": 0.01}},
    )
    before, after = "has ? %<!--=a:accuracy--> here", "has 98.0 ± 1.0 %<!--=a:accuracy--> here"
    assert renewed(before, {"a": question}, {}, {}, "page") == before
    assert renewed(before, {"a": answer}, {}, {}, "page") == after
    assert renewed(after, {"a": answer}, {}, {}, "page") == after
    assert renewed(after, {"a": question}, {}, {}, "page") == before
    assert (
        renewed("?<!--=a:accuracy.value-->", {"a": answer}, {}, {}, "page")
        == "98.0<!--=a:accuracy.value-->"
    )


def test_what_a_command_printed_is_shown_by_its_first_lines(tmp_path):
    (tmp_path / "tables.json").write_text("{}")
    ran = Record("a", "train", ["minisnn train"], more={"printed": "one\ntwo\nthree\n"})
    output = makers(
        {"a": ran, "b": Record("b", "train", ["minisnn train"])}, tmp_path, tmp_path / "page.md"
    )["output"]
    assert output("a") == "```text\none\ntwo\nthree\n```"
    assert output("a 2") == "```text\none\ntwo\n…\n```"
    assert output("b 2") == "(not measured yet)"
    with pytest.raises(ValueError, match="there is no result 'c'"):
        output("c")
