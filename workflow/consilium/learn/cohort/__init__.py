"""What is learned from: feature blocks, outcomes, groups that must stay together, folds."""
