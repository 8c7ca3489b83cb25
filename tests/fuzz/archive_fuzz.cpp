// Any bytes as a tar archive that a client sends: taken apart to the end, or refused.
#include <cstdint>
#include <cstdlib>

#include "gateways/files/tar_reader.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view left(reinterpret_cast<const char*>(data), size);
  gateways::files::tar_reader archive([&left](std::size_t most) {
    auto piece = left.substr(0, most);
    left.remove_prefix(piece.size());
    return piece;
  });
  std::size_t bytes = 0;
  for (int items = 0; items < 1'000; ++items) {
    auto item = archive.next();
    if (!item || !*item) return 0;
    if ((*item)->name.starts_with("./") || (*item)->permissions > 0777) std::abort();
    while (bytes < 1 << 20) {
      auto piece = archive.read();
      if (!piece || piece->empty()) break;
      bytes += piece->size();
    }
  }
  return 0;
}
