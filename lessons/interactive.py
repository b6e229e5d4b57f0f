"""Pictures that answer back: sliders or buttons above a drawing, in one self-contained piece of
HTML, SVG and JavaScript.

`show("neuron")` shows the picture pictures/neuron.js in a notebook; the same piece works in a
static page. It fetches nothing. Where scripts do not run, on paper and for screen readers its
still, pictures/neuron.svg, is shown: the `<svg>` of `chromium --headless --dump-dom` for a page that
holds `piece("neuron")`.
"""

import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "pictures"
SLIDERS = ("neuron", "surrogate", "losses", "innerstep", "rounding", "orders")
# one source, a variant for each of these lessons
GRAPHS = ("unrolled3", "unrolled5", "unrolled7", "unrolled10", "unrolled17")
NAMES = SLIDERS + GRAPHS
STYLE = """<style>.ms-picture{font:13px sans-serif;max-width:680px}.ms-picture label{display:inline-block;margin:2px 14px 2px 0}
.ms-picture input{vertical-align:middle;width:130px}.ms-picture output{display:inline-block;min-width:3em}
.ms-picture button{font:inherit;padding:2px 10px;margin:2px 0}
.ms-picture button[aria-pressed=true]{font-weight:bold;outline:2px solid var(--on)}
.ms-picture mark{background:none;color:inherit;font-weight:bold;border-bottom:3px solid var(--on)}
.ms-picture .said{min-height:3em}.ms-picture .line{display:block;font-size:15px}
@media(max-width:480px){.ms-picture label{margin-right:0;white-space:nowrap}.ms-picture input{width:110px}}
@media print{.ms-picture .controls{display:none}}</style>"""


def still(name: str) -> str:
    """Return the picture as it stands before anybody has moved a slider, SVG with a title."""
    return (FOLDER / f"{name}.svg").read_text(encoding="utf-8")


def piece(name: str) -> str:
    """Return the picture as HTML, to put into any page.

    Raises ValueError if there is none of this name.
    """
    if name not in NAMES:
        raise ValueError(f"there is no picture {name!r}; there are {', '.join(NAMES)}")
    kit, script = _scripts(name)
    drawing = still(name) if (FOLDER / f"{name}.svg").exists() else ""
    return (
        f'{STYLE}<div class="ms-picture ms-{name}"><div class="controls"></div><div '
        f'class="drawing">{drawing}</div>'
        f'<p class="said" aria-live="polite"></p></div>\n<script>(function () {{\n{kit}\n'
        f'for (const root of document.querySelectorAll(".ms-{name}:not([data-on])")) '
        f"{{\nroot.dataset.on = 1;\n"
        f"{script}}}\n}})();</script>"
    )


def _scripts(name: str) -> tuple[str, str]:
    """Return what is shared, and what is the picture's own."""

    def read(one):
        return (FOLDER / f"{one}.js").read_text(encoding="utf-8")

    if name in SLIDERS:
        return read("kit"), read(name)
    return "", read("unrolled").replace("/* graph */", read(name).strip())


def show(name: str) -> None:
    """Show the picture in a notebook; outside a notebook, do nothing."""
    from style import _shell

    if _shell() is not None:
        from IPython.display import display

        title = re.search("<title>(.*?)</title>", still(name))[1]
        display(
            {
                "text/html": piece(name),
                # a picture by itself cannot know the page's colours
                "image/svg+xml": still(name).replace('style="', 'style="background:#fff;', 1),
                "text/plain": title,
            },
            raw=True,
        )
