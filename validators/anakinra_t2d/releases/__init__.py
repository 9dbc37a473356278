"""What a collaborator gets: one archive of a view of the data, described, checked and whole."""
