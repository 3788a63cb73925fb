"""Names as text: in a terminal, in Markdown, in HTML, in JSON."""

import html as entities
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from compress.escaping import (
    as_markdown_code,
    as_markdown_line,
    in_html,
    in_html_of_markdown,
    in_json,
    in_markdown,
    printable,
    printable_lines,
)

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")
READABLE = "Größe, naïve, e\u0301, \u65e5\u672c, \u0420\u0443\u0441, \u05e2\u05d1, \u0939\u093f, \U0001f9e6"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b]0;owned\x07b", r"a\x1b]0;owned\x07b"),
        ("a\x9b31mb", r"a\x9b31mb"),  # CSI in one character
        ("done\rgone", r"done\rgone"),
        ("a\nError: b", r"a\nError: b"),
        ("a\tb\x7f\x00", r"a\tb\x7f\x00"),
        ("abc\u202egnp.exe", r"abc\u202egnp.exe"),  # would show as abcexe.png
        ("dog\u200b, dog", r"dog\u200b, dog"),
        ("\u2028\ufeff\U000e0041", r"\u2028\ufeff\U000e0041"),
        ("\udcffa\ud800", r"\xffa\ud800"),  # a byte that is not UTF-8
        ("a\u00a0b\u3000c", "a b c"),
        (READABLE, READABLE),
    ],
)
def test_what_a_terminal_obeys_or_hides_is_shown_by_its_number_and_letters_stay(text, shown):
    assert printable(text) == shown


@given(st.text(st.characters(exclude_categories=())))
def test_nothing_unprintable_is_left(text):
    assert printable(text).isprintable()
    assert all(line.isprintable() for line in in_json(text).split("\n"))
    for safe in (printable(text), in_markdown(text), as_markdown_code(text), in_html(text), in_json(text)):
        safe.encode()


def test_a_name_cannot_add_a_line_that_looks_like_ours():
    assert printable_lines("bad: a\nError: b\n  c\x1b\n\nd") == "bad: a\n  Error: b\n  c\\x1b\n\n  d"


@given(st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_keeps_its_content(value):
    for text in (json.dumps(value, ensure_ascii=False, indent=1), json.dumps(value)):
        assert json.loads(in_json(text)) == value


def test_html_is_text_between_tags_and_in_attributes():
    assert in_html("<b>\"x\" & 'y'\x1b") == "&lt;b&gt;&quot;x&quot; &amp; &#x27;y&#x27;\\x1b"
    folded = in_html_of_markdown("<b> @you *a*\n")
    summary = f"<details><summary>{folded}</summary>"
    assert MARKDOWN.render(summary) == summary
    assert entities.unescape(folded) == "<b> @you *a*\\n"


def shown(text: str) -> str:
    """The text of one paragraph, after the entities; fails where it is anything else, or holds a tag."""
    found = re.fullmatch(r"<p>([^<>]*)</p>\n", MARKDOWN.render(text))
    assert found, MARKDOWN.render(text)
    return entities.unescape(found.group(1))


@pytest.mark.parametrize(
    "text",
    [
        r"a\b `c` *d* _e_ [f](g) <h> | &amp; ~~i~~ &#35;",
        "$x_1$ and $$y$$ cost $5",
        "@octocat closes #12 in a/b#3",
        "see https://example.org, http://a.b, ftp://c.d, mailto:e@f.g and www.example.org",
        "![image](x) [ref]: y <!-- z -->",
    ],
)
def test_escaped_text_shows_itself_and_nothing_is_left_that_github_makes_links_and_formulas_of(text):
    """It needs no markup for these: https:, www., mentions, issues, $...$."""
    assert shown(f"x {in_markdown(text)}") == f"x {text}"
    left = re.sub(r"&#\d+;", "", in_markdown(text))
    assert not re.search(r"https?:|ftp:|mailto:|www\.|[@#$]", left)


@pytest.mark.parametrize(
    "text",
    ["- a", "+ a", "* a", "> a", "# a", "1. a", "12) a", "1986\\. a", "===", "---", "***", "~~~", "```", ": a", "a", "",
     "<b>", "|a|b|", "[a]: b", "\t- a", "      - a", "=", "-", "1.", "&gt; a"],
)  # fmt: skip
def test_a_line_of_its_own_is_a_paragraph(text):
    bare = text.strip()
    assert shown(f"before\n{as_markdown_line(text)}") == f"before\n{bare}".rstrip("\n")
    assert not bare or shown(as_markdown_line(text)) == bare


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_no_line_of_ascii_is_anything_but_text(text):
    assert not text.strip() or shown(as_markdown_line(text)) == text.strip()


@pytest.mark.parametrize("text", ["a.onnx", "a`b", "``", "`a", "a``b`", "<b> *c* &amp;"])
def test_code_shows_itself(text):
    found = re.fullmatch(r"<p>x <code>(.*)</code> y</p>\n", MARKDOWN.render(f"x {as_markdown_code(text)} y"))
    assert found
    assert entities.unescape(found.group(1)) == text
