// The bodies of requests on files, and the schemas they are checked by.
//
// Pure, as `protocol/http/request.hpp`, which reads bodies against these schemas. A path in what
// is read is in its one form.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "protocol/error.hpp"
#include "protocol/files/glob.hpp"
#include "protocol/files/store.hpp"
#include "protocol/http/schema.hpp"

namespace protocol::files {

struct request_rules {
  request_rules();

  store_rules store;
  http::schema append, edit, folder, transfer, removal, glob, grep, sign;
};

/// The member `name` as a path; `{}` when it may be left out and is.
result<std::string> read_path(const nlohmann::json& body, const char* name = "path");

/// Why a SignRequest is none: it names one file, or the site.
std::optional<fault> sign_refusal(const nlohmann::json& body);

std::string read_text(const nlohmann::json& body, const char* name);
bool read_flag(const nlohmann::json& body, const char* name);
std::uint64_t read_count(const nlohmann::json& body, const char* name, std::uint64_t otherwise);

/// The pattern in the member `name`; none when it is left out.
result<std::optional<glob>> read_glob(const nlohmann::json& body, const char* name);

}  // namespace protocol::files
