// Any bytes as a file of the commit log: what is read, written again, is read the same.
#include <cstdlib>

#include "gateways/journal/commit_log.hpp"
#include "protocol/resource.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto read = gateways::read_commits(text);
  std::string again;
  for (const auto& entry : read) again += gateways::commit_entry(entry);
  const auto second = gateways::read_commits(again);
  require(second.size() == read.size());
  for (std::size_t i = 0; i < read.size(); ++i)
    require(protocol::record_json(second[i].record) == protocol::record_json(read[i].record));
  return 0;
}
