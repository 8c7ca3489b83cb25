#include "gateways/cdp/screencast_client.hpp"

#include <boost/asio/post.hpp>
#include <utility>

namespace gateways {

std::uint64_t screencast_client::connect(std::string target_id,
                                         std::shared_ptr<cdp_client> viewer) {
  viewer_ = std::move(viewer);
  return who_ = browser_->connect(std::move(target_id), shared_from_this());
}

// The number of this client may not be known yet.
void screencast_client::opened() {
  if (!viewer_) return;
  boost::asio::post(io_, [self = shared_from_this()] {
    if (self->viewer_) self->browser_->received(self->who_, self->cast_.begin());
  });
  viewer_->opened();
}

void screencast_client::received(std::uint64_t from, std::string_view text) {
  auto said = cast_.from_client(text);
  for (const auto& each : said.commands) browser_->received(from, each);
  if (said.answer && viewer_) viewer_->deliver(std::move(*said.answer));
}

void screencast_client::gone(std::uint64_t who) {
  viewer_.reset();
  browser_->gone(who);
}

void screencast_client::refused(std::string why) {
  if (auto viewer = std::exchange(viewer_, {})) viewer->refused(std::move(why));
}

void screencast_client::deliver(std::string text) {
  if (auto out = cast_.from_browser(text); out && viewer_) viewer_->deliver(std::move(*out));
}

void screencast_client::close(std::uint16_t code, std::string why) {
  if (auto viewer = std::exchange(viewer_, {})) viewer->close(code, std::move(why));
}

}  // namespace gateways
