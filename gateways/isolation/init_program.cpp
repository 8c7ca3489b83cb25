#include "gateways/isolation/init_program.hpp"

#include <cstddef>

// The assembler puts the file in; TROUPE_INIT is its path, from the build.
asm(".section .rodata\n"
    ".global troupe_init_begin\n"
    "troupe_init_begin:\n"
    ".incbin \"" TROUPE_INIT
    "\"\n"
    ".global troupe_init_end\n"
    "troupe_init_end:\n"
    ".previous\n");

extern "C" const char troupe_init_begin[], troupe_init_end[];

namespace gateways {

std::string_view init_program() noexcept {
  return {troupe_init_begin, static_cast<std::size_t>(troupe_init_end - troupe_init_begin)};
}

}  // namespace gateways
