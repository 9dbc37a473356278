"""Data that follow from converted tables: parameters, endpoints, eligibility, enrolment flow and results."""
