#include "gateways/journal/spec_codec.hpp"

#include <nlohmann/json.hpp>

namespace gateways {

std::string spec_json(const protocol::sandbox_spec& spec) {
  nlohmann::json out{{"id", spec.id},
                     {"mode", spec.mode == protocol::sandbox_mode::chat ? "chat" : "agent"},
                     {"ttl_ms", spec.ttl_ms},
                     {"idle_ms", spec.idle_ms},
                     {"execution_ms_max", spec.limit.execution_ms_max},
                     {"labels", spec.labels},
                     {"created_at", spec.created_at},
                     {"kernels", spec.kernels}};
  protocol::each_limit(spec.limit, [&](const char* name, auto value) { out[name] = value; });
  return out.dump();
}

protocol::result<protocol::sandbox_spec> spec_from_json(std::string_view text) {
  protocol::sandbox_spec out;
  try {
    auto in = nlohmann::json::parse(text);
    in.at("id").get_to(out.id);
    auto chat = in.at("mode").get<std::string>() == "chat";
    out.mode = chat ? protocol::sandbox_mode::chat : protocol::sandbox_mode::agent;
    in.at("ttl_ms").get_to(out.ttl_ms);
    in.at("idle_ms").get_to(out.idle_ms);
    in.at("execution_ms_max").get_to(out.limit.execution_ms_max);
    protocol::each_limit(out.limit, [&](const char* name, auto& member) {
      if (auto it = in.find(name); it != in.end()) it->get_to(member);  // older rows have fewer
    });
    in.at("labels").get_to(out.labels);
    in.at("created_at").get_to(out.created_at);
    in.at("kernels").get_to(out.kernels);
  } catch (const nlohmann::json::exception& e) {
    return protocol::fault{protocol::error_code::internal, e.what(), {}, 0};
  }
  return out;
}

}  // namespace gateways
