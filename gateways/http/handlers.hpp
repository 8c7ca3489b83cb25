// The handlers that the route table names, and what they share.
//
// A handler reads published views and gives an answer, a fault or a plan; it runs on the server's
// thread and never blocks, but for `kernel_connection`, which reads one small file of our own. The
// work that a plan holds runs elsewhere.
#pragma once

#include "gateways/http/routes.hpp"

namespace gateways::http {

using protocol::error_code;
using protocol::fault;

inline constexpr std::string_view default_sandbox = "default";
inline constexpr std::string_view main_kernel = "main";

// Shared.
fault sandbox_missing(const services& s, std::string_view sandbox_id);
fault kernel_missing(std::string_view sandbox_id, std::string_view kernel_id);
/// 406, with the forms that the route has.
fault nothing_acceptable(const request& r);
/// Nothing when the header is not there.
std::optional<std::string_view> last_event_id(const request& r);
/// Sets Location to `prefix` and the member `id` of the answer's body.
std::function<void(answer&)> located(std::string prefix);

// handlers_control.cpp
outcome get_root(const services& s, const request& r);
outcome get_livez(const services& s, const request& r);
outcome get_readyz(const services& s, const request& r);
outcome get_metrics(const services& s, const request& r);
outcome get_openapi(const services& s, const request& r);
outcome get_health(const services& s, const request& r);
outcome get_kernel_status(const services& s, const request& r);
outcome get_kernel_connection(const services& s, const request& r);
outcome get_kernel_connection_file(const services& s, const request& r);
outcome get_kernel_debug(const services& s, const request& r);
outcome post_kernel_reset(const services& s, const request& r);
outcome post_kernel_interrupt(const services& s, const request& r);
outcome get_supervisor(const services& s, const request& r);

// handlers_sandbox.cpp
outcome list_sandboxes(const services& s, const request& r);
outcome create_sandbox(const services& s, const request& r);
outcome get_sandbox(const services& s, const request& r);
outcome delete_sandbox(const services& s, const request& r);
outcome begin_turn(const services& s, const request& r);
outcome get_limits(const services& s, const request& r);
outcome change_limits(const services& s, const request& r);
outcome list_kernels(const services& s, const request& r);
outcome create_kernel(const services& s, const request& r);
outcome get_kernel(const services& s, const request& r);
outcome delete_kernel(const services& s, const request& r);
outcome interrupt_kernel(const services& s, const request& r);
outcome restart_kernel(const services& s, const request& r);

// handlers_execution.cpp
outcome execute_short(const services& s, const request& r);
outcome execute(const services& s, const request& r);
outcome get_execution(const services& s, const request& r);
outcome get_execution_events(const services& s, const request& r);
outcome post_stdin(const services& s, const request& r);
outcome post_command_stdin(const services& s, const request& r);
outcome resize_command(const services& s, const request& r);
outcome cancel_execution(const services& s, const request& r);
outcome get_node_events(const services& s, const request& r);

// handlers_browser.cpp
outcome get_browser(const services& s, const request& r);
outcome start_browser(const services& s, const request& r);
outcome restart_browser(const services& s, const request& r);
outcome stop_browser(const services& s, const request& r);
outcome list_pages(const services& s, const request& r);
outcome new_page(const services& s, const request& r);
outcome close_page(const services& s, const request& r);
outcome act_on_page(const services& s, const request& r);  ///< the verb ends the route's pattern
outcome read_from_page(const services& s, const request& r);
outcome use_browser_tool(const services& s, const request& r);  ///< the same, with a query

// handlers_cdp.cpp
outcome reach_browser(const services& s, const request& r);
outcome watch_page(const services& s, const request& r);

// handlers_files.cpp
outcome get_file(const services& s, const request& r);
outcome put_file(const services& s, const request& r);
outcome delete_file(const services& s, const request& r);

// handlers_deploy.cpp
outcome get_site(const services& s, const request& r);  ///< admitted by `admit_to_site`

// handlers_archive.cpp
outcome get_archive(const services& s, const request& r);
outcome put_archive(const services& s, const request& r);

// handlers_watch.cpp
outcome watch_path(const services& s, const request& r);

// handlers_fs.cpp
outcome stat_path(const services& s, const request& r);
outcome list_path(const services& s, const request& r);
outcome make_folder(const services& s, const request& r);
outcome move_path(const services& s, const request& r);
outcome copy_path(const services& s, const request& r);
outcome remove_path(const services& s, const request& r);
outcome append_text(const services& s, const request& r);
outcome edit_text(const services& s, const request& r);
outcome glob_paths(const services& s, const request& r);
outcome grep_lines(const services& s, const request& r);
outcome sign_url(const services& s, const request& r);

// handlers_store.cpp
outcome list_citations(const services& s, const request& r);
outcome add_citation(const services& s, const request& r);
outcome list_todo(const services& s, const request& r);
outcome add_todo(const services& s, const request& r);

}  // namespace gateways::http
