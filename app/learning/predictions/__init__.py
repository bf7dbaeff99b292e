"""From imagery to outlines: windows of odds, buildings one by one, square corners."""
