"""Numbers of measurements that no result stands behind."""

import re

from minisnn.results.pages import _MARK, _REGION


def unmarked(text: str) -> list[str]:
    """Numbers with a unit of a measurement that stand in a page's prose without a marker."""
    prose = _REGION.sub("", text)
    prose = re.sub(r"```.*?```|`[^`\n]*`|\]\([^)]*\)", " ", prose, flags=re.S)
    prose = _MARK.sub(" ", prose)
    return re.findall(
        r"(?<![\w.])\d[\d.,]*(?: ± [\d.]+)? ?(?:%|×|s|ms|MB|kB|GB)(?!\w)|\d[\d.,]* ± [\d.]+", prose
    )
