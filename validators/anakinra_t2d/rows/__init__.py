"""What one row must hold: the conditions of the fields and the row rules of its table, as SQL predicates."""
