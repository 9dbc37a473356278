"""What people decide on findings: queries to sites, accepted findings, and the comparison of two submissions."""
