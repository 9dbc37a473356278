"""Rules across rows and tables: the schema's SQL on DuckDB, judged record by record or variable by variable."""

from anakinra_t2d.across.relations import RelationError, open_relations
from anakinra_t2d.across.run import RuleError, RuleOutcome, Violation, check_rules, run_rules

__all__ = ["RelationError", "RuleError", "RuleOutcome", "Violation", "check_rules", "open_relations", "run_rules"]
