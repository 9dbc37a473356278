"""From cells of text to the columns of a table: names matched, text typed, every change kept."""
