"""The command line: typer lives only here."""
