#include "gateways/client_call.hpp"

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>
#include <chrono>

#include "actors/directory.hpp"
#include "actors/errors.hpp"
#include "protocol/id.hpp"
#include "protocol/resource.hpp"

namespace gateways {

using namespace protocol;  // NOLINT: this file translates between their words and the sink's
using actors::execution_actor;
using actors::kernel_actor;
using std::chrono::milliseconds;

namespace {

constexpr std::int64_t ask_ms = 5'000;
constexpr std::int64_t limits_ms = 30'000;  // measuring a workspace takes as long as it has files
constexpr auto retry_wait = milliseconds(20);
constexpr int retries_max = 500;     // ten seconds
constexpr int made_tries_max = 250;  // five seconds

}  // namespace

actors::follower_actor::behavior_type client_call_state::make_behavior(
    const actors::env& e, client_call what, std::shared_ptr<reply_sink> to) {
  env_ = &e;
  sink_ = std::move(to);
  self_->set_exit_handler([this](const caf::exit_msg&) { abandon(); });
  self_->set_down_handler([this](const caf::down_msg&) {
    if (sink_ && accepted_) resume();
  });
  std::visit([this](auto& c) { begin(c); }, what);
  return {[this](event_batch& b) {
    if (sink_) take(b);
  }};
}

// -- answers -------------------------------------------------------------------------------------

void client_call_state::answer(int status, std::string body, std::string execution_id) {
  if (auto sink = std::exchange(sink_, nullptr))
    sink->answered(status, buffer(std::move(body)), std::move(execution_id));
  self_->quit();
}

/// Whoever is told of something new may ask for it again, also of the next daemon.
void client_call_state::answer_when_kept(int status, std::string body) {
  auto journal = env_->handles.journal();
  if (!journal) return answer(status, std::move(body));
  auto tell = [this, status, body = std::move(body)] { answer(status, body); };
  self_->request(journal, milliseconds(env_->settings.journal.commit_timeout_ms), sync_journal{})
      .then([tell](const committed&) { tell(); }, [tell](const caf::error&) { tell(); });
}

fault client_call_state::being_restarted() {
  return {.code = error_code::unavailable,
          .detail = "the part asked is being restarted",
          .retry_after_s = 1};
}

void client_call_state::fail(fault f) {
  if (auto sink = std::exchange(sink_, nullptr)) sink->failed(std::move(f));
  if (!accepted_) return give_up();
  self_->quit();
}

void client_call_state::fail(const caf::error& e) {
  fail(actors::to_fault(e));
}

void client_call_state::try_again(void (client_call_state::*what)()) {
  if (++tries_ > retries_max)
    return fail(fault{.code = error_code::unavailable,
                      .detail = "the part asked did not come back in time",
                      .retry_after_s = 1});
  self_->delayed_send(self_, retry_wait, event_batch{});
  retry_ = what;
}

/// The client went away. What it asked for goes on, unless it asked for the contrary.
void client_call_state::abandon() {
  sink_ = nullptr;
  abandoned_ = true;
  if (submitted_ && !accepted_) return;  // the answer of the kernel is still to come; see `send_to`
  if (!accepted_) return give_up();
  auto k = request_.cancel_on_disconnect ? env_->handles.runner_of(request_.id) : execution_actor{};
  if (k) caf::anon_send(k, cancel_execution{request_.id});
  self_->quit();
}

/// What was asked for did not begin: its key may stand for another try.
void client_call_state::give_up() {
  auto journal = key_.key.empty() ? actors::journal_actor{} : env_->handles.journal();
  if (journal) caf::anon_send(journal, release_key{key_.sandbox_id, key_.key, key_.execution_id});
  self_->quit();
}

// -- executions ----------------------------------------------------------------------------------

void client_call_state::begin(call::execute& c) {
  request_ = std::move(c.request);
  form_ = c.as;
  request_.told_early = form_ != call::form::whole;
  if (form_ == call::form::begin) status_ = 202;  // also when it has ended before it is kept
  goal_ = form_ == call::form::stream ? goal::stream : goal::whole;
  auto prefix = request_.command.given() ? command_prefix : std::string_view("exe_");
  request_.id = make_id(prefix, env_->random.next(), env_->random.next());
  if (c.idempotency_key.empty()) return submit();
  key_ = {request_.sandbox_id, c.idempotency_key, c.body_hash, request_.id};
  request_.idempotency_key = std::move(c.idempotency_key);
  request_.body_hash = std::move(c.body_hash);
  claim();
}

void client_call_state::claim() {
  ask(env_->handles.journal(), ask_ms, key_, [this](const std::string& id) { claimed(id); });
}

/// The key stands for `id`: ours, or another call's, whose execution is then followed instead. As
/// long as nobody knows that one, the other call is about to begin it, or to release the key.
void client_call_state::claimed(const std::string& id) {
  request_.id = id;
  if (id == key_.execution_id) return submit();
  if (env_->handles.runner_of(id)) {
    if (form_ == call::form::begin) goal_ = goal::look;
    return resume();
  }
  self_->request(env_->handles.journal(), milliseconds(ask_ms), load_execution{id})
      .then([this](const execution_record&) { resume(); },
            [this](const caf::error&) { try_again(&client_call_state::claim); });
}

void client_call_state::submit() {
  if (request_.command.given())
    return with_commands(request_.sandbox_id, [this](const execution_actor& c) { send_to(c); });
  with_kernel(request_.sandbox_id, request_.kernel_id,
              [this](const kernel_actor& k) { send_to(k); });
}

/// Through the limiter, which hands the request on to the runner.
void client_call_state::send_to(const execution_actor& runner) {
  auto limiter = env_->handles.sandbox(request_.sandbox_id).limiter;
  if (!limiter) return fail(being_restarted());
  submitted_ = true;
  self_->monitor(runner);
  self_->request(limiter, milliseconds(ask_ms), request_, runner, actors::follower_actor(self_))
      .then(
          [this](const execution_record& r) {
            accepted_ = true;
            if (abandoned_) return abandon();
            if (!sink_) return;
            if (form_ != call::form::whole) sink_->accepted(r.id);
            if (form_ == call::form::begin) answer_when_kept(202, to_json(r, {}));
          },
          [this, limiter](const caf::error& e) {
            caf::anon_send(limiter, release_execution{request_.id, true});
            if (e == caf::sec::request_timeout) key_ = {};  // it may yet begin
            fail(e);
          });
}

void client_call_state::take(event_batch& b) {
  if (b.execution_id.empty() && b.events.empty()) {  // our own: try again
    auto what = std::exchange(retry_, nullptr);
    if (what) (this->*what)();
    return;
  }
  auto skip = next_ > b.first ? std::min<std::size_t>(next_ - b.first, b.events.size()) : 0;
  auto node = b.execution_id.empty();
  if (b.first > next_ && !node) return resume();  // a gap: the rest is asked for anew
  if (node && paging_) return;                    // the page that follows has it
  if (goal_ == goal::stream && !std::exchange(accepted_, true)) sink_->accepted(request_.id);
  b.events.erase(b.events.begin(), b.events.begin() + static_cast<std::ptrdiff_t>(skip));
  auto first = b.first + skip;
  next_ = std::max(next_, first + b.events.size());
  if (goal_ == goal::stream) {
    if (!b.events.empty()) sink_->events(first, std::move(b.events));
  } else {
    std::move(b.events.begin(), b.events.end(), std::back_inserter(events_));
  }
  if (b.ended) end(std::move(b.record));
}

void client_call_state::end(execution_record record) {
  if (goal_ != goal::stream) return answer(status_, to_json(record, events_), record.id);
  if (auto sink = std::exchange(sink_, nullptr)) sink->finished();
  self_->quit();
}

/// Follows the execution from `next_`: where it runs, or in the journal once it has ended.
void client_call_state::resume() {
  auto k = env_->handles.runner_of(request_.id);
  if (!k) return page();
  self_->monitor(k);
  self_
      ->request(k, milliseconds(ask_ms),
                protocol::follow_execution{request_.id, next_, goal_ != goal::look},
                actors::follower_actor(self_))
      .then(
          [this](execution_record& r) {
            if (!sink_) return;
            if (!std::exchange(accepted_, true)) sink_->accepted(r.id);
            if (goal_ == goal::look) answer(status_, to_json(r, events_));
          },
          [this](const caf::error&) { page(); });
}

void client_call_state::page() {
  auto journal = env_->handles.journal();
  if (!journal) return try_again(&client_call_state::resume);
  ask(journal, ask_ms, load_events{request_.id, next_}, [this](event_batch& b) {
    if (!sink_) return;
    if (!std::exchange(accepted_, true)) sink_->accepted(request_.id);
    if (b.events.empty() && !b.ended) return try_again(&client_call_state::resume);
    auto ended = b.ended;
    next_ = std::max(next_, b.first);  // rows that a full disk refused are not waited for
    tries_ = 0;
    take(b);
    if (!ended && sink_) page();
  });
}

void client_call_state::begin(call::follow_execution& c) {
  request_.id = std::move(c.execution_id);
  goal_ = goal::stream;
  next_ = std::max<std::uint64_t>(c.from, 1);
  resume();
}

void client_call_state::begin(call::get_execution& c) {
  request_.id = std::move(c.execution_id);
  goal_ = goal::look;
  resume();
}

void client_call_state::begin(call::cancel_execution& c) {
  request_.id = c.execution_id;
  goal_ = goal::look;
  auto k = env_->handles.runner_of(c.execution_id);
  if (!k) return resume();  // it has ended: 200 with the resource, or not found
  self_->request(k, milliseconds(ask_ms), protocol::cancel_execution{c.execution_id})
      .then([this](const execution_record& r) { answer(202, to_json(r, {})); },
            [this](const caf::error&) { resume(); });
}

void client_call_state::begin(call::give_stdin& c) {
  auto id = c.execution_id;
  auto k = env_->handles.runner_of(id);
  if (k)
    return ask(k, ask_ms, protocol::give_stdin{id, std::move(c.value), c.last},
               [this](const execution_record& r) { answer(200, to_json(r, {})); });
  ask(env_->handles.journal(), ask_ms, load_execution{id}, [this](const execution_record&) {
    fail(fault{.code = error_code::wrong_state, .detail = "the execution has ended"});
  });
}

void client_call_state::begin(call::resize_terminal& c) {
  auto id = c.command_id;
  // Whoever runs an execution of that kind of id is a commands actor.
  if (auto runner = env_->handles.runner_of(id))
    return ask(caf::actor_cast<actors::commands_actor>(runner), ask_ms,
               protocol::resize_terminal{id, c.rows, c.columns},
               [this](const execution_record& r) { answer(200, to_json(r, {})); });
  ask(env_->handles.journal(), ask_ms, load_execution{id}, [this](const execution_record&) {
    fail(fault{.code = error_code::wrong_state, .detail = "the command has ended"});
  });
}

// -- sandboxes and kernels ------------------------------------------------------------------------

/// The kernel's handle, waiting a moment for one that is being started or replaced.
template <class Then>
void client_call_state::with_kernel(const std::string& sandbox_id, const std::string& kernel_id,
                                    Then then) {
  auto k = env_->handles.kernel(sandbox_id, kernel_id);
  if (k) return then(k);
  auto known = env_->views.sandbox(sandbox_id);
  if (!known)
    return fail(fault{.code = error_code::sandbox_not_found, .detail = "no sandbox " + sandbox_id});
  auto& ids = known->kernels;
  if (std::find(ids.begin(), ids.end(), kernel_id) == ids.end())
    return fail(fault{.code = error_code::kernel_not_found,
                      .detail = "no kernel " + kernel_id + " in sandbox " + sandbox_id});
  if (known->state == sandbox_state::failed || known->state == sandbox_state::closing)
    return fail(
        fault{.code = error_code::wrong_state,
              .detail = "the sandbox is " + to_string(known->state) + ": " + known->why.detail});
  again_ = [this, sandbox_id, kernel_id, then] { with_kernel(sandbox_id, kernel_id, then); };
  try_again(&client_call_state::run_again);
}

/// The same for who runs the commands of a sandbox.
template <class Then>
void client_call_state::with_commands(const std::string& sandbox_id, Then then) {
  auto known = env_->views.sandbox(sandbox_id);
  if (!known)
    return fail(fault{.code = error_code::sandbox_not_found, .detail = "no sandbox " + sandbox_id});
  auto commands = env_->handles.sandbox(sandbox_id).commands;
  if (commands && known->state != sandbox_state::closing) return then(commands);
  if (known->state == sandbox_state::failed || known->state == sandbox_state::closing)
    return fail(
        fault{.code = error_code::wrong_state,
              .detail = "the sandbox is " + to_string(known->state) + ": " + known->why.detail});
  again_ = [this, sandbox_id, then] { with_commands(sandbox_id, then); };
  try_again(&client_call_state::run_again);
}

/// The same for a sandbox's own actor.
template <class Then>
void client_call_state::with_sandbox(const std::string& sandbox_id, Then then) {
  if (auto sandbox = env_->handles.sandbox(sandbox_id).sandbox) return then(sandbox);
  if (!env_->views.sandbox(sandbox_id))
    return fail(fault{.code = error_code::sandbox_not_found, .detail = "no sandbox " + sandbox_id});
  again_ = [this, sandbox_id, then] { with_sandbox(sandbox_id, then); };
  try_again(&client_call_state::run_again);
}

void client_call_state::run_again() {
  auto what = std::exchange(again_, nullptr);
  if (what && sink_) what();
}

void client_call_state::begin(call::create_sandbox& c) {
  if (c.spec.id.empty()) c.spec.id = make_id("sbx_", env_->random.next(), env_->random.next());
  ask(env_->handles.sandboxes(), ask_ms, protocol::create_sandbox{std::move(c.spec)},
      [this](const sandbox_view& v) { made(v); });
}

/// Told once its folder can be used, since that is what comes next.
void client_call_state::made(const sandbox_view& v) {
  auto now = env_->views.sandbox(v.spec.id);
  if (!now || now->opened || now->state != sandbox_state::starting || tries_ == made_tries_max)
    return answer_when_kept(201, to_json(now ? *now : v));
  again_ = [this, v] { made(v); };
  try_again(&client_call_state::run_again);
}

void client_call_state::begin(call::delete_sandbox& c) {
  ask(env_->handles.sandboxes(), 60'000, protocol::delete_sandbox{c.sandbox_id},
      [this](const done&) { answer(204, {}); });
}

void client_call_state::begin(call::begin_turn& c) {
  with_sandbox(c.sandbox_id, [this, text = std::move(c.text)](const actors::sandbox_actor& s) {
    ask(s, 30'000, protocol::begin_turn{text},
        [this](const turn_view& t) { answer(201, to_json(t)); });
  });
}

void client_call_state::begin(call::get_limits& c) {
  with_sandbox(c.sandbox_id, [this, id = c.sandbox_id](const actors::sandbox_actor&) {
    ask(env_->handles.sandbox(id).limiter, limits_ms, protocol::look_at_limits{id},
        [this](const limits_view& v) { answer(200, to_json(v)); });
  });
}

void client_call_state::begin(call::change_limits& c) {
  with_sandbox(c.sandbox_id, [this, changes = c.changes](const actors::sandbox_actor& s) {
    ask(s, limits_ms, protocol::change_limits{changes},
        [this](const limits_view& v) { answer_when_kept(200, to_json(v)); });
  });
}

void client_call_state::begin(call::create_kernel& c) {
  if (c.kernel_id.empty()) c.kernel_id = make_id("krn_", env_->random.next(), env_->random.next());
  with_sandbox(c.sandbox_id, [this, id = c.kernel_id](const actors::sandbox_actor& s) {
    ask(s, ask_ms, protocol::create_kernel{id},
        [this](const kernel_view& k) { answer_when_kept(201, to_json(k)); });
  });
}

void client_call_state::begin(call::delete_kernel& c) {
  with_sandbox(c.sandbox_id, [this, id = c.kernel_id](const actors::sandbox_actor& s) {
    ask(s, 30'000, protocol::delete_kernel{id}, [this](const done&) { answer(204, {}); });
  });
}

void client_call_state::begin(call::interrupt_kernel& c) {
  with_kernel(c.sandbox_id, c.kernel_id, [this](const kernel_actor& k) {
    ask(k, ask_ms, protocol::interrupt_kernel{"client"},
        [this](const kernel_view& v) { answer(202, to_json(v)); });
  });
}

void client_call_state::begin(call::restart_kernel& c) {
  auto wait = c.wait;
  auto& options = env_->settings.kernel;
  auto timeout_ms =
      wait ? options.start_timeout_ms + options.restart.stop_grace_ms + 10'000 : ask_ms;
  with_kernel(c.sandbox_id, c.kernel_id, [this, wait, timeout_ms](const kernel_actor& k) {
    ask(k, timeout_ms, protocol::restart_kernel{wait},
        [this, wait](const kernel_view& v) { answer(wait ? 200 : 202, to_json(v)); });
  });
}

// -- events of the node ---------------------------------------------------------------------------

void client_call_state::begin(call::follow_node& c) {
  goal_ = goal::stream;
  next_ = c.from;
  follow_node();
}

void client_call_state::follow_node() {
  auto journal = env_->handles.journal();
  if (!journal) return try_again(&client_call_state::follow_node);
  self_->set_down_handler([this](const caf::down_msg&) {
    if (sink_) try_again(&client_call_state::follow_node);
  });
  self_->monitor(journal);
  self_
      ->request(journal, milliseconds(ask_ms), protocol::follow_execution{"", next_, true},
                actors::follower_actor(self_))
      .then(
          [this](std::uint64_t last) {
            if (!sink_) return;
            tries_ = 0;
            if (!std::exchange(accepted_, true)) sink_->accepted("");
            if (next_ == 0) next_ = last + 1;
            paging_ = next_ <= last;
            if (paging_) page_node();
          },
          [this](const caf::error& e) { fail(e); });
}

void client_call_state::page_node() {
  ask(env_->handles.journal(), ask_ms, load_events{"", next_}, [this](event_batch& b) {
    if (!sink_) return;
    auto more = !b.events.empty();
    paging_ = false;
    if (more) take(b);
    paging_ = more;
    if (more) page_node();
  });
}

}  // namespace gateways
