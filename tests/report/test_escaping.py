import html as entities
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from compress.report.markdown import code, escape, escape_line

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")


def shown(markdown: str) -> str:
    """The text of one paragraph, after the entities; fails where it is anything else, or holds a tag."""
    found = re.fullmatch(r"<p>([^<>]*)</p>\n", MARKDOWN.render(markdown))
    assert found, MARKDOWN.render(markdown)
    return entities.unescape(found.group(1))


HOSTILE = (
    r"a\b `c` *d* _e_ [f](g) <h> | &amp; ~~i~~ &#35;",
    "$x_1$ and $$y$$ cost $5",
    "@octocat closes #12 in a/b#3",
    "see https://example.org, http://a.b, ftp://c.d, mailto:e@f.g and www.example.org",
    "![image](x) [ref]: y <!-- z -->",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_escaped_text_shows_itself(text):
    assert shown(f"x {escape(text)}") == f"x {text}"


@pytest.mark.parametrize("text", HOSTILE)
def test_what_github_makes_links_and_formulas_of_is_gone(text):
    """It needs no markup for these: https:, www., mentions, issues, $...$."""
    left = re.sub(r"&#\d+;", "", escape(text))
    assert not re.search(r"https?:|ftp:|mailto:|www\.|[@#$]", left)


@pytest.mark.parametrize(
    "text",
    ["- a", "+ a", "* a", "> a", "# a", "1. a", "12) a", "1986\\. a", "===", "---", "***", "~~~", "```", ": a", "a", "",
     "<b>", "|a|b|", "[a]: b", "\t- a", "=", "-", "1.", "&gt; a"],
)  # fmt: skip
def test_a_line_of_its_own_is_a_paragraph(text):
    text = text.strip()
    assert shown(f"before\n{escape_line(text)}") == f"before\n{text}".rstrip("\n")
    assert not text or shown(escape_line(text)) == text


def test_a_line_that_begins_with_spaces_is_no_code():
    assert shown(escape_line("      - a")) == "- a"


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_no_line_of_ascii_is_anything_but_text(text):
    assert not text.strip() or shown(escape_line(text)) == text.strip()


@pytest.mark.parametrize("text", ["a.onnx", "a`b", "``", "`a", "a``b`", "<b> *c* &amp;"])
def test_code_shows_itself(text):
    found = re.fullmatch(r"<p>x <code>(.*)</code> y</p>\n", MARKDOWN.render(f"x {code(text)} y"))
    assert found
    assert entities.unescape(found.group(1)) == text
