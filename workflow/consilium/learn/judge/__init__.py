"""Held-out predictions judged: figures, intervals, gates."""
