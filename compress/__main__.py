"""``python -m compress`` is the command ``compress``."""

from compress.cli.main import main

main()
