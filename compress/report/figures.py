"""Numbers and names as a reader wants them: three digits, a unit, nothing that moves a cursor."""

from compress.verify.accuracy import Rate


def count(number: float) -> str:
    """A large count: 950, 12.3 k, 1.24 M, 4.11 G."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{three_digits(number / size)} {unit}"
    return f"{number:.0f}"


def three_digits(number: float) -> str:
    """Three significant digits: 0.250, 1.50, 728."""
    return f"{number:#.3g}".rstrip(".") if number < 999.5 else f"{number:.0f}"


def file_size(size_bytes: int) -> str:
    """A file's size in decimal units: 850 B, 12.3 kB, 2.91 MB."""
    return f"{count(size_bytes)}B" if size_bytes >= 1000 else f"{size_bytes} B"


def percent(fraction: float) -> str:
    """A fraction as a percentage: 49.8 %."""
    return f"{100 * fraction:.1f} %"


def rate(value: Rate | None) -> str:
    """A measured share, to the hundredth of a percent; a dash where it was not measured."""
    return "-" if value is None else f"{100 * value.value:.2f} %"


def rate_interval(value: Rate) -> str:
    """The interval of a measured share, in percent."""
    return span(100 * value.low, 100 * value.high)


def span(low: float, high: float) -> str:
    """An interval: 1.48 to 1.55."""
    return f"{low:.2f} to {high:.2f}"


def milliseconds(value: float | None) -> str:
    """A duration in milliseconds; a dash where the sample was too small to say."""
    return "-" if value is None else three_digits(value)


def duration(seconds: float) -> str:
    """A duration: 3.2 s, 4 min 05 s, 2 h 10 min."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def small(number: float) -> str:
    """A difference near 0: 1.2e-06."""
    return f"{number:.1e}"


def plural(number: int, noun: str) -> str:
    """1 thread, 2 threads, 4,000 images."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def printable(text: str) -> str:
    """A name from a user on one line, without control characters (a terminal obeys them)."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def signed(number: float) -> str:
    """A change to the hundredth, with its sign: +1.25, -0.50, 0.00."""
    text = f"{number:+.2f}"
    return "0.00" if float(text) == 0 else text


def signed_span(low: float, high: float) -> str:
    """An interval of a change: -5.29 to +2.77."""
    return f"{signed(low)} to {signed(high)}"


def probability(value: float) -> str:
    """A p-value: 0.62, 0.0031, < 0.001."""
    return "< 0.001" if value < 0.001 else f"{value:.2g}"
