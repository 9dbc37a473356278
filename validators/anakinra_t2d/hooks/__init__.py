"""What the pre-commit hooks run: changed data, the definitions, and no restricted data in a commit."""
