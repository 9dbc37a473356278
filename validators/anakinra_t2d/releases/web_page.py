"""What the pages of a release share: the look of the report, and the promise that nothing is loaded."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"
_REPORT = Path(__file__).parents[1] / "report/html/templates"


def environment(*, autoescape: bool) -> jinja2.Environment:
    """Templates of releases; a name that a template does not get is an error."""
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=autoescape,  # noqa: S701 (Markdown is no HTML)
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def report_style(*more: str) -> str:
    """The style sheet of the report, followed by those of the templates here."""
    sheets = [_REPORT / "report.css", *(TEMPLATES / name for name in more)]
    return "".join(sheet.read_text(encoding="utf-8") for sheet in sheets)


def template_text(name: str) -> str:
    """A template as it is."""
    return (TEMPLATES / name).read_text(encoding="utf-8")


def as_markup(text: str) -> Markup:
    """Text that is HTML already: made by this package from definitions that were escaped before."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704


def content_policy(style: str, script: str | None = None) -> str:
    """Nothing is loaded from anywhere, and only this style sheet and this script count."""
    scripts = "" if script is None else f"script-src {_hash(script)}; "
    return f"default-src 'none'; style-src {_hash(style)}; {scripts}img-src data:; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
