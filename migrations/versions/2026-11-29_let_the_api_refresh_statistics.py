"""Let the API refresh statistics."""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # ANALYZE needs the owner of the table: for any other role PostgreSQL skips it and only warns.
    op.execute("""
CREATE FUNCTION public.refresh_feature_statistics() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    ANALYZE public.predicted_features;
END $$
""")
    op.execute("REVOKE EXECUTE ON FUNCTION public.refresh_feature_statistics() FROM PUBLIC")


def downgrade() -> None:
    op.execute("DROP FUNCTION public.refresh_feature_statistics()")
