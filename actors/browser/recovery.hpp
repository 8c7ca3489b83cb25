// Brings pages back when their browser has ended: the next generation shows them again, by the same
// ids, where they were.
//
// A follower of the driver, owned with it by the browser's actor. While a browser runs, it keeps
// what its pages say of themselves (`page_memory`) and reads the cookies every `cookies_every_ms`.
// When the next one is there, each page gets a target; then actions are let in (`opened`), and wait
// for the pages they want. A page's history is made of empty documents that never leave the daemon,
// in which the storages are filled; the last of them is loaded for real. CDP clients would see all
// that, and are let in when it is over (`settled`).
//
// Pages of a client's own browser context end with it. Tells the event `browser_restored
// {generation, duration_ms, cookies, pages: [{page_id, url, title, restored, lost, error}],
// pages_lost: [{page_id, url, why}]}`; what it says of a page is also in the next answer about it.
// Invariants: `opened`, then `settled` are called once a generation; a page that is `restoring` is
// let go in time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "actors/browser/driver.hpp"
#include "actors/browser/page_memory.hpp"

namespace actors::browsing {

struct recovery_rules {
  double cookies_every_ms = 800;
  double target_max_ms = 2'000;  ///< for the browser's own first page to appear
  double page_max_ms = 10'000;   ///< for all that precedes its load
  double load_max_ms = 5'000;
  std::int64_t history_before = 10, history_after = 5;  ///< entries that are made again
  double on_disk_ms = 60'000;  ///< a storage that was not changed for so long is in the profile
  bool keeps_profile = true;
  std::function<void()> opened, settled;
};

class recovery : public follower {
 public:
  recovery(recovery_rules rules, driver& by);

  void begun(std::uint64_t generation) override;
  void ended(const protocol::cause& why) override;
  std::shared_ptr<page> page_for(const json& target_info) override;
  void page_appeared(const std::shared_ptr<page>& p) override;
  void page_gone(const std::shared_ptr<page>& p) override;
  void page_said(const std::shared_ptr<page>& p, const session& s, std::string_view method,
                 const json& params) override;

 private:
  /// What is kept of a page, and whether it is being read.
  struct record : page_memory {
    bool reading = false, read_again = false;
  };
  struct entry {
    std::string url, title;
  };
  /// One page on its way back.
  struct way {
    std::shared_ptr<page> p;
    std::shared_ptr<record> from;
    std::vector<entry> entries;
    std::size_t current = 0;
    json lost = json::array();
    double end_ms = 0;
    std::set<std::string> claims;  ///< origins whose local storage it fills
    std::set<std::string> filled;  ///< origins that need nothing more
  };

  // recovery.cpp: what is kept.
  std::shared_ptr<record> record_of(const page& p);
  void navigated(const std::shared_ptr<page>& p, const json& frame);
  task<void> read(std::shared_ptr<page> p, std::shared_ptr<record> r);
  task<void> read_storages(std::shared_ptr<page> p, std::shared_ptr<record> r);
  task<void> watch_cookies();
  bool may_return(const page& p) const;

  // restoring.cpp: how it comes back.
  task<void> bring_back();
  task<void> give_target(std::shared_ptr<page> p, bool first);
  task<void> put_cookies();
  task<void> find_context();
  task<void> return_of(std::shared_ptr<page> p);
  task<void> emulate_again(turn& t);
  task<void> make_history(way& w);
  task<void> stub(way& w, std::string url);
  task<void> fill(way& w, std::string origin, std::string title);
  task<void> load(way& w, bool has_history);
  task<void> scroll(way& w);
  void plan(way& w) const;
  std::vector<std::string> other_origins(way& w);
  bool claim(way& w, const std::string& origin);
  void paused(const page& p, const session& s, const json& params);
  void back(way& w, std::string error);
  void all_back();

  const recovery_rules rules_;
  driver& by_;
  std::uint64_t generation_ = 0;
  std::string context_id_;  ///< the browser's own, which is no client's
  std::map<std::string, std::shared_ptr<record>> records_;  ///< by page id
  site_storages local_;
  std::optional<json> cookies_;               ///< none: they were never read
  std::shared_ptr<page> next_;                ///< gets the next target that appears
  std::set<std::string> filled_;              ///< origins whose local storage is as it was
  std::set<std::string> claimed_;             ///< and those that a page is about to fill
  std::map<std::string, std::string> stubs_;  ///< by page id: the address that is answered by us
  double begun_ms_ = 0, ended_ms_ = 0;
  std::size_t on_their_way_ = 0;
  bool cookies_put_ = false;
  json told_pages_ = json::array(), pages_lost_ = json::array();
};

}  // namespace actors::browsing
