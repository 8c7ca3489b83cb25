#include "config/options.hpp"

#include <algorithm>
#include <array>

namespace config {
namespace {

template <class Object>
Object& walk(Object& object) {
  return object;
}

template <class Object, class Member, class... Rest>
auto& walk(Object& object, Member member, Rest... rest) {
  return walk(object.*member, rest...);
}

/// The accessor of the field that a path of pointers to members leads to.
template <auto... Path>
constexpr field at() {
  return [](settings & values) -> auto& {
    return walk(values, Path...);
  };
}

template <auto Member>
constexpr field node() {
  return at<&settings::node, Member>();
}
template <auto Member>
constexpr field http() {
  return at<&settings::http, Member>();
}
template <auto Member>
constexpr field cdp() {
  return at<&settings::cdp, Member>();
}
template <auto Member>
constexpr field kernel() {
  return at<&settings::kernel, Member>();
}
template <auto Member>
constexpr field kernel_restart() {
  return at<&settings::kernel, &kernel_options::restart, Member>();
}
template <auto Member>
constexpr field kernel_egress() {
  return at<&settings::kernel, &kernel_options::egress, Member>();
}
template <auto Member>
constexpr field command() {
  return at<&settings::command, Member>();
}
template <auto Member>
constexpr field browser() {
  return at<&settings::browser, Member>();
}
template <auto Member>
constexpr field browser_restart() {
  return at<&settings::browser, &browser_options::restart, Member>();
}
template <auto Member>
constexpr field browser_egress() {
  return at<&settings::browser, &browser_options::egress, Member>();
}
template <auto Member>
constexpr field sandbox() {
  return at<&settings::sandbox, Member>();
}
template <auto Member>
constexpr field isolation() {
  return at<&settings::isolation, Member>();
}
template <auto Member>
constexpr field limit() {
  return at<&settings::limits, Member>();
}
template <auto Member>
constexpr field journal() {
  return at<&settings::journal, Member>();
}
template <auto Member>
constexpr field actor_restart() {
  return at<&settings::actor_restart, Member>();
}

constexpr double hour_ms = 3'600'000;
constexpr double day_ms = 24 * hour_ms;
constexpr double tib = 1ull << 40;
constexpr range any{0, 0};

constexpr range between(double min, double max) {
  return {min, max};
}

constexpr std::string_view restart_words = "never|abnormal|always";
constexpr std::string_view exhausted_words = "fail|escalate";

constexpr std::array table{
    option{"node.data_dir", node<&node_options::data_dir>(), "", any, "",
           "Where everything is kept; empty: $XDG_STATE_HOME/troupe, as root /var/lib/troupe.",
           "--data-dir"},
    option{"node.ready_file", node<&node_options::ready_file>(), "", any, "",
           "Written atomically once the node is ready, as JSON; empty: none.", "--ready-file"},
    option{"node.insecure", node<&node_options::insecure>(), "", any, "",
           "Ask for no token: whoever reaches the port may run code.", "--insecure"},
    option{"node.drain_ms", node<&node_options::drain_ms>(), "ms", between(0, hour_ms), "",
           "Running work gets this long to end after SIGTERM.", ""},
    option{"node.threads", node<&node_options::threads>(), "", between(0, 256), "",
           "Threads of the actor scheduler; 0: one for every four processors, at least one.", ""},
    option{"node.log_level", node<&node_options::log_level>(), "", any, "debug|info|warn|error",
           "The least severe line that is logged.", ""},

    option{"http.listen", http<&http_options::listen>(), "", any, "",
           "HOST:PORT of the HTTP gateway; port 0 lets the system choose.", "--listen"},
    option{"http.allowed_hosts", http<&http_options::allowed_hosts>(), "", any, "",
           "Host names taken beside the address listened on and localhost.", ""},
    option{"http.allowed_origins", http<&http_options::allowed_origins>(), "", any, "",
           "Origins that browsers may call from (CORS); empty: no other origin.", ""},
    option{"http.connections_max", http<&http_options::connections_max>(), "",
           between(1, 1'000'000), "", "Connections at once; one more waits in the backlog.", ""},
    option{"http.header_bytes_max", http<&http_options::header_bytes_max>(), "bytes",
           between(1'024, 1 << 20), "", "The largest request header; beyond: 431.", ""},
    option{"http.body_bytes_max", http<&http_options::body_bytes_max>(), "bytes",
           between(1'024, 1 << 30), "", "The largest request body; beyond: 413.", ""},
    option{"http.upload_bytes_max", http<&http_options::upload_bytes_max>(), "bytes",
           between(1'024, double(std::uint64_t{1} << 50)), "",
           "The largest file that is uploaded, not kept in memory; beyond: 413.", ""},
    option{"http.header_timeout_ms", http<&http_options::header_timeout_ms>(), "ms",
           between(10, hour_ms), "", "A request header must be complete within this time.", ""},
    option{"http.body_timeout_ms", http<&http_options::body_timeout_ms>(), "ms",
           between(10, hour_ms), "",
           "A request body must be complete within this time; an upload, go on within it.", ""},
    option{"http.body_rate_min", http<&http_options::body_rate_min>(), "bytes/s",
           between(0, 1 << 30), "",
           "An upload that stays slower uses up http.body_timeout_ms; beyond: 408; 0: any.", ""},
    option{"http.idle_timeout_ms", http<&http_options::idle_timeout_ms>(), "ms",
           between(10, day_ms), "",
           "A kept-alive connection may be silent this long between requests.", ""},
    option{"http.write_timeout_ms", http<&http_options::write_timeout_ms>(), "ms",
           between(10, hour_ms), "", "A client that takes nothing for so long is cut.", ""},
    option{"http.keepalive_ms", http<&http_options::keepalive_ms>(), "ms", between(10, hour_ms), "",
           "Time between the keep-alives of a silent stream.", ""},
    option{"http.event_queue_max", http<&http_options::event_queue_max>(), "",
           between(16, 1'000'000), "",
           "Events that wait for one slow reader; beyond: it is cut and may resume.", ""},

    option{"cdp.listen", cdp<&cdp_options::listen>(), "", any, "",
           "HOST:PORT of the CDP gateway; port 0 lets the system choose.", "--cdp-listen"},
    option{"cdp.remote_listen", cdp<&cdp_options::remote_listen>(), "", any, "",
           "A second one, [HOST]:PORT, where everybody shows the token; empty: none.", ""},
    option{"cdp.trust_users", cdp<&cdp_options::trust_users>(), "", any, "",
           "Users of this machine, by name or number, who need no token on cdp.listen, beside the "
           "daemon's own.",
           ""},
    option{"cdp.tokens_file", cdp<&cdp_options::tokens_file>(), "", any, "",
           "Further tokens for the CDP gateway, each with the domains and methods that it may use "
           "(docs/browser.md); empty: none.",
           ""},
    option{"cdp.connections_max", cdp<&cdp_options::connections_max>(), "", between(1, 100'000), "",
           "Connections to browsers at once; one more is refused.", ""},
    option{"cdp.queue_bytes_max", cdp<&cdp_options::queue_bytes_max>(), "bytes",
           between(1 << 20, tib), "",
           "What waits for one slow client; beyond: it is cut, and the others notice nothing.", ""},
    option{"cdp.protocol_file", cdp<&cdp_options::protocol_file>(), "", any, "",
           "What /json/protocol answers; empty: what a Chromium says that is started for it.", ""},

    option{"kernel.python", kernel<&kernel_options::python>(), "", any, "",
           "The Python that runs kernels; it needs ipykernel.", ""},
    option{"kernel.queue_max", kernel<&kernel_options::queue_max>(), "", between(0, 100'000), "",
           "Executions that wait in one kernel; beyond: 429.", ""},
    option{"kernel.max_per_sandbox", kernel<&kernel_options::max_per_sandbox>(), "",
           between(1, 1'024), "", "Kernels in one sandbox.", ""},
    option{"kernel.timeout_ms", kernel<&kernel_options::timeout_ms>(), "ms", between(1, day_ms), "",
           "Time limit of an execution that names none.", ""},
    option{"kernel.timeout_ms_max", kernel<&kernel_options::timeout_ms_max>(), "ms",
           between(1, day_ms), "", "The largest time limit that an execution may ask for.", ""},
    option{"kernel.start_timeout_ms", kernel<&kernel_options::start_timeout_ms>(), "ms",
           between(100, hour_ms), "",
           "A kernel must answer within this time of its process's start.", ""},
    option{"kernel.heartbeat_interval_ms", kernel<&kernel_options::heartbeat_interval_ms>(), "ms",
           between(10, hour_ms), "", "Time between two heartbeats.", ""},
    option{"kernel.heartbeat_misses", kernel<&kernel_options::heartbeat_misses>(), "",
           between(1, 1'000), "", "Unanswered heartbeats in a row that mean death.", ""},
    option{"kernel.interrupt_grace_ms", kernel<&kernel_options::interrupt_grace_ms>(), "ms",
           between(0, hour_ms), "", "From the interrupt of an execution to the kill of its kernel.",
           ""},
    option{"kernel.settle_ms", kernel<&kernel_options::settle_ms>(), "ms", between(10, hour_ms), "",
           "The kernel's reply and its idle status may be this far apart.", ""},
    option{"kernel.debugger", kernel<&kernel_options::debugger>(), "", any, "",
           "Load debugpy at start; a start takes about 200 ms longer.", ""},

    option{"kernel.egress.mode", kernel_egress<&egress_options::mode>(), "", any, "none|proxy",
           "How kernels and commands reach other hosts: not at all, or through the daemon's proxy.",
           ""},
    option{"kernel.egress.allow", kernel_egress<&egress_options::allow>(), "", any, "",
           "What may be reached: HOST, .SUFFIX, ADDRESS or CIDR, with :PORT or :FIRST-LAST; "
           "empty: nothing.",
           ""},
    option{"kernel.egress.deny", kernel_egress<&egress_options::deny>(), "", any, "",
           "What may not be reached, whatever is allowed; rules as in allow.", ""},
    option{"kernel.egress.connections_max", kernel_egress<&egress_options::connections_max>(), "",
           between(1, 65'536), "", "Connections of one sandbox at once; one more waits.", ""},
    option{"kernel.egress.setup_timeout_ms", kernel_egress<&egress_options::setup_timeout_ms>(),
           "ms", between(100, hour_ms), "",
           "A request's head, its host's resolution and the connection take at most this together.",
           ""},
    option{"kernel.egress.idle_timeout_ms", kernel_egress<&egress_options::idle_timeout_ms>(), "ms",
           between(100, day_ms), "", "A connection on which nothing moves for so long is cut.", ""},
    option{"kernel.egress.lifetime_ms_max", kernel_egress<&egress_options::lifetime_ms_max>(), "ms",
           between(100, 30 * day_ms), "", "A connection lives at most this long.", ""},
    option{"kernel.egress.bytes_max", kernel_egress<&egress_options::bytes_max>(), "bytes",
           between(0, tib), "",
           "What one sandbox exchanges with other hosts as long as it lives; then it is cut off; "
           "0: any.",
           ""},

    option{"kernel.restart.on", kernel_restart<&restart_policy::on>(), "", any, restart_words,
           "Which ends of a kernel's process make it start again.", ""},
    option{"kernel.restart.max_restarts", kernel_restart<&restart_policy::max_restarts>(), "",
           between(0, 1'000'000), "", "Restarts within the window; one more exhausts the policy.",
           ""},
    option{"kernel.restart.window_ms", kernel_restart<&restart_policy::window_ms>(), "ms",
           between(1, day_ms), "", "The time in which restarts are counted.", ""},
    option{"kernel.restart.backoff_min_ms", kernel_restart<&restart_policy::backoff_min_ms>(), "ms",
           between(0, hour_ms), "",
           "Wait before the second restart in a row; the first is at once.", ""},
    option{"kernel.restart.backoff_max_ms", kernel_restart<&restart_policy::backoff_max_ms>(), "ms",
           between(0, hour_ms), "", "The wait doubles up to this.", ""},
    option{"kernel.restart.jitter", kernel_restart<&restart_policy::jitter>(), "", between(0, 1),
           "", "Share of the wait that is drawn at random.", ""},
    option{"kernel.restart.stable_after_ms", kernel_restart<&restart_policy::stable_after_ms>(),
           "ms", between(0, day_ms), "", "Once up for this long, earlier restarts are forgotten.",
           ""},
    option{"kernel.restart.stop_grace_ms", kernel_restart<&restart_policy::stop_grace_ms>(), "ms",
           between(0, hour_ms), "", "Between asking a kernel to stop and killing it.", ""},
    option{"kernel.restart.then", kernel_restart<&restart_policy::then>(), "", any, exhausted_words,
           "What follows an exhausted policy: the kernel fails, or its parent does.", ""},

    option{"command.shell", command<&command_options::shell>(), "", any, "",
           "The shell that runs a command which is one string, with -c.", ""},
    option{"command.max_per_sandbox", command<&command_options::max_per_sandbox>(), "",
           between(1, 1'024), "", "Commands that run at once in one sandbox; beyond: 429.", ""},
    option{"command.kill_grace_ms", command<&command_options::kill_grace_ms>(), "ms",
           between(0, hour_ms), "", "From a command's SIGTERM, at its time limit, to its SIGKILL.",
           ""},

    option{"browser.program", browser<&browser_options::program>(), "", any, "",
           "The Chromium that is started; the program itself, not a script around it.", ""},
    option{"browser.start", browser<&browser_options::start>(), "", any, "first_use|sandbox|never",
           "When a sandbox's browser starts: at its first use, with the sandbox, or not at all.",
           ""},
    option{"browser.idle_stop_ms", browser<&browser_options::idle_stop_ms>(), "ms",
           between(0, day_ms), "",
           "A browser without a client and an action for so long is stopped; 0: it stays.", ""},
    option{"browser.start_timeout_ms", browser<&browser_options::start_timeout_ms>(), "ms",
           between(100, hour_ms), "",
           "A browser must answer within this time of its process's start.", ""},
    option{"browser.ping_interval_ms", browser<&browser_options::ping_interval_ms>(), "ms",
           between(10, hour_ms), "", "Time between two pings.", ""},
    option{"browser.ping_misses", browser<&browser_options::ping_misses>(), "", between(1, 1'000),
           "", "Unanswered pings in a row that mean death.", ""},
    option{"browser.pages_max", browser<&browser_options::pages_max>(), "", between(1, 10'000), "",
           "Pages of one browser; browser.pages_full says what becomes of one more.", ""},
    option{"browser.pages_full", browser<&browser_options::pages_full>(), "", any, "discard|refuse",
           "Beyond browser.pages_max: the page that was not used for longest goes, or the new one.",
           ""},
    option{"browser.dialogs", browser<&browser_options::dialogs>(), "", any, "accept|dismiss|ask",
           "What is done with a page's dialog; ask: it waits for the action `dialog`.", ""},
    option{"browser.permissions", browser<&browser_options::permissions>(), "", any, "",
           "What every page may, such as geolocation or notifications; else it is refused.", ""},
    option{"browser.certificate_errors", browser<&browser_options::certificate_errors>(), "", any,
           "refuse|ignore", "What is done with a site whose certificate is wrong.", ""},
    option{"browser.unresponsive_after_ms", browser<&browser_options::unresponsive_after_ms>(),
           "ms", between(0, hour_ms), "",
           "A page that does not answer for so long is unresponsive; 0: pages are not asked.", ""},
    option{"browser.unresponsive", browser<&browser_options::unresponsive>(), "", any,
           "recover|report",
           "Such a page's script is ended, then its document, then the page; or it is only told.",
           ""},
    option{"browser.headful", browser<&browser_options::headful>(), "", any, "",
           "With a window, on a display that nobody sees; needs Xvfb.", ""},
    option{"browser.xvfb", browser<&browser_options::xvfb>(), "", any, "",
           "The Xvfb that is started for browser.headful.", ""},
    option{"browser.window", browser<&browser_options::window>(), "", any, "",
           "WIDTHxHEIGHT of the window.", ""},
    option{"browser.screen", browser<&browser_options::screen>(), "", any, "",
           "WIDTHxHEIGHT of the screen.", ""},
    option{"browser.profile", browser<&browser_options::profile>(), "", any,
           "off|en-US|en-GB|de-DE|fr-FR|es-ES|ja-JP|zh-CN",
           "What pages see of the browser, as one consistent whole; off: what Chromium shows.", ""},
    option{"browser.accept_language", browser<&browser_options::accept_language>(), "", any, "",
           "The languages that pages are asked for, the best first; empty: the profile's.", ""},
    option{"browser.timezone", browser<&browser_options::timezone>(), "", any, "",
           "Area/City; empty: the profile's.", ""},
    option{"browser.extensions", browser<&browser_options::extensions>(), "", any, "",
           "Folders of unpacked extensions that are loaded.", ""},
    option{"browser.flags", browser<&browser_options::flags>(), "", any, "",
           "More flags of Chromium's own, each with its two dashes.", ""},
    option{"browser.no_sandbox", browser<&browser_options::no_sandbox>(), "", any, "",
           "Start Chromium without its own walls, where they cannot be had; the daemon's stay.",
           ""},
    option{"browser.memory_bytes", browser<&browser_options::memory_bytes>(), "bytes",
           between(128 << 20, tib), "", "Memory of one browser.", ""},
    option{"browser.processes", browser<&browser_options::processes>(), "", between(0, 1'000'000),
           "", "Processes and threads of one browser at once; 0: any number.", ""},
    option{"browser.cpus", browser<&browser_options::cpus>(), "", between(0, 4'096), "",
           "Processors' worth of time that one browser may use; 0: as much as there is.", ""},

    option{"browser.egress.mode", browser_egress<&egress_options::mode>(), "", any, "none|proxy",
           "How the browser reaches other hosts: not at all, or through the daemon's proxy.", ""},
    option{"browser.egress.allow", browser_egress<&egress_options::allow>(), "", any, "",
           "What may be reached: HOST, .SUFFIX, ADDRESS or CIDR, with :PORT or :FIRST-LAST; "
           "empty: nothing.",
           ""},
    option{"browser.egress.deny", browser_egress<&egress_options::deny>(), "", any, "",
           "What may not be reached, whatever is allowed; rules as in allow.", ""},
    option{"browser.egress.connections_max", browser_egress<&egress_options::connections_max>(), "",
           between(1, 65'536), "", "Connections of one sandbox at once; one more waits.", ""},
    option{"browser.egress.setup_timeout_ms", browser_egress<&egress_options::setup_timeout_ms>(),
           "ms", between(100, hour_ms), "",
           "A request's head, its host's resolution and the connection take at most this together.",
           ""},
    option{"browser.egress.idle_timeout_ms", browser_egress<&egress_options::idle_timeout_ms>(),
           "ms", between(100, day_ms), "",
           "A connection on which nothing moves for so long is cut.", ""},
    option{"browser.egress.lifetime_ms_max", browser_egress<&egress_options::lifetime_ms_max>(),
           "ms", between(100, 30 * day_ms), "", "A connection lives at most this long.", ""},
    option{"browser.egress.bytes_max", browser_egress<&egress_options::bytes_max>(), "bytes",
           between(0, tib), "",
           "What one sandbox exchanges with other hosts as long as it lives; then it is cut off; "
           "0: any.",
           ""},

    option{"browser.restart.on", browser_restart<&restart_policy::on>(), "", any, restart_words,
           "Which ends of the browser's process make it start again.", ""},
    option{"browser.restart.max_restarts", browser_restart<&restart_policy::max_restarts>(), "",
           between(0, 1'000'000), "", "Restarts within the window; one more exhausts the policy.",
           ""},
    option{"browser.restart.window_ms", browser_restart<&restart_policy::window_ms>(), "ms",
           between(1, day_ms), "", "The time in which restarts are counted.", ""},
    option{"browser.restart.backoff_min_ms", browser_restart<&restart_policy::backoff_min_ms>(),
           "ms", between(0, hour_ms), "",
           "Wait before the second restart in a row; the first is at once.", ""},
    option{"browser.restart.backoff_max_ms", browser_restart<&restart_policy::backoff_max_ms>(),
           "ms", between(0, hour_ms), "", "The wait doubles up to this.", ""},
    option{"browser.restart.jitter", browser_restart<&restart_policy::jitter>(), "", between(0, 1),
           "", "Share of the wait that is drawn at random.", ""},
    option{"browser.restart.stable_after_ms", browser_restart<&restart_policy::stable_after_ms>(),
           "ms", between(0, day_ms), "", "Once up for this long, earlier restarts are forgotten.",
           ""},
    option{"browser.restart.stop_grace_ms", browser_restart<&restart_policy::stop_grace_ms>(), "ms",
           between(0, hour_ms), "", "Between asking the browser to close and killing it.", ""},
    option{"browser.restart.then", browser_restart<&restart_policy::then>(), "", any,
           exhausted_words,
           "What follows an exhausted policy: the browser fails, or its parent does.", ""},

    option{"sandbox.max", sandbox<&sandbox_options::max>(), "", between(1, 100'000), "",
           "Sandboxes on the node.", ""},
    option{"sandbox.default_mode", sandbox<&sandbox_options::default_mode>(), "", any, "agent|chat",
           "The mode of the sandbox `default`.", ""},
    option{"sandbox.chat_steps_per_turn", sandbox<&sandbox_options::chat_steps_per_turn>(), "",
           between(0, 1'000'000), "", "Steps a turn in the mode chat; 0: unlimited.", ""},
    option{"sandbox.agent_steps_per_turn", sandbox<&sandbox_options::agent_steps_per_turn>(), "",
           between(0, 1'000'000), "", "Steps a turn in the mode agent; 0: unlimited.", ""},
    option{"sandbox.sweep_interval_ms", sandbox<&sandbox_options::sweep_interval_ms>(), "ms",
           between(10, hour_ms), "", "How often lifetimes and idleness are looked at.", ""},

    option{"isolation.level", isolation<&isolation_options::level>(), "", any,
           "auto|full|namespaces|process|none",
           "How strong the walls around kernels are; auto: the strongest that can be had.", ""},
    option{"isolation.require", isolation<&isolation_options::require>(), "", any,
           "seccomp|landlock|own_user|cgroup|namespaces",
           "Protections without which the daemon does not start, as `troupe doctor` names them.",
           ""},
    option{"isolation.readable_paths", isolation<&isolation_options::readable_paths>(), "", any, "",
           "Folders and files of the host that workloads may read beside /usr.", ""},
    option{"isolation.uid_first", isolation<&isolation_options::uid_first>(), "",
           between(1, 4'294'000'000), "",
           "The first of the users that a daemon of root's gives its sandboxes.", ""},
    option{"isolation.uid_count", isolation<&isolation_options::uid_count>(), "",
           between(1, 1'000'000), "", "How many such users there are, one a sandbox.", ""},

    option{"limits.memory_bytes", limit<&limit_options::memory_bytes>(), "bytes",
           between(64 << 20, tib), "", "Memory of one sandbox.", ""},
    option{"limits.processes", limit<&limit_options::processes>(), "", between(0, 1'000'000), "",
           "Processes and threads of one sandbox at once; 0: any number.", ""},
    option{"limits.cpus", limit<&limit_options::cpus>(), "", between(0, 4'096), "",
           "Processors' worth of time that one sandbox may use; 0: as much as there is.", ""},
    option{"limits.disk_bytes", limit<&limit_options::disk_bytes>(), "bytes", between(0, tib), "",
           "The files of one workspace together, and so the largest of them; 0: any.", ""},
    option{"limits.tmp_bytes", limit<&limit_options::tmp_bytes>(), "bytes", between(1 << 20, tib),
           "", "Space in the /tmp of each workload, kept in its memory.", ""},
    option{"limits.open_files", limit<&limit_options::open_files>(), "", between(64, 1'048'576), "",
           "Files that one process may have open.", ""},
    option{"limits.output_bytes", limit<&limit_options::output_bytes>(), "bytes",
           between(4'096, 1 << 30), "",
           "Output of one execution that its event log keeps; the rest goes to a file.", ""},
    option{"limits.spill_bytes", limit<&limit_options::spill_bytes>(), "bytes", between(0, tib), "",
           "Output of one execution that is written to its file; beyond, it is cut.", ""},
    option{"limits.watch_ms", limit<&limit_options::watch_ms>(), "ms", between(100, hour_ms), "",
           "A sandbox that works is looked at so often; an idle one ten times less.", ""},
    option{"limits.executions_max", limit<&limit_options::executions_max>(), "",
           between(0, 1'000'000), "",
           "Executions that run or wait at once on the node; 0: any number.", ""},
    option{"limits.requests_per_s", limit<&limit_options::requests_per_s>(), "1/s",
           between(0, 1'000'000), "", "Requests of one client that make work; 0: any number.", ""},
    option{"limits.requests_burst", limit<&limit_options::requests_burst>(), "",
           between(1, 1'000'000), "", "Requests that one client may send at once after a rest.",
           ""},

    option{"journal.retention_s", journal<&journal_options::retention_s>(), "s",
           between(0, 10.0 * 366 * 24 * 3'600), "", "Ended executions are kept this long.", ""},
    option{"journal.retention_bytes", journal<&journal_options::retention_bytes>(), "bytes",
           between(1 << 20, tib), "",
           "The journal may grow to this; beyond, the oldest executions go.", ""},
    option{"journal.flush_ms", journal<&journal_options::flush_ms>(), "ms", between(0, 10'000), "",
           "Events wait this long, or twice, to be written together.", ""},
    option{"journal.commit_timeout_ms", journal<&journal_options::commit_timeout_ms>(), "ms",
           between(10, hour_ms), "",
           "The end of an execution waits this long for the disk, then it is told.", ""},
    option{"journal.pending_bytes_max", journal<&journal_options::pending_bytes_max>(), "bytes",
           between(1 << 20, tib), "",
           "Kept in memory while the disk refuses; beyond, the oldest is dropped.", ""},

    option{"actor_restart.on", actor_restart<&restart_policy::on>(), "", any, restart_words,
           "Which ends of an actor make it start again.", ""},
    option{"actor_restart.max_restarts", actor_restart<&restart_policy::max_restarts>(), "",
           between(0, 1'000'000), "", "Restarts within the window; one more exhausts the policy.",
           ""},
    option{"actor_restart.window_ms", actor_restart<&restart_policy::window_ms>(), "ms",
           between(1, day_ms), "", "The time in which restarts are counted.", ""},
    option{"actor_restart.backoff_min_ms", actor_restart<&restart_policy::backoff_min_ms>(), "ms",
           between(0, hour_ms), "",
           "Wait before the second restart in a row; the first is at once.", ""},
    option{"actor_restart.backoff_max_ms", actor_restart<&restart_policy::backoff_max_ms>(), "ms",
           between(0, hour_ms), "", "The wait doubles up to this.", ""},
    option{"actor_restart.jitter", actor_restart<&restart_policy::jitter>(), "", between(0, 1), "",
           "Share of the wait that is drawn at random.", ""},
    option{"actor_restart.stable_after_ms", actor_restart<&restart_policy::stable_after_ms>(), "ms",
           between(0, day_ms), "", "Once up for this long, earlier restarts are forgotten.", ""},
    option{"actor_restart.stop_grace_ms", actor_restart<&restart_policy::stop_grace_ms>(), "ms",
           between(0, hour_ms), "", "Between asking an actor to stop and killing it.", ""},
    option{"actor_restart.then", actor_restart<&restart_policy::then>(), "", any, exhausted_words,
           "What follows an exhausted policy: the actor fails, or its parent does.", ""},
};

}  // namespace

std::span<const option> option_table() noexcept {
  return table;
}

const option* find_option(std::string_view key) noexcept {
  const auto found =
      std::find_if(table.begin(), table.end(), [key](auto& x) { return x.key == key; });
  return found == table.end() ? nullptr : &*found;
}

}  // namespace config
