#include "gateways/cdp/browser_arguments.hpp"

#include <algorithm>
#include <array>

namespace gateways {
namespace {

/// What pages see, as one consistent whole.
struct fingerprint {
  std::string_view name, accept_language, timezone;
};
constexpr std::array fingerprints{
    fingerprint{"en-US", "en-US,en", "America/New_York"},
    fingerprint{"en-GB", "en-GB,en", "Europe/London"},
    fingerprint{"de-DE", "de-DE,de,en", "Europe/Berlin"},
    fingerprint{"fr-FR", "fr-FR,fr,en", "Europe/Paris"},
    fingerprint{"es-ES", "es-ES,es,en", "Europe/Madrid"},
    fingerprint{"ja-JP", "ja-JP,ja,en", "Asia/Tokyo"},
    fingerprint{"zh-CN", "zh-CN,zh,en", "Asia/Shanghai"},
};

/// Null: what Chromium shows by itself.
const fingerprint* find_fingerprint(const std::string& name) {
  auto it = std::ranges::find(fingerprints, name, &fingerprint::name);
  return it == fingerprints.end() ? nullptr : &*it;
}

/// It asks nobody anything that no page asked for.
constexpr std::array quiet{
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--disable-breakpad",
    "--metrics-recording-only",
    "--password-store=basic",
    "--mute-audio",
    "--disable-quic",
    // A document that comes back from there has no load event, for which clients wait.
    "--disable-back-forward-cache",
    "--gaia-url=http://127.0.0.1:1",
    "--component-updater=url-source=http://127.0.0.1:1",
    // One flag: a second one would replace it. The first two are hidden pages of 57 MB.
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,HttpsUpgrades,"
    "NetworkTimeServiceQuerying,Translate,OptimizationHints,MediaRouter",
};

std::string with_comma(std::string size) {
  std::ranges::replace(size, 'x', ',');
  return size;
}

std::string joined(const std::vector<std::string>& items) {
  std::string out;
  for (auto& item : items) out += (out.empty() ? "" : ",") + item;
  return out;
}

void add_fingerprint(std::vector<std::string>& to, const config::browser_options& options,
                     const browser_place& place) {
  auto* seen = find_fingerprint(options.profile);
  if (seen) {
    to.emplace_back("--disable-blink-features=AutomationControlled");
    to.emplace_back(
        "--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,"
        "availablePointerTypes=4");
    if (!place.major_version.empty())
      to.push_back(
          "--user-agent=Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
          "Chrome/" +
          place.major_version + ".0.0.0 Safari/537.36");
  }
  auto languages = options.accept_language;
  if (languages.empty() && seen) languages = seen->accept_language;
  if (!languages.empty()) to.push_back("--accept-lang=" + languages);
}

/// Starts the display $1 of the size $2, waits until it is ready, and becomes the rest. The display
/// must not hold the browser's pipe, which is at 3 and 4.
constexpr std::string_view with_display = R"(
mkdir -m 1777 /tmp/.X11-unix; mkfifo /tmp/display
"$1" -displayfd 5 -screen 0 "$2" -nolisten tcp -noreset 3<&- 4>&- 5>/tmp/display &
read -r number </tmp/display || { echo "$1 did not start" >&2; exit 1; }
shift 2; DISPLAY=:$number exec "$@")";

/// On its display, or with none.
std::vector<std::string> beginning(const config::browser_options& options) {
  if (!options.headful) return {options.program, "--headless=new"};
  return {"/bin/sh",
          "-c",
          std::string(with_display),
          "sh",
          options.xvfb,
          options.screen + "x24",
          options.program,
          "--enable-unsafe-swiftshader"};
}

}  // namespace

std::vector<std::string> browser_arguments(const config::browser_options& options,
                                           const browser_place& place) {
  auto out = beginning(options);
  out.emplace_back("--remote-debugging-pipe");
  out.push_back("--user-data-dir=" + place.profile);
  out.insert(out.end(), quiet.begin(), quiet.end());
  add_fingerprint(out, options, place);
  out.push_back("--window-size=" + with_comma(options.window));
  if (!options.headful) out.push_back("--screen-info={" + options.screen + "}");
  if (options.certificate_errors == "ignore") out.emplace_back("--ignore-certificate-errors");
  if (!place.proxy.empty()) {
    out.push_back("--proxy-server=http://" + place.proxy);
    out.emplace_back("--proxy-bypass-list=<-loopback>");
    out.emplace_back("--force-webrtc-ip-handling-policy=disable_non_proxied_udp");
  }
  if (!options.extensions.empty()) out.push_back("--load-extension=" + joined(options.extensions));
  if (options.no_sandbox) out.emplace_back("--no-sandbox");
  out.insert(out.end(), options.flags.begin(), options.flags.end());
  out.emplace_back("about:blank");
  return out;
}

std::vector<std::string> browser_environment(const config::browser_options& options) {
  // No bus is looked for where there is none.
  std::vector<std::string> out{"DBUS_SESSION_BUS_ADDRESS=disabled:", "HOME=/tmp"};
  auto* seen = find_fingerprint(options.profile);
  auto zone = options.timezone.empty() && seen ? std::string(seen->timezone) : options.timezone;
  if (!zone.empty()) out.push_back("TZ=" + zone);
  return out;
}

std::string major_version_in(std::string_view printed) {
  auto digit = [](char c) { return c >= '0' && c <= '9'; };
  auto first = std::ranges::find_if(printed, digit);
  return {first, std::find_if_not(first, printed.end(), digit)};
}

}  // namespace gateways
