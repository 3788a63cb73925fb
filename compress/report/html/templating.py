"""Jinja2 with everything escaped, and one page frame for all HTML of the house."""

from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from compress.report import figures


def _one_line(value: Any) -> Any:
    """Names of users on one line, without characters that turn the text around them; markup as it is."""
    return figures.printable(value) if type(value) is str else value


_ENVIRONMENT: Final = Environment(
    loader=PackageLoader("compress.report.html"),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=_one_line,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.globals["figures"] = figures


def fill_template(template: str, **values: Any) -> str:
    """An HTML document from ``templates/``; one that extends ``frame.html`` gets the look and the security rules.

    Args:
        template: file name, such as "report.html".
        values: what the template names; strings are escaped, ``Markup`` is not.
    """
    return _ENVIRONMENT.get_template(template).render(values)
