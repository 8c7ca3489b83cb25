// What is known of one page from what its sessions said: frames, requests, dialog, console.
//
// Owned by the driver, and shared with the tasks that work on it: one that is `gone` stays readable
// until the last of them lets go. One that is `restoring` outlives its target, and goes on in
// another one of the next generation. Pure: events in, state out, and a signal that something
// changed.
// Invariants: every frame names a session of the page; rings have bounds; what concerns an older
// document is dropped when a new one is there.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "actors/browser/dialogue.hpp"
#include "actors/browser/refs.hpp"

namespace actors::browsing {

/// Of the world in which the driver's own scripts run, unseen by the page's.
inline constexpr std::string_view world_name = "troupe";
/// What those scripts tell the driver by.
inline constexpr std::string_view binding_name = "troupeSays";

struct frame {
  std::string id;
  std::string parent_id;   ///< empty: the main frame
  std::string session_id;  ///< the one that speaks for it: another process has its own
  std::string loader_id;   ///< of its document
  std::string url;
  std::int64_t world = 0;  ///< the execution context of our scripts; 0: not known yet
};

struct dialog_state {
  std::string type;  ///< alert, confirm, prompt, beforeunload
  std::string message;
  std::string default_text;
  std::string url;
};

/// A page asks for files.
struct file_chooser {
  std::string ref;  ///< of the element that they are for
  bool multiple = false;
};

/// Of the console, of exceptions, and of what the browser says about the page.
struct console_line {
  std::uint64_t n = 0;
  std::string level;  ///< debug, info, warning, error
  std::string text;
  std::string url;
  std::int64_t line = 0;
  double at_ms = 0;  ///< Unix time
};

struct request_entry {
  std::uint64_t n = 0;
  std::string id, method, url, type, mime, failed, status_text, protocol;
  json request_headers, response_headers;
  std::int64_t status = 0;
  std::int64_t bytes = 0;
  double started_ms = 0;  ///< Unix time
  double begin_s = 0;     ///< of the browser's own clock
  double duration_ms = 0;
  bool over = false;
};

/// What happened on the page while an action ran; see `driver::settled`.
struct trail {
  std::vector<dialog_state> dialogs;
  std::vector<file_chooser> choosers;
  std::vector<std::string> download_ids;
  std::vector<std::string> new_pages;
  std::uint64_t console_errors_from = 0;
  std::int64_t changes_from = -1;  ///< as our script counts them; -1: not known
  bool changed = false;
  std::string loader_from, url_from, title_from;
  bool requested = false;   ///< a request began
  bool navigating = false;  ///< its main frame goes elsewhere
};

class page {
 public:
  static constexpr std::size_t ring_max = 1000;
  static constexpr std::size_t text_bytes_max = 10'000;
  static constexpr std::size_t choosers_max = 16;

  /// What a site is told that asks who is there.
  struct login {
    std::string origin;  ///< empty: any
    std::string username, password;
  };

  page(std::string target_id, std::string session_id);

  const std::string& id() const { return id_; }
  const std::string& target_id() const { return target_id_; }
  const std::string& session_id() const { return session_id_; }

  /// Its target ended with the browser; it goes on in another one.
  void target_lost();
  void goes_on_in(std::string target_id, std::string session_id);
  /// The main frame's target told its address and title.
  void described(const json& target_info);
  /// An event of one of the page's sessions.
  void event(const std::string& session_id, std::string_view method, const json& params);
  /// The reply to Page.getFrameTree on `session_id`.
  void frames_are(const std::string& session_id, const json& tree);
  /// A frame of another process has a session of its own, below `parent_session`.
  void child_attached(const std::string& session_id, const std::string& parent_session,
                      const std::string& frame_id);
  void session_gone(const std::string& session_id);

  frame& main_frame() { return frames_[target_id_]; }
  frame* find_frame(const std::string& frame_id);
  /// The main frame first.
  std::vector<frame> frames() const;
  /// Of the session that has `session_id`'s target below it; empty: none.
  std::string parent_session(const std::string& session_id) const;
  std::vector<std::string> sessions() const;
  std::size_t in_flight() const { return in_flight_.size(); }
  std::string_view state() const;
  /// Whether its document is what a form was answered with.
  bool posted() const;
  /// Why its document is not what was asked for; empty: it is.
  std::string failed() const;
  /// The address of a request that is not long ago; empty: unknown.
  std::string requested(const std::string& request_id) const;

  std::string url, title, opener, context_id;
  bool known = false;  ///< it is set up; until then nobody acts on it
  bool loading = false;
  bool crashed = false;
  bool unresponsive = false;  ///< for whoever watches over it to say
  bool gone = false;
  bool restoring = false;        ///< `url` and `title` are what they are to be again
  std::optional<json> restored;  ///< what came back of it, until an answer has told
  std::optional<dialog_state> dialog;
  std::vector<file_chooser> choosers;  ///< since its document is there
  double quiet_since_ms = 0;           ///< since when nothing is in flight
  std::uint64_t activity = 0;          ///< the page with the largest is the active one
  std::string loaded_loader;  ///< the last document of the main frame whose load event is over
  std::string parsed_loader;  ///< likewise, DOMContentLoaded
  std::deque<console_line> console;
  std::uint64_t console_count = 0, error_count = 0;
  std::deque<request_entry> network;
  std::uint64_t network_count = 0;
  json blocked = json::array();  ///< patterns of addresses that are not asked for
  std::optional<login> credentials;
  std::string login_tried;       ///< the request that was answered with them last
  std::optional<json> emulated;  ///< what `emulate` set, for a page that is made anew
  ref_table refs;
  signal changed;
  std::vector<trail*> trails;  ///< of the actions that run on it

  void set_now(double now_ms) { now_ms_ = now_ms; }

 private:
  void page_event(const std::string& session_id, std::string_view name, const json& params);
  void frame_event(const std::string& session_id, std::string_view name, const json& params);
  void dialog_opened(const json& params);
  void chooser_opened(const json& params);
  void network_event(const std::string& session_id, std::string_view name, const json& params);
  void request_began(const std::string& session_id, const json& params);
  void request_over(const json& params, std::string failed);
  void runtime_event(const std::string& session_id, std::string_view name, const json& params);
  void navigated(const std::string& session_id, const json& told);
  void lifecycle(const json& params);
  void drop_frame(const std::string& frame_id);
  void add_line(console_line line);
  request_entry* entry(const std::string& request_id);
  const request_entry* entry(const std::string& request_id) const;
  void landed();

  const std::string id_;
  std::string target_id_, session_id_;
  double now_ms_ = 0;
  std::map<std::string, frame> frames_;
  std::map<std::string, std::string> parents_;              ///< of child sessions
  std::unordered_map<std::string, std::string> in_flight_;  ///< request id -> loader id
};

/// What the edge shows of a page.
struct page_view {
  std::string id, target_id, url, title, state, opener;
  bool active = false;
};

json to_json(const page_view& view);
json to_json(const dialog_state& dialog);
json to_json(const file_chooser& chooser);
/// The id the edge uses for a target.
std::string page_id(std::string_view target_id);

}  // namespace actors::browsing
