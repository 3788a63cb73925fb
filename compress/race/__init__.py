"""A race: methods, budgets and seeds at equal terms; every cell is an ordinary run folder."""
