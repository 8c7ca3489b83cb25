// The short names that a snapshot gives to elements, such as `e12`.
//
// Owned by a page. A name stands for one node of one document: it is never given to another, and an
// element keeps its name from one snapshot to the next.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

namespace actors::browsing {

struct node_ref {
  std::string frame_id;
  std::string loader_id;  ///< of the document that the node is in
  std::int64_t node = 0;  ///< backendNodeId

  friend auto operator<=>(const node_ref&, const node_ref&) = default;
};

class ref_table {
 public:
  std::string name(const node_ref& of) {
    auto [found, fresh] = names_.try_emplace(of, std::string());
    if (fresh) {
      found->second = "e" + std::to_string(++last_);
      nodes_.emplace(found->second, of);
    }
    return found->second;
  }

  const node_ref* find(const std::string& name) const {
    auto found = nodes_.find(name);
    return found == nodes_.end() ? nullptr : &found->second;
  }

  /// Drops the names of documents of which `keep(frame_id, loader_id)` says that they are over.
  template <class Keep>
  void prune(Keep keep) {
    std::erase_if(nodes_, [&](auto& each) {
      if (keep(each.second.frame_id, each.second.loader_id)) return false;
      names_.erase(each.second);
      return true;
    });
  }

  std::size_t size() const { return nodes_.size(); }

 private:
  std::uint64_t last_ = 0;
  std::map<node_ref, std::string> names_;
  std::map<std::string, node_ref> nodes_;
};

}  // namespace actors::browsing
