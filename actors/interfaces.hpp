// Every typed actor interface of the node, and every message type, on one page.
//
// All messages are inspectable, so each of these may be a proxy for an actor on another node.
// Every request has a finite timeout; every remote handle is monitored.
#pragma once

#include <caf/error.hpp>
#include <caf/replies_to.hpp>
#include <caf/type_id.hpp>
#include <caf/typed_actor.hpp>
#include <cstdint>
#include <string>

#include "actors/timers.hpp"
#include "protocol/browser.hpp"
#include "protocol/commands.hpp"
#include "protocol/error.hpp"

CAF_ERROR_CODE_ENUM(protocol::error_code, "troupe")

namespace actors {

using namespace protocol;  // NOLINT: this page speaks of nothing else

/// Whoever reads an execution's events, or the node's.
using follower_actor = caf::typed_actor<
    // Takes the next events; numbers go on without a gap from the last batch.
    caf::reacts_to<event_batch>>;

/// Whoever runs executions: a kernel, or the commands of a sandbox.
using execution_actor = caf::typed_actor<
    // Accepts one: its events go to the follower from number 1.
    caf::replies_to<execution_request, follower_actor>::with<execution_record>,
    // Sends the events from a number on to a follower; the record as it stands is the answer.
    caf::replies_to<follow_execution, follower_actor>::with<execution_record>,
    // Interrupts code, or takes it out of the queue; kills a command.
    caf::replies_to<cancel_execution>::with<execution_record>,
    // Answers a kernel's input_request, or feeds a command; wrong_state when none is taken.
    caf::replies_to<give_stdin>::with<execution_record>,
    // Its sandbox is over a limit; or the limits have changed, for what starts next.
    caf::reacts_to<limit_exceeded>, caf::reacts_to<limits>>;

/// One kernel: orders everything its clients see, and owns its process.
using kernel_actor = execution_actor::extend<
    // SIGINT to what runs; harmless when nothing does.
    caf::replies_to<interrupt_kernel>::with<kernel_view>,
    // A new generation; what ran and waited ends as cancelled.
    caf::replies_to<restart_kernel>::with<kernel_view>,
    // Ends everything, stops the process, answers, and quits.
    caf::replies_to<stop_kernel>::with<done>,
    // What the process and its link did, in the order it happened.
    caf::reacts_to<process_started>, caf::reacts_to<process_start_failed>,
    caf::reacts_to<kernel_answered>, caf::reacts_to<messages_received>,
    caf::reacts_to<heartbeat_lost>, caf::reacts_to<process_exited>, caf::reacts_to<link_drained>,
    // The journal has an end.
    caf::reacts_to<committed>,
    // It is time to begin, to look at deadlines or commits, or to hand the journal what is new.
    caf::reacts_to<kernel_timer>>;

/// The commands of a sandbox: orders everything their clients see, and owns their processes.
using commands_actor = execution_actor::extend<
    // The size of a command's terminal; wrong_state when it has none.
    caf::replies_to<resize_terminal>::with<execution_record>,
    // Ends everything, answers, and quits.
    caf::replies_to<stop_commands>::with<done>,
    // What the processes did, in the order it happened.
    caf::reacts_to<command_start_failed>, caf::reacts_to<command_printed>,
    caf::reacts_to<command_took_input>, caf::reacts_to<command_exited>,
    // It is time to look at a deadline, or to hand the journal what is new.
    caf::reacts_to<command_timer>>;

/// The browser of a sandbox, whether it runs or not: owns its process, and acts on its pages.
using browser_actor = caf::typed_actor<
    // Starts it when it does not run.
    caf::replies_to<start_browser>::with<browser_view>,
    // A new generation, also after the policy gave up.
    caf::replies_to<restart_browser>::with<browser_view>,
    // Ends the process; the next use starts it again.
    caf::replies_to<stop_browser>::with<browser_view>,
    // Acts on a page, or reads from it; starts the browser when it does not run.
    caf::replies_to<browse>::with<browsed>,
    // Ends everything, answers, and quits.
    caf::replies_to<close_browser>::with<done>,
    // The limits of its sandbox have changed, for what starts next.
    caf::reacts_to<limits>,
    // What the process and its pipe did, in the order it happened.
    caf::reacts_to<browser_started>, caf::reacts_to<browser_start_failed>,
    caf::reacts_to<browser_answered>, caf::reacts_to<browser_said>, caf::reacts_to<browser_silent>,
    caf::reacts_to<browser_exited>,
    // What its clients by CDP do.
    caf::reacts_to<browser_wanted>, caf::reacts_to<browser_clients>,
    // It is time to look at a deadline, or whether anybody uses it.
    caf::reacts_to<browser_timer>>;

/// The durable record. Batches writes; reads see what was written before them.
using journal_actor = caf::typed_actor<
    // Keeps a record as it stands: queued, or running.
    caf::reacts_to<execution_record>,
    // Keeps events of a running execution.
    caf::reacts_to<append_events>,
    // Keeps the end of an execution; answered once it is on disk, or known not to get there.
    caf::replies_to<commit_execution>::with<committed>,
    // Answered once all that came before is on disk, or known not to get there.
    caf::replies_to<sync_journal>::with<committed>,
    // The record of an execution, or execution_not_found.
    caf::replies_to<load_execution>::with<execution_record>,
    // Events from a number on, up to a bound; `ended` is set when the last one is among them.
    caf::replies_to<load_events>::with<event_batch>,
    // Which execution an Idempotency-Key stands for.
    caf::replies_to<claim_key>::with<std::string>, caf::reacts_to<release_key>,
    // Keeps what a sandbox is made from; forgets one that was deleted.
    caf::reacts_to<sandbox_spec>, caf::reacts_to<forget_sandbox>,
    caf::replies_to<load_sandboxes>::with<sandbox_list>,
    // Keeps a kernel's generation; tells what an earlier actor or daemon left behind.
    caf::reacts_to<mark_kernel>, caf::replies_to<load_kernel>::with<kernel_memory>,
    // Numbers and keeps an event of the node, and tells those who watch.
    caf::reacts_to<node_event>,
    // Sends the node's events to come to a follower, until it dies. Answers the last number so far.
    caf::replies_to<follow_execution, follower_actor>::with<std::uint64_t>,
    // Its own rhythm: write what waits, prune what is too old or too much.
    caf::reacts_to<tick>>;

/// Admission, of the node: how much runs at once.
using limiter_actor = caf::typed_actor<
    // Lets an execution in and hands it on to who runs it, or says what is used and what remains.
    caf::replies_to<execution_request, execution_actor, follower_actor>::with<execution_record>,
    // Its end, or a refusal further on, gives back what it held.
    caf::reacts_to<release_execution>>;

/// Admission to a sandbox, which then asks the node's; and its budgets, watched.
using sandbox_limiter_actor = limiter_actor::extend<
    // Begins a turn: its steps are counted from nothing.
    caf::replies_to<begin_turn>::with<turn_view>,
    // Looks at what the sandbox uses, and tells what its limits leave.
    caf::replies_to<look_at_limits>::with<limits_view>,
    // Its own: a look is due, and what it found.
    caf::reacts_to<tick>, caf::reacts_to<limits_looked>,
    // The limits have changed.
    caf::reacts_to<limits>>;

/// The folder of a sandbox and its zones. File work is done off the scheduler.
using workspace_actor = caf::typed_actor<
    // Makes the folder and its zones.
    caf::replies_to<prepare_workspace>::with<workspace_ready>,
    // Appends output that was cut from an event log; in order.
    caf::replies_to<spill_output>::with<spilled>,
    // Removes the folder.
    caf::replies_to<remove_workspace>::with<done>,
    // Its own: the file work with this number is over.
    caf::reacts_to<tick>>;

/// One sandbox: starts and supervises its limiter, workspace, commands and kernels.
using sandbox_actor = caf::typed_actor<
    // Adds a kernel; answered at once, it starts meanwhile.
    caf::replies_to<create_kernel>::with<kernel_view>,
    // Stops a kernel and forgets it.
    caf::replies_to<delete_kernel>::with<done>,
    // Begins a turn; in mode chat the workspace is wiped but for what was uploaded.
    caf::replies_to<begin_turn>::with<turn_view>,
    // Changes limits: what the system holds at once, the rest for what starts next.
    caf::replies_to<change_limits>::with<limits_view>, caf::reacts_to<limits_changed>,
    // Stops everything in it, answers, and quits.
    caf::replies_to<close_sandbox>::with<done>,
    // A kernel failed for good, or became ready: the sandbox's own state follows.
    caf::reacts_to<kernel_turned>,
    // The system has given it a user and a group, or why not.
    caf::reacts_to<sandbox_opened>,
    // A child that died is due again.
    caf::reacts_to<restart_due>>;

/// All sandboxes of the node.
using sandboxes_actor = caf::typed_actor<
    // Makes a sandbox; answered when its workspace is there.
    caf::replies_to<create_sandbox>::with<sandbox_view>,
    // Closes a sandbox and forgets it.
    caf::replies_to<delete_sandbox>::with<done>,
    // Ends everything within a deadline; answered when nothing runs any more.
    caf::replies_to<drain>::with<done>,
    // Looks at ttl and idleness.
    caf::reacts_to<tick>, caf::reacts_to<restart_due>>;

/// Holds a listening port open as long as it lives. It has nothing to say.
using listener_actor = caf::typed_actor<
    // Ignored.
    caf::reacts_to<tick>>;

/// Starts children in order, restarts them by policy, stops them in reverse.
using supervisor_actor = caf::typed_actor<
    // A child that died is due again.
    caf::reacts_to<restart_due>,
    // Stops the children in reverse order, answers, and quits.
    caf::replies_to<drain>::with<done>>;

}  // namespace actors

CAF_BEGIN_TYPE_ID_BLOCK(troupe, caf::first_custom_type_id)
CAF_ADD_TYPE_ID(troupe, (protocol::buffer))
CAF_ADD_TYPE_ID(troupe, (std::vector<protocol::buffer>))
CAF_ADD_TYPE_ID(troupe, (protocol::cause))
CAF_ADD_TYPE_ID(troupe, (protocol::fault))
CAF_ADD_TYPE_ID(troupe, (protocol::jupyter::message))
CAF_ADD_TYPE_ID(troupe, (std::vector<protocol::jupyter::message>))
CAF_ADD_TYPE_ID(troupe, (protocol::execution_request))
CAF_ADD_TYPE_ID(troupe, (protocol::execution_record))
CAF_ADD_TYPE_ID(troupe, (std::vector<protocol::execution_record>))
CAF_ADD_TYPE_ID(troupe, (protocol::event_batch))
CAF_ADD_TYPE_ID(troupe, (protocol::sandbox_spec))
CAF_ADD_TYPE_ID(troupe, (std::vector<protocol::sandbox_spec>))
CAF_ADD_TYPE_ID(troupe, (protocol::sandbox_view))
CAF_ADD_TYPE_ID(troupe, (protocol::kernel_view))
CAF_ADD_TYPE_ID(troupe, (protocol::turn_view))
CAF_ADD_TYPE_ID(troupe, (protocol::limits))
CAF_ADD_TYPE_ID(troupe, (protocol::follow_execution))
CAF_ADD_TYPE_ID(troupe, (protocol::cancel_execution))
CAF_ADD_TYPE_ID(troupe, (protocol::give_stdin))
CAF_ADD_TYPE_ID(troupe, (protocol::resize_terminal))
CAF_ADD_TYPE_ID(troupe, (protocol::stop_commands))
CAF_ADD_TYPE_ID(troupe, (protocol::command_start_failed))
CAF_ADD_TYPE_ID(troupe, (protocol::command_printed))
CAF_ADD_TYPE_ID(troupe, (protocol::command_took_input))
CAF_ADD_TYPE_ID(troupe, (protocol::command_exited))
CAF_ADD_TYPE_ID(troupe, (protocol::start_browser))
CAF_ADD_TYPE_ID(troupe, (protocol::restart_browser))
CAF_ADD_TYPE_ID(troupe, (protocol::stop_browser))
CAF_ADD_TYPE_ID(troupe, (protocol::browse))
CAF_ADD_TYPE_ID(troupe, (protocol::browsed))
CAF_ADD_TYPE_ID(troupe, (protocol::close_browser))
CAF_ADD_TYPE_ID(troupe, (protocol::browser_view))
CAF_ADD_TYPE_ID(troupe, (protocol::browser_started))
CAF_ADD_TYPE_ID(troupe, (protocol::browser_start_failed))
CAF_ADD_TYPE_ID(troupe, (protocol::browser_answered))
CAF_ADD_TYPE_ID(troupe, (protocol::browser_said))
CAF_ADD_TYPE_ID(troupe, (protocol::browser_silent))
CAF_ADD_TYPE_ID(troupe, (protocol::browser_exited))
CAF_ADD_TYPE_ID(troupe, (protocol::browser_wanted))
CAF_ADD_TYPE_ID(troupe, (protocol::browser_clients))
CAF_ADD_TYPE_ID(troupe, (protocol::interrupt_kernel))
CAF_ADD_TYPE_ID(troupe, (protocol::restart_kernel))
CAF_ADD_TYPE_ID(troupe, (protocol::stop_kernel))
CAF_ADD_TYPE_ID(troupe, (protocol::process_started))
CAF_ADD_TYPE_ID(troupe, (protocol::process_start_failed))
CAF_ADD_TYPE_ID(troupe, (protocol::kernel_answered))
CAF_ADD_TYPE_ID(troupe, (protocol::messages_received))
CAF_ADD_TYPE_ID(troupe, (protocol::heartbeat_lost))
CAF_ADD_TYPE_ID(troupe, (protocol::process_exited))
CAF_ADD_TYPE_ID(troupe, (protocol::link_drained))
CAF_ADD_TYPE_ID(troupe, (protocol::limit_exceeded))
CAF_ADD_TYPE_ID(troupe, (protocol::sandbox_opened))
CAF_ADD_TYPE_ID(troupe, (protocol::append_events))
CAF_ADD_TYPE_ID(troupe, (protocol::commit_execution))
CAF_ADD_TYPE_ID(troupe, (protocol::committed))
CAF_ADD_TYPE_ID(troupe, (protocol::load_execution))
CAF_ADD_TYPE_ID(troupe, (protocol::load_events))
CAF_ADD_TYPE_ID(troupe, (protocol::claim_key))
CAF_ADD_TYPE_ID(troupe, (protocol::release_key))
CAF_ADD_TYPE_ID(troupe, (protocol::forget_sandbox))
CAF_ADD_TYPE_ID(troupe, (protocol::load_sandboxes))
CAF_ADD_TYPE_ID(troupe, (protocol::sync_journal))
CAF_ADD_TYPE_ID(troupe, (protocol::sandbox_list))
CAF_ADD_TYPE_ID(troupe, (protocol::mark_kernel))
CAF_ADD_TYPE_ID(troupe, (protocol::load_kernel))
CAF_ADD_TYPE_ID(troupe, (protocol::kernel_memory))
CAF_ADD_TYPE_ID(troupe, (protocol::node_event))
CAF_ADD_TYPE_ID(troupe, (protocol::release_execution))
CAF_ADD_TYPE_ID(troupe, (protocol::begin_turn))
CAF_ADD_TYPE_ID(troupe, (protocol::prepare_workspace))
CAF_ADD_TYPE_ID(troupe, (protocol::workspace_ready))
CAF_ADD_TYPE_ID(troupe, (protocol::spill_output))
CAF_ADD_TYPE_ID(troupe, (protocol::spilled))
CAF_ADD_TYPE_ID(troupe, (protocol::look_at_limits))
CAF_ADD_TYPE_ID(troupe, (protocol::limits_looked))
CAF_ADD_TYPE_ID(troupe, (protocol::limits_view))
CAF_ADD_TYPE_ID(troupe, (protocol::change_limits))
CAF_ADD_TYPE_ID(troupe, (protocol::limits_changed))
CAF_ADD_TYPE_ID(troupe, (protocol::remove_workspace))
CAF_ADD_TYPE_ID(troupe, (protocol::create_kernel))
CAF_ADD_TYPE_ID(troupe, (protocol::delete_kernel))
CAF_ADD_TYPE_ID(troupe, (protocol::create_sandbox))
CAF_ADD_TYPE_ID(troupe, (protocol::kernel_turned))
CAF_ADD_TYPE_ID(troupe, (protocol::delete_sandbox))
CAF_ADD_TYPE_ID(troupe, (protocol::close_sandbox))
CAF_ADD_TYPE_ID(troupe, (protocol::drain))
CAF_ADD_TYPE_ID(troupe, (protocol::done))
CAF_ADD_TYPE_ID(troupe, (actors::kernel_timer))
CAF_ADD_TYPE_ID(troupe, (actors::command_timer))
CAF_ADD_TYPE_ID(troupe, (actors::browser_timer))
CAF_ADD_TYPE_ID(troupe, (actors::restart_due))
CAF_ADD_TYPE_ID(troupe, (actors::tick))
CAF_ADD_TYPE_ID(troupe, (actors::follower_actor))
CAF_ADD_TYPE_ID(troupe, (actors::execution_actor))
CAF_END_TYPE_ID_BLOCK(troupe)
