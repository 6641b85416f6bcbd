"""``sales-agent evaluate``: how right predictors and decisions are on labelled files, as figures, tables and a report."""
