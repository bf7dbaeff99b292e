"""Search posts by stems, without accents, and in scripts without spaces"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0069"
down_revision = "0068"
branch_labels = None
depends_on = None

LANGUAGES = [
    "english",
    "german",
    "french",
    "spanish",
    "italian",
    "portuguese",
    "dutch",
    "russian",
    "swedish",
    "danish",
    "norwegian",
    "finnish",
    "hungarian",
    "romanian",
    "turkish",
]
# As `app/services/social/posts/scripts.py` has it.
UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u318f\u31a0-\u31bf\u31f0-\u31ff"
    r"\u3400-\u4dbf\u4e00-\u9fff\ua9e0-\ua9fe\uaa60-\uaa7f\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003134f"
)
# The languages of a text, its words, and what is searched for.
FUNCTIONS = [
    """
    -- Those of whose stop words the text has most; of a text without any, all.
    CREATE FUNCTION languages_of_text(content text) RETURNS regconfig[] IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
        SELECT array_agg(language ORDER BY place) FROM (
            SELECT language, place, rank() OVER (ORDER BY length(to_tsvector(language, content))) AS rank
            FROM unnest(LANGUAGES) WITH ORDINALITY AS each (language, place)
        ) AS ranked WHERE rank = 1
    $$
    """,
    """
    -- Letters of scripts without spaces, and pairs of them, each at the place of its first letter.
    CREATE FUNCTION pairs_of_letters(content text) RETURNS tsvector IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
        SELECT coalesce(string_agg(quote_literal(substr(content, place, size)) || ':' || place, ' '), '')::tsvector
        FROM generate_series(1, length(content)) AS place, generate_series(1, 2) AS size
        WHERE substr(content, place, size) ~ ('^[UNSPACED]{' || size || '}$')
    $$
    """,
    """
    -- Words as they are written have the weight A, their stems D.
    CREATE FUNCTION words_of_post(content text) RETURNS tsvector IMMUTABLE PARALLEL SAFE LANGUAGE plpgsql AS $$
    DECLARE
        spaced text := regexp_replace(content, '[UNSPACED]+', ' ', 'g');
        words tsvector := to_tsvector('AT.unaccented_simple'::regconfig, spaced);
        language regconfig;
    BEGIN
        IF spaced <> content THEN
            words := words || AT.pairs_of_letters(content);
        END IF;
        words := setweight(words, 'A');
        FOREACH language IN ARRAY AT.languages_of_text(spaced) LOOP
            words := words || to_tsvector(language, spaced);
        END LOOP;
        RETURN words;
    END
    $$
    """,
    """
    -- A word or phrase, as it is written or by its stems in any language.
    CREATE FUNCTION query_of_words(words text) RETURNS tsquery IMMUTABLE PARALLEL SAFE LANGUAGE plpgsql
    SET client_min_messages = warning AS $$
    DECLARE
        sought tsquery := phraseto_tsquery('AT.unaccented_simple'::regconfig, words);
        language regconfig;
    BEGIN
        FOREACH language IN ARRAY LANGUAGES LOOP
            sought := sought || phraseto_tsquery(language, words);
        END LOOP;
        RETURN sought;
    END
    $$
    """,
    """
    -- The language of a text in which a query matches it, to highlight its words.
    CREATE FUNCTION language_of_match(content text, query tsquery) RETURNS regconfig IMMUTABLE PARALLEL SAFE
    LANGUAGE sql AS $$
        SELECT language
        FROM unnest(AT.languages_of_text(content)) WITH ORDINALITY AS each (language, place)
        ORDER BY to_tsvector(language, content) @@ query DESC, place LIMIT 1
    $$
    """,
]


def upgrade() -> None:
    # Generated columns are computed while a dump is restored, when no schema is searched: names have theirs.
    at = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
    # A trusted extension, and of the same package as pg_trgm and btree_gist.
    op.execute("CREATE EXTENSION IF NOT EXISTS unaccent")
    for language in ("simple", *LANGUAGES):
        dictionary = "simple" if language == "simple" else f"{language}_stem"
        op.execute(f"CREATE TEXT SEARCH CONFIGURATION unaccented_{language} (COPY = pg_catalog.{language})")
        op.execute(
            f"ALTER TEXT SEARCH CONFIGURATION unaccented_{language} "
            f"ALTER MAPPING FOR hword, hword_part, word WITH unaccent, pg_catalog.{dictionary}"
        )
    languages = ", ".join(f"{at}.unaccented_{language}" for language in LANGUAGES)
    meant = {"AT": at, "LANGUAGES": f"'{{{languages}}}'::pg_catalog.regconfig[]", "UNSPACED": UNSPACED}
    for function in FUNCTIONS:
        op.execute(re.sub(rf"\b(?:{'|'.join(meant)})\b", lambda name: meant[name[0]], function))
    op.drop_column("posts", "words")
    op.execute("ALTER TABLE posts ADD COLUMN words tsvector GENERATED ALWAYS AS (words_of_post(content::text)) STORED")
    op.create_index("ix_posts_words", "posts", ["words"], postgresql_using="gin")


def downgrade() -> None:
    op.drop_column("posts", "words")
    op.execute(
        "ALTER TABLE posts ADD COLUMN words tsvector GENERATED ALWAYS AS (to_tsvector('simple', content)) STORED"
    )
    op.create_index("ix_posts_words", "posts", ["words"], postgresql_using="gin")
    op.execute("DROP FUNCTION language_of_match, query_of_words, words_of_post, pairs_of_letters, languages_of_text")
    for language in ("simple", *LANGUAGES):
        op.execute(f"DROP TEXT SEARCH CONFIGURATION unaccented_{language}")
    op.execute("DROP EXTENSION unaccent")
