"""What is done for consulting by the clock: deadlines that have passed, and files that nothing has."""

from app.services.consulting import correspondence, deadlines
from jobs.housekeeping import housekeeping
from jobs.schedule import by_the_clock

by_the_clock("consulting deadlines", deadlines.carry_out_due)
housekeeping("files of consulting requests", correspondence.prune_files)
