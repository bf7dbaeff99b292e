"""Housekeeping of camera-trap projects."""

from app.services.wildlife.exchange.exports import pruning as export_pruning
from app.services.wildlife.media.files import pruning
from app.services.wildlife.species import shipped
from jobs.housekeeping import housekeeping

housekeeping("species", shipped.add_shipped_species)
housekeeping("media uploads", pruning.prune_media_uploads)
housekeeping("wildlife exports", export_pruning.prune_export_files)
