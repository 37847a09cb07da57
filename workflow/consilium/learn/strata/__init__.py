"""Groups of patients alike in what their data say of them, if there are any."""
