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

/// `disk_quota`, since its limit leaves no more.
protocol::fault no_room(std::uint64_t bytes);

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

/// Takes the bytes of a request into `To`, which has `write`, but no more than there is room for.
template <class To>
class limited_sink final : public byte_sink {
 public:
  using ending = file_outcome (*)(To&);

  limited_sink(To to, std::optional<std::uint64_t> room_bytes, ending end)
      : to_(std::move(to)), room_bytes_(room_bytes), end_(end) {}

  protocol::result<void> write(std::string_view bytes) override {
    taken_ += bytes.size();
    if (room_bytes_ && taken_ > *room_bytes_) return no_room(*room_bytes_);
    return to_.write(bytes);
  }
  file_outcome finish() override { return end_(to_); }

 private:
  To to_;
  std::optional<std::uint64_t> room_bytes_;
  ending end_;
  std::uint64_t taken_ = 0;
};

/// What `limit` leaves when so much is `used`; none: a limit of 0 is none.
std::optional<std::uint64_t> room_of(std::uint64_t limit, std::uint64_t used);

/// Of the sandbox in the route's first parameter.
protocol::result<workspace_place> workspace_of(const services& s, const request& r);

}  // namespace gateways::http
