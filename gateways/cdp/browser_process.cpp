#include "gateways/cdp/browser_process.hpp"

#include <signal.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

#include "gateways/cdp/browser_arguments.hpp"
#include "gateways/inside/doors.hpp"
#include "gateways/process/pipe.hpp"
#include "gateways/process/run_dir.hpp"
#include "gateways/process/sweep.hpp"
#include "protocol/json.hpp"

namespace gateways {
namespace {

namespace cdp = protocol::cdp;
namespace fs = std::filesystem;
using steady = std::chrono::steady_clock;

/// What is read at once; the other browsers want their turn.
constexpr std::size_t read_bytes = 1 << 20;
constexpr const char* font_cache = "/var/cache/fontconfig";
/// Commands that a browser has not taken; beyond, the client that sends one more is cut.
constexpr std::size_t unwritten_bytes_max = 2 * cdp::frame_bytes_max;
constexpr std::size_t words_bytes_max = 4096;
constexpr int pipe_number = 3;  ///< Chromium reads there, and writes to the next one
/// Of commands by the host itself, which counts down from here; the actor's ids are above.
constexpr std::string_view ask_version = R"({"id":-1,"method":"Browser.getVersion"})";
constexpr std::string_view our_answer = "{\"id\":-";

/// Lines that say nothing: a sandbox has no buses and devices, and Chromium tells of it often.
bool is_noise(std::string_view line) {
  static constexpr std::array<std::string_view, 3> words{
      ":ERROR:dbus/", ":ERROR:device/udev_linux/", "Failed to connect to the bus"};
  return std::ranges::any_of(words, [&](auto word) { return line.find(word) != line.npos; });
}

std::string without_noise(std::string_view words) {
  std::string out;
  while (!words.empty()) {
    auto end = words.find('\n');
    auto line = words.substr(0, end);
    if (!line.empty() && !is_noise(line)) out.append(line).append("\n");
    words = end == words.npos ? std::string_view() : words.substr(end + 1);
  }
  if (out.size() > words_bytes_max) out.erase(0, out.size() - words_bytes_max);
  return out;
}

}  // namespace

browser_process::browser_process(browser_surroundings& around, actors::browser_start what,
                                 std::shared_ptr<guarded<actors::browser_sink>> sink)
    : around_(around),
      what_(std::move(what)),
      sink_(std::move(sink)),
      from_browser_(around.io),
      to_browser_(around.io),
      words_(around.io),
      chunk_(std::make_unique_for_overwrite<char[]>(read_bytes)),
      multiplexer_({.download_path = what_.workspace + "/output"}),
      due_(around.io),
      id_(random_hex(16)) {}

// -- start ---------------------------------------------------------------------------------------

bool browser_process::start() {
  if (auto why = launch(); !why.empty()) {
    over_ = true;
    sink_->tell([&](auto& s) { s.start_failed(what_.generation, why); });
    return false;
  }
  workload_->watch();
  read_pipe();
  read_words();
  run(multiplexer_.connect(cdp::own_client, {}));
  return true;
}

/// Empty, or why there is no process.
std::string browser_process::launch() try {
  if (!around_.launch.mounts())
    return "a browser needs isolation.level namespaces or full; `troupe doctor` says what is "
           "missing";
  if (::access(around_.options.program.c_str(), X_OK) != 0)
    return "browser.program " + around_.options.program + ": " + std::strerror(errno);
  auto in = around_.launch.sandboxes().annex(what_.sandbox_id, browser_annex, what_.limit);
  if (!in) return in.error().detail;
  box_ = std::move(*in);
  if (auto made = make_profile(); !made) return made.error().detail;
  auto c = contain();
  auto [commands, commands_ours] = make_pipe();
  auto [messages_ours, messages] = make_pipe();
  auto [words_ours, words] = make_pipe();
  c.descriptors = {commands.get(), messages.get()};
  c.descriptors_from = pipe_number;
  c.output = c.errors = words.get();
  auto child = around_.launch.launch(c, *box_);
  if (!child) return child.error().detail;
  workload_events events;
  events.started = [this](int pid) {
    sink_->tell([&](auto& s) { s.started(what_.generation, pid); });
  };
  events.ended = [this](const workload_end& how) { ended(how); };
  workload_ = std::make_shared<workload>(around_.io, *child, std::move(events));
  hand(commands_ours, to_browser_);
  hand(messages_ours, from_browser_);
  hand(words_ours, words_);
  return {};
} catch (const std::exception& e) {  // no descriptor is left, or Asio cannot watch one
  workload_.reset();
  return e.what();
}

protocol::result<void> browser_process::make_profile() const {
  std::error_code ec;
  if (!what_.keeps_profile) fs::remove_all(what_.profile, ec);
  fs::create_directories(what_.profile, ec);
  fs::permissions(what_.profile, fs::perms::owner_all, ec);
  if (ec)
    return protocol::fault{
        protocol::error_code::unavailable, what_.profile + ": " + ec.message(), {}, 0};
  // What a browser that was killed left: it would take the lock for that of another machine.
  for (auto* name : {"SingletonLock", "SingletonCookie", "SingletonSocket"})
    fs::remove(fs::path(what_.profile) / name, ec);
  return box_->uid ? give_folder(what_.profile, *box_->uid) : protocol::result<void>();
}

containment browser_process::contain() const {
  browser_place place{std::string(inside_own_folder), around_.major_version, {}};
  if (around_.egress) place.proxy = "127.0.0.1:" + std::to_string(inside::proxy_port);
  containment c;
  c.argv = browser_arguments(around_.options, place);
  c.environment = browser_environment(around_.options);
  c.environment.push_back("TROUPE_BROWSER=" + what_.sandbox_id + "/" +
                          std::to_string(what_.generation));
  c.readable_paths = around_.options.extensions;
  // Without it each start reads all fonts, which takes 50 ms.
  if (fs::exists(font_cache)) c.readable_paths.emplace_back(font_cache);
  c.marks = {instance_entry(around_.instance)};
  c.workspace = what_.workspace;
  c.read_only_workspace = true;  // but for the zones in which it may put downloads
  c.own_folder = what_.profile;
  c.filter = filter_kind::browser;
  c.sandbox_id = what_.sandbox_id;
  c.ways.egress = around_.egress;
  c.limit = what_.limit;
  c.limit.open_files = browser_open_files;
  return c;
}

// -- the pipe ------------------------------------------------------------------------------------

void browser_process::read_pipe() {
  from_browser_.async_wait(stream::wait_read, [this, weak = weak_from_this()](auto ec) {
    auto self = weak.lock();
    if (ec || !self || over_) return;
    auto size = ::read(from_browser_.native_handle(), chunk_.get(), read_bytes);
    if (size > 0) in_.append(chunk_.get(), static_cast<std::size_t>(size));
    if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) return kill();
    take_messages();
    if (!over_ && from_browser_.is_open()) read_pipe();
  });
}

void browser_process::take_messages() {
  std::size_t begin = 0;
  for (;;) {
    auto end = in_.find('\0', std::max(begin, seen_));
    if (end == in_.npos) break;
    run(multiplexer_.from_browser(std::string_view(in_).substr(begin, end - begin), steady::now()));
    begin = end + 1;
  }
  in_.erase(0, begin);
  if (in_.empty() && in_.capacity() > 4 * read_bytes) in_.shrink_to_fit();
  seen_ = in_.size();
  tell_own();
  watch_due();
}

void browser_process::write(std::string text) {
  if (exited_ || !to_browser_.is_open()) return;
  text.push_back('\0');
  out_bytes_ += text.size();
  out_.push_back(std::move(text));
  if (out_.size() == 1) write_more();  // else somebody waits already
}

void browser_process::write_more() {
  while (!out_.empty()) {
    auto& first = out_.front();
    auto size =
        ::write(to_browser_.native_handle(), first.data() + written_, first.size() - written_);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN)
      return to_browser_.async_wait(stream::wait_write, [this, weak = weak_from_this()](auto ec) {
        auto self = weak.lock();
        if (!ec && self && !over_ && to_browser_.is_open()) write_more();
      });
    if (size < 0) return close_pipe();  // it has ended, as will be heard
    written_ += static_cast<std::size_t>(size);
    if (written_ < first.size()) continue;
    out_bytes_ -= first.size();
    written_ = 0;
    out_.pop_front();
  }
}

void browser_process::read_words() {
  words_.async_wait(stream::wait_read, [this, weak = weak_from_this()](auto ec) {
    auto self = weak.lock();
    if (ec || !self || over_) return;
    char chunk[16384];
    auto size = ::read(words_.native_handle(), chunk, sizeof chunk);
    if (size == 0) return words_.close();
    if (size > 0) tail_ = without_noise(tail_.append(chunk, static_cast<std::size_t>(size)));
    read_words();
  });
}

void browser_process::close_pipe() {
  boost::system::error_code ignored;
  to_browser_.close(ignored);
  out_.clear();
  out_bytes_ = written_ = 0;
}

void browser_process::watch_due() {
  auto at = multiplexer_.due();
  if (!at) return;
  due_.expires_at(*at);
  due_.async_wait([this, weak = weak_from_this()](auto ec) {
    auto self = weak.lock();
    if (ec || !self || over_) return;
    run(multiplexer_.elapsed(steady::now()));
    watch_due();
  });
}

// -- what is decided for the pipe ----------------------------------------------------------------

void browser_process::run(cdp::effects effects) {
  for (auto& effect : effects) std::visit([this](auto& x) { run(x); }, effect);
}

void browser_process::run(cdp::effect::deliver& x) {
  if (x.to == cdp::own_client) {
    if (!answers_us(x.text)) own_.emplace_back(std::move(x.text));
  } else if (auto at = clients_.find(x.to); at != clients_.end()) {
    auto client = at->second;
    client->deliver(std::move(x.text));
  }
}

void browser_process::run(cdp::effect::opened& x) {
  if (x.who == cdp::own_client) return send(std::string(ask_version));
  if (auto at = clients_.find(x.who); at != clients_.end()) {
    auto client = at->second;
    client->opened();
  }
}

void browser_process::run(cdp::effect::refused& x) {
  if (auto client = take(x.who)) client->refused(x.why);
}

void browser_process::run(cdp::effect::close& x) {
  auto client = take(x.who);
  run(multiplexer_.gone(x.who, steady::now()));
  if (client) client->close(1000, x.why);
}

/// Answers to the host's own commands: it is up, it is still there.
bool browser_process::answers_us(const std::string& text) {
  if (!text.starts_with(our_answer)) return false;
  unanswered_ = 0;
  if (answers_) return true;
  auto result = protocol::json_member(text, "result");
  auto member = [&](std::string_view name) {
    return protocol::json_text(protocol::json_member(result, name));
  };
  version_ = {member("product"), member("protocolVersion"), member("userAgent"),
              member("jsVersion"), member("revision")};
  answers_ = true;
  last_ping_ = -1;
  sink_->tell([&](auto& s) { s.ready(what_.generation); });
  return true;
}

void browser_process::tell_own() {
  if (own_.empty()) return;
  auto batch = std::exchange(own_, {});
  sink_->tell([&](auto& s) { s.received(what_.generation, std::move(batch)); });
}

// -- what it is told -----------------------------------------------------------------------------

void browser_process::send(std::string message) {
  run(multiplexer_.received(cdp::own_client, message, steady::now()));
  tell_own();
  watch_due();
}

void browser_process::serve() {
  if (over_ || std::exchange(serves_, true)) return;
  around_.serves(shared_from_this());
}

void browser_process::ping() {
  if (!answers_ || exited_) return;
  if (unanswered_ > 0) {
    auto misses = unanswered_;
    sink_->tell([&](auto& s) { s.silent(what_.generation, misses); });
  }
  ++unanswered_;
  send("{\"id\":" + std::to_string(--last_ping_) + ",\"method\":\"Browser.getVersion\"}");
}

void browser_process::stop() {
  if (!exited_) close_pipe();
}

void browser_process::kill() {
  killed_ = true;
  if (!exited_) workload_->kill();
}

// -- clients -------------------------------------------------------------------------------------

std::uint64_t browser_process::connect(std::string target_id, std::shared_ptr<cdp_client> who) {
  auto id = ++last_client_;
  clients_.emplace(id, std::move(who));
  run(multiplexer_.connect(id, std::move(target_id)));
  tell_clients();
  return id;
}

void browser_process::received(std::uint64_t from, std::string_view text) {
  if (out_bytes_ + text.size() > unwritten_bytes_max) {
    auto client = take(from);
    run(multiplexer_.gone(from, steady::now()));
    if (client) client->close(1013, "the browser takes no more");
    return;
  }
  run(multiplexer_.received(from, text, steady::now()));
  tell_own();
  watch_due();
}

void browser_process::gone(std::uint64_t who) {
  if (!take(who)) return;
  run(multiplexer_.gone(who, steady::now()));
  tell_own();
}

std::shared_ptr<cdp_client> browser_process::take(std::uint64_t who) {
  auto at = clients_.find(who);
  if (at == clients_.end()) return {};
  auto client = std::move(at->second);
  clients_.erase(at);
  tell_clients();
  return client;
}

void browser_process::tell_clients() {
  sink_->tell([&](auto& s) { s.clients(clients_.size()); });
}

// -- its end -------------------------------------------------------------------------------------

void browser_process::ended(const workload_end& how) {
  exited_ = true;
  boost::system::error_code ignored;
  if (words_.is_open()) {
    char chunk[16384];
    auto size = ::read(words_.native_handle(), chunk, sizeof chunk);
    if (size > 0) tail_ = without_noise(tail_.append(chunk, static_cast<std::size_t>(size)));
  }
  close_pipe();
  from_browser_.close(ignored);
  words_.close(ignored);
  auto self = shared_from_this();
  auto claims = how.signal == SIGKILL && !killed_;
  auto memory = claims ? box_->claim_memory_kill() : 0;
  finish();
  if (how.exec_error != 0 || (!how.started && how.signal == 0)) {
    auto why = tail_.empty() ? "the browser could not be started" : tail_;
    return sink_->tell([&](auto& s) { s.start_failed(what_.generation, why); });
  }
  actors::exit_status status{how.exit_code, how.signal, tail_};
  status.memory_bytes = memory;
  sink_->tell([&](auto& s) { s.exited(what_.generation, status); });
}

void browser_process::retire() {
  if (over_) return;
  kill();
}

/// The clients' own reconnection finds the next generation at the same address.
void browser_process::finish() {
  if (std::exchange(over_, true)) return;
  due_.cancel();
  box_.reset();
  if (!what_.keeps_profile) {
    std::error_code ignored;
    fs::remove_all(what_.profile, ignored);
  }
  for (auto& [id, client] : std::exchange(clients_, {}))
    client->close(1012, "the browser ended; it may start again");
  tell_clients();
  around_.over(shared_from_this());
}

}  // namespace gateways
