"""The same checks on a Spark: a task for each table, and the rules across rows and tables as Spark SQL.

pyspark and Java are needed only when one of these functions runs.
"""

from anakinra_t2d.spark.derive import derive
from anakinra_t2d.spark.run import convert, validate

__all__ = ["convert", "derive", "validate"]
