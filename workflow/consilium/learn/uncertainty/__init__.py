"""How sure a prediction is: sets, intervals, calibration, abstention."""
