create table users (
	id bigint generated always as identity primary key,
	email text not null unique
);
create table tasks (
	id bigint generated always as identity primary key,
	prompt text not null check (length(prompt) between 1 and 1000),
	state text not null default 'queued' check (state in ('queued', 'running', 'done', 'failed')),
	result text,
	created timestamptz not null default now()
);
grant select, insert, update, delete on users, tasks to octocode_app;
