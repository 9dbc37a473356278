"""The codebook as one HTML page: made from the Markdown document, so that both say the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anakinra_t2d.forms.codebook import codebook
from anakinra_t2d.releases.web_page import as_markup, content_policy, environment, report_style, template_text

if TYPE_CHECKING:
    from markdown_it.token import Token
    from markupsafe import Markup

    from anakinra_t2d.releases.package import Facts
    from anakinra_t2d.schema import Definitions

_ENTRIES = frozenset(("Tables", "Rules", "Analysis populations", "Open readings"))
"""Sections whose rows are entries of their own, because a row says everything of one thing."""


@dataclass(frozen=True)
class Grid:
    """A table of the document; cells are HTML."""

    header: Sequence[str]
    rows: Sequence[Sequence[Markup]]


@dataclass
class Block:
    """A heading with what stands below it: paragraphs and tables in their order, as HTML."""

    title: Markup
    anchor: str
    parts: list[Markup | Grid] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    @property
    def paragraphs(self) -> list[Markup]:
        """The paragraphs, without the tables."""
        return [part for part in self.parts if not isinstance(part, Grid)]

    @property
    def grids(self) -> list[Grid]:
        """The tables, without the paragraphs."""
        return [part for part in self.parts if isinstance(part, Grid)]


def codebook_page(shown: Definitions, facts: Facts | None = None) -> str:
    """Everything the definitions say, as a page that opens without a network and loads nothing.

    Args:
        shown: the definitions; of a release, those of its view.
        facts: what the page says of the release it belongs to; nothing when it belongs to none.
    """
    top, *sections = _blocks(codebook(shown))
    style, script = report_style("codebook.css"), template_text("codebook.js")
    page: str = environment(autoescape=True).get_template("codebook.html").render(
        trial=shown.trial,
        facts=facts,
        top=top,
        # a section of a view can be empty
        sections=[section for section in sections if section.grids or section.blocks],
        entries=_ENTRIES,
        style=as_markup(style),
        script=as_markup(script),
        policy=content_policy(style, script),
        anchor_of=anchor_of,
        zip=zip,
    )  # fmt: skip
    return page


def anchor_of(*parts: str) -> str:
    """An id of a place in the page, from the words of its heading."""
    plain = re.sub(r"<[^>]+>", "", " ".join(parts))
    return re.sub(r"[^a-z0-9_.]+", "-", plain.lower()).strip("-")


def _blocks(document: str) -> list[Block]:
    """The document as its title followed by its sections; a section holds the blocks of its things."""
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": True}).enable("table")
    tokens = reader.parse(document)

    def inline(token: Token) -> Markup:
        return as_markup(reader.renderer.render(token.children or [], reader.options, {}))

    blocks: list[Block] = []
    place, header, rows, row = 0, [], [], []  # type: ignore[var-annotated]
    while place < len(tokens):
        token = tokens[place]
        if token.type == "heading_open":
            title = inline(tokens[place + 1])
            words = str(title)
            # what stands before the colon is the id of the thing
            id = words.partition("</code>")[0] if words.startswith("<code>") else words
            if token.tag == "h3":
                blocks[-1].blocks.append(Block(title, anchor_of(_prefix(blocks[-1]), id)))
            else:
                blocks.append(Block(title, anchor_of(words)))
            place += 2
        elif token.type == "paragraph_open":
            _innermost(blocks).parts.append(inline(tokens[place + 1]))
            place += 2
        elif token.type in ("thead_open", "tr_open"):
            row = []
        elif token.type in ("th_open", "td_open"):
            row.append(inline(tokens[place + 1]))
        elif token.type == "tr_close":
            rows.append(row)
        elif token.type == "thead_close":
            header, rows = [str(cell) for cell in rows[-1]], []
        elif token.type == "table_close":
            _innermost(blocks).parts.append(Grid(header, rows))
            rows = []
        place += 1
    return blocks


def _prefix(block: Block) -> str:
    words = {"tables": "table", "eligibility-criteria": "criterion", "parameters": "parameter", "endpoints": "endpoint"}
    return words.get(block.anchor, block.anchor)


def _innermost(blocks: list[Block]) -> Block:
    return blocks[-1].blocks[-1] if blocks[-1].blocks else blocks[-1]
