"""Keep no plan that reads all of a table"""

from collections.abc import Iterator

from alembic import op

revision = "0073"
down_revision = "0072"
branch_labels = None
depends_on = None

# Each connection keeps the plans of a function's statements. Those made while tables are small would read all of them,
# and go on doing so while they grow, until statistics are renewed: after a vacuum of empty tables and eight small
# classifications, 550 observations at once took more than the five seconds that a statement has. As functions of the
# ledger already do, these find rows by their indexes alone.
COUNTED = (
    "artifacts",
    "bulk_queries",
    "consulting_files",
    "data_exports",
    "file_uploads",
    "media_uploads",
    "nn_models",
    "posts",
    "profiles",
    "resources",
    "species_classifier_trainings",
    "wildlife_exports",
)
FUNCTIONS = (
    "await_postings",
    "check_classification",
    "check_escrow",
    "check_observations_of",
    "count_finals",
    "count_likes",
    "count_present_finals",
    "count_replies",
    "count_shares",
    "enter_collections",
    "fill_collection",
    "follow_classifications_gone",
    "follow_resources",
    "hold_part",
    "keep_approved_classification",
    "leave_collections",
    "leave_collections_first",
    "link_collection",
    "list_entered_finals",
    "list_linked_finals",
    "list_made_finals",
    "mark_sensitive_locations",
    "messages_read",
    "name_owner_of_artifact",
    "name_owner_of_nn_model",
    "notify_of_action",
    "rank_finals",
    "refresh_final_flags",
    "refresh_locations_of_moved",
    "refresh_locations_of_taxon",
    "refresh_sensitive_locations",
    "settle_finals",
    "unlist_left_finals",
    "unmark_sensitive_locations",
)


def _functions() -> Iterator[str]:
    yield from FUNCTIONS
    for table in COUNTED:
        yield f"count_bytes_of_{table}"
        yield f"recount_bytes_of_{table}"


def upgrade() -> None:
    for name in _functions():
        op.execute(f"ALTER FUNCTION {name} SET enable_seqscan = off")


def downgrade() -> None:
    for name in _functions():
        op.execute(f"ALTER FUNCTION {name} RESET enable_seqscan")
