"""Find classifications in the order of pages"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

FINAL = sa.text("classification_type = 'FINAL'")
INDEXES: tuple[tuple[str, list[str | sa.TextClause], sa.TextClause], ...] = (
    ("ix_classifications_of_project", ["project_id", "id"], FINAL),
    ("ix_classifications_approved", ["project_id", "id"], sa.text("classification_type = 'FINAL' AND is_approved")),
    (
        "ix_classifications_recorded_last",
        ["project_id", sa.text("recorded_at DESC NULLS LAST"), sa.text("id DESC")],
        FINAL,
    ),
    ("ix_classifications_of_user", ["project_id", "user_id", "final_id"], sa.text("user_id IS NOT NULL")),
    ("ix_classifications_of_model", ["project_id", "model_id", "final_id"], sa.text("model_id IS NOT NULL")),
)
# Which FINALs are in which linked collection, whichever of their collections brought them into the project.
LISTED = """
INSERT INTO classifications_in_collections (project_collection_id, classification_id)
SELECT link.id, final.id
FROM {items} AS item
JOIN classification_project_collections AS link ON link.collection_id = item.collection_id{of_link}
JOIN classifications AS final ON final.classification_type = 'FINAL'
    AND final.project_id = link.project_id AND final.resource_id = item.resource_id
ON CONFLICT DO NOTHING
"""
TRIGGERS = """
CREATE FUNCTION list_made_finals() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO classifications_in_collections (project_collection_id, classification_id)
    SELECT link.id, change.id
    FROM changes AS change
    JOIN collection_resources AS item ON item.resource_id = change.resource_id
    JOIN classification_project_collections AS link
        ON link.collection_id = item.collection_id AND link.project_id = change.project_id
    WHERE change.classification_type = 'FINAL'
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER list_made_finals AFTER INSERT ON classifications REFERENCING NEW TABLE AS changes
    FOR EACH STATEMENT EXECUTE FUNCTION list_made_finals();
CREATE FUNCTION list_entered_finals() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    %(entered)s;
    RETURN NULL;
END $$;
CREATE TRIGGER list_entered_finals AFTER INSERT ON collection_resources REFERENCING NEW TABLE AS changes
    FOR EACH STATEMENT EXECUTE FUNCTION list_entered_finals();
-- Its name puts it behind `link_collection`, which waits for media that enter at the same time.
CREATE FUNCTION list_linked_finals() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    %(linked)s;
    RETURN NULL;
END $$;
CREATE TRIGGER list_linked_finals AFTER INSERT ON classification_project_collections
    FOR EACH ROW EXECUTE FUNCTION list_linked_finals();
CREATE FUNCTION unlist_left_finals() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    DELETE FROM classifications_in_collections AS listed
    USING changes AS change, classification_project_collections AS link, classifications AS final
    WHERE link.collection_id = change.collection_id AND final.classification_type = 'FINAL'
        AND final.project_id = link.project_id AND final.resource_id = change.resource_id
        AND listed.project_collection_id = link.id AND listed.classification_id = final.id;
    RETURN NULL;
END $$;
CREATE TRIGGER unlist_left_finals AFTER DELETE ON collection_resources REFERENCING OLD TABLE AS changes
    FOR EACH STATEMENT EXECUTE FUNCTION unlist_left_finals();
"""


def upgrade() -> None:
    op.create_table(
        "classifications_in_collections",
        sa.Column("project_collection_id", sa.BigInteger(), nullable=False),
        sa.Column("classification_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["classification_id"],
            ["classifications.id"],
            name=op.f("fk_classifications_in_collections_classification_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["project_collection_id"],
            ["classification_project_collections.id"],
            name=op.f("fk_classifications_in_collections_project_collection_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "project_collection_id", "classification_id", name=op.f("pk_classifications_in_collections")
        ),
    )
    op.execute(LISTED.format(items="collection_resources", of_link=""))
    op.create_index(
        op.f("ix_classifications_in_collections_classification_id"),
        "classifications_in_collections",
        ["classification_id"],
    )
    entered = LISTED.format(items="changes", of_link="")
    linked = LISTED.format(items="collection_resources", of_link=" AND link.id = NEW.id")
    op.execute(TRIGGERS % {"entered": entered, "linked": linked})
    for name, columns, rows in INDEXES:
        op.create_index(name, "classifications", columns, postgresql_where=rows)


def downgrade() -> None:
    for name, _, _ in reversed(INDEXES):
        op.drop_index(name, table_name="classifications")
    for table, trigger in (
        ("collection_resources", "unlist_left_finals"),
        ("classification_project_collections", "list_linked_finals"),
        ("collection_resources", "list_entered_finals"),
        ("classifications", "list_made_finals"),
    ):
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
        op.execute(f"DROP FUNCTION {trigger}()")
    op.drop_table("classifications_in_collections")
