"""Classify media and approve classifications"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


REFUSE = """
CREATE FUNCTION refuse_classification(rule text, said text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = rule, TABLE = 'classifications', MESSAGE = said;
END $$;
"""
# Whether one taxon is the other, a synonym of it, or part of it.
LINEAGE = """
CREATE FUNCTION taxon_lineage(taxon bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
    WITH RECURSIVE line(id) AS (
        SELECT taxon UNION
        SELECT coalesce(species.accepted_id, species.parent_id) FROM species JOIN line USING (id)
        WHERE coalesce(species.accepted_id, species.parent_id) IS NOT NULL
    ) SELECT id FROM line
$$;
CREATE FUNCTION are_related_taxa(one bigint, other bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT one IN (SELECT taxon_lineage(other)) OR other IN (SELECT taxon_lineage(one)) OR EXISTS (
        SELECT FROM species AS a, species AS b WHERE a.id = one AND b.id = other
        AND coalesce(a.accepted_id, a.id) = coalesce(b.accepted_id, b.id))
$$;
"""
# A row of AI and one of a person contradict each other if they saw different kinds of things, or unrelated species.
# Who only says "unknown" says nothing.
DISAGREE = """
CREATE FUNCTION ai_and_people_disagree(of_final bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    WITH said AS (
        SELECT one.classification_type AS kind,
            coalesce(array_agg(DISTINCT attr.observation_type::text ORDER BY attr.observation_type::text)
                FILTER (WHERE attr.observation_type IN ('HUMAN', 'ANIMAL', 'VEHICLE')), '{}') AS types,
            array_agg(DISTINCT attr.species_id ORDER BY attr.species_id)
                FILTER (WHERE attr.species_id IS NOT NULL) AS species
        FROM classifications AS final
        LEFT JOIN classifications AS source ON source.id = final.source_id
        JOIN classifications AS one ON one.final_id = final.id
        LEFT JOIN classification_attrs AS attr ON attr.classification_id = one.id
        WHERE final.id = of_final AND CASE
            WHEN one.classification_type = 'AI' THEN one.superseded_at IS NULL OR one.id = final.source_id
            WHEN one.classification_type <> 'USER' THEN false
            WHEN source.classification_type = 'USER' THEN one.id = source.id
            ELSE one.superseded_at IS NULL
        END
        GROUP BY one.id, one.classification_type, one.is_blank
        HAVING one.is_blank OR bool_or(attr.observation_type IN ('HUMAN', 'ANIMAL', 'VEHICLE', 'BLANK'))
    )
    SELECT EXISTS (
        SELECT FROM said AS ai JOIN said AS person ON ai.kind = 'AI' AND person.kind = 'USER'
        WHERE ai.types <> person.types OR (ai.species <> person.species AND (
            EXISTS (SELECT FROM unnest(ai.species) AS a WHERE NOT EXISTS (
                SELECT FROM unnest(person.species) AS b WHERE are_related_taxa(a, b)))
            OR EXISTS (SELECT FROM unnest(person.species) AS b WHERE NOT EXISTS (
                SELECT FROM unnest(ai.species) AS a WHERE are_related_taxa(a, b)))))
    )
$$;
"""
# What a FINAL shows and what its flags say is built anew from its rows whenever these change.
REFRESH = """
CREATE FUNCTION refresh_finals(finals bigint[]) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    IF coalesce(cardinality(finals), 0) = 0 THEN RETURN; END IF;
    UPDATE classification_attrs AS attr SET shown_by_id = shown.by_id
    FROM (
        SELECT one.id, CASE
            WHEN one.classification_type = 'FEEDBACK' THEN NULL
            WHEN final.source_id = one.id THEN final.id
            WHEN final.source_id IS NULL AND one.superseded_at IS NULL THEN final.id
        END AS by_id
        FROM classifications AS final JOIN classifications AS one ON one.final_id = final.id
        WHERE final.id = ANY (finals)
    ) AS shown
    WHERE attr.classification_id = shown.id AND attr.shown_by_id IS DISTINCT FROM shown.by_id;
    UPDATE classifications AS final SET is_classified = flags.by_people, is_classified_ai = flags.by_ai,
        has_feedback = flags.feedback, disagrees = flags.disagree
    FROM (
        SELECT id, by_people, by_ai, feedback,
            CASE WHEN by_people AND by_ai THEN ai_and_people_disagree(id) ELSE false END AS disagree
        FROM (
            SELECT final.id,
                coalesce(bool_or(one.classification_type = 'USER'), false) AS by_people,
                coalesce(bool_or(one.classification_type = 'AI'), false) AS by_ai,
                coalesce(bool_or(one.classification_type = 'FEEDBACK' AND one.source_id = final.source_id), false)
                    AS feedback
            FROM classifications AS final
            LEFT JOIN classifications AS one ON one.final_id = final.id
                AND (one.superseded_at IS NULL OR one.id = final.source_id)
            WHERE final.id = ANY (finals) AND final.classification_type = 'FINAL' GROUP BY final.id
        ) AS rows
    ) AS flags
    WHERE final.id = flags.id
    AND (final.is_classified, final.is_classified_ai, final.has_feedback, final.disagrees)
        IS DISTINCT FROM (flags.by_people, flags.by_ai, flags.feedback, flags.disagree);
END $$;
"""
# The rules across rows. Each locks the FINAL first, so that two who act at once do so one after another.
CHECK = """
CREATE FUNCTION check_classification() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE final classifications; source classifications; BEGIN
    final := NEW;
    IF NEW.classification_type <> 'FINAL' THEN
        SELECT * INTO final FROM classifications WHERE id = NEW.final_id FOR NO KEY UPDATE;
        IF final.classification_type <> 'FINAL' THEN
            PERFORM refuse_classification('classification_final', 'final_id must name a FINAL');
        END IF;
    END IF;
    IF NEW.source_id IS NOT NULL THEN
        SELECT * INTO source FROM classifications WHERE id = NEW.source_id;
        IF source.final_id IS DISTINCT FROM final.id OR (
            source.classification_type NOT IN ('AI', 'USER') AND NEW.classification_type <> 'USER'
        ) THEN
            PERFORM refuse_classification('classification_source', 'source_id must name a row of AI or a person, of the same FINAL');
        END IF;
    END IF;
    IF NEW.is_gold_standard AND source.classification_type <> 'USER' THEN
        PERFORM refuse_classification('classification_gold_standard', 'a gold standard is approved from a USER row');
    END IF;
    IF NEW.is_blank AND EXISTS (
        SELECT FROM classification_attrs WHERE observation_type IN ('HUMAN', 'ANIMAL', 'VEHICLE')
        AND classification_id = CASE NEW.classification_type WHEN 'FINAL' THEN NEW.source_id ELSE NEW.id END
    ) THEN
        PERFORM refuse_classification('classification_blank', 'a blank medium has no animals, people or vehicles');
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER check_classification AFTER INSERT OR UPDATE OF source_id, is_blank, is_gold_standard
    ON classifications FOR EACH ROW
    WHEN (NEW.classification_type <> 'FINAL' OR NEW.source_id IS NOT NULL)
    EXECUTE FUNCTION check_classification();
"""
FREEZE = """
CREATE FUNCTION keep_classification_identity() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM refuse_classification('classification_identity', 'what a classification is about never changes');
    RETURN NULL;
END $$;
CREATE TRIGGER keep_classification_identity BEFORE UPDATE OF id, project_id, research_project_id, resource_id,
        classification_type, final_id, model_id, user_id ON classifications FOR EACH ROW
    WHEN ((OLD.id, OLD.project_id, OLD.research_project_id, OLD.resource_id, OLD.classification_type, OLD.final_id,
           OLD.model_id, OLD.user_id) IS DISTINCT FROM
          (NEW.id, NEW.project_id, NEW.research_project_id, NEW.resource_id, NEW.classification_type, NEW.final_id,
           NEW.model_id, NEW.user_id))
    EXECUTE FUNCTION keep_classification_identity();
CREATE FUNCTION keep_approved_classification() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM FROM classifications WHERE id = OLD.final_id FOR NO KEY UPDATE;
    IF EXISTS (SELECT FROM classifications WHERE source_id = OLD.id AND classification_type = 'FINAL') THEN
        PERFORM refuse_classification('classification_approved', 'an approved classification never changes');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_approved_classification BEFORE UPDATE OF is_blank, is_setup, static_attrs, frames_sha256, source_id
    ON classifications FOR EACH ROW
    WHEN (OLD.classification_type <> 'FINAL' AND
          (OLD.is_blank, OLD.is_setup, OLD.static_attrs, OLD.frames_sha256, OLD.source_id) IS DISTINCT FROM
          (NEW.is_blank, NEW.is_setup, NEW.static_attrs, NEW.frames_sha256, NEW.source_id))
    EXECUTE FUNCTION keep_approved_classification();
"""
# Observations: none on a FINAL, none of interest on what is blank, none changed of what is approved.
ATTRS = """
CREATE FUNCTION check_observations_of(touched bigint[], is_change boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE finals bigint[]; BEGIN
    finals := ARRAY(SELECT DISTINCT coalesce(final_id, id) FROM classifications WHERE id = ANY (touched) ORDER BY 1);
    IF cardinality(finals) = 0 THEN RETURN; END IF;
    PERFORM FROM classifications WHERE id = ANY (finals) ORDER BY id FOR NO KEY UPDATE;
    IF EXISTS (SELECT FROM classifications WHERE id = ANY (touched) AND classification_type = 'FINAL') THEN
        PERFORM refuse_classification('classification_final_attrs', 'a FINAL has no observations of its own');
    END IF;
    IF EXISTS (SELECT FROM classifications WHERE source_id = ANY (touched) AND classification_type = 'FINAL') THEN
        PERFORM refuse_classification('classification_approved', 'an approved classification never changes');
    END IF;
    IF EXISTS (
        SELECT FROM classifications AS one JOIN classification_attrs AS attr ON attr.classification_id = one.id
        WHERE one.id = ANY (touched) AND one.is_blank AND attr.observation_type IN ('HUMAN', 'ANIMAL', 'VEHICLE')
    ) THEN
        PERFORM refuse_classification('classification_blank', 'a blank medium has no animals, people or vehicles');
    END IF;
    IF is_change THEN
        UPDATE classifications SET version = version + 1 WHERE id = ANY (finals);
    END IF;
    PERFORM refresh_finals(finals);
END $$;
CREATE FUNCTION follow_observations() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM check_observations_of(ARRAY(SELECT DISTINCT classification_id FROM changes), TG_OP = 'DELETE');
    RETURN NULL;
END $$;
CREATE TRIGGER follow_observations_made AFTER INSERT ON classification_attrs REFERENCING NEW TABLE AS changes
    FOR EACH STATEMENT EXECUTE FUNCTION follow_observations();
CREATE TRIGGER follow_observations_gone AFTER DELETE ON classification_attrs REFERENCING OLD TABLE AS changes
    FOR EACH STATEMENT EXECUTE FUNCTION follow_observations();
CREATE FUNCTION follow_observation() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM check_observations_of(ARRAY[OLD.classification_id, NEW.classification_id], true);
    RETURN NULL;
END $$;
CREATE TRIGGER follow_observation AFTER UPDATE OF classification_id, observation_type, observation_level, species_id,
        sex, age, behaviour, count, count_new, individual_id, classification_confidence, bboxes, first_frame_index,
        distance, attrs, attr_confidence, raw_label ON classification_attrs
    FOR EACH ROW EXECUTE FUNCTION follow_observation();
CREATE FUNCTION normalise_box() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    NEW.bboxes := NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER normalise_box BEFORE INSERT OR UPDATE OF bboxes ON classification_attrs FOR EACH ROW
    WHEN (NEW.bboxes IN ('null', '[]')) EXECUTE FUNCTION normalise_box();
"""
# Counts, by statements: row by row, ten thousand approvals would leave ten thousand versions of a count.
COUNT = """
CREATE TYPE final_change AS (
    project_id bigint, resource_id bigint, total int, approved int, classified int, classified_ai int
);
CREATE FUNCTION count_finals(changes final_change[]) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    IF coalesce(cardinality(changes), 0) = 0 THEN RETURN; END IF;
    PERFORM FROM classification_projects WHERE id IN (SELECT project_id FROM unnest(changes)) ORDER BY id
        FOR NO KEY UPDATE;
    UPDATE classification_projects AS project SET resource_count = resource_count + total,
        approved_count = approved_count + approved, classified_count = classified_count + classified,
        classified_ai_count = classified_ai_count + classified_ai
    FROM (
        SELECT project_id, sum(total) AS total, sum(approved) AS approved, sum(classified) AS classified,
            sum(classified_ai) AS classified_ai
        FROM unnest(changes) GROUP BY project_id
    -- What is deleted with its research project or its collection needs no counts, and may not refer to them again.
    ) AS change WHERE project.id = change.project_id
        AND EXISTS (SELECT FROM research_projects WHERE id = project.research_project_id);
    UPDATE classification_project_collections AS link SET total_count = total_count + total,
        approved_count = approved_count + approved, classified_count = classified_count + classified,
        classified_ai_count = classified_ai_count + classified_ai
    FROM (
        SELECT link.id, sum(total) AS total, sum(approved) AS approved, sum(classified) AS classified,
            sum(classified_ai) AS classified_ai
        FROM unnest(changes) AS change
        JOIN collection_resources AS item ON item.resource_id = change.resource_id
        JOIN classification_project_collections AS link
            ON link.collection_id = item.collection_id AND link.project_id = change.project_id
        JOIN collections ON collections.id = link.collection_id
        GROUP BY link.id
    ) AS change WHERE link.id = change.id;
END $$;
CREATE FUNCTION follow_classifications_made() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM count_finals(ARRAY(
        SELECT (project_id, resource_id, 1, is_approved::int, is_classified::int, is_classified_ai::int)::final_change
        FROM changes WHERE classification_type = 'FINAL'));
    PERFORM refresh_finals(ARRAY(SELECT DISTINCT final_id FROM changes WHERE final_id IS NOT NULL));
    RETURN NULL;
END $$;
CREATE TRIGGER follow_classifications_made AFTER INSERT ON classifications REFERENCING NEW TABLE AS changes
    FOR EACH STATEMENT EXECUTE FUNCTION follow_classifications_made();
CREATE FUNCTION follow_classifications_gone() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE finals bigint[]; BEGIN
    PERFORM count_finals(ARRAY(
        SELECT (project_id, resource_id, -1, -is_approved::int, -is_classified::int, -is_classified_ai::int)::final_change
        FROM changes WHERE classification_type = 'FINAL'));
    finals := ARRAY(SELECT id FROM classifications WHERE id IN (SELECT final_id FROM changes) ORDER BY id);
    UPDATE classifications SET version = version + 1 WHERE id = ANY (finals);
    PERFORM refresh_finals(finals);
    RETURN NULL;
END $$;
CREATE TRIGGER follow_classifications_gone AFTER DELETE ON classifications REFERENCING OLD TABLE AS changes
    FOR EACH STATEMENT EXECUTE FUNCTION follow_classifications_gone();
CREATE FUNCTION follow_classifications_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM count_finals(ARRAY(
        SELECT (now.project_id, now.resource_id, 0, now.is_approved::int - was.is_approved::int,
            now.is_classified::int - was.is_classified::int,
            now.is_classified_ai::int - was.is_classified_ai::int)::final_change
        FROM after AS now JOIN before AS was USING (id)
        WHERE (now.is_approved, now.is_classified, now.is_classified_ai) IS DISTINCT FROM
            (was.is_approved, was.is_classified, was.is_classified_ai)));
    PERFORM refresh_finals(ARRAY(
        SELECT DISTINCT coalesce(now.final_id, now.id) FROM after AS now JOIN before AS was USING (id)
        WHERE (now.source_id, now.superseded_at, now.final_id IS NOT NULL AND now.is_blank) IS DISTINCT FROM
            (was.source_id, was.superseded_at, was.final_id IS NOT NULL AND was.is_blank)));
    RETURN NULL;
END $$;
CREATE TRIGGER follow_classifications_changed AFTER UPDATE ON classifications
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION follow_classifications_changed();
"""
# A medium that enters a linked collection gets its FINAL; one that leaves takes it along, if nobody has said anything.
ENTER = """
CREATE FUNCTION count_present_finals(links bigint[], media bigint[], factor int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM classifications WHERE classification_type = 'FINAL' AND resource_id = ANY (media)
        AND project_id IN (SELECT project_id FROM classification_project_collections WHERE id = ANY (links))
        ORDER BY id FOR NO KEY UPDATE;
    PERFORM FROM classification_projects WHERE id IN (
        SELECT project_id FROM classification_project_collections WHERE id = ANY (links)) ORDER BY id FOR NO KEY UPDATE;
    UPDATE classification_project_collections AS link SET total_count = total_count + factor * total,
        approved_count = approved_count + factor * approved, classified_count = classified_count + factor * classified,
        classified_ai_count = classified_ai_count + factor * classified_ai
    FROM (
        SELECT pair.link_id, count(*) AS total, sum(is_approved::int) AS approved,
            sum(is_classified::int) AS classified, sum(is_classified_ai::int) AS classified_ai
        FROM unnest(links, media) AS pair(link_id, resource_id)
        JOIN classification_project_collections AS own ON own.id = pair.link_id
        JOIN collections ON collections.id = own.collection_id
        JOIN classifications AS final ON final.classification_type = 'FINAL'
            AND final.project_id = own.project_id AND final.resource_id = pair.resource_id
        GROUP BY pair.link_id
    ) AS change WHERE link.id = change.link_id;
END $$;
CREATE FUNCTION enter_collections() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE links bigint[]; media bigint[]; made bigint[]; BEGIN
    SELECT array_agg(link.id ORDER BY link.id, change.resource_id),
        array_agg(change.resource_id ORDER BY link.id, change.resource_id) INTO links, media
    FROM changes AS change JOIN classification_project_collections AS link USING (collection_id);
    IF links IS NULL THEN RETURN NULL; END IF;
    WITH added AS (
        INSERT INTO classifications (project_id, research_project_id, project_collection_id, resource_id,
            classification_type, deployment_id, recorded_at)
        SELECT DISTINCT ON (link.project_id, resource.id) link.project_id, link.research_project_id, link.id,
            resource.id, 'FINAL', resource.deployment_id, resource.recorded_at
        FROM unnest(links, media) AS pair(link_id, resource_id)
        JOIN classification_project_collections AS link ON link.id = pair.link_id
        JOIN resources AS resource ON resource.id = pair.resource_id
        ORDER BY link.project_id, resource.id, link.id
        ON CONFLICT (project_id, resource_id) WHERE classification_type = 'FINAL' DO NOTHING
        RETURNING project_id, resource_id
    )
    SELECT array_agg(pair.link_id), array_agg(pair.resource_id) INTO links, media
    FROM unnest(links, media) AS pair(link_id, resource_id)
    JOIN classification_project_collections AS link ON link.id = pair.link_id
    LEFT JOIN added ON added.project_id = link.project_id AND added.resource_id = pair.resource_id
    WHERE added.resource_id IS NULL;
    IF links IS NOT NULL THEN
        PERFORM count_present_finals(links, media, 1);
        PERFORM settle_finals(ARRAY(
            SELECT DISTINCT project_id FROM classification_project_collections WHERE id = ANY (links)));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER enter_collections AFTER INSERT ON collection_resources REFERENCING NEW TABLE AS changes
    FOR EACH STATEMENT EXECUTE FUNCTION enter_collections();
CREATE FUNCTION settle_finals(projects bigint[]) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    UPDATE classifications AS final SET project_collection_id = home.id
    FROM (
        SELECT lost.id AS final_id, min(link.id) AS id
        FROM classifications AS lost
        JOIN collection_resources AS item ON item.resource_id = lost.resource_id
        JOIN classification_project_collections AS link
            ON link.collection_id = item.collection_id AND link.project_id = lost.project_id
        WHERE lost.project_id = ANY (projects) AND lost.project_collection_id IS NULL
            AND lost.classification_type = 'FINAL'
        GROUP BY lost.id
    ) AS home WHERE final.id = home.final_id;
    DELETE FROM classifications AS final
    WHERE project_id = ANY (projects) AND project_collection_id IS NULL AND classification_type = 'FINAL'
        AND NOT (is_approved OR is_blank OR is_setup)
        AND NOT EXISTS (SELECT FROM classifications AS one WHERE one.final_id = final.id);
END $$;
CREATE FUNCTION leave_collections() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE links bigint[]; media bigint[]; BEGIN
    SELECT array_agg(link.id ORDER BY link.id, change.resource_id),
        array_agg(change.resource_id ORDER BY link.id, change.resource_id) INTO links, media
    FROM changes AS change JOIN classification_project_collections AS link USING (collection_id);
    IF links IS NULL THEN RETURN NULL; END IF;
    PERFORM count_present_finals(links, media, -1);
    UPDATE classifications AS final SET project_collection_id = NULL
    FROM unnest(links, media) AS pair(link_id, resource_id)
    WHERE final.classification_type = 'FINAL' AND final.project_collection_id = pair.link_id
        AND final.resource_id = pair.resource_id;
    PERFORM settle_finals(ARRAY(
        SELECT DISTINCT project_id FROM classification_project_collections WHERE id = ANY (links)));
    RETURN NULL;
END $$;
CREATE TRIGGER leave_collections AFTER DELETE ON collection_resources REFERENCING OLD TABLE AS changes
    FOR EACH STATEMENT EXECUTE FUNCTION leave_collections();
-- What a cascade deletes is all gone before the first trigger by statement looks. So a medium leaves its collections
-- first, while its FINALs are there to be counted.
CREATE FUNCTION leave_collections_first() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    DELETE FROM collection_resources WHERE resource_id = OLD.id;
    RETURN OLD;
END $$;
CREATE TRIGGER leave_collections_first BEFORE DELETE ON resources
    FOR EACH ROW EXECUTE FUNCTION leave_collections_first();
"""
# `filled_at` is null while a job adds the FINALs of a large collection piece by piece.
LINK = """
CREATE FUNCTION fill_collection(of_link bigint, most bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE made bigint; BEGIN
    INSERT INTO classifications (project_id, research_project_id, project_collection_id, resource_id,
        classification_type, deployment_id, recorded_at)
    SELECT link.project_id, link.research_project_id, link.id, resource.id, 'FINAL', resource.deployment_id,
        resource.recorded_at
    FROM classification_project_collections AS link
    JOIN collection_resources AS item ON item.collection_id = link.collection_id
    JOIN resources AS resource ON resource.id = item.resource_id
    WHERE link.id = of_link AND NOT EXISTS (
        SELECT FROM classifications AS final WHERE final.classification_type = 'FINAL'
        AND final.project_id = link.project_id AND final.resource_id = resource.id)
    LIMIT most
    ON CONFLICT (project_id, resource_id) WHERE classification_type = 'FINAL' DO NOTHING;
    GET DIAGNOSTICS made = ROW_COUNT;
    RETURN made;
END $$;
CREATE FUNCTION link_collection() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE media bigint[]; BEGIN
    -- Media that enter the collection at the same time wait: otherwise neither side would see the other.
    PERFORM FROM collections WHERE id = NEW.collection_id FOR UPDATE;
    IF TG_OP = 'INSERT' THEN
        media := ARRAY(SELECT resource_id FROM collection_resources WHERE collection_id = NEW.collection_id);
        PERFORM count_present_finals(array_fill(NEW.id, ARRAY[cardinality(media)]), media, 1);
        PERFORM settle_finals(ARRAY[NEW.project_id]);
    END IF;
    IF NEW.filled_at IS NOT NULL THEN
        PERFORM fill_collection(NEW.id, NULL);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER link_collection AFTER INSERT ON classification_project_collections
    FOR EACH ROW EXECUTE FUNCTION link_collection();
CREATE TRIGGER finish_linking_collection AFTER UPDATE OF filled_at ON classification_project_collections
    FOR EACH ROW WHEN (OLD.filled_at IS NULL AND NEW.filled_at IS NOT NULL) EXECUTE FUNCTION link_collection();
CREATE FUNCTION unlink_collections() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM settle_finals(ARRAY(SELECT DISTINCT project_id FROM changes));
    RETURN NULL;
END $$;
CREATE TRIGGER unlink_collections AFTER DELETE ON classification_project_collections REFERENCING OLD TABLE AS changes
    FOR EACH STATEMENT EXECUTE FUNCTION unlink_collections();
"""
PLACE = """
CREATE FUNCTION follow_resources() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE classifications AS final SET deployment_id = now.deployment_id, recorded_at = now.recorded_at
    FROM after AS now JOIN before AS was USING (id)
    WHERE (now.deployment_id, now.recorded_at) IS DISTINCT FROM (was.deployment_id, was.recorded_at)
        AND final.resource_id = now.id AND final.classification_type = 'FINAL';
    RETURN NULL;
END $$;
CREATE TRIGGER follow_resources AFTER UPDATE ON resources REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION follow_resources();
"""
RULES = (REFUSE, LINEAGE, DISAGREE, REFRESH, CHECK, FREEZE, ATTRS, COUNT, ENTER, LINK, PLACE)
ELSEWHERE = ("enter_collections", "leave_collections", "leave_collections_first", "follow_resources")
OWN = (
    "link_collection",
    "unlink_collections",
    "fill_collection",
    "settle_finals",
    "count_present_finals",
    "follow_classifications_made",
    "follow_classifications_gone",
    "follow_classifications_changed",
    "count_finals",
    "normalise_box",
    "follow_observation",
    "follow_observations",
    "check_observations_of",
    "keep_approved_classification",
    "keep_classification_identity",
    "check_classification",
    "refresh_finals",
    "ai_and_people_disagree",
    "are_related_taxa",
    "taxon_lineage",
    "refuse_classification",
)


def upgrade() -> None:
    op.create_table(
        "classificators",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.String(length=4000), nullable=True),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("copy_of_id", sa.BigInteger(), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["copy_of_id"], ["classificators.id"], name=op.f("fk_classificators_copy_of_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_classificators_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_classificators")),
    )
    op.create_index(op.f("ix_classificators_copy_of_id"), "classificators", ["copy_of_id"], unique=False)
    op.create_index(op.f("ix_classificators_name_id"), "classificators", ["name", "id"], unique=False)
    op.create_index(op.f("ix_classificators_owner_id_id"), "classificators", ["owner_id", "id"], unique=False)
    op.create_index("uq_classificators_name", "classificators", [sa.literal_column("lower(name)")], unique=True)
    op.create_table(
        "classificator_versions",
        sa.Column("classificator_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("predefined_attrs", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("custom_attrs", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("static_attrs_order", sa.ARRAY(sa.String(length=50)), server_default=sa.text("'{}'"), nullable=False),
        sa.Column(
            "dynamic_attrs_order", sa.ARRAY(sa.String(length=50)), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["classificator_id"],
            ["classificators.id"],
            name=op.f("fk_classificator_versions_classificator_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_classificator_versions")),
        sa.UniqueConstraint(
            "classificator_id", "number", name=op.f("uq_classificator_versions_classificator_id_number")
        ),
    )
    op.create_index(
        op.f("ix_classificator_versions_classificator_id_id"),
        "classificator_versions",
        ["classificator_id", "id"],
        unique=False,
    )
    op.create_table(
        "classification_projects",
        sa.Column("research_project_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("classificator_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "ONGOING",
                "FINISHED",
                name="classificationprojectstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="ONGOING",
            nullable=False,
        ),
        sa.Column("sequence_gap_s", sa.Integer(), server_default=sa.text("300"), nullable=False),
        sa.Column("detection_provider_id", sa.BigInteger(), nullable=True),
        sa.Column("species_provider_id", sa.BigInteger(), nullable=True),
        sa.Column("requires_ai", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("detection_confidence_min", sa.Double(), server_default=sa.text("0.2"), nullable=False),
        sa.Column("species_confidence_min", sa.Double(), server_default=sa.text("0.5"), nullable=False),
        sa.Column("iou_min", sa.Double(), server_default=sa.text("0.5"), nullable=False),
        sa.Column(
            "humans",
            sa.Enum(
                "SHOWN", "BLURRED", "WITHHELD", name="humans", native_enum=False, create_constraint=True, length=40
            ),
            server_default="BLURRED",
            nullable=False,
        ),
        sa.Column(
            "vehicles",
            sa.Enum(
                "SHOWN", "BLURRED", "WITHHELD", name="vehicles", native_enum=False, create_constraint=True, length=40
            ),
            server_default="BLURRED",
            nullable=False,
        ),
        sa.Column("video_fps", sa.Double(), server_default=sa.text("1"), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_by_id", sa.BigInteger(), nullable=True),
        sa.Column("resource_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("approved_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("classified_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("classified_ai_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "detection_confidence_min BETWEEN 0 AND 1", name=op.f("ck_classification_projects_detection_confidence")
        ),
        sa.CheckConstraint("iou_min BETWEEN 0 AND 1", name=op.f("ck_classification_projects_iou")),
        sa.CheckConstraint("sequence_gap_s BETWEEN 0 AND 86400", name=op.f("ck_classification_projects_sequence_gap")),
        sa.CheckConstraint(
            "species_confidence_min BETWEEN 0 AND 1", name=op.f("ck_classification_projects_species_confidence")
        ),
        sa.CheckConstraint("video_fps > 0 AND video_fps <= 60", name=op.f("ck_classification_projects_video_fps")),
        sa.ForeignKeyConstraint(
            ["classificator_id"], ["classificators.id"], name=op.f("fk_classification_projects_classificator_id")
        ),
        sa.ForeignKeyConstraint(
            ["detection_provider_id"],
            ["ai_providers.id"],
            name=op.f("fk_classification_projects_detection_provider_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["disabled_by_id"],
            ["users.id"],
            name=op.f("fk_classification_projects_disabled_by_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_classification_projects_owner_id")),
        sa.ForeignKeyConstraint(
            ["research_project_id"],
            ["research_projects.id"],
            name=op.f("fk_classification_projects_research_project_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["species_provider_id"],
            ["ai_providers.id"],
            name=op.f("fk_classification_projects_species_provider_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_classification_projects")),
        sa.UniqueConstraint(
            "id", "research_project_id", name=op.f("uq_classification_projects_id_research_project_id")
        ),
    )
    op.create_index(
        op.f("ix_classification_projects_classificator_id_id"),
        "classification_projects",
        ["classificator_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_classification_projects_detection_provider_id"),
        "classification_projects",
        ["detection_provider_id"],
        unique=False,
    )
    op.create_index(op.f("ix_classification_projects_name_id"), "classification_projects", ["name", "id"], unique=False)
    op.create_index(
        op.f("ix_classification_projects_owner_id_id"), "classification_projects", ["owner_id", "id"], unique=False
    )
    op.create_index(
        op.f("ix_classification_projects_research_project_id_id"),
        "classification_projects",
        ["research_project_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_classification_projects_species_provider_id"),
        "classification_projects",
        ["species_provider_id"],
        unique=False,
    )
    op.create_index(
        "uq_classification_projects_name",
        "classification_projects",
        ["research_project_id", sa.literal_column("lower(name)")],
        unique=True,
    )
    op.create_table(
        "bulk_approvals",
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("criteria", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("approved_count", sa.Integer(), nullable=False),
        sa.Column("skipped_count", sa.Integer(), nullable=False),
        sa.Column("reverted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reverted_by_id", sa.BigInteger(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["classification_projects.id"],
            name=op.f("fk_bulk_approvals_project_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["reverted_by_id"], ["users.id"], name=op.f("fk_bulk_approvals_reverted_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_bulk_approvals_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_approvals")),
    )
    op.create_index(op.f("ix_bulk_approvals_project_id_id"), "bulk_approvals", ["project_id", "id"], unique=False)
    op.create_index(op.f("ix_bulk_approvals_user_id_id"), "bulk_approvals", ["user_id", "id"], unique=False)
    op.create_table(
        "classification_project_collections",
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("collection_id", sa.BigInteger(), nullable=False),
        sa.Column("research_project_id", sa.BigInteger(), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("filled_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=True),
        sa.Column("total_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("approved_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("classified_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("classified_ai_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "least(approved_count, classified_count, classified_ai_count, total_count) >= 0",
            name=op.f("ck_classification_project_collections_counts"),
        ),
        sa.ForeignKeyConstraint(
            ["collection_id", "research_project_id"],
            ["collections.id", "collections.research_project_id"],
            name="fk_classification_project_collections_collection",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "research_project_id"],
            ["classification_projects.id", "classification_projects.research_project_id"],
            name="fk_classification_project_collections_project",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_classification_project_collections")),
        sa.UniqueConstraint("id", "project_id", name=op.f("uq_classification_project_collections_id_project_id")),
        sa.UniqueConstraint(
            "project_id", "collection_id", name=op.f("uq_classification_project_collections_project_id_collection_id")
        ),
    )
    op.create_index(
        op.f("ix_classification_project_collections_collection_id_id"),
        "classification_project_collections",
        ["collection_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_classification_project_collections_project_id_id"),
        "classification_project_collections",
        ["project_id", "id"],
        unique=False,
    )
    op.create_table(
        "classification_project_members",
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "ADMIN",
                "ANNOTATOR",
                name="classificationprojectrole",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["classification_projects.id"],
            name=op.f("fk_classification_project_members_project_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_classification_project_members_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_classification_project_members")),
        sa.UniqueConstraint("project_id", "user_id", name=op.f("uq_classification_project_members_project_id_user_id")),
    )
    op.create_index(
        op.f("ix_classification_project_members_project_id_id"),
        "classification_project_members",
        ["project_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_classification_project_members_user_id_project_id"),
        "classification_project_members",
        ["user_id", "project_id"],
        unique=False,
    )
    op.create_table(
        "classifications",
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("research_project_id", sa.BigInteger(), nullable=False),
        sa.Column("project_collection_id", sa.BigInteger(), nullable=True),
        sa.Column("resource_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "classification_type",
            sa.Enum(
                "FINAL",
                "AI",
                "USER",
                "FEEDBACK",
                name="classificationtype",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("model_id", sa.BigInteger(), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("source_id", sa.BigInteger(), nullable=True),
        sa.Column("final_id", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("is_approved", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_blank", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_setup", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_gold_standard", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("approved_by_id", sa.BigInteger(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("bulk_approval_id", sa.BigInteger(), nullable=True),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("classificator_version_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "static_attrs", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("comments", sa.String(length=500), nullable=True),
        sa.Column("frames_sha256", sa.String(length=64), nullable=True),
        sa.Column("last_modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("deployment_id", sa.BigInteger(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_classified", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_classified_ai", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("has_feedback", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("disagrees", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "needs_review",
            sa.Boolean(),
            sa.Computed(
                "classification_type = 'FINAL' AND (has_feedback OR is_classified AND NOT is_approved)",
                persisted=True,
            ),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(final_id IS NULL) = (classification_type = 'FINAL')", name=op.f("ck_classifications_final")
        ),
        sa.CheckConstraint(
            "(model_id IS NOT NULL) = (classification_type = 'AI')", name=op.f("ck_classifications_model")
        ),
        sa.CheckConstraint(
            "(user_id IS NOT NULL) = (classification_type IN ('USER', 'FEEDBACK'))",
            name=op.f("ck_classifications_user"),
        ),
        sa.CheckConstraint(
            "CASE classification_type WHEN 'AI' THEN source_id IS NULL WHEN 'FEEDBACK' THEN source_id IS NOT NULL ELSE true END",
            name=op.f("ck_classifications_source"),
        ),
        sa.CheckConstraint(
            "classification_type = 'FINAL' OR NOT (is_classified OR is_classified_ai OR has_feedback OR disagrees)",
            name=op.f("ck_classifications_kept"),
        ),
        sa.CheckConstraint(
            "frames_sha256 IS NULL OR classification_type <> 'FINAL'", name=op.f("ck_classifications_frames")
        ),
        sa.CheckConstraint(
            "is_approved = (classification_type = 'FINAL' AND source_id IS NOT NULL)",
            name=op.f("ck_classifications_approved"),
        ),
        sa.CheckConstraint(
            "superseded_at IS NULL OR classification_type <> 'FINAL'", name=op.f("ck_classifications_superseded")
        ),
        sa.CheckConstraint("is_approved = (approved_at IS NOT NULL)", name=op.f("ck_classifications_approved_at")),
        sa.CheckConstraint(
            "is_approved OR (approved_by_id IS NULL AND bulk_approval_id IS NULL)",
            name=op.f("ck_classifications_approved_by"),
        ),
        sa.CheckConstraint("is_approved OR NOT is_gold_standard", name=op.f("ck_classifications_gold_standard")),
        sa.CheckConstraint("source_id <> id AND final_id <> id", name=op.f("ck_classifications_not_itself")),
        sa.CheckConstraint("version > 0", name=op.f("ck_classifications_version")),
        sa.ForeignKeyConstraint(
            ["approved_by_id"], ["users.id"], name=op.f("fk_classifications_approved_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["bulk_approval_id"],
            ["bulk_approvals.id"],
            name=op.f("fk_classifications_bulk_approval_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["classificator_version_id"],
            ["classificator_versions.id"],
            name=op.f("fk_classifications_classificator_version_id"),
        ),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployments.id"], name=op.f("fk_classifications_deployment_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["final_id", "project_id", "resource_id"],
            ["classifications.id", "classifications.project_id", "classifications.resource_id"],
            name="fk_classifications_final",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["model_id"], ["ai_providers.id"], name=op.f("fk_classifications_model_id")),
        sa.ForeignKeyConstraint(
            ["project_collection_id", "project_id"],
            ["classification_project_collections.id", "classification_project_collections.project_id"],
            name="fk_classifications_project_collection",
            ondelete="SET NULL (project_collection_id)",
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "research_project_id"],
            ["classification_projects.id", "classification_projects.research_project_id"],
            name="fk_classifications_project",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["resource_id", "research_project_id"],
            ["resources.id", "resources.research_project_id"],
            name="fk_classifications_resource",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["source_id", "project_id", "resource_id"],
            ["classifications.id", "classifications.project_id", "classifications.resource_id"],
            name="fk_classifications_source",
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_classifications_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_classifications")),
        sa.UniqueConstraint(
            "id", "project_id", "resource_id", name=op.f("uq_classifications_id_project_id_resource_id")
        ),
    )
    op.create_index(
        op.f("ix_classifications_bulk_approval_id"),
        "classifications",
        ["bulk_approval_id"],
        unique=False,
        postgresql_where=sa.text("bulk_approval_id IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_classifications_classificator_version_id"),
        "classifications",
        ["classificator_version_id"],
        unique=False,
    )
    op.create_index(
        "ix_classifications_deployment",
        "classifications",
        ["project_id", "deployment_id", "id"],
        unique=False,
        postgresql_where=sa.text("classification_type = 'FINAL'"),
    )
    op.create_index(
        "ix_classifications_disagreement",
        "classifications",
        ["project_id", "id"],
        unique=False,
        postgresql_where=sa.text("disagrees"),
    )
    op.create_index(op.f("ix_classifications_final_id_id"), "classifications", ["final_id", "id"], unique=False)
    op.create_index(
        op.f("ix_classifications_model_id_id"),
        "classifications",
        ["model_id", "id"],
        unique=False,
        postgresql_where=sa.text("model_id IS NOT NULL"),
    )
    op.create_index(
        "ix_classifications_pending",
        "classifications",
        ["project_id", "id"],
        unique=False,
        postgresql_where=sa.text("classification_type = 'FINAL' AND NOT is_approved"),
    )
    op.create_index(
        op.f("ix_classifications_project_collection_id_id"),
        "classifications",
        ["project_collection_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_classifications_project_id_classification_type_id"),
        "classifications",
        ["project_id", "classification_type", "id"],
        unique=False,
    )
    op.create_index(
        "ix_classifications_finals",
        "classifications",
        ["id"],
        unique=False,
        postgresql_where=sa.text("classification_type = 'FINAL'"),
    )
    op.create_index(
        "ix_classifications_recorded",
        "classifications",
        ["project_id", "recorded_at", "id"],
        unique=False,
        postgresql_where=sa.text("classification_type = 'FINAL'"),
    )
    op.create_index(op.f("ix_classifications_recorded_at_id"), "classifications", ["recorded_at", "id"], unique=False)
    op.create_index(op.f("ix_classifications_resource_id_id"), "classifications", ["resource_id", "id"], unique=False)
    op.create_index(
        "ix_classifications_review",
        "classifications",
        ["project_id", "id"],
        unique=False,
        postgresql_where=sa.text("needs_review"),
    )
    op.create_index(
        op.f("ix_classifications_source_id_id"),
        "classifications",
        ["source_id", "id"],
        unique=False,
        postgresql_where=sa.text("source_id IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_classifications_user_id_id"),
        "classifications",
        ["user_id", "id"],
        unique=False,
        postgresql_where=sa.text("user_id IS NOT NULL"),
    )
    op.create_index(
        "uq_classifications_ai",
        "classifications",
        ["final_id", "model_id"],
        unique=True,
        postgresql_where=sa.text("superseded_at IS NULL AND classification_type = 'AI'"),
    )
    op.create_index(
        "uq_classifications_feedback",
        "classifications",
        ["source_id", "user_id"],
        unique=True,
        postgresql_where=sa.text("superseded_at IS NULL AND classification_type = 'FEEDBACK'"),
    )
    op.create_index(
        "uq_classifications_final",
        "classifications",
        ["project_id", "resource_id"],
        unique=True,
        postgresql_where=sa.text("classification_type = 'FINAL'"),
    )
    op.create_index(
        "uq_classifications_user",
        "classifications",
        ["final_id", "user_id"],
        unique=True,
        postgresql_where=sa.text("superseded_at IS NULL AND classification_type = 'USER'"),
    )
    op.create_table(
        "bulk_approval_items",
        sa.Column("bulk_approval_id", sa.BigInteger(), nullable=False),
        sa.Column("final_id", sa.BigInteger(), nullable=False),
        sa.Column("classification_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "outcome",
            sa.Enum(
                "APPROVED",
                "ALREADY_APPROVED",
                "APPROVED_OTHERWISE",
                "AMBIGUOUS",
                "BELOW_CONFIDENCE",
                "EXCLUDED_SPECIES",
                "NOTHING_TO_APPROVE",
                name="approvaloutcome",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("was_blank", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("was_setup", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["bulk_approval_id"],
            ["bulk_approvals.id"],
            name=op.f("fk_bulk_approval_items_bulk_approval_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["classification_id"],
            ["classifications.id"],
            name=op.f("fk_bulk_approval_items_classification_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["final_id"], ["classifications.id"], name=op.f("fk_bulk_approval_items_final_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_approval_items")),
        sa.UniqueConstraint(
            "bulk_approval_id", "final_id", name=op.f("uq_bulk_approval_items_bulk_approval_id_final_id")
        ),
    )
    op.create_index(
        op.f("ix_bulk_approval_items_bulk_approval_id_id"),
        "bulk_approval_items",
        ["bulk_approval_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_bulk_approval_items_classification_id"), "bulk_approval_items", ["classification_id"], unique=False
    )
    op.create_index(op.f("ix_bulk_approval_items_final_id"), "bulk_approval_items", ["final_id"], unique=False)
    op.create_table(
        "classification_approvals",
        sa.Column("final_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "action",
            sa.Enum(
                "APPROVED",
                "UNAPPROVED",
                "REVERTED",
                name="approvalaction",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("source_id", sa.BigInteger(), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("bulk_approval_id", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(action = 'APPROVED') = (source_id IS NOT NULL)", name=op.f("ck_classification_approvals_source")
        ),
        sa.ForeignKeyConstraint(
            ["bulk_approval_id"],
            ["bulk_approvals.id"],
            name=op.f("fk_classification_approvals_bulk_approval_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["final_id"], ["classifications.id"], name=op.f("fk_classification_approvals_final_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_classification_approvals_user_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_classification_approvals")),
    )
    op.create_index(
        op.f("ix_classification_approvals_bulk_approval_id"),
        "classification_approvals",
        ["bulk_approval_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_classification_approvals_final_id_id"), "classification_approvals", ["final_id", "id"], unique=False
    )
    op.create_index(
        op.f("ix_classification_approvals_source_id"), "classification_approvals", ["source_id"], unique=False
    )
    op.create_index(
        op.f("ix_classification_approvals_user_id_id"), "classification_approvals", ["user_id", "id"], unique=False
    )
    op.create_table(
        "classification_attrs",
        sa.Column("classification_id", sa.BigInteger(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("resource_id", sa.BigInteger(), nullable=False),
        sa.Column("shown_by_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "observation_type",
            sa.Enum(
                "HUMAN",
                "ANIMAL",
                "VEHICLE",
                "BLANK",
                "UNKNOWN",
                "UNCLASSIFIED",
                name="observationtype",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "observation_level",
            sa.Enum("OBJECT", "GROUP", name="observationlevel", native_enum=False, create_constraint=True, length=40),
            server_default="OBJECT",
            nullable=False,
        ),
        sa.Column("species_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "sex",
            sa.Enum("UNKNOWN", "FEMALE", "MALE", name="sex", native_enum=False, create_constraint=True, length=40),
            server_default="UNKNOWN",
            nullable=False,
        ),
        sa.Column(
            "age",
            sa.Enum(
                "UNKNOWN",
                "ADULT",
                "SUBADULT",
                "JUVENILE",
                "OFFSPRING",
                name="age",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="UNKNOWN",
            nullable=False,
        ),
        sa.Column(
            "behaviour",
            sa.Enum(
                "UNDEFINED",
                "GRAZING",
                "BROWSING",
                "ROOTING",
                "VIGILANCE",
                "RUNNING",
                "WALKING",
                name="behaviour",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="UNDEFINED",
            nullable=False,
        ),
        sa.Column("count", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("count_new", sa.Integer(), nullable=True),
        sa.Column("individual_id", sa.String(length=100), nullable=True),
        sa.Column("classification_confidence", sa.Double(), nullable=True),
        sa.Column("bboxes", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("first_frame_index", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("distance", sa.Double(), nullable=True),
        sa.Column("attrs", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column(
            "attr_confidence", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("raw_label", sa.String(length=200), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "bboxes IS NULL OR jsonb_typeof(bboxes) = 'null' OR bboxes = '[]' OR (jsonb_typeof(bboxes) = 'array' AND jsonb_path_match(bboxes, '$.size() == 4 && $[0] >= 0 && $[1] >= 0 && $[2] > 0 && $[3] > 0 && $[0] + $[2] <= 1.000001 && $[1] + $[3] <= 1.000001', silent => true) IS true)",
            name=op.f("ck_classification_attrs_box"),
        ),
        sa.CheckConstraint("distance >= 0 AND distance < 'Infinity'", name=op.f("ck_classification_attrs_distance")),
        sa.CheckConstraint(
            "jsonb_typeof(attr_confidence) = 'object'", name=op.f("ck_classification_attrs_attr_confidence")
        ),
        sa.CheckConstraint("jsonb_typeof(attrs) = 'object'", name=op.f("ck_classification_attrs_attrs")),
        sa.CheckConstraint(
            "observation_level = 'OBJECT' OR (bboxes IS NULL OR jsonb_typeof(bboxes) = 'null' OR bboxes = '[]')",
            name=op.f("ck_classification_attrs_group_without_box"),
        ),
        sa.CheckConstraint(
            "observation_level = 'OBJECT' OR individual_id IS NULL",
            name=op.f("ck_classification_attrs_group_without_individual"),
        ),
        sa.CheckConstraint(
            "observation_type <> 'BLANK' OR species_id IS NULL",
            name=op.f("ck_classification_attrs_blank_without_species"),
        ),
        sa.CheckConstraint('"count" >= 1', name=op.f("ck_classification_attrs_count")),
        sa.CheckConstraint(
            "classification_confidence BETWEEN 0 AND 1", name=op.f("ck_classification_attrs_confidence")
        ),
        sa.CheckConstraint("count_new >= 0", name=op.f("ck_classification_attrs_count_new")),
        sa.CheckConstraint("first_frame_index >= 0", name=op.f("ck_classification_attrs_first_frame_index")),
        sa.ForeignKeyConstraint(
            ["classification_id", "project_id", "resource_id"],
            ["classifications.id", "classifications.project_id", "classifications.resource_id"],
            name="fk_classification_attrs_classification",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["species_id"], ["species.id"], name=op.f("fk_classification_attrs_species_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_classification_attrs")),
    )
    op.create_index(
        op.f("ix_classification_attrs_classification_id_id"),
        "classification_attrs",
        ["classification_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_classification_attrs_shown_by_id_id"), "classification_attrs", ["shown_by_id", "id"], unique=False
    )
    op.create_index(
        "ix_classification_attrs_species",
        "classification_attrs",
        ["project_id", "species_id", "shown_by_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_classification_attrs_species_id"),
        "classification_attrs",
        ["species_id"],
        unique=False,
        postgresql_where=sa.text("species_id IS NOT NULL"),
    )
    op.create_index(
        "ix_classification_attrs_type",
        "classification_attrs",
        ["project_id", "observation_type", "shown_by_id"],
        unique=False,
    )
    for rule in RULES:
        op.execute(rule)


def downgrade() -> None:
    for function in ELSEWHERE:
        op.execute(f"DROP FUNCTION {function} CASCADE")
    op.drop_index("ix_classification_attrs_type", table_name="classification_attrs")
    op.drop_index(
        op.f("ix_classification_attrs_species_id"),
        table_name="classification_attrs",
        postgresql_where=sa.text("species_id IS NOT NULL"),
    )
    op.drop_index("ix_classification_attrs_species", table_name="classification_attrs")
    op.drop_index(op.f("ix_classification_attrs_shown_by_id_id"), table_name="classification_attrs")
    op.drop_index(op.f("ix_classification_attrs_classification_id_id"), table_name="classification_attrs")
    op.drop_table("classification_attrs")
    op.drop_index(op.f("ix_classification_approvals_user_id_id"), table_name="classification_approvals")
    op.drop_index(op.f("ix_classification_approvals_source_id"), table_name="classification_approvals")
    op.drop_index(op.f("ix_classification_approvals_final_id_id"), table_name="classification_approvals")
    op.drop_index(op.f("ix_classification_approvals_bulk_approval_id"), table_name="classification_approvals")
    op.drop_table("classification_approvals")
    op.drop_index(op.f("ix_bulk_approval_items_final_id"), table_name="bulk_approval_items")
    op.drop_index(op.f("ix_bulk_approval_items_classification_id"), table_name="bulk_approval_items")
    op.drop_index(op.f("ix_bulk_approval_items_bulk_approval_id_id"), table_name="bulk_approval_items")
    op.drop_table("bulk_approval_items")
    op.drop_index(
        "uq_classifications_user",
        table_name="classifications",
        postgresql_where=sa.text("superseded_at IS NULL AND classification_type = 'USER'"),
    )
    op.drop_index(
        "uq_classifications_final",
        table_name="classifications",
        postgresql_where=sa.text("classification_type = 'FINAL'"),
    )
    op.drop_index(
        "uq_classifications_feedback",
        table_name="classifications",
        postgresql_where=sa.text("superseded_at IS NULL AND classification_type = 'FEEDBACK'"),
    )
    op.drop_index(
        "uq_classifications_ai",
        table_name="classifications",
        postgresql_where=sa.text("superseded_at IS NULL AND classification_type = 'AI'"),
    )
    op.drop_index(
        op.f("ix_classifications_user_id_id"),
        table_name="classifications",
        postgresql_where=sa.text("user_id IS NOT NULL"),
    )
    op.drop_index(
        op.f("ix_classifications_source_id_id"),
        table_name="classifications",
        postgresql_where=sa.text("source_id IS NOT NULL"),
    )
    op.drop_index("ix_classifications_review", table_name="classifications", postgresql_where=sa.text("needs_review"))
    op.drop_index(op.f("ix_classifications_resource_id_id"), table_name="classifications")
    op.drop_index(op.f("ix_classifications_recorded_at_id"), table_name="classifications")
    op.drop_index(
        "ix_classifications_finals",
        table_name="classifications",
        postgresql_where=sa.text("classification_type = 'FINAL'"),
    )
    op.drop_index(
        "ix_classifications_recorded",
        table_name="classifications",
        postgresql_where=sa.text("classification_type = 'FINAL'"),
    )
    op.drop_index(op.f("ix_classifications_project_id_classification_type_id"), table_name="classifications")
    op.drop_index(op.f("ix_classifications_project_collection_id_id"), table_name="classifications")
    op.drop_index(
        "ix_classifications_pending",
        table_name="classifications",
        postgresql_where=sa.text("classification_type = 'FINAL' AND NOT is_approved"),
    )
    op.drop_index(
        op.f("ix_classifications_model_id_id"),
        table_name="classifications",
        postgresql_where=sa.text("model_id IS NOT NULL"),
    )
    op.drop_index(op.f("ix_classifications_final_id_id"), table_name="classifications")
    op.drop_index(
        "ix_classifications_disagreement", table_name="classifications", postgresql_where=sa.text("disagrees")
    )
    op.drop_index(
        "ix_classifications_deployment",
        table_name="classifications",
        postgresql_where=sa.text("classification_type = 'FINAL'"),
    )
    op.drop_index(op.f("ix_classifications_classificator_version_id"), table_name="classifications")
    op.drop_index(
        op.f("ix_classifications_bulk_approval_id"),
        table_name="classifications",
        postgresql_where=sa.text("bulk_approval_id IS NOT NULL"),
    )
    op.drop_table("classifications")
    op.drop_index(
        op.f("ix_classification_project_members_user_id_project_id"), table_name="classification_project_members"
    )
    op.drop_index(op.f("ix_classification_project_members_project_id_id"), table_name="classification_project_members")
    op.drop_table("classification_project_members")
    op.drop_index(
        op.f("ix_classification_project_collections_project_id_id"), table_name="classification_project_collections"
    )
    op.drop_index(
        op.f("ix_classification_project_collections_collection_id_id"), table_name="classification_project_collections"
    )
    op.drop_table("classification_project_collections")
    op.drop_index(op.f("ix_bulk_approvals_user_id_id"), table_name="bulk_approvals")
    op.drop_index(op.f("ix_bulk_approvals_project_id_id"), table_name="bulk_approvals")
    op.drop_table("bulk_approvals")
    op.drop_index("uq_classification_projects_name", table_name="classification_projects")
    op.drop_index(op.f("ix_classification_projects_species_provider_id"), table_name="classification_projects")
    op.drop_index(op.f("ix_classification_projects_research_project_id_id"), table_name="classification_projects")
    op.drop_index(op.f("ix_classification_projects_owner_id_id"), table_name="classification_projects")
    op.drop_index(op.f("ix_classification_projects_name_id"), table_name="classification_projects")
    op.drop_index(op.f("ix_classification_projects_detection_provider_id"), table_name="classification_projects")
    op.drop_index(op.f("ix_classification_projects_classificator_id_id"), table_name="classification_projects")
    op.drop_table("classification_projects")
    op.drop_index(op.f("ix_classificator_versions_classificator_id_id"), table_name="classificator_versions")
    op.drop_table("classificator_versions")
    op.drop_index("uq_classificators_name", table_name="classificators")
    op.drop_index(op.f("ix_classificators_owner_id_id"), table_name="classificators")
    op.drop_index(op.f("ix_classificators_name_id"), table_name="classificators")
    op.drop_index(op.f("ix_classificators_copy_of_id"), table_name="classificators")
    op.drop_table("classificators")
    for function in OWN:
        op.execute(f"DROP FUNCTION {function}")
    op.execute("DROP TYPE final_change")
