"""Checks of a cohort and of its fits that look for leaks; each can stop its task."""
