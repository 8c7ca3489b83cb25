#include "protocol/egress/refusals.hpp"

#include <utility>

#include "protocol/object_writer.hpp"

namespace protocol::egress {

std::optional<std::string> refusals::refused(const target& to, std::string_view rule,
                                             time_point now) {
  ++untold_;
  if (!bucket_.take(now).allowed) return {};
  object_writer w(160);
  w.text("sandbox_id", sandbox_id_);
  w.text("host", to.host);
  w.number("port", std::uint64_t{to.port});
  w.text("rule", rule);
  w.number("times", std::exchange(untold_, std::uint64_t{0}));
  return w.close();
}

}  // namespace protocol::egress
