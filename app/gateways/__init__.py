"""The world outside: one module for each kind of service we call, and a fake of each for tests and the demo."""
