"""The trained model as files, and its use on another cohort."""
