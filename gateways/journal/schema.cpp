#include "gateways/journal/schema.hpp"

#include <array>

namespace gateways {
namespace {

// Events hang on `seq`, not on the id: ids are random, and neighbours in time would be scattered
// over the whole file. `seq` also orders executions by age, which spares an index for retention.
constexpr std::array migrations{
    R"(
CREATE TABLE sandboxes(
  id TEXT PRIMARY KEY NOT NULL,
  spec TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE kernels(
  sandbox_id TEXT NOT NULL,
  kernel_id TEXT NOT NULL,
  generation INTEGER NOT NULL,
  PRIMARY KEY(sandbox_id, kernel_id)
) WITHOUT ROWID;
CREATE TABLE executions(
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  sandbox_id TEXT NOT NULL,
  kernel_id TEXT NOT NULL,
  state INTEGER NOT NULL,
  ended_at INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  record TEXT NOT NULL
);
CREATE INDEX executions_unfinished ON executions(sandbox_id, kernel_id) WHERE state <> 2;
CREATE TABLE events(
  execution INTEGER NOT NULL,
  n INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY(execution, n)
) WITHOUT ROWID;
CREATE TABLE node_events(
  n INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  type TEXT NOT NULL,
  body TEXT NOT NULL
);
CREATE TABLE claims(
  sandbox_id TEXT NOT NULL,
  key TEXT NOT NULL,
  body_hash TEXT NOT NULL,
  execution_id TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY(sandbox_id, key)
) WITHOUT ROWID;
CREATE INDEX claims_by_age ON claims(at);
)",
};

}  // namespace

std::span<const char* const> journal_migrations() noexcept {
  return migrations;
}

}  // namespace gateways
