"""Chain what the audit says."""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

CONTENT = """sha256(convert_to(jsonb_build_array({row}.id, (extract(epoch FROM {row}.created_at) * 1000000)::bigint,
{row}.action, {row}.actor_id, {row}.user_id, {row}.subject_type, {row}.subject_key, {row}.details)::text, 'UTF8'))"""

TABLES = """
CREATE TABLE audit.head (id smallint PRIMARY KEY CHECK (id = 1), position bigint NOT NULL, hash bytea NOT NULL);
CREATE TABLE audit.links (position bigint PRIMARY KEY, entry_id bigint NOT NULL UNIQUE, hash bytea NOT NULL);
"""
# The head is one row: who adds to the chain waits for who added last, from the end of one transaction to its COMMIT.
FUNCTIONS = f"""
CREATE OR REPLACE FUNCTION audit.add_link(entry bigint, content bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE added audit.head;
BEGIN
    INSERT INTO audit.head AS head (id, position, hash) VALUES (1, 1, sha256(int8send(1) || content))
    ON CONFLICT (id) DO UPDATE SET position = head.position + 1,
        hash = sha256(head.hash || int8send(head.position + 1) || content)
    RETURNING * INTO added;
    INSERT INTO audit.links (position, entry_id, hash) VALUES (added.position, entry, added.hash);
END $$;
REVOKE EXECUTE ON FUNCTION audit.add_link FROM PUBLIC;
CREATE OR REPLACE FUNCTION audit.chain() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM audit.add_link(NEW.id, {CONTENT.format(row="NEW")});
    RETURN NULL;
END $$;
"""  # noqa: S608 -- of our own words
BACKFILL = f"""
SELECT audit.add_link(entry.id, {CONTENT.format(row="entry")}) FROM (
    SELECT * FROM audit_entries WHERE id NOT IN (SELECT entry_id FROM audit.links) ORDER BY id
) AS entry
"""  # noqa: S608 -- of our own words


def upgrade() -> None:
    # Who dropped the schema public to begin anew has left this one, whose links lead nowhere.
    op.execute("CREATE SCHEMA IF NOT EXISTS audit")
    op.execute("DROP TABLE IF EXISTS audit.links, audit.head CASCADE")
    op.execute(
        "CREATE TABLE audit.head (id smallint PRIMARY KEY CHECK (id = 1), position bigint NOT NULL, hash bytea NOT NULL)"
    )
    op.execute(
        "CREATE TABLE audit.links (position bigint PRIMARY KEY, entry_id bigint NOT NULL UNIQUE, hash bytea NOT NULL)"
    )
    op.execute(FUNCTIONS)
    # Most of it before anybody has to wait, the rest once nobody can add anything.
    op.execute(BACKFILL)
    op.execute("LOCK TABLE audit_entries IN SHARE ROW EXCLUSIVE MODE")
    op.execute(BACKFILL)
    op.execute(
        "CREATE CONSTRAINT TRIGGER audit_entries_chain AFTER INSERT ON audit_entries "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit.chain()"
    )
    op.execute(
        "CREATE TRIGGER links_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.links "
        "FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER audit_entries_chain ON audit_entries")
    op.execute("DROP SCHEMA audit CASCADE")
