// Scripts that run in a world of their own beside a page's, which they see and which sees nothing
// of them.
#pragma once

#include <string_view>

namespace actors::browsing {

/// Makes `troupe` in that world, for each document.
extern const std::string_view page_script;

}  // namespace actors::browsing
