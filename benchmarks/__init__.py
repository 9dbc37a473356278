"""Performance claims as commands that anyone can run."""
