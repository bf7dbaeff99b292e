"""Exports: packages, detections and deployments for other programs."""
