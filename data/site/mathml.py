"""Formulas of TeX as MathML, which browsers draw themselves: no script, no font and no network are
needed.

Sphinx finds `setup`, which makes this its way to write formulas.
"""

import re
from typing import Any

KNOWN = {  # what the converter does not know, as what it knows
    r"\begin{aligned}": r"\begin{array}{rl}",
    r"\end{aligned}": r"\end{array}",
    r"\arg": r"\mathrm{arg}\,",
}
# bars close to what they hold, a space behind log, primes at their full size, signs of two
# characters as one, and dots close above their letters
PLAINER = (
    (
        r"<msup>(<mi>[^<]*</mi>)<mi>(&#x0203[23];)</mi></msup>",
        r'\1<mo lspace="0" rspace="0">\2</mo>',
    ),
    (
        r'<mo stretchy="false">&#x0007C;</mo>',
        '<mo stretchy="false" lspace="0" rspace="0">&#x0007C;</mo>',
    ),
    (r"<mo>&#x02016;</mo>", '<mo stretchy="false" lspace="0" rspace="0">&#x02016;</mo>'),
    (r"(<m[io]>(?:log|exp|max|min|sin|cos)</m[io]>)(?=<m[nis])", r'\1<mspace width=".17em"/>'),
    (r"<m[io]>:</m[io]><mo>&#x0003D;</mo>", "<mo>&#x2254;</mo>"),
    (
        r"<mover>(<mi>[^<]*</mi>|<mrow>(?:<mi>[^<]*</mi>)+</mrow>)<mo>&#x002D9;</mo>",
        r'<mover accent="true">\1<mo stretchy="false">&#x002D9;</mo>',
    ),
    (r"<mo><mrow><mo>&#x0002B;</mo></mrow></mo><mo>&#x0003D;</mo>", "<mo>+=</mo>"),
)


def mathml(formula: str, block: bool = False) -> str:
    """A formula of TeX as a `<math>` element, within a line or as a block.

    Raises ModuleNotFoundError where latex2mathml is not installed.
    """
    from latex2mathml.converter import convert

    for name, known in KNOWN.items():
        formula = formula.replace(name, known)
    made = convert(formula.strip(), display="block" if block else "inline")
    for pattern, better in PLAINER:
        made = re.sub(pattern, better, made)
    return made


def setup(app: Any) -> dict[str, bool]:
    """Register the renderer; Sphinx calls this."""
    app.add_html_math_renderer("mathml", (_line, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _line(translator: Any, node: Any) -> None:
    from docutils.nodes import SkipNode

    translator.body.append(mathml(node.astext()))
    raise SkipNode


def _block(translator: Any, node: Any) -> None:
    from docutils.nodes import SkipNode

    translator.body.append(f'<div class="formula">{mathml(node.astext(), block=True)}</div>\n')
    raise SkipNode
