"""Digits on the sphere, upright in training and rotated in tests: `python -m spinnn.examples.digits`."""
