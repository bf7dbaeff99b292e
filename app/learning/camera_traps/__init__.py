"""Media of camera traps: animals detected, their crops classified by species."""
