"""Detections in media, in the formats of MegaDetector, SpeciesNet and COCO."""
