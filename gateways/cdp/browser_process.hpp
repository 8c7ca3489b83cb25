// One generation of a browser: its process, its pipe, and the many clients on it. Lives on the
// thread `cdp`.
//
// Owned by the host from its start until it is reaped; told what to do by a port, and by clients
// through `live_browser`. What is whose on the pipe is decided by protocol/cdp/multiplexer. Ends
// well when its end of the pipe is closed; by SIGKILL otherwise. Invariant: when it is over, every
// client has been closed.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "actors/env.hpp"
#include "gateways/cdp/live_browser.hpp"
#include "gateways/isolation/launcher.hpp"
#include "gateways/process/guarded_sink.hpp"
#include "gateways/process/workload.hpp"
#include "protocol/cdp/multiplexer.hpp"

namespace gateways {

class browser_process;

inline constexpr std::int64_t browser_open_files = 8'192;

/// What a process needs of its host; outlives every process.
struct browser_surroundings {
  boost::asio::io_context& io;
  launcher& launch;
  const config::browser_options& options;
  std::string instance;
  gate* egress = nullptr;     ///< null: it reaches no other host
  std::string major_version;  ///< of Chromium; empty: not known
  std::function<void(const std::shared_ptr<browser_process>&)> serves, over;
};

class browser_process : public live_browser, public std::enable_shared_from_this<browser_process> {
 public:
  browser_process(browser_surroundings& around, actors::browser_start what,
                  std::shared_ptr<guarded<actors::browser_sink>> sink);

  /// False: `start_failed` has been told and it is over.
  bool start();
  void send(std::string message);
  /// Lets clients in.
  void serve();
  /// One of the host's rhythm.
  void ping();
  void stop();
  void kill();
  /// Nobody wants to hear more: killed, over as soon as it is reaped.
  void retire();
  bool serves() const { return serves_; }
  const std::string& sandbox_id() const { return what_.sandbox_id; }

  const browser_version& version() const override { return version_; }
  const std::string& id() const override { return id_; }
  std::uint64_t connect(std::string target_id, std::shared_ptr<cdp_client> who) override;
  void received(std::uint64_t from, std::string_view text) override;
  void gone(std::uint64_t who) override;

 private:
  using stream = boost::asio::posix::stream_descriptor;

  std::string launch();
  protocol::result<void> make_profile() const;
  containment contain() const;
  void read_pipe();
  void take_messages();
  void write(std::string text);
  void write_more();
  void read_words();
  void run(protocol::cdp::effects effects);
  void run(protocol::cdp::effect::send& x) { write(std::move(x.text)); }
  void run(protocol::cdp::effect::deliver& x);
  void run(protocol::cdp::effect::opened& x);
  void run(protocol::cdp::effect::refused& x);
  void run(protocol::cdp::effect::close& x);
  bool answers_us(const std::string& text);
  void tell_own();
  void tell_clients();
  std::shared_ptr<cdp_client> take(std::uint64_t who);
  void watch_due();
  void close_pipe();
  void ended(const workload_end& how);
  void finish();

  browser_surroundings& around_;
  actors::browser_start what_;
  std::shared_ptr<guarded<actors::browser_sink>> sink_;
  std::shared_ptr<workload> workload_;
  std::shared_ptr<box> box_;
  stream from_browser_, to_browser_, words_;
  std::unique_ptr<char[]> chunk_;  ///< what is read goes there first
  std::string in_;                 ///< read, and not yet a whole message
  std::size_t seen_ = 0;           ///< of `in_`, where no message ends
  std::deque<std::string> out_;
  std::size_t out_bytes_ = 0, written_ = 0;  ///< of `out_`; of its first
  protocol::cdp::multiplexer multiplexer_;
  boost::asio::steady_timer due_;
  std::map<std::uint64_t, std::shared_ptr<cdp_client>> clients_;
  std::uint64_t last_client_ = protocol::cdp::own_client;
  std::vector<protocol::buffer> own_;  ///< for the daemon itself, not told yet
  browser_version version_;
  std::string id_;
  std::string tail_;  ///< of what it wrote to stderr
  std::int64_t last_ping_ = 0;
  std::uint64_t unanswered_ = 0;
  bool answers_ = false;
  bool serves_ = false;
  bool killed_ = false;  ///< by us
  bool exited_ = false;
  bool over_ = false;
};

}  // namespace gateways
