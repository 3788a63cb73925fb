"""Networks by name. Imports nothing of compress."""
