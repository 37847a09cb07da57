"""From blocks to one prediction: candidates, the guard, the trained model."""
