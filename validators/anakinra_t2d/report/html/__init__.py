"""The report of a converted submission as one HTML file that opens without a network."""

from anakinra_t2d.report.html.page import html_report

__all__ = ["html_report"]
