// A page's accessibility tree as compact text, for readers who choose what to act on.
//
// Pure. One element a line, `- button "Save" [ref=e12]`, with what it contains below it; what only
// groups is left out. Frames are shown where their elements are.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "actors/browser/reach.hpp"
#include "actors/browser/refs.hpp"

namespace actors::browsing {

struct ax_frame {
  std::string frame_id, loader_id;
  json nodes;                                 ///< of Accessibility.getFullAXTree
  std::map<std::int64_t, std::size_t> below;  ///< backendNodeId of a frame's element -> its index
};

/// The first frame with those below it. At most `bytes_max`, and a last line that says when there
/// would be more.
std::string ax_text(const std::vector<ax_frame>& frames, ref_table& refs, std::size_t bytes_max);

}  // namespace actors::browsing
