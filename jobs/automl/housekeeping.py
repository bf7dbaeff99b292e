"""What is done about machines by the clock."""

from app.services.automl import storage_charges
from jobs.housekeeping import housekeeping

housekeeping("storage of lines", storage_charges.charge_owners)
