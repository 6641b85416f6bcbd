"""The fault drill: the real server under load while its model, predictors, database, cache and workers fail."""
