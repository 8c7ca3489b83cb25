// Removes what a program made, which may be hostile and, in mode chat, still at work.
//
// Used by workspaces, on a thread for blocking work. Closed folders are opened, no link is
// followed, and depth costs neither descriptors nor stack: what lies deeper than one folder is
// moved up first.
#pragma once

#include <string>

namespace actors {

/// Removes everything in a folder; 0 or an errno. The folder itself stays.
int remove_content(const std::string& folder);
/// The same with the folder itself, or a file or link. What is not there has been removed.
int remove_tree(const std::string& path);

}  // namespace actors
