#include "gateways/cdp/protocol_text.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "gateways/cdp/browser_arguments.hpp"
#include "gateways/process/pipe.hpp"
#include "gateways/process/sweep.hpp"

namespace gateways {

namespace fs = std::filesystem;
using protocol::fault;

namespace {

constexpr std::size_t read_bytes = 256 << 10, text_bytes_max = 16 << 20;

/// Chromium with a port that only this reaches, until it has answered.
constexpr std::string_view script = R"("$@" >/dev/null 2>&1 &
tries=0
until curl -sf http://127.0.0.1:9222/json/protocol; do
  tries=$((tries + 1)); [ $tries -lt 200 ] || break
  sleep 0.05
done
kill $!)";

fault failure(std::string why) {
  return {protocol::error_code::unavailable, "/json/protocol: " + std::move(why), {}, 0};
}

}  // namespace

/// One Chromium, from its start to the end of what it says.
class protocol_text::making : public std::enable_shared_from_this<making> {
 public:
  making(browser_surroundings& around, receiver then)
      : around_(around), words_(around.io), then_(std::move(then)) {}

  void start(const std::string& sandbox_id) {
    auto in = around_.launch.sandboxes().annex(sandbox_id, "protocol", limits());
    if (!in) return end(in.error());
    box_ = std::move(*in);
    auto [ours, theirs] = make_pipe();
    auto child = around_.launch.launch(contain(theirs.get()), *box_);
    if (!child) return end(child.error());
    workload_events events;
    events.ended = [weak = weak_from_this()](const workload_end&) {
      if (auto self = weak.lock()) self->ended();
    };
    workload_ = std::make_shared<workload>(around_.io, *child, std::move(events));
    hand(ours, words_);
    workload_->watch();
    read();
  }
  void stop() {
    if (workload_) workload_->kill();
  }

 private:
  protocol::limits limits() const {
    protocol::limits out;
    out.memory_bytes = around_.options.memory_bytes;
    out.processes = around_.options.processes;
    out.open_files = browser_open_files;
    return out;
  }
  containment contain(int output) const {
    containment c;
    c.argv = {"/bin/sh", "-c", std::string(script), "sh"};
    auto options = around_.options;
    options.headful = false;
    for (auto& word : browser_arguments(options, {"/tmp/profile", around_.major_version, {}}))
      c.argv.push_back(word == "--remote-debugging-pipe" ? "--remote-debugging-port=9222" : word);
    c.environment = browser_environment(options);
    c.marks = {instance_entry(around_.instance)};
    c.workspace = box_->workspace;
    c.read_only_workspace = true;
    c.output = output;
    c.filter = filter_kind::browser;
    c.limit = limits();
    return c;
  }
  void read() {
    words_.async_wait(asio_stream::wait_read, [self = shared_from_this()](auto ec) {
      if (ec) return;
      auto before = self->text_.size();
      self->text_.resize(before + read_bytes);
      auto size = ::read(self->words_.native_handle(), self->text_.data() + before, read_bytes);
      self->text_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
      if (size == 0 || self->text_.size() > text_bytes_max) return;
      self->read();
    });
  }
  /// What it wrote last may not have been read yet.
  void ended() {
    boost::system::error_code ignored;
    for (ssize_t size = 1; size > 0 && words_.is_open();) {
      char chunk[64 << 10];
      size = ::read(words_.native_handle(), chunk, sizeof chunk);
      if (size > 0) text_.append(chunk, static_cast<std::size_t>(size));
    }
    words_.close(ignored);
    box_.reset();
    if (!text_.starts_with("{") || text_.find("\"domains\"") == text_.npos)
      return end(failure("Chromium did not give it"));
    end(std::move(text_));
  }
  void end(protocol::result<std::string> with) {
    if (auto then = std::exchange(then_, nullptr)) then(std::move(with));
  }

  using asio_stream = boost::asio::posix::stream_descriptor;
  browser_surroundings& around_;
  asio_stream words_;
  receiver then_;
  std::shared_ptr<box> box_;
  std::shared_ptr<workload> workload_;
  std::string text_;
};

std::string protocol_text::path_of(std::string product) const {
  std::ranges::replace(product, '/', '-');
  return folder_ + "/protocol-" + product + ".json";
}

void protocol_text::get(const std::string& sandbox_id, const std::string& product, receiver then) {
  if (std::ifstream kept(path_of(product), std::ios::binary); kept.is_open())
    return then(std::string((std::istreambuf_iterator<char>(kept)), {}));
  auto& all = waiting_[product];
  all.push_back(std::move(then));
  if (all.size() > 1) return;
  auto one = std::make_shared<making>(
      around_, [this, product](auto text) { made(product, std::move(text)); });
  under_way_[product] = one;
  try {
    one->start(sandbox_id);
  } catch (const std::exception& e) {  // no descriptor is left
    made(product, failure(e.what()));
  }
}

/// Kept under another name until it is whole. Where it cannot be kept it is made again.
void protocol_text::made(const std::string& product, protocol::result<std::string> text) {
  if (text) {
    std::error_code ec;
    fs::create_directories(folder_, ec);
    auto path = path_of(product);
    std::ofstream(path + ".new", std::ios::binary) << *text;
    fs::rename(path + ".new", path, ec);
  }
  auto over = under_way_.extract(product);
  for (auto& then : std::exchange(waiting_[product], {})) then(text);
}

void protocol_text::stop() {
  for (auto& [product, one] : under_way_) one->stop();
}

}  // namespace gateways
