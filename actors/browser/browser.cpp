#include "actors/browser/browser.hpp"

#include <spdlog/spdlog.h>
#include <algorithm>
#include <caf/send.hpp>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <utility>

#include "actors/browser/browser_sink.hpp"
#include "actors/directory.hpp"
#include "actors/errors.hpp"
#include "protocol/json.hpp"

namespace actors {

using protocol::browser_view;
using protocol::cause;
using protocol::cause_kind;
using protocol::error_code;

namespace {

/// Pages may say what is no UTF-8.
constexpr auto lenient = browsing::json::error_handler_t::replace;

/// The browser sees the workspace where it is on the host; what it may open there, its walls say.
browsing::driver_rules driver_rules(const env& e, const browser_args& args) {
  browsing::driver_rules rules;
  rules.download_path = args.workspace + "/output";
  rules.pages_max = e.settings.browser.pages_max;
  rules.discards_pages = e.settings.browser.pages_full == "discard";
  rules.file_for_upload = [root = args.workspace](std::string_view path) -> std::string {
    namespace fs = std::filesystem;
    auto inside = fs::path(path).lexically_normal();
    std::error_code ec;
    if (inside.is_absolute() || inside.empty() || *inside.begin() == "..") return {};
    auto whole = fs::path(root) / inside;
    return fs::is_regular_file(fs::symlink_status(whole, ec)) ? whole.string() : std::string();
  };
  return rules;
}

std::string number(auto value) {
  return std::to_string(value);
}

cause cause_of_exit(const protocol::browser_exited& x, std::uint64_t limit) {
  if (x.memory_bytes > 0)
    return {.kind = cause_kind::memory_limit,
            .signal = x.signal,
            .limit = "memory_bytes=" + number(limit),
            .detail = "the browser used " + number(x.memory_bytes) + " of " + number(limit) +
                      " bytes of memory; the system killed it"};
  auto by_signal = x.signal != 0;
  auto how = by_signal ? "was ended by " + protocol::signal_name(x.signal)
                       : "ended with exit code " + number(x.exit_code);
  auto words = x.words.substr(0, x.words.find_last_not_of('\n') + 1);
  auto last = words.substr(words.find_last_of('\n') + 1);
  return {.kind = by_signal ? cause_kind::signal : cause_kind::exit,
          .signal = x.signal,
          .exit_code = by_signal ? -1 : x.exit_code,
          .detail = "the browser " + how + (last.empty() ? "" : "; its last words: " + last)};
}

}  // namespace

std::string browser_folder(const env& e, const std::string& sandbox_id) {
  return e.data_dir + "/browsers/" + sandbox_id;
}

browser_actor::behavior_type browser(browser_actor::stateful_pointer<browser_state_impl> self,
                                     const env* e, browser_args args) {
  return self->state.make_behavior(*e, std::move(args));
}

browser_actor::behavior_type browser_state_impl::make_behavior(const env& e, browser_args args) {
  using namespace protocol;  // NOLINT: the handlers read like the interface
  env_ = &e;
  args_ = std::move(args);
  machine_ = std::make_unique<browser_machine>(e.settings.browser);
  port_ = e.make_browser_port(args_.sandbox_id,
                              std::make_shared<browser_mailbox_sink>(browser_actor(self_)));
  driver_ = std::make_unique<browsing::driver>(driver_rules(e, args_), *this);
  auto has_clients = [this] { return clients_ > 0; };
  policy_ = std::make_unique<browsing::page_policy>(
      browsing::page_policy_rules{.dialogs = e.settings.browser.dialogs,
                                  .permissions = e.settings.browser.permissions,
                                  .has_clients = has_clients},
      *driver_);
  watch_ = std::make_unique<browsing::page_watch>(
      browsing::page_watch_rules{
          .after_ms = static_cast<double>(e.settings.browser.unresponsive_after_ms),
          .recovers = e.settings.browser.unresponsive == "recover",
          .has_clients = has_clients},
      *driver_);
  recovery_ = std::make_unique<browsing::recovery>(
      browsing::recovery_rules{.keeps_profile = args_.mode == protocol::sandbox_mode::agent,
                               .opened = [this] { opened(); },
                               .settled = [this] { port_->serve(); }},
      *driver_);
  last_activity_ = e.clock.now();
  publish();
  if (e.settings.browser.start == "sandbox") step(browser_event::wanted{});
  return {
      [this](const start_browser& x) { return start(x); },
      [this](const restart_browser& x) { return restart(x); },
      [this](const stop_browser& x) { return stop(x); },
      [this](browse& x) { return act(x); },
      [this](const close_browser& x) { return close(x); },
      [this](const limits& x) { args_.limit = x; },
      [this](const browser_started& x) {
        step(browser_event::process_started{x.generation, x.pid});
      },
      [this](browser_start_failed& x) {
        step(browser_event::process_start_failed{x.generation, std::move(x.why)});
      },
      [this](const browser_answered& x) { step(browser_event::answered{x.generation}); },
      [this](const browser_said& x) { said(x); },
      [this](const browser_silent& x) {
        step(browser_event::silent{x.generation, x.misses});
      },
      [this](const browser_exited& x) { exited(x); },
      [this](const browser_wanted&) { want(); },
      [this](const browser_clients& x) { clients_changed(x.count); },
      [this](const browser_timer& x) { timer_went_off(x); },
  };
}

// -- what is asked -------------------------------------------------------------------------------

/// Why it cannot be had now.
std::optional<protocol::fault> browser_state_impl::refusal() const {
  if (env_->settings.browser.start == "never")
    return protocol::fault{.code = error_code::wrong_state, .detail = "browser.start = never"};
  if (machine_->phase() == browser_phase::failed)
    return protocol::fault{.code = error_code::unavailable,
                           .detail = "the browser failed: " + machine_->last_cause().detail};
  return {};
}

/// By a client that has no other way to hear why it cannot be had.
void browser_state_impl::want() {
  used();
  if (auto why = refusal()) return port_->refuse(*why);
  step(browser_event::wanted{});
}

caf::result<browser_view> browser_state_impl::start(const protocol::start_browser& x) {
  used();
  if (auto why = refusal()) return to_error(*why);
  step(browser_event::wanted{});
  if (!x.wait || open_) return view();
  return waiting_.emplace_back(self_->make_response_promise<browser_view>());
}

caf::result<browser_view> browser_state_impl::restart(const protocol::restart_browser& x) {
  used();
  step(browser_event::restart_asked{});
  if (!x.wait) return view();
  return waiting_.emplace_back(self_->make_response_promise<browser_view>());
}

caf::result<browser_view> browser_state_impl::stop(const protocol::stop_browser& x) {
  step(browser_event::stop_asked{{.kind = cause_kind::cancelled, .detail = x.reason}});
  if (machine_->phase() != browser_phase::ending) return view();
  return stops_.emplace_back(self_->make_response_promise<browser_view>());
}

caf::result<protocol::browsed> browser_state_impl::act(protocol::browse& x) {
  used();
  auto deadline_ms = steady_ms() + static_cast<double>(x.timeout_ms);
  auto promise = self_->make_response_promise<protocol::browsed>();
  if (open_) {
    perform(x, deadline_ms, promise);
    return promise;
  }
  if (auto why = refusal()) return to_error(*why);
  // What its start takes is not the action's.
  waiting_actions_.push_back({std::move(x), promise});
  step(browser_event::wanted{});
  return promise;
}

void browser_state_impl::perform(protocol::browse& x, double deadline_ms, act_promise promise) {
  auto params = browsing::json::parse(x.params.view(), nullptr, false);
  ++acting_;
  publish();
  driver_->perform(
      {x.page, x.verb, std::move(params), deadline_ms},
      [this, promise, verb = x.verb](auto told) mutable {
        deliver(promise, verb, std::move(told));
      },
      steady_ms());
}

void browser_state_impl::deliver(act_promise& promise, const std::string& verb,
                                 protocol::result<browsing::action_answer> told) {
  --acting_;
  used();
  if (!told) {
    promise.deliver(to_error(told.error()));
    return;
  }
  auto& body = told->body;
  if (verb == "new")  // what was made is shown as well
    for (auto& page : driver_->pages())
      if (page.id == body.value("page_id", "")) body.update(to_json(page));
  promise.deliver(protocol::browsed{protocol::buffer(body.dump(-1, ' ', false, lenient)),
                                    std::move(told->mime),
                                    protocol::buffer(std::move(told->bytes))});
}

caf::result<protocol::done> browser_state_impl::close(const protocol::close_browser& x) {
  auto promise = closes_.emplace_back(self_->make_response_promise<protocol::done>());
  step(browser_event::close_asked{x.why});
  return promise;
}

void browser_state_impl::settle(std::vector<view_promise>& waiting) {
  for (auto& promise : std::exchange(waiting, {})) promise.deliver(view());
}

void browser_state_impl::refuse(std::vector<view_promise>& waiting, const protocol::fault& why) {
  for (auto& promise : std::exchange(waiting, {})) promise.deliver(to_error(why));
}

// -- its process ---------------------------------------------------------------------------------

double browser_state_impl::steady_ms() const {
  using ms = std::chrono::duration<double, std::milli>;
  return ms(self_->clock().now().time_since_epoch()).count();
}

void browser_state_impl::step(browser_input in) {
  moment now{steady_ms(), env_->clock.now(), env_->random.next()};
  for (auto& effect : machine_->step(std::move(in), now))
    std::visit([this](auto& x) { run(x); }, effect);
  publish();
}

/// What is the browser's own, and what it shares with its sandbox.
protocol::limits browser_state_impl::own_limits() const {
  auto& options = env_->settings.browser;
  auto limit = args_.limit;
  limit.memory_bytes = options.memory_bytes;
  limit.processes = options.processes;
  limit.cpus = options.cpus;
  return limit;
}

void browser_state_impl::run(browser_effect::start_process& x) {
  started_at_ = env_->clock.now();
  port_->start({.sandbox_id = args_.sandbox_id,
                .generation = x.generation,
                .workspace = args_.workspace,
                .profile = browser_folder(*env_, args_.sandbox_id),
                .keeps_profile = args_.mode == protocol::sandbox_mode::agent,
                .limit = own_limits()});
  announce("browser_started", "\"generation\":" + number(x.generation));
}

void browser_state_impl::run(browser_effect::set_deadline& x) {
  self_->delayed_send(self_, std::chrono::milliseconds(x.after_ms),
                      browser_timer{browser_timer::deadline, x.token});
}

void browser_state_impl::run(browser_effect::became_ready&) {
  auto now = static_cast<double>(env_->clock.now());
  auto members = "\"generation\":" + number(machine_->generation()) +
                 ",\"start_ms\":" + number(static_cast<std::int64_t>(now) - started_at_);
  if (down_ms_ > 0)
    members +=
        ",\"down_ms\":" + number(static_cast<std::int64_t>(now - std::exchange(down_ms_, 0)));
  announce("browser_ready", members);
  used();
  driver_->begun(machine_->generation(), steady_ms());
}

/// Its pages have their targets again.
void browser_state_impl::opened() {
  open_ = true;
  settle(waiting_);
  for (auto& each : std::exchange(waiting_actions_, {}))
    perform(each.what, steady_ms() + static_cast<double>(each.what.timeout_ms), each.promise);
}

void browser_state_impl::run(browser_effect::gone& x) {
  spdlog::info("browser_down sandbox={} generation={} cause=\"{}\"", args_.sandbox_id, x.generation,
               x.why.detail);
  announce("browser_down", "\"generation\":" + number(x.generation) + ",\"cause\":" +
                               to_json(x.why) + ",\"restarts\":" + (x.restarts ? "true" : "false"));
  open_ = false;
  driver_->ended(x.why);
  down_ms_ = x.restarts ? static_cast<double>(env_->clock.now()) : 0;
  settle(stops_);
  if (x.restarts) return;
  protocol::fault why{.code = error_code::unavailable,
                      .detail = "the browser ended: " + x.why.detail};
  port_->refuse(why);
  refuse(waiting_, why);
  for (auto& each : std::exchange(waiting_actions_, {})) each.promise.deliver(to_error(why));
}

// -- its driver ----------------------------------------------------------------------------------

void browser_state_impl::said(const protocol::browser_said& x) {
  if (x.generation != machine_->generation()) return;
  for (auto& message : x.messages) driver_->received(message.view(), steady_ms());
}

void browser_state_impl::wake_at(double at_ms) {
  if (wake_ms_ > 0 && wake_ms_ <= at_ms) return;
  wake_ms_ = at_ms;
  auto wait = std::max(at_ms - steady_ms(), 0.0);
  self_->delayed_send(self_, std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(wait))),
                      browser_timer{browser_timer::driver, 0});
}

void browser_state_impl::tell(std::string type, browsing::json data) {
  data["sandbox_id"] = args_.sandbox_id;
  if (auto journal = env_->handles.journal())
    self_->send(journal, protocol::node_event{std::move(type), data.dump(-1, ' ', false, lenient)});
}

void browser_state_impl::pages_changed() {
  publish();
}

void browser_state_impl::run(browser_effect::exhausted& x) {
  spdlog::error("browser_failed sandbox={} cause=\"{}\"", args_.sandbox_id, x.why.detail);
  announce("browser_failed", "\"cause\":" + to_json(x.why));
}

void browser_state_impl::run(browser_effect::closed&) {
  for (auto& promise : std::exchange(closes_, {})) promise.deliver(protocol::done{"browser"});
  self_->quit();
}

void browser_state_impl::exited(const protocol::browser_exited& x) {
  step(browser_event::exited{x.generation, cause_of_exit(x, env_->settings.browser.memory_bytes)});
}

// -- idleness ------------------------------------------------------------------------------------

void browser_state_impl::clients_changed(std::uint64_t count) {
  clients_ = count;
  used();
}

void browser_state_impl::used() {
  last_activity_ = env_->clock.now();
  publish();
  auto after = env_->settings.browser.idle_stop_ms;
  if (after > 0 && !std::exchange(idle_due_, true))
    self_->delayed_send(self_, std::chrono::milliseconds(after),
                        browser_timer{browser_timer::idle, 0});
}

void browser_state_impl::look_at_idleness() {
  auto& options = env_->settings.browser;
  idle_due_ = false;
  if (machine_->phase() != browser_phase::up || clients_ > 0) return;
  auto idle = env_->clock.now() - last_activity_;
  if (idle >= options.idle_stop_ms)
    return step(browser_event::stop_asked{{.kind = cause_kind::expired,
                                           .limit = "idle_stop_ms=" + number(options.idle_stop_ms),
                                           .detail = "the browser was idle too long"}});
  idle_due_ = true;
  self_->delayed_send(self_, std::chrono::milliseconds(options.idle_stop_ms - idle),
                      browser_timer{browser_timer::idle, 0});
}

void browser_state_impl::timer_went_off(const browser_timer& x) {
  if (x.kind == browser_timer::idle) return look_at_idleness();
  if (x.kind == browser_timer::driver) {
    wake_ms_ = 0;
    return driver_->elapsed(steady_ms());
  }
  step(browser_event::deadline_passed{x.token});
}

// -- what is seen --------------------------------------------------------------------------------

protocol::browser_state browser_state_impl::state() const {
  using protocol::browser_state;
  switch (machine_->phase()) {
    case browser_phase::starting: return browser_state::starting;
    case browser_phase::up:
      if (!open_) return browser_state::starting;
      return acting_ > 0 ? browser_state::busy : browser_state::idle;
    case browser_phase::ending:
    case browser_phase::waiting: return browser_state::restarting;
    case browser_phase::failed: return browser_state::failed;
    default: return browser_state::stopped;
  }
}

browser_view browser_state_impl::view() const {
  auto pages = browsing::json::array();
  for (auto& page : driver_->pages()) pages.push_back(to_json(page));
  return {.sandbox_id = args_.sandbox_id,
          .state = state(),
          .generation = machine_->generation(),
          .restarts = machine_->restarts(),
          .pid = machine_->pid(),
          .last_cause = machine_->last_cause(),
          .started_at = started_at_,
          .last_activity = last_activity_,
          .clients = clients_,
          .pages = pages.dump(-1, ' ', false, lenient)};
}

void browser_state_impl::publish() {
  env_->views.put(view());
}

void browser_state_impl::announce(const char* type, std::string members) {
  if (auto journal = env_->handles.journal())
    self_->send(journal, protocol::node_event{
                             type, "{\"sandbox_id\":" + protocol::json_string(args_.sandbox_id) +
                                       "," + std::move(members) + "}"});
}

}  // namespace actors
