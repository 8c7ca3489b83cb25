// The workspace that a route names, and plans of work in it.
//
// Made by handlers on the server's thread from published views; the work runs on a pool, where the
// workspace is opened anew for each piece.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "actors/limiter/turn_ledger.hpp"
#include "gateways/files/contents.hpp"
#include "gateways/files/root.hpp"
#include "gateways/http/exchange.hpp"
#include "gateways/http/routes.hpp"
#include "protocol/http/target.hpp"

namespace gateways::http {

/// A client's write as a step of the turn; given back unless the write was made.
class write_step {
 public:
  write_step(std::shared_ptr<actors::turn_ledger> ledger, std::optional<std::uint64_t> turn)
      : ledger_(std::move(ledger)), turn_(turn) {}
  ~write_step() {
    if (turn_ && !made_) ledger_->give_back(*turn_);
  }
  write_step(const write_step&) = delete;
  write_step& operator=(const write_step&) = delete;

  /// The workspace has grown by this much.
  void made(std::uint64_t bytes) {
    made_ = true;
    if (ledger_) ledger_->put(bytes);
  }

 private:
  std::shared_ptr<actors::turn_ledger> ledger_;  ///< null: there is no limiter
  std::optional<std::uint64_t> turn_;            ///< none: it is no step
  bool made_ = false;
};
using step_of_write = std::shared_ptr<write_step>;

struct workspace_place {
  std::string sandbox_id;
  std::string folder;
  protocol::sandbox_mode mode = protocol::sandbox_mode::agent;
  protocol::unix_ms created_at = 0;
  std::optional<std::uint64_t> room_bytes;  ///< what its limit leaves; none: without limit

  /// Of what adds so many bytes. When nothing is left, also of none: each entry takes some.
  std::optional<protocol::fault> no_room_for(std::uint64_t bytes) const {
    if (!room_bytes || (*room_bytes > 0 && bytes <= *room_bytes)) return std::nullopt;
    return files::no_room(*room_bytes);
  }

  /// `work` takes the opened workspace and gives a `file_outcome`.
  template <class Work>
  file_plan plan_of(Work work) const {
    file_plan out;
    out.run = [where = *this, work = std::move(work)](const std::atomic<bool>& unwanted,
                                                      const std::atomic<bool>& stopping) {
      auto in = files::root::open(where.folder, where.mode, &unwanted, &stopping);
      return in ? file_outcome(work(*in)) : file_outcome(in.error());
    };
    return out;
  }
  /// One after the other in a sandbox, so that a condition holds until what it is for is done.
  template <class Work>
  file_plan in_order(Work work) const {
    auto out = plan_of(std::move(work));
    out.order = sandbox_id;
    return out;
  }
  /// Where it keeps nobody waiting but its like.
  template <class Work>
  file_plan slowly(Work work) const {
    auto out = plan_of(std::move(work));
    out.slow = true;
    return out;
  }
  template <class Work>
  file_plan search(Work work) const {
    auto out = slowly(std::move(work));
    out.only_reads = true;
    return out;
  }
};

/// What a client wants of a file's bytes.
struct reading {
  std::string path;
  std::string range;
  protocol::files::conditions only_if;
  std::string request_id;
  std::string lines{};  ///< header lines beside those of the file
};

/// Ranges are for GET alone (RFC 9110, 14.2).
reading reading_of(const request& r, std::string path, std::string lines);

/// The file's bytes, a part of them, or why not.
file_outcome give(files::opened file, const reading& what);

/// Takes the bytes of a request into `To`, which has `write`, but no more than there is room for.
template <class To>
class limited_sink final : public byte_sink {
 public:
  /// Makes the answer. It is given how many bytes came, and says how many the workspace got.
  using ending = file_outcome (*)(To&, std::uint64_t& put_bytes);

  limited_sink(To to, std::optional<std::uint64_t> room_bytes, step_of_write step, ending end)
      : to_(std::move(to)), room_bytes_(room_bytes), step_(std::move(step)), end_(end) {}

  protocol::result<void> write(std::string_view bytes) override {
    taken_ += bytes.size();
    if (room_bytes_ && taken_ > *room_bytes_) return files::no_room(*room_bytes_);
    return to_.write(bytes);
  }
  file_outcome finish() override {
    auto put_bytes = taken_;
    auto out = end_(to_, put_bytes);
    if (!std::holds_alternative<protocol::fault>(out)) step_->made(put_bytes);
    return out;
  }

 private:
  To to_;
  std::optional<std::uint64_t> room_bytes_;
  step_of_write step_;
  ending end_;
  std::uint64_t taken_ = 0;
};

/// Takes a step of the turn, or `step_limit`. What goes into `upload/` alone is no step: there the
/// user's files come from, not a tool's.
protocol::result<step_of_write> step_for(const services& s, const workspace_place& at,
                                         std::string_view path);

/// Of the sandbox in the route's first parameter.
protocol::result<workspace_place> workspace_of(const services& s, const request& r);

/// What a route with the query `path` is asked for.
struct path_asked {
  workspace_place at;
  protocol::http::query query;
  std::string path;
};
protocol::result<path_asked> path_asked_of(const services& s, const request& r);

}  // namespace gateways::http
