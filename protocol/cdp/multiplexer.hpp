// Many clients on one Chromium, over its one pipe: whose is which reply, event and session.
//
// A pure machine: text in, effects out, no clock of its own. Each client has a session of its own
// at the root of the pipe, on the browser or on one page, of which it sees nothing: what it says
// without a session goes there. Chromium takes any session from the pipe, so that a client may only
// use its own is decided here.
//
// The first client is the daemon itself (`own_client`), which attaches to every page before
// any other can. A target that is held for a debugger is let go by whoever asks first; here it is
// let go when all who hold it have asked, or have gone, or after ten seconds.
//
// Invariants: a command gets exactly one reply, or its client is gone, or the generation ends; a
// client hears only of its own sessions; with a client all its sessions end.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "protocol/cdp/message.hpp"

namespace protocol::cdp {

using client_id = std::uint64_t;
inline constexpr client_id own_client = 0;

namespace effect {
/// Into the pipe, without the NUL that ends it there.
struct send {
  std::string text;
};
struct deliver {
  client_id to = 0;
  std::string text;
};
/// Its session is there: from now on it is heard.
struct opened {
  client_id who = 0;
};
/// Its session could not be had, for what it asked for is not there.
struct refused {
  client_id who = 0;
  std::string why;
};
/// The gateway closes its connection: it asked the browser to close, or its page has gone.
struct close {
  client_id who = 0;
  std::string why;
};
}  // namespace effect

using effects = std::vector<
    std::variant<effect::send, effect::deliver, effect::opened, effect::refused, effect::close>>;

struct multiplexer_rules {
  std::string
      download_path;  ///< where the browser may write; clients name paths of their own machines
  std::chrono::milliseconds hold_settle{
      50};  ///< others that will hold a target are heard of by then
  std::chrono::milliseconds hold_max{10'000};
};

class multiplexer {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit multiplexer(multiplexer_rules rules) : rules_(std::move(rules)) {}

  /// A new client, on the browser, or on the page `target_id`. It is answered by `opened` or
  /// `refused`.
  effects connect(client_id who, std::string target_id);
  effects received(client_id from, std::string_view text, time_point now);
  /// It is unknown from now on.
  effects gone(client_id who, time_point now);
  effects from_browser(std::string_view text, time_point now);
  /// To be called when `due` has come.
  effects elapsed(time_point now);
  std::optional<time_point> due() const;

  std::size_t sessions() const { return owner_.size(); }
  std::size_t pending() const { return pending_.size(); }

 private:
  struct client {
    std::string target_id;   ///< empty: the browser
    std::string session_id;  ///< empty: not opened yet
    bool waits = false;      ///< it has asked to hold new targets
  };
  struct asked {
    client_id who = 0;
    std::int64_t id = 0;
    std::string session_id;  ///< as the client said it
    bool opening = false;    ///< the reply tells the client's own session
    bool nobody = false;     ///< the reply is for nobody
  };
  struct held_target {
    time_point since;
    std::string own_session;        ///< of the daemon; lets it go when the others do not
    std::set<std::string> holders;  ///< sessions that have not asked to let it go
    std::set<std::string> askers;   ///< those that have: Chromium is to hear it of each
  };

  void ask(asked what, std::string_view quoted_method, std::string_view params,
           const std::string& session_id);
  void forward(client_id from, const command& c);
  bool answered_here(client_id from, const command& c, time_point now);
  void reply(const message& m);
  void opened(const asked& a, const message& m);
  void attached(const message& m, client_id to, time_point now);
  void detached(const message& m, time_point now);
  bool let_go(const std::string& session_id, time_point now);
  void pass_on(const held_target& h, const std::string& but);
  void forget(client_id who, time_point now);
  void drop_session(const std::string& session_id, time_point now);
  std::string safe_params(std::string_view method, std::string_view params) const;
  void deliver(client_id to, std::string text) {
    out_.emplace_back(effect::deliver{to, std::move(text)});
  }

  const multiplexer_rules rules_;
  effects out_;
  std::int64_t last_id_ = 0;
  std::map<client_id, client> clients_;
  std::unordered_map<std::int64_t, asked> pending_;
  std::unordered_map<std::string, client_id> owner_;  ///< of a session
  std::map<std::string, held_target> held_;           ///< by target
};

}  // namespace protocol::cdp
