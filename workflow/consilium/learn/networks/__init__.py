"""Networks: encoders and the training loop."""
