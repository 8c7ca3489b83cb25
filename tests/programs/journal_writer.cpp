// Writes ended executions for ever, for a test that kills it: `journal_writer FOLDER`.
//
// Execution exe_N has two events; its number N goes to stdout, as it lies in memory, once it is
// told as written. A program of its own, since a child of `fork` alone may not rely on the locks
// of the threads its parent had.
#include <unistd.h>

#include <cstdint>

#include "gateways/journal/store.hpp"
#include "tests/gateways/journal/rows.hpp"

int main(int argc, char** argv) {
  if (argc != 2) return 64;
  gateways::store s(argv[1]);
  if (!s.open()) return 1;
  for (std::uint32_t i = 0;; ++i) {
    gateways::pending_rows rows;
    rows.end(tests::make_ended("exe_" + std::to_string(i), 2), 1, tests::make_events(1, 2));
    if (!s.write(rows)) return 2;
    if (::write(STDOUT_FILENO, &i, sizeof i) != sizeof i) return 3;
  }
}
