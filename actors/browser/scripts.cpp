#include "actors/browser/scripts.hpp"

namespace actors::browsing {

const std::string_view page_script = R"js((() => {
  if (globalThis.troupe) return;
  const troupe = globalThis.troupe = { changes: 0 };
  const count = () => { ++troupe.changes; };
  new MutationObserver(count).observe(document,
    { subtree: true, childList: true, attributes: true, characterData: true });
  for (const type of ['input', 'change', 'scroll']) addEventListener(type, count, true);
})())js";

}  // namespace actors::browsing
