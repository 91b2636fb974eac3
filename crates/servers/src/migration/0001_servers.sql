CREATE TABLE servers_server (
    id {uuid} NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    recipe TEXT NOT NULL,
    host TEXT,
    state TEXT NOT NULL,
    goal TEXT NOT NULL,
    version BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    confirmed BIGINT NOT NULL,
    config BIGINT NOT NULL,
    launched BIGINT,
    busy TEXT,
    busy_actor TEXT,
    busy_name TEXT,
    busy_since BIGINT,
    run {uuid},
    flow {uuid},
    session {uuid},
    since BIGINT NOT NULL,
    deadline BIGINT,
    failure_code TEXT,
    failure_message TEXT,
    failure_output TEXT,
    progress TEXT,
    online INTEGER,
    max_players INTEGER,
    empty_since BIGINT,
    keep_until BIGINT,
    idle_told BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL
);
CREATE UNIQUE INDEX servers_server_name ON servers_server (tenant, name);
CREATE INDEX servers_server_host ON servers_server (host);

CREATE TABLE servers_config (
    server {uuid} NOT NULL,
    version BIGINT NOT NULL,
    tenant TEXT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    changes TEXT NOT NULL,
    variables TEXT NOT NULL,
    recipe TEXT NOT NULL,
    ports TEXT NOT NULL,
    idle_stop BIGINT,
    PRIMARY KEY (server, version)
);

CREATE TABLE servers_session (
    id {uuid} NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    server {uuid} NOT NULL,
    actor TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    ready_at BIGINT,
    ended_at BIGINT,
    config BIGINT NOT NULL,
    ending TEXT
);
CREATE INDEX servers_session_server ON servers_session (tenant, server);

CREATE TABLE servers_visit (
    id {uuid} NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    server {uuid} NOT NULL,
    session {uuid} NOT NULL,
    player TEXT NOT NULL,
    joined_at BIGINT NOT NULL,
    left_at BIGINT
);
CREATE INDEX servers_visit_session ON servers_visit (tenant, session);
CREATE INDEX servers_visit_server ON servers_visit (tenant, server);

CREATE TABLE servers_port (
    host TEXT NOT NULL,
    number INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    server {uuid} NOT NULL,
    name TEXT NOT NULL,
    run {uuid} NOT NULL,
    PRIMARY KEY (host, number)
);
CREATE INDEX servers_port_server ON servers_port (tenant, server);

CREATE TABLE servers_cursor (
    host TEXT NOT NULL PRIMARY KEY,
    cursor BIGINT NOT NULL,
    at BIGINT NOT NULL
);
