"""有用性 (utility): what the recipient may know of what was kept; computed from the rows alone, so that nothing of the method can be in it.

No plan, threshold, level or shift goes in (Act 9(2)(iv), 30(1)); what is said of the cohort is rounded so that no few persons show.
"""

from kiban_processing.utility.summary import ColumnUtility, TableUtility, Utility, measure

__all__ = ["ColumnUtility", "TableUtility", "Utility", "measure"]
