// The workspace that a route names, and plans of work in it.
//
// Made by handlers on the server's thread from published views; the work runs on a pool, where the
// workspace is opened anew for each piece.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "gateways/files/root.hpp"
#include "gateways/http/exchange.hpp"
#include "gateways/http/routes.hpp"

namespace gateways::http {

struct workspace_place {
  std::string sandbox_id;
  std::string folder;
  protocol::sandbox_mode mode = protocol::sandbox_mode::agent;
  protocol::unix_ms created_at = 0;
  std::optional<std::uint64_t> room_bytes;  ///< what its limit leaves; none: without limit

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

/// What `limit` leaves when so much is `used`; none: a limit of 0 is none.
std::optional<std::uint64_t> room_of(std::uint64_t limit, std::uint64_t used);

/// Of the sandbox in the route's first parameter.
protocol::result<workspace_place> workspace_of(const services& s, const request& r);

}  // namespace gateways::http
