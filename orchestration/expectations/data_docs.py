"""Great Expectations' own report of a run, as pages that need nothing else to be read.

What is here: rendering each suite's outcome with Great Expectations' Data Docs, without what they load from elsewhere.
When to add here: nothing but how the report is written.
What does not belong here: our own view of the results; that is the page Data quality.
"""

import re
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["data_docs_folder", "write_data_docs"]

# Data Docs load scripts, styles and pictures from ten other machines. A page about bills does not, and works without a
# network: what scripts would fold away simply stands there.
_FROM_ELSEWHERE = re.compile(
    r"<(script|style|nav|footer|button)\b.*?</\1>|<(?:link|img)\b[^>]*>",
    re.DOTALL | re.IGNORECASE,
)

# What AWS sent stands on the page, so nothing on it may run or load anything, wherever it is opened.
_STYLE = """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>
body { font: 14px/1.45 system-ui, sans-serif; color: #1c2733; margin: 0 auto; max-width: 76rem; padding: 1rem 1.5rem; }
h1, h2, h3, h4, h5, h6 { margin: .8rem 0 .2rem; font-weight: 600; font-size: 1.05rem; }
.h6 { font-weight: 600; }
table { border-collapse: collapse; width: 100%; margin: .2rem 0 .8rem; }
th, td { border: 1px solid #d8dee6; padding: .3rem .5rem; text-align: left; vertical-align: top; font-size: 13px; }
th { background: #f3f5f8; }
td:first-child { width: 3rem; }
ul { list-style: none; padding-left: 0; margin: .2rem 0; }
p, .alert { margin: .2rem 0; }
.col-lg-2, #section-1-content-block-3, #section-1-content-block-2 td:first-child + td + td { display: none; }
#section-1-content-block-2 td:first-child { width: 16rem; }
a[href^="#"], a[href*="expectations/"] { color: inherit; text-decoration: none; pointer-events: none; }
.text-success { color: #1a7f45; } .text-danger { color: #b3261e; } .text-warning { color: #8a5a00; }
.fa-check-circle::before { content: "\\2713"; } .fa-times::before { content: "\\2717"; }
.fa-exclamation-triangle::before { content: "!"; font-weight: 700; }
.badge { background: #e7ecf2; border-radius: .3rem; padding: 0 .35rem; font-size: 12px; }
</style></head>"""


def data_docs_folder(warehouse: Path) -> Path:
    """Return where the report of the last run lies."""
    return warehouse / "data_docs"


def write_data_docs(outcomes: Mapping[str, Any], folder: Path) -> None:
    """Write one page per suite, ``<suite>.html``, in place of the last run's.

    Args:
        outcomes: Great Expectations' validation result of each suite.
        folder: where to; made where it is missing.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
        from great_expectations.render.view import DefaultJinjaPageView

        view: Any = DefaultJinjaPageView()
        pages = {
            name: str(view.render(ValidationResultsPageRenderer().render(outcome)))
            for name, outcome in outcomes.items()
        }
    # Written beside and moved, so that a reader never sees half a report.
    new = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    for name, page in pages.items():
        alone = _FROM_ELSEWHERE.sub("", page).replace("</head>", _STYLE, 1)
        (new / f"{name}.html").write_text(alone, encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)
