#include "actors/node_config.hpp"

#include <algorithm>
#include <caf/atom.hpp>
#include <caf/message.hpp>
#include <thread>

#include "actors/interfaces.hpp"

namespace actors {
namespace {

std::string render_error(std::uint8_t code, caf::atom_value, const caf::message& context) {
  auto name = std::string(protocol::describe(static_cast<protocol::error_code>(code)).name);
  return context.empty() ? name : name + to_string(context);
}

}  // namespace

node_config::node_config(std::size_t threads) {
  add_message_types<caf::id_block::troupe>();
  add_error_category(caf::atom("troupe"), render_error);
  set("scheduler.policy", caf::atom("sharing"));
  constexpr std::size_t processors_a_thread = 4;
  if (threads == 0)
    threads = std::max<std::size_t>(1, std::thread::hardware_concurrency() / processors_a_thread);
  set("scheduler.max-threads", threads);
}

}  // namespace actors
