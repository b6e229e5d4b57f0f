"""Print the size of each part of the project, and fail where one is above its limit.

Statements and nodes are those of the syntax tree of the Python files that git tracks. A limit is
lowered to what a part has come to, and raised only with a reason in the commit that raises it.
"""

import ast
import subprocess
import sys

LIMITS = {  # statements, nodes
    "library": (20_740, 283_320),  # minisnn and hardware
    "tests": (15_560, 222_900),
    "lessons": (2_985, 40_700),
    "scripts": (2_215, 33_040),  # what is elsewhere
}
PARTS = {"minisnn": "library", "hardware": "library", "tests": "tests", "lessons": "lessons"}


def main() -> int:
    listed = subprocess.run(["git", "ls-files", "-z", "*.py"], capture_output=True, check=True)
    sizes = {part: [0, 0] for part in LIMITS}
    for path in filter(None, listed.stdout.decode().split("\0")):
        size = sizes[PARTS.get(path.split("/")[0], "scripts")]
        with open(path, encoding="utf-8") as file:
            nodes = list(ast.walk(ast.parse(file.read())))
        size[0] += sum(isinstance(node, ast.stmt) for node in nodes)
        size[1] += len(nodes)
    above = False
    for part, size in sizes.items():
        limit = LIMITS[part]
        above |= size[0] > limit[0] or size[1] > limit[1]
        print(f"{part}: {size[0]} statements of {limit[0]}, {size[1]} nodes of {limit[1]}")
    return above


if __name__ == "__main__":
    sys.exit(main())
