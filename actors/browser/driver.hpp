// The brain of a browser: what its pages are like, and the actions that clients ask for by HTTP.
//
// One a sandbox, over all generations of its browser. Owned by the browser's actor, which calls it
// from one thread and carries its texts to Chromium as the daemon's own client of
// `protocol/cdp/multiplexer.hpp`. Knows no threads, sockets or actors; times are milliseconds of a
// steady clock. What watches over pages (crashes, recovery, policies) is a `follower`.
// Invariants: every action is answered exactly once, by its deadline or when the generation ends;
// nothing that the browser writes makes a call throw.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/browser/dialogue.hpp"
#include "actors/browser/page.hpp"
#include "protocol/cause.hpp"
#include "protocol/error.hpp"

namespace actors::browsing {

struct driver_rules {
  std::string download_path;        ///< as the browser sees it
  double settle_look_ms = 20;       ///< what an action starts is heard of by then, in any case
  double settle_download_ms = 500;  ///< a download that is expected is heard of by then
  double settle_quiet_ms = 500;     ///< nothing in flight for so long: the page is at rest
  double settle_max_ms = 5'000;
  std::size_t pages_max = 50;
  bool discards_pages = true;  ///< beyond that; else no more are opened
  /// The path of a file of the workspace as the browser sees it; empty when it is not there.
  std::function<std::string(std::string_view)> file_for_upload;
};

/// What the driver needs of the world. Its owner implements it.
class driver_io {
 public:
  virtual ~driver_io() = default;
  /// One command of CDP, as text.
  virtual void send(std::string text) = 0;
  /// `elapsed` is to be called then; the earliest that was asked for counts.
  virtual void wake_at(double steady_ms) = 0;
  /// An event of the node.
  virtual void tell(std::string type, json data) = 0;
  virtual void pages_changed() = 0;
};

struct action_request {
  std::string page;  ///< an id, its number among all pages, or "active"
  std::string verb;
  json params = json::object();  ///< as `read_browser_action` gave it
  double deadline_ms = 0;
};

struct action_answer {
  json body = json::object();
  std::string mime, bytes;  ///< a picture or a PDF
};

/// Ends a task of an action: the answer is the fault. Thrown in tasks only, caught in the driver.
struct refused {
  protocol::fault why;
};

[[noreturn]] void refuse(protocol::error_code code, std::string detail, const json& members = {});

/// Hears what happens to pages. It may call `driver::talk` and `driver::run`.
class follower {
 public:
  virtual ~follower() = default;
  virtual void begun(std::uint64_t) {}
  /// The generation is over; the pages are still as they were last known. Those that are
  /// `restoring` afterwards stay, the others are gone.
  virtual void ended(const protocol::cause&) {}
  /// The page that goes on in a target that has appeared; null: it is a new one.
  virtual std::shared_ptr<page> page_for(const json& /*target_info*/) { return nullptr; }
  virtual void page_appeared(const std::shared_ptr<page>&) {}
  virtual void page_crashed(const std::shared_ptr<page>&) {}
  virtual void dialog_opened(const std::shared_ptr<page>&) {}
  virtual void page_gone(const std::shared_ptr<page>&) {}
  /// An event of one of its sessions, after the page itself has heard it.
  virtual void page_said(const std::shared_ptr<page>&, const session&, std::string_view /*method*/,
                         const json& /*params*/) {}
};

class driver;

struct download {
  std::string id, page_id, url, name, state;
  std::string path;  ///< in the workspace; empty: not yet there
  std::int64_t bytes = 0;
};

json to_json(const download& d);

/// One action as it runs.
struct turn {
  driver& by;
  std::shared_ptr<page> on;  ///< null: it needs none
  json params;
  double deadline_ms = 0;
  trail seen{};
  action_answer answer{};
  bool waits = true;       ///< for what it starts
  bool downloads = false;  ///< it is expected to begin a download
  /// What `settle` begins with, when it was asked for ahead.
  std::optional<task<std::int64_t>> ahead{};

  dialogue& talk();
  session top();  ///< of the page
};

/// A row of the table of verbs.
struct verb_row {
  std::string_view name;
  task<json> (*run)(turn&);  ///< gives members of the answer
  bool acts = true;          ///< its answer waits until the page is at rest, and says what changed
  bool alone = true;         ///< one of these at a time on a page
  /// Begins before it is known how the page was: what it says goes to the page's own session, which
  /// does one thing after the other, or puts another document in place.
  bool at_once = false;
  bool needs_live_page = true;  ///< neither crashed nor behind a dialog
  bool needs_page = true;
};

const verb_row* find_verb(std::string_view name);

class driver {
 public:
  using answered = std::function<void(protocol::result<action_answer>)>;

  driver(driver_rules rules, driver_io& io);
  ~driver();

  void begun(std::uint64_t generation, double now);
  void received(std::string_view text, double now);
  void elapsed(double now);
  void ended(const protocol::cause& why);
  void perform(action_request what, answered then, double now);
  std::vector<page_view> pages() const;

  // For followers and actions.
  void follow(follower& who) { followers_.push_back(&who); }
  dialogue& talk() { return talk_; }
  driver_io& io() { return io_; }
  const driver_rules& rules() const { return rules_; }
  std::uint64_t generation() const { return generation_; }
  /// Work of nobody's action; it ends with the generation.
  void run(task<void> work);
  /// In the order of their making.
  const std::vector<std::shared_ptr<page>>& all_pages() const { return pages_; }
  /// `name`: an id, its number among all, or "active".
  std::shared_ptr<page> find_page(const std::string& name) const;
  std::shared_ptr<page> find_target(const std::string& target_id) const;
  std::shared_ptr<page> of_session(const std::string& session_id) const;
  void activate(page& p);
  /// Of a page that has no target any more.
  void drop(const std::shared_ptr<page>& p) { page_closed(p); }
  page_view view(const page& p) const;
  const std::map<std::string, download>& downloads() const { return downloads_; }

 private:
  struct action;

  void begin(double now);
  void work();
  bool finish_actions();
  void start_waiting();
  protocol::result<action_answer> outcome(action& a);
  void give_up(action& a, protocol::fault why);
  template <class Which>
  void give_up_all(Which which, const protocol::fault& why);
  std::optional<protocol::fault> not_now(const page& p, const verb_row& row) const;
  task<void> carry_out(turn& t, const verb_row& row);

  void event(const std::string& session_id, const std::string& method, const json& params);
  void attached(const std::string& parent, const json& params);
  void page_attached(const std::string& session_id, const json& params);
  std::shared_ptr<page> page_for(const std::string& session_id, const json& target_info);
  void detached(const json& params);
  void page_closed(const std::shared_ptr<page>& p);
  void close_actions(const std::shared_ptr<page>& p);
  void download_event(const std::string& method, const json& params);
  void page_event(const std::string& session_id, const std::string& method, const json& params);
  void dialog_opened(const std::shared_ptr<page>& p);
  void crashed(const std::shared_ptr<page>& p);
  task<void> introduce(std::shared_ptr<page> p);
  task<void> read_frames(std::shared_ptr<page> p, std::string session_id);
  template <class... Args>
  void tell_followers(void (follower::*what)(Args...), const std::type_identity_t<Args>&... args) {
    for (auto* each : followers_) (each->*what)(args...);
  }

  const driver_rules rules_;
  driver_io& io_;
  dialogue talk_;
  std::uint64_t generation_ = 0;  ///< 0: there is no browser
  int depth_ = 0;                 ///< of calls from outside
  std::uint64_t activity_ = 0;
  std::vector<follower*> followers_;
  std::vector<std::shared_ptr<page>> pages_;
  std::map<std::string, std::shared_ptr<page>> by_session_;
  std::map<std::string, download> downloads_;
  // These refer to all of the above.
  std::list<action> actions_;
  std::list<task<void>> background_;
};

}  // namespace actors::browsing
