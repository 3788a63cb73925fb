"""Why layers are left whole, many layers at once."""


def without_names(reason: str) -> str:
    """A reason with ``...`` for the dotted names of layers in it: it is then the same for all layers of a kind."""
    return " ".join("..." if "." in word.strip(",;:.") else word for word in reason.split())
