"""Find independent records and hide sensitive places"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

# The time of the last record that is independent of the one before it: in a window by time, a record is independent if
# this is its own time.
INDEPENDENT = """
CREATE FUNCTION keep_independent(last bigint, at bigint, gap bigint, is_strict boolean) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN last IS NULL OR at - last > gap OR at - last = gap AND NOT is_strict THEN at ELSE last END
$$;
CREATE AGGREGATE last_independent(bigint, bigint, boolean) (
    SFUNC = keep_independent, STYPE = bigint, PARALLEL = SAFE
);
"""

# Whether a taxon, the accepted taxon or anything above it is sensitive.
SENSITIVE_TAXON = """
CREATE FUNCTION is_sensitive_taxon(taxon bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM species WHERE is_sensitive AND id IN (SELECT taxon_lineage(taxon)))
$$;
"""

# Looks again at locations: whether any observation there is of a sensitive taxon.
REFRESH = """
CREATE FUNCTION refresh_sensitive_locations(touched bigint[]) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    UPDATE locations AS place SET is_sensitive = now_is
    FROM (
        SELECT one.id, EXISTS (
            SELECT FROM deployments JOIN resources ON resources.deployment_id = deployments.id
            JOIN classification_attrs AS attr ON attr.resource_id = resources.id
            WHERE deployments.location_id = one.id AND attr.species_id IS NOT NULL
            AND is_sensitive_taxon(attr.species_id)
        ) AS now_is
        FROM (SELECT id FROM locations WHERE id = ANY (touched) ORDER BY id FOR NO KEY UPDATE) AS one
    ) AS seen
    WHERE place.id = seen.id AND place.is_sensitive <> now_is;
END $$;
"""

# What is seen makes its place sensitive in the same transaction. Most observations are of common species: one look at
# the few sensitive taxa settles them.
MARK = """
CREATE FUNCTION mark_sensitive_locations() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NOT EXISTS (SELECT FROM species WHERE is_sensitive) THEN RETURN NULL; END IF;
    UPDATE locations SET is_sensitive = true WHERE NOT is_sensitive AND id IN (
        SELECT deployments.location_id FROM added JOIN resources ON resources.id = added.resource_id
        JOIN deployments ON deployments.id = resources.deployment_id
        WHERE added.species_id IN (
            SELECT species_id FROM (SELECT DISTINCT species_id FROM added WHERE species_id IS NOT NULL) AS named
            WHERE is_sensitive_taxon(species_id)
        )
    );
    RETURN NULL;
END $$;
CREATE TRIGGER mark_sensitive_locations_added AFTER INSERT ON classification_attrs
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION mark_sensitive_locations();
CREATE TRIGGER mark_sensitive_locations_changed AFTER UPDATE ON classification_attrs
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION mark_sensitive_locations();

CREATE FUNCTION unmark_sensitive_locations() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NOT EXISTS (SELECT FROM locations WHERE is_sensitive) THEN RETURN NULL; END IF;
    PERFORM refresh_sensitive_locations(ARRAY(
        SELECT DISTINCT deployments.location_id FROM removed JOIN resources ON resources.id = removed.resource_id
        JOIN deployments ON deployments.id = resources.deployment_id
        JOIN locations ON locations.id = deployments.location_id
        WHERE locations.is_sensitive AND removed.species_id IS NOT NULL
        AND is_sensitive_taxon(removed.species_id)
    ));
    RETURN NULL;
END $$;
CREATE TRIGGER unmark_sensitive_locations AFTER DELETE ON classification_attrs
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION unmark_sensitive_locations();
"""

# What is declared sensitive, moved to another deployment, or put at another place.
MOVED = """
CREATE FUNCTION refresh_locations_of_taxon() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM refresh_sensitive_locations(ARRAY(
        SELECT DISTINCT deployments.location_id FROM classification_attrs AS attr
        JOIN resources ON resources.id = attr.resource_id
        JOIN deployments ON deployments.id = resources.deployment_id
        WHERE attr.species_id IN (
            WITH RECURSIVE below(id) AS (
                SELECT NEW.id UNION
                SELECT species.id FROM species JOIN below ON species.parent_id = below.id
                    OR species.accepted_id = below.id
            ) SELECT id FROM below
        )
    ));
    RETURN NULL;
END $$;
CREATE TRIGGER refresh_locations_of_taxon AFTER UPDATE OF is_sensitive, accepted_id, parent_id ON species FOR EACH ROW
    WHEN ((OLD.is_sensitive, OLD.accepted_id, OLD.parent_id)
          IS DISTINCT FROM (NEW.is_sensitive, NEW.accepted_id, NEW.parent_id))
    EXECUTE FUNCTION refresh_locations_of_taxon();

CREATE FUNCTION refresh_locations_of_moved() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF EXISTS (SELECT FROM species WHERE is_sensitive) THEN
        PERFORM refresh_sensitive_locations(ARRAY(
            SELECT DISTINCT deployments.location_id FROM deployments WHERE id IN (
                SELECT before.deployment_id FROM before JOIN after USING (id)
                WHERE before.deployment_id IS DISTINCT FROM after.deployment_id
                UNION SELECT after.deployment_id FROM before JOIN after USING (id)
                WHERE before.deployment_id IS DISTINCT FROM after.deployment_id
            )
        ));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER refresh_locations_of_moved AFTER UPDATE ON resources
    REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT
    EXECUTE FUNCTION refresh_locations_of_moved();

CREATE FUNCTION refresh_locations_of_deployment() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM refresh_sensitive_locations(ARRAY[OLD.location_id, NEW.location_id]);
    RETURN NULL;
END $$;
CREATE TRIGGER refresh_locations_of_deployment AFTER UPDATE OF location_id ON deployments FOR EACH ROW
    WHEN (OLD.location_id <> NEW.location_id) EXECUTE FUNCTION refresh_locations_of_deployment();
"""


def upgrade() -> None:
    op.execute(INDEPENDENT)
    op.add_column("locations", sa.Column("is_sensitive", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("resources", sa.Column("brightness", sa.Float(), nullable=True))
    for statement in (SENSITIVE_TAXON, REFRESH, MARK, MOVED):
        op.execute(statement)


def downgrade() -> None:
    for table, trigger, function in (
        ("deployments", "refresh_locations_of_deployment", "refresh_locations_of_deployment()"),
        ("resources", "refresh_locations_of_moved", "refresh_locations_of_moved()"),
        ("species", "refresh_locations_of_taxon", "refresh_locations_of_taxon()"),
        ("classification_attrs", "unmark_sensitive_locations", "unmark_sensitive_locations()"),
        ("classification_attrs", "mark_sensitive_locations_changed", None),
        ("classification_attrs", "mark_sensitive_locations_added", "mark_sensitive_locations()"),
    ):
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
        if function:
            op.execute(f"DROP FUNCTION {function}")
    op.execute("DROP FUNCTION refresh_sensitive_locations(bigint[])")
    op.execute("DROP FUNCTION is_sensitive_taxon(bigint)")
    op.drop_column("resources", "brightness")
    op.drop_column("locations", "is_sensitive")
    op.execute("DROP AGGREGATE last_independent(bigint, bigint, boolean)")
    op.execute("DROP FUNCTION keep_independent(bigint, bigint, bigint, boolean)")
