// What is written to a session before its target may run.
//
// Pure but for the sending: commands in their order, none of which is waited for.
#pragma once

#include <string>

#include "actors/browser/dialogue.hpp"
#include "actors/browser/page.hpp"

namespace actors::browsing {

/// Of the browser's own session.
void set_up_browser(dialogue& talk, const std::string& download_path);
/// Of a page, or of a frame in a process of its own.
void set_up_frame(const session& s);

/// What a page was told to hold back, and to log in with, on one of its sessions.
void apply_rules(const session& s, const page& p);

}  // namespace actors::browsing
