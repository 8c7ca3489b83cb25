#include "actors/browser/driver.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "actors/browser/settle.hpp"
#include "actors/browser/setup.hpp"
#include "actors/browser/snapshot.hpp"

namespace actors::browsing {

using protocol::error_code;
using protocol::fault;

struct driver::action {
  std::unique_ptr<turn> t;
  const verb_row* row;
  answered then;
  std::optional<task<void>> work;  ///< empty: it waits for another on its page
};

void refuse(error_code code, std::string detail, const json& members) {
  throw refused{{code, std::move(detail), members.is_object() ? members.dump() : "", 0}};
}

dialogue& turn::talk() {
  return by.talk();
}

session turn::top() {
  return {by.talk(), on->session_id()};
}

driver::driver(driver_rules rules, driver_io& io)
    : rules_(std::move(rules)),
      io_(io),
      talk_([&io](std::string text) { io.send(std::move(text)); }) {}

driver::~driver() = default;

// -- generations ---------------------------------------------------------------------------------

void driver::begun(std::uint64_t generation, double now) {
  begin(now);
  generation_ = generation;
  set_up_browser(talk_, rules_.download_path);
  tell_followers(&follower::begun, generation);
  work();
}

void driver::ended(const protocol::cause& why) {
  if (generation_ == 0) return;
  begin(talk_.now());
  generation_ = 0;
  tell_followers(&follower::ended, why);
  background_.clear();
  auto detail = "the browser ended while this ran" + (why.detail.empty() ? "" : ": " + why.detail);
  give_up_all([](const action&) { return true; }, {error_code::browser_restarted, detail, {}, 1});
  for (auto& p : pages_) {
    p->gone = !p->restoring;
    p->target_lost();
  }
  std::erase_if(pages_, [](auto& p) { return p->gone; });
  by_session_.clear();
  downloads_.clear();
  io_.pages_changed();
  work();
}

/// With `work` around everything that comes from outside, which may come from within itself.
void driver::begin(double now) {
  ++depth_;
  talk_.set_now(now);
  for (auto& p : pages_) p->set_now(now);
}

// -- the turn of the wheel -----------------------------------------------------------------------

void driver::received(std::string_view text, double now) {
  begin(now);
  auto message = json::parse(text, nullptr, false);
  if (message.is_object()) {
    if (message.contains("id")) {
      talk_.answered(std::move(message));
    } else {
      // What is not as expected concerns nobody.
      try {
        event(text_at(message, "sessionId"), text_at(message, "method"), at(message, "params"));
      } catch (const json::exception&) {
      }
    }
  }
  work();
}

void driver::elapsed(double now) {
  begin(now);
  talk_.elapsed();
  auto late = [&](const action& a) { return a.t->deadline_ms <= now; };
  give_up_all(late, {error_code::timed_out, "the action was not over by its deadline", {}, 0});
  work();
}

/// Goes on with all that can, until nothing does.
void driver::work() {
  if (depth_ > 1) {
    --depth_;
    return;
  }
  while (talk_.go_on() || finish_actions()) {
  }
  depth_ = 0;
  auto first = talk_.due();
  for (auto& a : actions_)
    if (!first || a.t->deadline_ms < *first) first = a.t->deadline_ms;
  if (first) io_.wake_at(*first);
}

void driver::run(task<void> job) {
  background_.push_back(std::move(job));
  background_.back().start();
}

bool driver::finish_actions() {
  std::list<action> over;
  for (auto at = actions_.begin(); at != actions_.end();) {
    auto next = std::next(at);
    if (at->work && at->work->done()) over.splice(over.end(), actions_, at);
    at = next;
  }
  std::erase_if(background_, [](auto& each) { return each.done(); });
  for (auto& a : over) {
    auto result = outcome(a);
    a.work.reset();
    if (a.t->on) std::erase(a.t->on->trails, &a.t->seen);
    a.then(std::move(result));
  }
  if (!over.empty()) start_waiting();
  return !over.empty();
}

protocol::result<action_answer> driver::outcome(action& a) {
  try {
    a.work->take();
    return std::move(a.t->answer);
  } catch (refused& x) {
    return std::move(x.why);
  } catch (const std::exception& x) {
    return fault{error_code::internal, x.what(), {}, 0};
  }
}

// -- actions -------------------------------------------------------------------------------------

namespace {

fault with_dialog(const page& p) {
  return {error_code::dialog_open, "the page shows a dialog; answer it with `dialog`",
          with("dialog", to_json(*p.dialog)).dump(-1, ' ', false, json::error_handler_t::replace),
          0};
}

}  // namespace

std::optional<fault> driver::not_now(const page& p, const verb_row& row) const {
  if (!row.needs_live_page) return {};
  if (p.crashed)
    return fault{error_code::page_crashed, "the page crashed; reload or navigate it", {}, 0};
  if (p.dialog) return with_dialog(p);
  return {};
}

void driver::perform(action_request what, answered then, double now) {
  auto* row = find_verb(what.verb);
  if (!row) return then(fault{error_code::route_not_found, "no action `" + what.verb + "`", {}, 0});
  if (generation_ == 0)
    return then(fault{error_code::browser_restarted, "the browser is not running", {}, 1});
  auto on = row->needs_page ? find_page(what.page) : nullptr;
  if (row->needs_page && !on)
    return then(fault{error_code::page_not_found, "no page `" + what.page + "`", {}, 0});
  if (on)
    if (auto wrong = not_now(*on, *row)) return then(std::move(*wrong));
  begin(now);
  auto t = std::make_unique<turn>(turn{
      .by = *this, .on = on, .params = std::move(what.params), .deadline_ms = what.deadline_ms});
  actions_.push_back({std::move(t), row, std::move(then), {}});
  start_waiting();
  work();
}

/// Starts what may run now: on each page, one of those that want to be alone at a time.
void driver::start_waiting() {
  std::vector<page*> taken;
  for (auto& a : actions_)
    if (a.work && a.row->alone && a.t->on) taken.push_back(a.t->on.get());
  for (auto& a : actions_) {
    if (a.work) continue;
    auto* p = a.t->on.get();
    if (p && a.row->alone) {
      if (std::ranges::count(taken, p)) continue;
      taken.push_back(p);
    }
    if (p) p->trails.push_back(&a.t->seen);
    a.work.emplace(carry_out(*a.t, *a.row));
    a.work->start();
  }
}

task<void> driver::carry_out(turn& t, const verb_row& row) {
  if (t.on) {
    if (auto wrong = not_now(*t.on, row)) throw refused{std::move(*wrong)};
  }
  while (t.on && (!t.on->known || t.on->restoring))
    co_await t.on->changed.next(talk_, t.deadline_ms);
  auto before = begin_trail(t);
  if (row.acts) before.start();
  if (row.acts && !row.at_once) co_await before;
  auto members = co_await row.run(t);
  if (row.acts && row.at_once) co_await before;
  if (row.acts) co_await settle(t);
  if (!row.acts && row.needs_live_page && t.on) co_await read_title(t);
  if (row.acts && flag_at(t.params, "snapshot") && t.on && !t.on->gone && !t.on->crashed &&
      !t.on->dialog)
    members["snapshot"] = co_await take_snapshot(t);
  fill_answer(t, row.acts);
  if (members.contains("page")) members["page"] = to_json(view(*t.on));
  t.answer.body.update(members);
}

void driver::give_up(action& a, fault why) {
  a.work.reset();
  if (a.t->on) std::erase(a.t->on->trails, &a.t->seen);
  a.then(std::move(why));
}

template <class Which>
void driver::give_up_all(Which which, const fault& why) {
  std::list<action> over;
  for (auto at = actions_.begin(); at != actions_.end();) {
    auto next = std::next(at);
    if (which(*at)) over.splice(over.end(), actions_, at);
    at = next;
  }
  for (auto& a : over) give_up(a, why);
  if (!over.empty() && generation_ != 0) start_waiting();
}

/// What the page shows now stands in the way of everything else, so it is the answer.
void driver::dialog_opened(const std::shared_ptr<page>& p) {
  std::list<action> over;
  for (auto at = actions_.begin(); at != actions_.end();) {
    auto next = std::next(at);
    if (at->t->on == p && at->work && at->row->needs_live_page)
      over.splice(over.end(), actions_, at);
    at = next;
  }
  for (auto& a : over) {
    if (!a.row->acts) {
      give_up(a, with_dialog(*p));
      continue;
    }
    a.work.reset();
    std::erase(p->trails, &a.t->seen);
    fill_answer(*a.t, true);
    a.then(std::move(a.t->answer));
  }
  tell_followers(&follower::dialog_opened, p);
}

void driver::close_actions(const std::shared_ptr<page>& p) {
  auto hit = [&](const action& a) { return a.t->on == p && a.row->name != "close"; };
  give_up_all(hit, {error_code::page_not_found, "the page was closed while this ran", {}, 0});
}

void driver::crashed(const std::shared_ptr<page>& p) {
  auto hit = [&](const action& a) { return a.t->on == p && a.row->needs_live_page; };
  give_up_all(hit, {error_code::page_crashed, "the page crashed while this ran", {}, 0});
  tell_followers(&follower::page_crashed, p);
}

}  // namespace actors::browsing
