CREATE TABLE servers_player_link (
    id {uuid} NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    person TEXT NOT NULL,
    player TEXT NOT NULL,
    player_key TEXT NOT NULL,
    recipe TEXT NOT NULL,
    server {uuid},
    linked_at BIGINT NOT NULL,
    linked_by TEXT NOT NULL
);
CREATE UNIQUE INDEX servers_player_link_player ON servers_player_link (tenant, recipe, player_key);
CREATE INDEX servers_player_link_person ON servers_player_link (tenant, person);

CREATE TABLE servers_bar (
    id {uuid} NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    person TEXT NOT NULL,
    case_name TEXT NOT NULL,
    reason TEXT NOT NULL,
    until BIGINT,
    servers TEXT NOT NULL,
    barred_at BIGINT NOT NULL,
    lifted_at BIGINT
);
CREATE UNIQUE INDEX servers_bar_case ON servers_bar (tenant, person, case_name);

CREATE TABLE servers_kept_out (
    server {uuid} NOT NULL,
    player_key TEXT NOT NULL,
    tenant TEXT NOT NULL,
    player TEXT NOT NULL,
    told BIGINT NOT NULL,
    PRIMARY KEY (server, player_key)
);
CREATE INDEX servers_kept_out_tenant ON servers_kept_out (tenant);
