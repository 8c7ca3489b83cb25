#define CAF_SUITE config_load
#include "config/load.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "config/describe.hpp"
#include "config/options.hpp"
#include "tests/support/unit.hpp"

namespace {

/// A file that is gone when the test is.
class temp_file {
 public:
  explicit temp_file(const std::string& content) {
    close(mkstemp(path_.data()));
    std::ofstream(path_) << content;
  }
  ~temp_file() { std::remove(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/troupe_load_XXXXXX";
};

std::string error_of(const config::load_result<config::loaded>& result) {
  return result ? "no error" : result.error().text;
}

std::string text_error(std::string_view toml) {
  return error_of(config::load_text(toml));
}

std::string flag_error(const std::string& key, std::vector<std::string> values) {
  return error_of(config::load({.flags = {{key, std::move(values)}}}));
}

std::string environment_error(const std::string& name, const std::string& value) {
  return error_of(config::load({.environment = {{name, value}}}));
}

}  // namespace

CAF_TEST(without sources everything is the default) {
  const auto result = config::load({});
  CAF_REQUIRE(result.has_value());
  CAF_CHECK_EQUAL(result->values.kernel.queue_max, 64u);
  for (const auto& row : config::option_table())
    CAF_CHECK_EQUAL(result->origin.at(std::string(row.key)), "default");
}

CAF_TEST(a variable beats the file and a flag beats the variable) {
  const temp_file file("[kernel]\nqueue_max = 1\ntimeout_ms = 1000\nsettle_ms = 100\n");
  const auto result = config::load(
      {.file = file.path(),
       .environment = {{"TROUPE_KERNEL_QUEUE_MAX", "2"}, {"TROUPE_KERNEL_TIMEOUT_MS", "2000"}},
       .flags = {{"kernel.queue_max", {"3"}}}});
  CAF_REQUIRE(result.has_value());
  CAF_CHECK_EQUAL(result->values.kernel.queue_max, 3u);
  CAF_CHECK_EQUAL(result->values.kernel.timeout_ms, 2000);
  CAF_CHECK_EQUAL(result->values.kernel.settle_ms, 100);
  CAF_CHECK_EQUAL(result->origin.at("kernel.queue_max"), "--kernel.queue_max");
  CAF_CHECK_EQUAL(result->origin.at("kernel.timeout_ms"), "TROUPE_KERNEL_TIMEOUT_MS");
  CAF_CHECK_EQUAL(result->origin.at("kernel.settle_ms"), file.path() + ":4");
}

CAF_TEST(every type of value is taken from every source) {
  const auto file = config::load_text(
      "[http]\nallowed_hosts = [\"a\", \"b\"]\n[limits]\nrequests_per_s = 3\n"
      "[kernel]\ndebugger = true\nrestart.on = \"always\"\nrestart.jitter = 0.5\n");
  CAF_REQUIRE(file.has_value());
  const auto flags = config::load({.flags = {{"http.allowed_hosts", {"a", "b"}},
                                             {"limits.requests_per_s", {"3"}},
                                             {"kernel.debugger", {}},
                                             {"kernel.restart.on", {"always"}},
                                             {"kernel.restart.jitter", {"0.5"}}}});
  CAF_REQUIRE(flags.has_value());
  const auto variables = config::load({.environment = {{"TROUPE_HTTP_ALLOWED_HOSTS", "a,b"},
                                                       {"TROUPE_LIMITS_REQUESTS_PER_S", "3"},
                                                       {"TROUPE_KERNEL_DEBUGGER", "1"},
                                                       {"TROUPE_KERNEL_RESTART_ON", "always"},
                                                       {"TROUPE_KERNEL_RESTART_JITTER", "0.5"}}});
  CAF_REQUIRE(variables.has_value());
  for (const auto* result : {&*file, &*flags, &*variables}) {
    CAF_CHECK_EQUAL(result->values.http.allowed_hosts, (std::vector<std::string>{"a", "b"}));
    CAF_CHECK_EQUAL(result->values.limits.requests_per_s, 3.0);
    CAF_CHECK(result->values.kernel.debugger);
    CAF_CHECK(result->values.kernel.restart.on == config::restart_on::always);
    CAF_CHECK_EQUAL(result->values.kernel.restart.jitter, 0.5);
  }
}

CAF_TEST(an unknown key is an error with its line and the nearest known key) {
  CAF_CHECK_EQUAL(text_error("\n[kernel]\nqueue_mx = 3\n"),
                  "troupe.toml:3: unknown key `kernel.queue_mx`; did you mean `kernel.queue_max`?");
  CAF_CHECK_EQUAL(text_error("[zzzzzzzzzzzz]\nx = 1\n"),
                  "troupe.toml:1: unknown key `zzzzzzzzzzzz`");
  CAF_CHECK_EQUAL(text_error("kernel = 3\n"), "troupe.toml:1: kernel must be a table");
}

CAF_TEST(a wrong type is an error with its line) {
  CAF_CHECK_EQUAL(text_error("[kernel]\nqueue_max = \"3\"\n"),
                  "troupe.toml:2: kernel.queue_max must be a whole number");
  CAF_CHECK_EQUAL(text_error("[kernel]\nqueue_max = 3.5\n"),
                  "troupe.toml:2: kernel.queue_max must be a whole number");
  CAF_CHECK_EQUAL(text_error("[http]\n\nallowed_hosts = [1]\n"),
                  "troupe.toml:3: http.allowed_hosts must be a list of strings");
  CAF_CHECK_EQUAL(text_error("[kernel]\npython.x = 3\n"),
                  "troupe.toml:2: kernel.python must be a string");
  CAF_CHECK_EQUAL(text_error("[node]\ninsecure = 1\n"),
                  "troupe.toml:2: node.insecure must be true or false");
}

CAF_TEST(a value out of range is an error that says the range) {
  CAF_CHECK_EQUAL(text_error("[node]\nthreads = 257\n"),
                  "troupe.toml:2: node.threads must be 0 .. 256, not 257");
  CAF_CHECK_EQUAL(text_error("[kernel]\nqueue_max = -1\n"),
                  "troupe.toml:2: kernel.queue_max must be 0 .. 100000, not -1");
  CAF_CHECK_EQUAL(text_error("[node]\nlog_level = \"loud\"\n"),
                  "troupe.toml:2: node.log_level must be one of debug, info, warn, error, "
                  "not \"loud\"");
  CAF_CHECK_EQUAL(text_error("[kernel.restart]\njitter = nan\n"),
                  "troupe.toml:2: kernel.restart.jitter must be 0 .. 1, not nan");
}

CAF_TEST(a word of a list that is no choice is an error that says the choices) {
  const auto wrong = text_error("[isolation]\nrequire = [\"cgroup\", \"a moat\"]\n");
  CAF_CHECK(wrong.starts_with("troupe.toml:2: isolation.require must be one of seccomp, "));
  CAF_CHECK(wrong.ends_with("not \"a moat\""));
}

CAF_TEST(a syntax error is an error with its line) {
  CAF_CHECK(text_error("[kernel]\nqueue_max = \n").starts_with("troupe.toml:2: "));
  CAF_CHECK(text_error("[kernel]\nqueue_max = 1\nqueue_max = 2\n").starts_with("troupe.toml:3: "));
}

CAF_TEST(errors of variables and flags name them) {
  CAF_CHECK_EQUAL(environment_error("TROUPE_NODE_THREADS", "many"),
                  "TROUPE_NODE_THREADS: must be a whole number, not \"many\"");
  CAF_CHECK_EQUAL(environment_error("TROUPE_NODE_THREADS", "1000"),
                  "TROUPE_NODE_THREADS: must be 0 .. 256, not 1000");
  CAF_CHECK_EQUAL(flag_error("node.threads", {"1x"}),
                  "--node.threads: must be a whole number, not \"1x\"");
  CAF_CHECK_EQUAL(flag_error("node.thread", {"1"}),
                  "--node.thread: unknown option; did you mean `node.threads`?");
  CAF_CHECK_EQUAL(flag_error("http.listen", {"here"}),
                  "--http.listen: http.listen must be HOST:PORT, not \"here\"");
}

CAF_TEST(an unknown variable is a warning and the variables of clients are none) {
  const auto result = config::load({.environment = {{"TROUPE_SERVICE_HOST", "10.0.0.1"},
                                                    {"TROUPE_URL", "http://x"},
                                                    {"TROUPE_TOKEN", "secret"},
                                                    {"TROUPE_CONFIG", "x"},
                                                    {"PATH", "/bin"}}});
  CAF_REQUIRE(result.has_value());
  CAF_REQUIRE_EQUAL(result->warnings.size(), 1u);
  CAF_CHECK(result->warnings[0].find("TROUPE_SERVICE_HOST") != std::string::npos);
}

CAF_TEST(a file that is not there is an error that names it) {
  CAF_CHECK_EQUAL(error_of(config::load({.file = "/no/such/troupe.toml"})),
                  "/no/such/troupe.toml: No such file or directory");
  CAF_CHECK(error_of(config::load({.file = "/tmp"})).starts_with("/tmp: "));
}

CAF_TEST(fields that contradict each other are an error at the one to blame) {
  CAF_CHECK_EQUAL(text_error("[kernel.restart]\nbackoff_min_ms = 5000\n"),
                  "troupe.toml:2: kernel.restart.backoff_min_ms is larger than backoff_max_ms "
                  "(2000)");
  CAF_CHECK_EQUAL(flag_error("kernel.timeout_ms", {"1800001"}),
                  "--kernel.timeout_ms: kernel.timeout_ms is larger than kernel.timeout_ms_max "
                  "(1800000)");
}

CAF_TEST(addresses to listen on are checked) {
  for (const auto* good : {"127.0.0.1:0", "[::1]:8888", "localhost:65535", "0.0.0.0:80"})
    CAF_CHECK_EQUAL(flag_error("http.listen", {good}), "no error");
  for (const auto* bad : {"", ":80", "8888", "h:65536", "h:-1", "::1:80", "[]:80", "h:", "a b:1"})
    CAF_CHECK_NOT_EQUAL(flag_error("http.listen", {bad}), "no error");
  for (const auto* good : {"", ":9223", "[::]:9223", "10.0.0.1:0"})
    CAF_CHECK_EQUAL(flag_error("cdp.remote_listen", {good}), "no error");
  for (const auto* bad : {":", "9223", ":65536", ":9x"})
    CAF_CHECK_NOT_EQUAL(flag_error("cdp.remote_listen", {bad}), "no error");
}

CAF_TEST(printed configuration loads to the same values and tells the origin) {
  const auto first = config::load(
      {.environment = {{"TROUPE_HTTP_ALLOWED_HOSTS", "a,b"}},
       .flags = {{"kernel.restart.jitter", {"0.25"}}, {"node.data_dir", {"/x \"y\""}}}});
  CAF_REQUIRE(first.has_value());
  const auto printed = config::print_config(*first);
  CAF_CHECK(printed.find("# TROUPE_HTTP_ALLOWED_HOSTS\n") != std::string::npos);
  CAF_CHECK(printed.find("# --kernel.restart.jitter\n") != std::string::npos);
  const auto second = config::load_text(printed);
  CAF_REQUIRE(second.has_value());
  for (const auto& row : config::option_table())
    CAF_CHECK_EQUAL(config::toml_value(row, first->values),
                    config::toml_value(row, second->values));
}

CAF_TEST(a configured data dir is taken as it is) {
  config::node_options node;
  node.data_dir = "/srv/t";
  CAF_CHECK_EQUAL(config::resolve_data_dir(node), "/srv/t");
  CAF_CHECK(config::resolve_data_dir({}).ends_with("/troupe"));
}

CAF_TEST(random text never crashes the loader) {
  std::mt19937_64 random(tests::seed());
  const std::string alphabet = "[]{}=.,\"'\\\n #abk_0159-+:TZe\t\x01\xff";
  for (int round = 0; round < 3'000; ++round) {
    std::string text;
    for (auto left = random() % 60; left > 0; --left) text += alphabet[random() % alphabet.size()];
    const auto result = config::load_text(text);
    if (!result) CAF_CHECK(result.error().text.starts_with("troupe.toml"));
  }
}

CAF_TEST(a damaged sample never crashes the loader) {
  std::mt19937_64 random(tests::seed());
  const auto sample = config::sample_file();
  for (int round = 0; round < 300; ++round) {
    auto text = sample;
    for (int edits = 0; edits < 4; ++edits) {
      const auto at = random() % text.size();
      switch (random() % 4) {
        case 0: text[at] = static_cast<char>(random()); break;
        case 1: text.erase(at, random() % 20); break;
        case 2: text.insert(at, text.substr(random() % text.size(), random() % 40)); break;
        default:
          if (text[at] == '#') text[at] = ' ';
      }
    }
    const auto result = config::load_text(text);
    if (!result) CAF_CHECK(result.error().text.starts_with("troupe.toml"));
  }
}

CAF_TEST(deep nesting is refused) {
  const auto deep = "[http]\nallowed_hosts = " + std::string(100'000, '[');
  CAF_CHECK_NOT_EQUAL(text_error(deep), "no error");
  std::string dotted = "a";
  for (int i = 0; i < 20'000; ++i) dotted += ".a";
  CAF_CHECK_NOT_EQUAL(text_error(dotted + " = 1\n"), "no error");
}
