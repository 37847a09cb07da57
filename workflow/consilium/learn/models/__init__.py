"""Models of one block: preparation, likelihoods, linear, boosting, baselines."""
