CREATE TABLE IF NOT EXISTS votes (
	id     uuid PRIMARY KEY,
	choice text NOT NULL,
	cast_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS votes_choice ON votes (choice);
