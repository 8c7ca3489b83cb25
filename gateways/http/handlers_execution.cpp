// Routes on executions, commands among them, and their events, in the three forms of an answer.
#include <openssl/evp.h>

#include <array>

#include "gateways/http/handlers.hpp"
#include "protocol/http/command_request.hpp"
#include "protocol/http/problem.hpp"
#include "protocol/http/target.hpp"
#include "protocol/id.hpp"
#include "protocol/json.hpp"

namespace gateways::http {
namespace {

namespace web = protocol::http;

constexpr std::size_t key_bytes_max = 255;

std::string sha256_hex(std::string_view sandbox_id, std::string_view body) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  auto* context = EVP_MD_CTX_new();
  EVP_DigestInit_ex(context, EVP_sha256(), nullptr);
  EVP_DigestUpdate(context, sandbox_id.data(), sandbox_id.size());
  EVP_DigestUpdate(context, "\n", 1);
  EVP_DigestUpdate(context, body.data(), body.size());
  EVP_DigestFinal_ex(context, digest.data(), &length);
  EVP_MD_CTX_free(context);
  std::string out;
  for (unsigned i = 0; i < length; ++i) {
    out += "0123456789abcdef"[digest[i] >> 4];
    out += "0123456789abcdef"[digest[i] & 15];
  }
  return out;
}

/// A number in the query or a header; nothing when it is not there.
protocol::result<std::optional<std::uint64_t>> number(std::optional<std::string_view> text,
                                                      std::string pointer, std::uint64_t min) {
  if (!text) return std::optional<std::uint64_t>();
  auto value = web::parse_count(*text);
  if (!value || *value < min)
    return web::invalid_fields(
        {{std::move(pointer), "must be a whole number, at least " + std::to_string(min)}});
  return value;
}

bool about_commands(const request& r) {
  return r.to->tag == "commands";
}

call::form answer_later(const request& r, plan& p) {
  p.adapt = located(about_commands(r) ? "/v1/commands/" : "/v1/executions/");
  return call::form::begin;
}

/// Whether to wait, and in which form to answer.
protocol::result<call::form> choose_form(const request& r, plan& p) {
  auto query = web::query::parse(r.query);
  if (!query) return query.error();
  auto wait = query->find("wait") ? web::parse_switch(*query->find("wait")) : std::optional(true);
  if (!wait) return web::invalid_fields({{"?wait", "must be true or false"}});
  if (!*wait) return answer_later(r, p);
  auto form = web::choose(r.head.accept, r.to->forms);
  if (!form) return nothing_acceptable(r);
  p.form = *form;
  return *form == media::json ? call::form::whole : call::form::stream;
}

/// What the body asks for; its `kernel_id` is known.
protocol::result<web::asked_command> read_asked(const services& s, const request& r,
                                                const protocol::sandbox_spec& sandbox) {
  auto body = web::read_body(r.body, *r.to->body);
  if (!body) return body.error();
  auto timeout_ms_max = sandbox.limit.execution_ms_max;
  if (about_commands(r)) return web::read_command(*body, s.rules, timeout_ms_max);
  auto asked = web::read_execution(*body, s.rules, timeout_ms_max);
  if (!asked) return asked.error();
  if (!s.views.kernel(sandbox.id, asked->kernel_id))
    return kernel_missing(sandbox.id, asked->kernel_id);
  return web::asked_command{std::move(*asked), false};
}

outcome execute_in(const services& s, const request& r, const std::string& sandbox_id) {
  auto sandbox = s.views.sandbox(sandbox_id);
  if (!sandbox) return sandbox_missing(s, sandbox_id);
  plan p;
  auto form = choose_form(r, p);
  if (!form) return form.error();
  auto seen = number(last_event_id(r), "Last-Event-ID", 0);
  if (!seen) return seen.error();
  auto read = read_asked(s, r, sandbox->spec);
  if (!read) return read.error();
  if (read->background) form = answer_later(r, p);
  auto* asked = &read->request;
  if (r.head.idempotency_key.size() > key_bytes_max)
    return web::invalid_fields({{"Idempotency-Key", "must have at most 255 characters"}});
  asked->sandbox_id = sandbox_id;
  asked->client = r.client;
  p.cancel_on_disconnect = asked->cancel_on_disconnect && *form != call::form::begin;
  p.skip_through = seen->value_or(0);
  std::string hash;
  if (!r.head.idempotency_key.empty()) hash = sha256_hex(sandbox_id, r.body);
  p.call = call::execute{std::move(*asked), *form, r.head.idempotency_key, std::move(hash)};
  return p;
}

/// Whether the id may be one of the route's kind; else there is none.
bool plausible(const request& r) {
  auto& id = r.params.at(0);
  return protocol::valid_id(id) && protocol::is_command(id) == about_commands(r);
}

fault execution_missing(const request& r) {
  auto name = protocol::json_string(r.params.at(0));
  auto kind = std::string(about_commands(r) ? "command" : "execution");
  return {error_code::execution_not_found, "there is no " + kind + " " + name,
          "{\"" + kind + "_id\":" + name + "}", 0};
}

}  // namespace

fault nothing_acceptable(const request& r) {
  std::string types;
  for (auto form : r.to->forms) {
    if (!types.empty()) types += ", ";
    types += name_of(form);
  }
  return {error_code::not_acceptable, "the answer comes as " + types, {}, 0};
}

std::optional<std::string_view> last_event_id(const request& r) {
  if (r.head.last_event_id.empty()) return std::nullopt;
  return r.head.last_event_id;
}

outcome execute_short(const services& s, const request& r) {
  return execute_in(s, r, std::string(default_sandbox));
}

outcome execute(const services& s, const request& r) {
  return execute_in(s, r, r.params.at(0));
}

outcome get_execution(const services&, const request& r) {
  if (!plausible(r)) return execution_missing(r);
  plan p;
  p.call = call::get_execution{r.params.at(0)};
  return p;
}

outcome get_execution_events(const services&, const request& r) {
  if (!plausible(r)) return execution_missing(r);
  auto form = web::choose(r.head.accept, r.to->forms);
  if (!form) return nothing_acceptable(r);
  auto query = web::query::parse(r.query);
  if (!query) return query.error();
  auto from = number(query->find("from"), "?from", 1);
  if (!from) return from.error();
  auto seen = number(last_event_id(r), "Last-Event-ID", 0);
  if (!seen) return seen.error();
  plan p;
  p.form = *form;
  // A browser that reconnects repeats the query of the first time: what it saw last counts.
  p.call = call::follow_execution{r.params.at(0), *seen ? **seen + 1 : from->value_or(1)};
  return p;
}

outcome post_stdin(const services& s, const request& r) {
  if (!plausible(r)) return execution_missing(r);
  auto body = web::read_body(r.body, s.rules.standard_input);
  if (!body) return body.error();
  plan p;
  p.call = call::give_stdin{r.params.at(0), web::read_stdin(*body)};
  return p;
}

outcome post_command_stdin(const services& s, const request& r) {
  if (!plausible(r)) return execution_missing(r);
  auto body = web::read_body(r.body, s.rules.command_input);
  if (!body) return body.error();
  auto [value, close] = web::read_command_input(*body);
  plan p;
  p.call = call::give_stdin{r.params.at(0), std::move(value), close};
  return p;
}

outcome resize_command(const services& s, const request& r) {
  if (!plausible(r)) return execution_missing(r);
  auto body = web::read_body(r.body, s.rules.terminal_size);
  if (!body) return body.error();
  auto [rows, columns] = web::read_terminal_size(*body);
  plan p;
  p.call = call::resize_terminal{r.params.at(0), rows, columns};
  return p;
}

outcome cancel_execution(const services&, const request& r) {
  if (!plausible(r)) return execution_missing(r);
  plan p;
  p.call = call::cancel_execution{r.params.at(0)};
  return p;
}

outcome get_node_events(const services&, const request& r) {
  auto form = web::choose(r.head.accept, r.to->forms);
  if (!form) return nothing_acceptable(r);
  auto query = web::query::parse(r.query);
  if (!query) return query.error();
  auto from = number(query->find("from"), "?from", 0);
  if (!from) return from.error();
  auto seen = number(last_event_id(r), "Last-Event-ID", 0);
  if (!seen) return seen.error();
  plan p;
  p.form = *form;
  p.endless = true;
  p.call = call::follow_node{*seen ? **seen + 1 : from->value_or(0)};
  return p;
}

}  // namespace gateways::http
