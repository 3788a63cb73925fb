"""``python -m compress`` is the command ``compress``."""

from compress.cli.start import main

main()
