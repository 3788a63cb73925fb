"""A document as one offline HTML file (jinja2 is imported in here only)."""

from compress.report.html.page import render_html as render_html
