"""The report as one offline HTML file (matplotlib and jinja2 are imported in here only)."""

from compress.report.html.page import render_html as render_html
