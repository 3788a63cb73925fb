"""How fast files are, against each other; where their time and memory go."""
