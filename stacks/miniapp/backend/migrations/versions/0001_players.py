"""players and their matches"""
from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.execute("""
        CREATE TABLE players (
            name text PRIMARY KEY CHECK (name <> ''),
            joined timestamptz NOT NULL DEFAULT now());
        CREATE TABLE matches (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            first text NOT NULL REFERENCES players,
            second text NOT NULL REFERENCES players,
            at timestamptz NOT NULL DEFAULT now(),
            CHECK (first <> second))""")


def downgrade():
    op.execute("DROP TABLE matches; DROP TABLE players")
